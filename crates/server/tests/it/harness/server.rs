//! A server of one's own: fresh data, own port, own environment.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Mutex;

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::cli::CliOutput;
use super::http::Request;
use super::process::{Process, Transcript};

/// A running `tenantry serve`; dropping it kills the process and removes its data.
#[derive(Debug)]
pub(crate) struct Server {
    process: Option<Process>,
    address: SocketAddr,
    settings: BTreeMap<String, String>,
    flags: Vec<String>,
    stdout: Transcript,
    stderr: Transcript,
    tokens: Mutex<HashMap<Option<String>, String>>,
    directory: TempDir,
}

/// What the first start wrote into `bootstrap-credentials.json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) system_username: String,
    pub(crate) system_password: String,
}

impl Server {
    /// With no configuration but a free port and a fresh data directory.
    pub(crate) fn start() -> Self {
        Self::builder().start()
    }

    /// With the environment of the management API's reference.
    pub(crate) fn reference() -> Self {
        Self::builder()
            .environments_file(&super::reference::environments_file())
            .start()
    }

    pub(crate) fn builder() -> Builder {
        Builder {
            settings: BTreeMap::new(),
            flags: Vec::new(),
            files: Vec::new(),
            is_bare: false,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it really listens: no trailing slash. Not necessarily its public URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// The working directory; `data` in it is the data directory.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn data_directory(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn database_path(&self) -> PathBuf {
        self.data_directory().join("tenantry.db")
    }

    /// Everything said on standard output since the first start.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Everything said on standard error since the first start.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// The `TENANTRY_` variables it was started with.
    pub(crate) fn settings(&self) -> &BTreeMap<String, String> {
        &self.settings
    }

    /// For the next start.
    pub(crate) fn set_env(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
    }

    /// SIGTERM; the status it ended with.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.process.take().expect("the server runs").terminate()
    }

    /// Any signal by its name, `INT`; the server goes on running if it likes.
    pub(crate) fn signal(&self, name: &str) {
        self.process.as_ref().expect("the server runs").signal(name);
    }

    /// Waits for an end that was brought about by other means; the status it ended with.
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        self.process.take().expect("the server runs").wait()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.take().expect("the server runs").kill();
    }

    /// Stops it if it runs and starts it again on the same data; the port changes.
    pub(crate) fn restart(&mut self) {
        if self.process.is_some() {
            self.stop();
        }
        let arguments: Vec<&str> = std::iter::once("serve")
            .chain(self.flags.iter().map(String::as_str))
            .collect();
        let mut command = command(&self.settings, self.directory.path(), &arguments);
        let process = Process::spawn(
            &mut command,
            &self.stdout,
            &self.stderr,
            self.directory.path(),
        );
        let found = process.wait_for_line(|line| {
            let (_, rest) = line.split_once("listening on http://")?;
            rest.split_whitespace().next()?.parse().ok()
        });
        let Some(address) = found else {
            drop(process);
            panic!(
                "not listening\nstdout: {}\nstderr: {}",
                self.stdout(),
                self.stderr()
            );
        };
        self.address = address;
        self.process = Some(process);
        self.tokens.lock().unwrap().clear();
    }

    /// What the first start generated.
    pub(crate) fn credentials(&self) -> Credentials {
        let path = self.data_directory().join("bootstrap-credentials.json");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!("{}: {error}\nstderr: {}", path.display(), self.stderr())
        });
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The bootstrap client's token with all its scopes; made once.
    pub(crate) fn token(&self) -> String {
        self.cached_token(None)
    }

    /// The bootstrap client's token, narrowed; made once for each set of scopes.
    pub(crate) fn token_with_scopes(&self, scopes: &[&str]) -> String {
        self.cached_token(Some(scopes.join(" ")))
    }

    /// A new token of any client.
    pub(crate) fn token_for(&self, client_id: &str, client_secret: &str) -> String {
        self.new_token(client_id, client_secret, None)
    }

    fn cached_token(&self, scope: Option<String>) -> String {
        let mut tokens = self.tokens.lock().unwrap();
        if let Some(token) = tokens.get(&scope) {
            return token.clone();
        }
        let Credentials {
            client_id,
            client_secret,
            ..
        } = self.credentials();
        let token = self.new_token(&client_id, &client_secret, scope.as_deref());
        tokens.insert(scope, token.clone());
        token
    }

    fn new_token(&self, client_id: &str, client_secret: &str, scope: Option<&str>) -> String {
        let mut body = json!({
            "client_id": client_id,
            "client_secret": client_secret,
            "grant_type": "client_credentials",
        });
        if let Some(scope) = scope {
            body["scope"] = Value::from(scope);
        }
        let answer = self
            .post("/oauth/token")
            .json(&body)
            .send()
            .expect_status(200)
            .json();
        answer["access_token"]
            .as_str()
            .expect("access_token is a string")
            .to_owned()
    }

    /// Any method; `path` with its query, or an absolute URL of this server.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, format!("{}{path}", self.url()))
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    pub(crate) fn head(&self, path: &str) -> Request {
        self.request("HEAD", path)
    }

    pub(crate) fn post(&self, path: &str) -> Request {
        self.request("POST", path)
    }

    pub(crate) fn put(&self, path: &str) -> Request {
        self.request("PUT", path)
    }

    pub(crate) fn patch(&self, path: &str) -> Request {
        self.request("PATCH", path)
    }

    pub(crate) fn delete(&self, path: &str) -> Request {
        self.request("DELETE", path)
    }
}

