//! Clients that others have written, run against a live server.
//!
//! A folder of `tests/clients` holds scripts of one language and the exact versions of what
//! they need: `package.json` with `package-lock.json` for Node, `requirements.txt` for
//! Python. That is installed once, below `target`, under the hash of those versions, so
//! that only the first run needs a network. A script says what it has found as one JSON value on
//! standard output; the test judges it.
//!
//! ```ignore
//! let Some(clients) = Clients::node("hydra") else { return };
//! let report = clients.run("documentation.mjs", &[&server.url()]);
//! ```

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use serde_json::Value;
use tempfile::TempDir;

/// Installed clients of one folder.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    /// The folder with the scripts.
    scripts: PathBuf,
    /// Where their packages are.
    installed: PathBuf,
    language: Language,
}

#[derive(Clone, Copy, Debug)]
enum Language {
    Node,
    Python,
}

impl Clients {
    /// Those in Node of a folder. Without Node, or without a network to install from, it
    /// is said that they are skipped, which with `CI=true` is a failure.
    pub(crate) fn node(folder: &str) -> Option<Self> {
        Self::of(folder, Language::Node)
    }

    /// Those in Python of a folder, likewise.
    pub(crate) fn python(folder: &str) -> Option<Self> {
        Self::of(folder, Language::Python)
    }

    fn of(folder: &str, language: Language) -> Option<Self> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/clients")
            .join(folder);
        match installed(&scripts, folder, language) {
            Ok(installed) => Some(Self {
                scripts,
                installed,
                language,
            }),
            Err(reason) => {
                let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
                assert!(!is_ci, "the clients in {folder} can't be run: {reason}");
                // Past the test harness, which shows nothing of a test that succeeds.
                let line = format!("\nclients in {folder} skipped: {reason}\n");
                let _ = std::io::stderr().write_all(line.as_bytes());
                None
            }
        }
    }

    /// Runs a script to its end and reads its report. What it needs to know stands in its
    /// arguments, and a script that fails fails the test with all it said.
    #[track_caller]
    pub(crate) fn run(&self, script: &str, arguments: &[&str]) -> Value {
        self.run_with(script, arguments, &[])
    }

    /// The same for one that is told secrets, which stand in its environment.
    #[track_caller]
    pub(crate) fn run_with(
        &self,
        script: &str,
        arguments: &[&str],
        variables: &[(&str, String)],
    ) -> Value {
        let directory = self.copied();
        let output = self
            .command(&directory.path().join(script))
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{script}: {}\n{said}",
            output.status
        );
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            let report = String::from_utf8_lossy(&output.stdout);
            panic!("{script}: {error} in {report:?}\n{said}")
        })
    }

    /// Starts a script that goes on until it is told to stop, and waits until it says that
    /// it is ready. What it needs to know, secrets too, stands in its environment.
    pub(crate) fn start(&self, script: &str, variables: &[(&str, &str)]) -> RunningClient {
        let directory = self.copied();
        let mut process = self
            .command(&directory.path().join(script))
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut running = RunningClient {
            process,
            input,
            output,
            _directory: directory,
        };
        let ready = running.line();
        assert_eq!(ready["ready"], true, "{script}: {ready}");
        running
    }

    /// The scripts, where Node looks for their packages: below these.
    fn copied(&self) -> TempDir {
        let directory = tempfile::tempdir_in(&self.installed).unwrap();
        for entry in std::fs::read_dir(&self.scripts).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
        }
        directory
    }

    fn command(&self, script: &Path) -> Command {
        let mut command = match self.language {
            Language::Node => Command::new("node"),
            Language::Python => Command::new(self.installed.join("venv/bin/python")),
        };
        // The server is on this machine, whatever else goes through a proxy.
        command.arg(script).env("NO_PROXY", "127.0.0.1");
        command
    }
}

/// A script that runs, and says what it has seen as lines of JSON.
#[derive(Debug)]
pub(crate) struct RunningClient {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _directory: TempDir,
}

impl RunningClient {
    /// Tells it to stop; what it has to say at its end.
    pub(crate) fn stop(mut self) -> Value {
        self.input.write_all(b"stop\n").unwrap();
        let said = self.line();
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}: {said}");
        said
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }
}

impl Drop for RunningClient {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where the packages of a folder are, once they are installed; tried once in a run.
fn installed(scripts: &Path, folder: &str, language: Language) -> Result<PathBuf, String> {
    static TRIED: Mutex<BTreeMap<String, Result<PathBuf, String>>> = Mutex::new(BTreeMap::new());
    let mut tried = TRIED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(outcome) = tried.get(folder) {
        return outcome.clone();
    }
    let outcome = install_once(scripts, folder, language);
    tried.insert(folder.to_owned(), outcome.clone());
    outcome
}

fn install_once(scripts: &Path, folder: &str, language: Language) -> Result<PathBuf, String> {
    let lists: &[&str] = match language {
        Language::Node => &["package.json", "package-lock.json"],
        Language::Python => &["requirements.txt"],
    };
    let mut hasher = DefaultHasher::new();
    for list in lists {
        std::fs::read(scripts.join(list)).unwrap().hash(&mut hasher);
    }
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    let place = all.join(format!("{folder}-{:016x}", hasher.finish()));
    if place.is_dir() {
        return Ok(place);
    }
    std::fs::create_dir_all(&all).unwrap();
    let making = tempfile::tempdir_in(&all).unwrap();
    for list in lists {
        std::fs::copy(scripts.join(list), making.path().join(list)).unwrap();
    }
    match language {
        Language::Node => {
            finish(Command::new("node").arg("--version"))?;
            finish(
                Command::new("npm")
                    .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
                    .current_dir(making.path()),
            )?;
        }
        Language::Python => {
            let venv = making.path().join("venv");
            finish(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            finish(
                Command::new(venv.join("bin/python"))
                    .args(["-m", "pip", "install", "--quiet", "--no-input"])
                    .args(["--disable-pip-version-check", "--requirement"])
                    .arg(making.path().join("requirements.txt")),
            )?;
        }
    }
    // Another test run may have been faster; what it has made is the same.
    let made = making.keep();
    if std::fs::rename(&made, &place).is_err() {
        let _ = std::fs::remove_dir_all(&made);
    }
    Ok(place)
}

/// Runs a command that has nothing to report.
fn finish(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    Err(format!("{name}: {}", last.unwrap_or("it says nothing")))
}
