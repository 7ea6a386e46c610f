//! One process of a server.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, MutexGuard};

use super::process::{Process, Transcript};

/// `TENANTRY_` variables.
pub(crate) type Settings = BTreeMap<String, String>;

/// A `tenantry serve` with settings of its own, running or not.
#[derive(Debug)]
pub(super) struct Node {
    settings: Mutex<Settings>,
    flags: Vec<String>,
    directory: PathBuf,
    process: Mutex<Option<Process>>,
    address: Mutex<SocketAddr>,
    stdout: Transcript,
    stderr: Transcript,
}

impl Node {
    pub(super) fn new(settings: Settings, flags: Vec<String>, directory: &Path) -> Self {
        Self {
            settings: Mutex::new(settings),
            flags,
            directory: directory.to_owned(),
            process: Mutex::default(),
            address: Mutex::new(SocketAddr::from(([127, 0, 0, 1], 0))),
            stdout: Transcript::default(),
            stderr: Transcript::default(),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        *self.address.lock().unwrap()
    }

    pub(super) fn stdout(&self) -> String {
        self.stdout.text()
    }

    pub(super) fn stderr(&self) -> String {
        self.stderr.text()
    }

    pub(super) fn settings(&self) -> Settings {
        self.settings.lock().unwrap().clone()
    }

    pub(super) fn setting(&self, name: &str) -> Option<String> {
        self.settings.lock().unwrap().get(name).cloned()
    }

    pub(super) fn set_env(&self, name: &str, value: &str) {
        let mut settings = self.settings.lock().unwrap();
        settings.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn data_directory(&self) -> PathBuf {
        self.setting("TENANTRY_DATA_DIR")
            .map_or_else(|| self.directory.join("data"), PathBuf::from)
    }

    /// Starts it, and does not wait for anything.
    pub(super) fn spawn(&self) {
        let arguments: Vec<&str> = std::iter::once("serve")
            .chain(self.flags.iter().map(String::as_str))
            .collect();
        let mut command = command(&self.settings(), &self.directory, &arguments);
        let process = Process::spawn(&mut command, &self.stdout, &self.stderr, &self.directory);
        *self.running() = Some(process);
    }

    pub(super) fn wait_until_it_listens(&self) {
        let mut running = self.running();
        let process = running.as_ref().expect("it was started");
        let found = process.wait_for_line(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            if rest.starts_with("unix:") {
                return Some(SocketAddr::from(([127, 0, 0, 1], 0)));
            }
            let (_, address) = rest.split_once("://")?;
            address.split_whitespace().next()?.parse().ok()
        });
        let Some(address) = found else {
            drop(running.take());
            let (stdout, stderr) = (self.stdout(), self.stderr());
            panic!("not listening\nstdout: {stdout}\nstderr: {stderr}");
        };
        *self.address.lock().unwrap() = address;
    }

    pub(super) fn is_running(&self) -> bool {
        self.running().is_some()
    }

    pub(super) fn signal(&self, name: &str) {
        let running = self.running();
        running.as_ref().expect("the server runs").signal(name);
    }

    pub(super) fn wait_for_end(&self) -> ExitStatus {
        let process = self.running().take();
        process.expect("the server runs").wait()
    }

    fn running(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap()
    }
}

/// The binary under test with exactly these `TENANTRY_` variables.
pub(super) fn command(settings: &Settings, directory: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenantry"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TENANTRY_") {
            command.env_remove(name);
        }
    }
    command.args(args).current_dir(directory).envs(settings);
    command
}