/// Settings of a server that is not there yet.
#[derive(Clone, Debug)]
pub(crate) struct Builder {
    settings: BTreeMap<String, String>,
    flags: Vec<String>,
    files: Vec<(String, String)>,
    is_bare: bool,
}

impl Builder {
    /// A whole variable name: `TENANTRY_TOKEN_TTL`.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// What stands behind `serve` on the command line.
    pub(crate) fn flags(mut self, flags: &[&str]) -> Self {
        self.flags = flags.iter().map(|&flag| flag.to_owned()).collect();
        self
    }

    /// Not even a free port and a data directory, unless they are given.
    pub(crate) fn bare(mut self) -> Self {
        self.is_bare = true;
        self
    }

    /// A file in the working directory.
    pub(crate) fn file(mut self, name: &str, content: &str) -> Self {
        self.files.push((name.to_owned(), content.to_owned()));
        self
    }

    /// The environments that bootstrap creates.
    pub(crate) fn environments_file(self, environments: &Value) -> Self {
        self.file("environments.json", &environments.to_string())
            .env("TENANTRY_ENVIRONMENTS_FILE", "environments.json")
    }

    /// Starts it and waits until it listens.
    pub(crate) fn start(self) -> Server {
        let flags = self.flags.clone();
        let (directory, settings) = self.lay_out();
        let mut server = Server {
            process: None,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            settings,
            flags,
            stdout: Transcript::default(),
            stderr: Transcript::default(),
            tokens: Mutex::default(),
            directory,
        };
        server.restart();
        server
    }

    /// Runs `tenantry <args>` to its end, for what is expected to fail before it listens.
    pub(crate) fn run_to_exit(self, args: &[&str]) -> CliOutput {
        let (directory, settings) = self.lay_out();
        let (stdout, stderr) = (Transcript::default(), Transcript::default());
        let mut command = command(&settings, directory.path(), args);
        let status = Process::spawn(&mut command, &stdout, &stderr, directory.path()).wait();
        CliOutput {
            status,
            stdout: stdout.text(),
            stderr: stderr.text(),
        }
    }

    fn lay_out(self) -> (TempDir, BTreeMap<String, String>) {
        let directory = tempfile::Builder::new()
            .prefix("tenantry-it-")
            .tempdir()
            .unwrap();
        for (name, content) in &self.files {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        let mut settings = self.settings;
        if self.is_bare {
            return (directory, settings);
        }
        settings
            .entry("TENANTRY_LISTEN".to_owned())
            .or_insert_with(|| "127.0.0.1:0".to_owned());
        let data = directory.path().join("data");
        settings
            .entry("TENANTRY_DATA_DIR".to_owned())
            .or_insert_with(|| data.to_str().unwrap().to_owned());
        (directory, settings)
    }
}

/// The binary under test with exactly these `TENANTRY_` variables.
pub(super) fn command(
    settings: &BTreeMap<String, String>,
    directory: &Path,
    args: &[&str],
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenantry"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TENANTRY_") {
            command.env_remove(name);
        }
    }
    command.args(args).current_dir(directory).envs(settings);
    command
}
