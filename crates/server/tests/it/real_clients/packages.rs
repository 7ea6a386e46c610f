//! Other people's libraries, installed by their own installers into a folder of the build.
//!
//! Versions are pinned, and where they come from is the installer's setting. Where a tool is
//! missing, or nothing can be installed, the test says that it is skipped; with `CI=true`
//! that is a failure.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// The packages of the scripts in JavaScript.
pub(super) const NPM: &[&str] = &["jose@6.2.17", "openid-client@6.8.9"];

/// The packages of the scripts in Python.
pub(super) const PYPI: &[&str] = &["PyJWT==2.15.1", "cryptography==50.0.2"];

#[derive(Clone, Copy, Debug)]
pub(super) enum Language {
    JavaScript,
    Python,
}

impl Language {
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::JavaScript => NPM,
            Self::Python => PYPI,
        }
    }

    /// Installs the packages into a folder that is there.
    fn install(self, folder: &Path) -> Command {
        let mut command = match self {
            Self::JavaScript => {
                let mut npm = Command::new("npm");
                npm.args([
                    "install",
                    "--no-save",
                    "--no-package-lock",
                    "--ignore-scripts",
                ]);
                npm.args([
                    "--no-audit",
                    "--no-fund",
                    "--loglevel=error",
                    "--prefix",
                    ".",
                ]);
                npm
            }
            Self::Python => {
                let mut pip = Command::new("python3");
                pip.args(["-m", "pip", "install", "--quiet", "--target", "."]);
                pip.args(["--disable-pip-version-check", "--no-input"]);
                pip
            }
        };
        command.args(self.packages()).current_dir(folder);
        command
    }

    fn run(self, folder: &Path, script: &str) -> Command {
        let mut command = match self {
            Self::JavaScript => Command::new("node"),
            Self::Python => {
                let mut python = Command::new("python3");
                python.args(["-B", "-u"]).env("PYTHONPATH", folder);
                python
            }
        };
        command.arg(folder.join(script));
        command
    }
}

#[expect(
    clippy::print_stdout,
    reason = "a test that is skipped has to say so, and has nowhere else to say it"
)]
fn skip(what: &str) {
    println!("skipped: {what}");
}

/// A folder with the packages; `None` where the test is to be skipped.
fn folder_of(language: Language) -> Option<PathBuf> {
    let name: String = language
        .packages()
        .concat()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    let draft = tempfile::Builder::new()
        .prefix("packages-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .unwrap();
    let problem = match language.install(draft.path()).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(problem) = problem {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "{:?} can't be installed: {problem}",
            language.packages()
        );
        skip(&format!(
            "{language:?} packages can't be installed: {problem}"
        ));
        return None;
    }
    // Another test may have been faster; its folder is as good.
    let _ = fs::rename(draft.keep(), &folder);
    Some(folder)
}

/// A script that runs until it is told to stop, and says what it has seen as JSON lines.
#[derive(Debug)]
pub(super) struct Script {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Script {
    /// Starts it; `None` where the test is to be skipped.
    pub(super) fn start(
        language: Language,
        suffix: &str,
        text: &str,
        variables: &[(&str, &str)],
    ) -> Option<Self> {
        let folder = folder_of(language)?;
        // Beside the packages, since that is where a module looks for them.
        let mut script = tempfile::NamedTempFile::with_suffix_in(suffix, &folder).unwrap();
        script.write_all(text.as_bytes()).unwrap();
        let (_, path) = script.keep().unwrap();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut process = language
            .run(&folder, &file)
            .envs(variables.iter().copied())
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{language:?}: {error}"));
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut script = Self {
            process,
            input,
            output,
        };
        let ready = script.line();
        let _ = fs::remove_file(path);
        assert_eq!(ready["ready"], true, "{ready}");
        Some(script)
    }

    /// The next line that it says.
    pub(super) fn line(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// Tells it to stop; what it has to say at its end.
    pub(super) fn stop(mut self) -> Value {
        self.input.write_all(b"stop\n").unwrap();
        let said = self.line();
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}: {said}");
        said
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
