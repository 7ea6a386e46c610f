//! A server process.

use std::{
    fs,
    io::{BufRead as _, BufReader, Lines},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    http::{Credential, Http},
    shim::Shim,
};

/// How long a server may take to start or to end.
const PATIENCE: Duration = Duration::from_mins(1);

const CLIENT_ID: &str = "trials";
const CLIENT_SECRET: &str = "a-secret-of-the-trials-and-of-nothing-else";
const ACCOUNT: &str = "trials";
const PASSWORD: &str = "a-password-of-the-trials";

/// A server with its data directory, running or not. Both are gone when this is dropped.
#[derive(Debug)]
pub struct Node {
    binary: PathBuf,
    settings: Vec<(&'static str, String)>,
    process: Option<Running>,
    shim: Option<Shim>,
    directory: TempDir,
}

/// How a command has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit status; none if it was killed.
    pub status: Option<i32>,
    /// What it has said.
    pub output: String,
    /// What it has complained of.
    pub complaint: String,
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// Ends the child when this process ends, however that comes about.
    guard: Child,
    /// Kept open, because a server that can't tell what it has to say may complain.
    _stdout: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Node {
    /// A server that does not run yet: on that PostgreSQL database, or on one of SQLite's.
    pub fn new(binary: &Path, postgres: Option<&str>) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("tenantry-trial-")
            .tempdir()
            .expect("a temporary directory can be made");
        let mut node = Self {
            binary: binary.to_owned(),
            settings: Vec::new(),
            process: None,
            shim: None,
            directory,
        };
        // Tokens stay good when the port changes.
        node.set("TENANTRY_PUBLIC_URL", "http://tenantry.test");
        node.set("TENANTRY_BOOTSTRAP_CLIENT_ID", CLIENT_ID);
        node.set("TENANTRY_BOOTSTRAP_CLIENT_SECRET", CLIENT_SECRET);
        node.set("TENANTRY_SYSTEM_USERNAME", ACCOUNT);
        node.set("TENANTRY_SYSTEM_PASSWORD", PASSWORD);
        node.set("TENANTRY_LISTEN", "127.0.0.1:0");
        let data = node.data_directory().display().to_string();
        node.set("TENANTRY_DATA_DIR", &data);
        if let Some(url) = postgres {
            node.set("TENANTRY_DATABASE_URL", url);
        }
        node
    }

    /// Sets an environment variable for the next start.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.settings.retain(|(set, _)| *set != name);
        self.settings.push((name, value.to_owned()));
    }

    /// Takes back a setting for the next start.
    pub fn unset(&mut self, name: &'static str) {
        self.settings.retain(|(set, _)| *set != name);
    }

    /// Lets system calls of the next start, and of commands, be made to fail.
    pub fn put_under_faults(&mut self) {
        let root = self.directory.path();
        self.shim = Some(Shim::new(root.join("control"), root));
        // What spills over from memory counts as well.
        let spill = root.join("spill");
        fs::create_dir_all(&spill).expect("the directory can be written to");
        self.set("SQLITE_TMPDIR", &spill.display().to_string());
    }

    /// What makes its system calls fail.
    pub fn faults(&self) -> &Shim {
        let shim = self.shim.as_ref();
        shim.expect("it was put under faults")
    }

    /// Where it keeps its data.
    pub fn data_directory(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(|running| running.child.id())
    }

    /// All that it has logged since its first start.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Starts it, and waits until it listens.
    pub fn start(&mut self) {
        self.try_start()
            .unwrap_or_else(|why| unable(&format!("the server does not start: {why}")));
    }

    /// As [`start`](Self::start); where it ends instead of listening, gives what it says.
    pub fn try_start(&mut self) -> Result<(), String> {
        assert!(self.process.is_none(), "it runs already");
        let log = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.directory.path().join("log"))
            .expect("the directory can be written to");
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{}: {error}", self.binary.display()))?;
        let guard = guard(child.id());
        let stdout = child.stdout.take().expect("its output is a pipe");
        let mut lines = BufReader::new(stdout).lines();
        let url = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, address) = line.split_once("listening on http://")?;
            Some(format!("http://{}", address.split_whitespace().next()?))
        });
        let mut running = Running {
            child,
            guard,
            _stdout: lines,
            url: url.clone().unwrap_or_default(),
        };
        if url.is_none() {
            running.end();
            return Err(self.log());
        }
        self.process = Some(running);
        Ok(())
    }

    /// Runs another command of the binary on the same settings, to its end; what it has
    /// said, or why it has failed.
    pub fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let ended = self.run_to_end(arguments);
        match ended.status {
            Some(0) => Ok(ended.output),
            _ => Err(ended.complaint),
        }
    }

    /// The same; how it has ended.
    pub fn run_to_end(&self, arguments: &[&str]) -> Ended {
        let output = self.command_of(arguments).output();
        let output = output.expect("the binary can be run");
        Ended {
            status: output.status.code(),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            complaint: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Starts it and kills it after that time, wherever it is then.
    pub fn start_and_kill(&mut self, after: Duration) {
        assert!(self.process.is_none(), "it runs already");
        let mut child = self
            .command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server can be run");
        std::thread::sleep(after);
        let _ = child.kill();
        let _ = child.wait();
    }

    fn command(&self) -> Command {
        self.command_of(&["serve"])
    }

    fn command_of(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .envs(self.shim.iter().flat_map(Shim::settings))
            .stdin(Stdio::null());
        command
    }

    /// Kills it (SIGKILL), and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.process.take() {
            running.end();
        }
    }

    /// Stops it (SIGTERM); whether it has ended by itself and without complaint.
    pub fn stop(&mut self) -> bool {
        let Some(mut running) = self.process.take() else {
            return false;
        };
        let term = format!("kill -TERM {}", running.child.id());
        let _ = Command::new("sh").args(["-c", &term]).status();
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Ok(Some(status)) = running.child.try_wait() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Where it listens, while it runs: no slash at the end.
    pub fn url(&self) -> &str {
        &self.process.as_ref().expect("it runs").url
    }

    /// A client of it, while it runs.
    pub fn http(&self) -> Http {
        Http::new(self.url().to_owned())
    }

    /// Its management client.
    pub fn client() -> Credential {
        Credential::Basic(CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned())
    }

    /// Its system account.
    pub fn account() -> Credential {
        Credential::Basic(ACCOUNT.to_owned(), PASSWORD.to_owned())
    }
}

impl Running {
    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Its standard input closes when this process ends; then it ends the server.
fn guard(pid: u32) -> Child {
    Command::new("sh")
        .args(["-c", "read -r _; kill -KILL \"$0\""])
        .arg(pid.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell can be run")
}

/// Ends a trial that can't be held.
#[expect(clippy::panic, reason = "there is nothing to go on with")]
pub(crate) fn unable(why: &str) -> ! {
    panic!("{why}")
}
