//! Servers to be measured: the release build, each on a database of its own.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;
use tenantry_storage::testing::TestDatabase;

use super::Kind;
use crate::{Failure, output, root};

/// The password of the system account, the same everywhere: the servers listen on the loopback
/// only, and hold made-up tenants.
pub(super) const PASSWORD: &str = "benchmark-password";

/// Builds the server as it is shipped, and tells where it is.
pub(super) fn build() -> Result<PathBuf, Failure> {
    output::say("building the release");
    build_package("tenantry")
}

/// Builds the release of one package alone, so that others' features don't touch it.
pub(super) fn build_package(name: &str) -> Result<PathBuf, Failure> {
    let arguments = ["build", "--release", "--quiet", "--package", name];
    run(Command::new("cargo").args(arguments).current_dir(root()))?;
    Ok(root().join("target/release").join(name))
}

/// A database and the files that go with it.
pub(super) struct Home {
    program: PathBuf,
    pub(super) database: TestDatabase,
    directory: TempDir,
    kind: Kind,
}

/// A server that runs. It is killed when this is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Home {
    /// An empty database with the whole schema.
    pub(super) fn make(program: PathBuf, kind: Kind) -> Result<Self, Failure> {
        let database = match kind {
            Kind::Sqlite => Some(TestDatabase::sqlite()),
            Kind::Postgres => TestDatabase::postgres(),
        };
        Ok(Self {
            program,
            database: database.ok_or_else(|| Failure::new("there is no PostgreSQL server"))?,
            directory: tempfile::tempdir().map_err(|error| Failure::new(error.to_string()))?,
            kind,
        })
    }

    /// Makes that many tenants, and lets the database do what it would do in time.
    pub(super) fn seed(&self, tenants: u64) -> Result<(), Failure> {
        let count = tenants.to_string();
        run(self.command().args(["dev", "seed", "--tenants", &count]))?;
        match self.kind {
            Kind::Sqlite => self
                .database
                .execute("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA optimize"),
            Kind::Postgres => self.database.execute("VACUUM ANALYZE"),
        }
        Ok(())
    }

    /// Takes away what keeps the counts of tenants.
    pub(super) fn drop_counts(&self) {
        let of_table = match self.kind {
            Kind::Sqlite => "",
            Kind::Postgres => " ON tenants",
        };
        self.database.execute(&format!(
            "DROP TRIGGER tenants_close_blocks{of_table}; DROP TRIGGER tenants_leave_blocks{of_table}; \
             DROP INDEX tenants_by_change"
        ));
    }

    /// Starts a server on it.
    pub(super) fn serve(&self) -> Result<Server, Failure> {
        self.serve_with(&[])
    }

    /// Starts a server on it, with further settings.
    pub(super) fn serve_with(&self, settings: &[(&str, &str)]) -> Result<Server, Failure> {
        Server::start(self.command().envs(settings.iter().copied()).arg("serve"))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(self.directory.path())
            .env("TENANTRY_DATABASE_URL", self.database.url().to_string())
            .env("TENANTRY_DATA_DIR", self.directory.path().join("data"))
            .env("TENANTRY_LISTEN", "127.0.0.1:0")
            .env("TENANTRY_SYSTEM_PASSWORD", PASSWORD)
            .env("TENANTRY_LOG", "warn");
        command
    }
}

impl Server {
    /// Starts a program that tells where it listens.
    pub(super) fn start(command: &mut Command) -> Result<Self, Failure> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::new(format!("{name} can't be run: {error}")))?;
        let lines = child.stdout.take().map(BufReader::new).into_iter();
        let mut lines = lines.flat_map(BufRead::lines).map_while(Result::ok);
        let address = lines.find_map(|line| {
            let (_, rest) = line.split_once("listening on http://")?;
            rest.trim().parse().ok()
        });
        let Some(address) = address else {
            // It has ended, or is of no use.
            let _ = child.kill();
            let _ = child.wait();
            return Err(Failure::new(format!("{name} does not listen")));
        };
        // What else it says must not fill the pipe.
        thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, address })
    }

    /// The number of its process.
    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and waits until it has written all down.
    pub(super) fn stop(mut self) -> Result<(), Failure> {
        let process = self.process().to_string();
        run(Command::new("kill").args(["-TERM", &process]))?;
        let ended = self.child.wait();
        ended
            .map(drop)
            .map_err(|error| Failure::new(error.to_string()))
    }

    /// The time that its threads have worked so far.
    pub(super) fn cpu(&self) -> Duration {
        let tasks = format!("/proc/{}/task", self.child.id());
        let nanos = fs::read_dir(tasks).into_iter().flatten().flatten();
        let nanos = nanos.filter_map(|task| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanos.sum())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn run(command: &mut Command) -> Result<(), Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .map_err(|error| Failure::new(format!("{name} can't be run: {error}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("{name}: {status}")))
    }
}
