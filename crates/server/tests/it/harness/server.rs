//! A server of one's own: fresh data, own port, own environment.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::builder::Builder;
use super::database::Database;
use super::http::Request;
use super::node::{Node, Settings};

/// A running Tenantry; dropping it kills its processes and removes its data.
///
/// In the world of the pair it is two processes on one database: requests and connections
/// go to one and the other in turn, and what is done to the server is done to both.
/// [`nth`](Self::nth) is one of them.
#[derive(Debug)]
pub(crate) struct Server {
    // Fields are dropped in this order: processes before what they work on.
    nodes: Vec<Arc<Node>>,
    turn: AtomicUsize,
    tokens: Mutex<HashMap<Option<String>, String>>,
    home: Arc<Home>,
}

/// What the processes of a server share.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) database: Database,
    pub(super) directory: tempfile::TempDir,
    /// The data directory of the first process, which makes the first start.
    pub(super) data: PathBuf,
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
        Builder::default()
    }

    pub(super) fn new(nodes: Vec<Arc<Node>>, home: Arc<Home>) -> Self {
        Self {
            nodes,
            turn: AtomicUsize::new(0),
            tokens: Mutex::default(),
            home,
        }
    }

    /// The process of that number alone, counted from 0, for what each keeps for itself:
    /// metrics, limits, its log. Where there are fewer, counting begins anew.
    pub(crate) fn nth(&self, number: usize) -> Self {
        let node = &self.nodes[number % self.nodes.len()];
        Self::new(vec![node.clone()], self.home.clone())
    }

    /// Each of its processes alone.
    pub(crate) fn each(&self) -> impl Iterator<Item = Self> {
        (0..self.nodes.len()).map(|number| self.nth(number))
    }

    fn first(&self) -> &Node {
        &self.nodes[0]
    }

    /// Where to connect to; another process each time, if there are several.
    pub(crate) fn address(&self) -> SocketAddr {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.nodes[turn % self.nodes.len()].address()
    }

    /// Where it really listens (the first process, if there are several): no trailing
    /// slash. Not necessarily its public URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.first().address())
    }

    /// What it takes for its URL: the one that it was given, or where it listens.
    pub(crate) fn public_url(&self) -> String {
        let given = self.first().setting("TENANTRY_PUBLIC_URL");
        given.unwrap_or_else(|| self.url())
    }

    /// The working directory; `data` in it is the data directory.
    pub(crate) fn directory(&self) -> &Path {
        self.home.directory.path()
    }

    /// That of the first process, if there are several.
    pub(crate) fn data_directory(&self) -> PathBuf {
        self.first().data_directory()
    }

    /// Those of all processes.
    pub(crate) fn data_directories(&self) -> Vec<PathBuf> {
        let directories = self.nodes.iter().map(|node| node.data_directory());
        directories.collect()
    }

    pub(crate) fn database(&self) -> &Database {
        &self.home.database
    }

    /// Everything said on standard output since the first start.
    pub(crate) fn stdout(&self) -> String {
        self.nodes.iter().map(|node| node.stdout()).collect()
    }

    /// Everything said on standard error since the first start.
    pub(crate) fn stderr(&self) -> String {
        self.nodes.iter().map(|node| node.stderr()).collect()
    }

    /// The `TENANTRY_` variables it was started with (the first process, if there are
    /// several).
    pub(crate) fn settings(&self) -> Settings {
        self.first().settings()
    }

    /// For the next start.
    pub(crate) fn set_env(&mut self, name: &str, value: &str) {
        for node in &self.nodes {
            node.set_env(name, value);
        }
    }

    /// SIGTERM; the status it ended with: if there are several, one that is no success.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait_for_end()
    }

    /// Any signal by its name, `INT`; the server goes on running if it likes.
    pub(crate) fn signal(&self, name: &str) {
        for node in &self.nodes {
            node.signal(name);
        }
    }

    /// Waits for an end that was brought about by other means; the status as of
    /// [`stop`](Self::stop).
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        let ends: Vec<_> = self.nodes.iter().map(|node| node.wait_for_end()).collect();
        let failed = ends.iter().find(|status| !status.success());
        *failed.unwrap_or(&ends[0])
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.signal("KILL");
        self.wait_for_end();
    }

    /// Begins to start it (its first process, if there are several), and kills it after
    /// that time, whatever it has come to.
    pub(crate) fn start_and_kill(&mut self, after: Duration) {
        self.first().spawn();
        std::thread::sleep(after);
        self.nth(0).kill();
    }

    /// Stops it if it runs and starts it again on the same data; the port changes.
    pub(crate) fn restart(&mut self) {
        if self.first().is_running() {
            self.stop();
        }
        // The first start is the first process's, as the others have its master key.
        let (first, others) = self.nodes.split_at(1);
        for some in [first, others] {
            start_together(some);
        }
        self.tokens.lock().unwrap().clear();
    }

    /// Starts all of its processes at the same time, which share a master key that they
    /// were given.
    pub(crate) fn start_together(&mut self) {
        start_together(&self.nodes);
    }

    /// What the first start generated.
    pub(crate) fn credentials(&self) -> Credentials {
        let path = self.home.data.join("bootstrap-credentials.json");
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

    /// Any method; `path` with its query. Another process each time, if there are several.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, format!("http://{}{path}", self.address()))
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

fn start_together(nodes: &[Arc<Node>]) {
    for node in nodes {
        node.spawn();
    }
    for node in nodes {
        node.wait_until_it_listens();
    }
}
