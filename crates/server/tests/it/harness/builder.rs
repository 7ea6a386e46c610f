//! Settings of a server that is not there yet.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::cli::CliOutput;
use super::database::Database;
use super::node::{Node, Settings, command};
use super::process::{Process, Transcript};
use super::server::{Home, Server};
use super::world::World;

/// What several servers take for their URL, unless they are given another one: each by
/// itself would take where it listens, and none would know the others' tokens.
const PUBLIC_URL: &str = "http://127.0.0.1";

#[derive(Clone, Debug, Default)]
pub(crate) struct Builder {
    settings: Settings,
    flags: Vec<String>,
    files: Vec<(String, String)>,
    nodes: Option<usize>,
    is_bare: bool,
    is_empty: bool,
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

    /// On a database without any table, as an operator makes it, where others spare
    /// themselves the migrations.
    pub(crate) fn on_an_empty_database(mut self) -> Self {
        self.is_empty = true;
        self
    }

    /// As that many processes, whatever the world.
    pub(crate) fn nodes(mut self, number: usize) -> Self {
        self.nodes = Some(number);
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
        let mut server = self.prepare();
        server.restart();
        server
    }

    /// Everything that a start needs, and no start. Commands can be run on it.
    pub(crate) fn prepare(self) -> Server {
        let flags = self.flags.clone();
        let number = self.nodes.unwrap_or(crate::WORLD.processes());
        let (home, settings) = self.lay_out();
        let nodes = (0..number)
            .map(|place| {
                let settings = settings_of(&settings, place, number);
                Arc::new(Node::new(settings, flags.clone(), home.directory.path()))
            })
            .collect();
        Server::new(nodes, Arc::new(home))
    }

    /// Runs `tenantry <args>` to its end, for what is expected to fail before it listens.
    pub(crate) fn run_to_exit(self, args: &[&str]) -> CliOutput {
        let (home, settings) = self.lay_out();
        let directory = home.directory.path();
        let (stdout, stderr) = (Transcript::default(), Transcript::default());
        let mut command = command(&settings, directory, args);
        let status = Process::spawn(&mut command, &stdout, &stderr, directory).wait();
        CliOutput {
            status,
            stdout: stdout.text(),
            stderr: stderr.text(),
        }
    }

    fn lay_out(self) -> (Home, Settings) {
        let directory = tempfile::Builder::new()
            .prefix("tenantry-it-")
            .tempdir()
            .unwrap();
        for (name, content) in &self.files {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        let mut settings = self.settings;
        if !self.is_bare {
            let data = directory.path().join("data");
            set_default(&mut settings, "TENANTRY_LISTEN", "127.0.0.1:0");
            set_default(&mut settings, "TENANTRY_DATA_DIR", data.to_str().unwrap());
        }
        let data = settings.get("TENANTRY_DATA_DIR").map(PathBuf::from);
        let data = data.unwrap_or_else(|| directory.path().join("tenantry-data"));
        let database = match crate::WORLD {
            World::Sqlite => Database::sqlite(&data.join("tenantry.db")),
            World::Postgres | World::Pair if self.is_empty => Database::empty_postgres(),
            World::Postgres | World::Pair => Database::migrated_postgres(),
        };
        if let Some(url) = database.url() {
            set_default(&mut settings, "TENANTRY_DATABASE_URL", &url);
        }
        let home = Home {
            database,
            directory,
            data,
        };
        (home, settings)
    }
}

/// What the process at that place is told where there are so many: all the same but for
/// its own data directory, which does not hold the master key if it is another's.
fn settings_of(common: &Settings, place: usize, processes: usize) -> Settings {
    let mut settings = common.clone();
    if processes > 1 {
        set_default(&mut settings, "TENANTRY_PUBLIC_URL", PUBLIC_URL);
    }
    if place > 0 {
        let data = &common["TENANTRY_DATA_DIR"];
        if !common.contains_key("TENANTRY_MASTER_KEY") {
            let key = format!("{data}/master.key");
            set_default(&mut settings, "TENANTRY_MASTER_KEY_FILE", &key);
        }
        let shared = format!("sqlite://{data}/tenantry.db");
        set_default(&mut settings, "TENANTRY_DATABASE_URL", &shared);
        let own = format!("{data}-{}", place + 1);
        settings.insert("TENANTRY_DATA_DIR".to_owned(), own);
    }
    settings
}

fn set_default(settings: &mut Settings, name: &str, value: &str) {
    settings
        .entry(name.to_owned())
        .or_insert_with(|| value.to_owned());
}
