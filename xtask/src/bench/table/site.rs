//! A place where everything of one benchmark lies and runs; it is gone when this is dropped.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::super::{
    Kind,
    connection::Connection,
    server::{PASSWORD, Server, run},
};
use crate::Failure;

/// The first management client, who asks for everything.
pub(crate) const CLIENT: &str = "benchmark";
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// How long a server may take until it can be used.
const PATIENCE: Duration = Duration::from_mins(2);

/// The server's database, and the copy of it that others write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Own,
    Copy,
}

/// Databases, and the directory with all that goes with them.
pub(crate) struct Site {
    program: PathBuf,
    kind: Kind,
    // Stopped before its directory goes.
    cluster: Option<Cluster>,
    directory: TempDir,
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

impl Site {
    pub(crate) fn make(program: &Path, kind: Kind) -> Result<Self, Failure> {
        let directory = tempfile::Builder::new().prefix("tenantry-bench-").tempdir();
        let directory = directory.map_err(failed)?;
        let cluster = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Cluster::start()?),
        };
        let site = Self {
            program: program.to_owned(),
            kind,
            cluster,
            directory,
        };
        if let Some(cluster) = &site.cluster {
            cluster.sql(
                "postgres",
                &format!("CREATE DATABASE {}", Which::Own.name()),
            )?;
        }
        Ok(site)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    fn file(&self, which: Which) -> PathBuf {
        self.path().join(which.name()).join("tenantry.db")
    }

    /// The settings that a benchmark needs; all others are those that ship.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(self.path())
            .env("TENANTRY_DATA_DIR", self.path().join(Which::Own.name()))
            .env("TENANTRY_LISTEN", "127.0.0.1:0")
            .env("TENANTRY_PUBLIC_URL", "http://127.0.0.1:8080")
            .env("TENANTRY_SYSTEM_PASSWORD", PASSWORD)
            .env("TENANTRY_BOOTSTRAP_CLIENT_ID", CLIENT)
            .env("TENANTRY_BOOTSTRAP_CLIENT_SECRET", SECRET)
            // The log is written, and nobody keeps it.
            .stderr(Stdio::null());
        if let Some(cluster) = &self.cluster {
            command.env("TENANTRY_DATABASE_URL", cluster.url(Which::Own.name()));
        }
        command
    }

    /// Makes tenants; tells how long it took.
    pub(crate) fn seed(&self, tenants: u64) -> Result<Duration, Failure> {
        let begun = Instant::now();
        let count = tenants.to_string();
        let mut command = self.command(&["dev", "seed", "--tenants", &count]);
        run(command.stdout(Stdio::null()).stderr(Stdio::inherit()))?;
        let taken = begun.elapsed();
        if let Some(cluster) = &self.cluster {
            // What it does by itself in time.
            cluster.sql(Which::Own.name(), "VACUUM ANALYZE")?;
        }
        Ok(taken)
    }

    /// Starts the server; tells how long it took until it was ready.
    pub(crate) fn serve(&self) -> Result<(Server, Duration), Failure> {
        let begun = Instant::now();
        let server = Server::start(&mut self.command(&["serve"]))?;
        let mut connection = Connection::open(server.address).map_err(failed)?;
        let request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";
        loop {
            match connection.ask(request) {
                Ok(200) => return Ok((server, begun.elapsed())),
                _ if begun.elapsed() > PATIENCE => {
                    return Err(Failure::new("the server does not become ready"));
                }
                _ => thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    /// Copies the server's database while no server runs on it.
    pub(crate) fn copy(&self) -> Result<(), Failure> {
        if let Some(cluster) = &self.cluster {
            let (own, copy) = (Which::Own.name(), Which::Copy.name());
            let statement = format!("CREATE DATABASE {copy} TEMPLATE {own}");
            return cluster.sql("postgres", &statement);
        }
        let own = self.file(Which::Own);
        if own.with_extension("db-wal").exists() {
            return Err(Failure::new("the server has not closed its database"));
        }
        let copy = self.file(Which::Copy);
        fs::create_dir_all(copy.parent().unwrap_or(self.path())).map_err(failed)?;
        fs::copy(own, copy).map(drop).map_err(failed)
    }

    /// Starts what the server is compared with.
    pub(crate) fn baselines(&self, program: &Path, answers: &Path) -> Result<Server, Failure> {
        let mut command = Command::new(program);
        command.arg(answers);
        for which in [Which::Own, Which::Copy] {
            match &self.cluster {
                Some(cluster) => command.arg(cluster.url(which.name())),
                None => command.arg(self.file(which)),
            };
        }
        Server::start(&mut command)
    }

    /// How much room the database takes.
    pub(crate) fn bytes_on_disk(&self) -> Result<u64, Failure> {
        let own = Which::Own.name();
        if let Some(cluster) = &self.cluster {
            let text = cluster.ask(own, "SELECT pg_database_size(current_database())")?;
            return text.trim().parse().map_err(failed);
        }
        let files = fs::read_dir(self.path().join(own)).map_err(failed)?;
        Ok(files
            .flatten()
            .filter_map(|file| file.metadata().ok())
            .map(|data| data.len())
            .sum())
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }
}

impl Which {
    const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Copy => "copied",
        }
    }
}

/// A PostgreSQL server with the settings that it comes with, so with durable commits.
struct Cluster {
    binaries: PathBuf,
    server: Child,
    directory: TempDir,
}

impl Cluster {
    fn start() -> Result<Self, Failure> {
        let binaries = newest_binaries().ok_or_else(|| {
            Failure::new(
                "no PostgreSQL server is installed (Debian's `postgresql`); \
                 --database sqlite needs none",
            )
        })?;
        let directory = tempfile::Builder::new().prefix("tenantry-pg-").tempdir();
        let directory = directory.map_err(failed)?;
        let user = postgres_user()?;
        if let Some((uid, gid)) = user {
            chown(directory.path(), Some(uid), Some(gid)).map_err(failed)?;
        }
        let command = |name: &str| {
            let mut command = Command::new(binaries.join(name));
            // An interrupt reaches it only when what it serves has ended.
            command.current_dir(directory.path()).process_group(0);
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            // It refuses to run as root.
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        let data = directory.path().join("data");
        run(command("initdb")
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .arg("--pgdata")
            .arg(&data))?;
        let server = command("postgres")
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(directory.path())
            .args(["-c", "listen_addresses="])
            .spawn()
            .map_err(failed)?;
        let mut cluster = Self {
            binaries: binaries.clone(),
            server,
            directory,
        };
        let begun = Instant::now();
        while cluster.ask("postgres", "SELECT 1").is_err() {
            let ended = cluster
                .server
                .try_wait()
                .is_ok_and(|status| status.is_some());
            if ended || begun.elapsed() > PATIENCE {
                return Err(Failure::new("PostgreSQL does not start"));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(cluster)
    }

    fn url(&self, database: &str) -> String {
        let socket = self
            .directory
            .path()
            .display()
            .to_string()
            .replace('/', "%2F");
        format!("postgres://postgres@{socket}/{database}")
    }

    fn sql(&self, database: &str, statement: &str) -> Result<(), Failure> {
        self.ask(database, statement).map(drop)
    }

    fn ask(&self, database: &str, statement: &str) -> Result<String, Failure> {
        let output = Command::new(self.binaries.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["-v", "ON_ERROR_STOP=1", "-h"])
            .arg(self.directory.path())
            .args(["-U", "postgres", "-d", database, "-c", statement])
            .output()
            .map_err(|error| Failure::new(format!("psql can't be run: {error}")))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(Failure::new(String::from_utf8_lossy(&output.stderr)))
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It ends its own processes at once; what it has is thrown away.
        let process = self.server.id().to_string();
        let _ = Command::new("kill").args(["-QUIT", &process]).status();
        let _ = self.server.wait();
    }
}

/// Where the newest server is that the system's packages have installed.
fn newest_binaries() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let versions = versions.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let binaries = entry.path().join("bin");
        let whole = ["initdb", "postgres", "psql"].map(|name| binaries.join(name).is_file());
        (whole == [true; 3]).then_some((version, binaries))
    });
    versions.max().map(|(_, binaries)| binaries)
}

/// Whom to run it as: `postgres`, where this process is root.
fn postgres_user() -> Result<Option<(u32, u32)>, Failure> {
    let status = fs::read_to_string("/proc/self/status").map_err(failed)?;
    let effective = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    if effective.and_then(|ids| ids.split_whitespace().nth(1)) != Some("0") {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").map_err(failed)?;
    let user = users
        .lines()
        .find_map(|line| line.strip_prefix("postgres:"));
    let mut ids = user.unwrap_or_default().split(':').skip(1).map(str::parse);
    match (ids.next(), ids.next()) {
        (Some(Ok(uid)), Some(Ok(gid))) => Ok(Some((uid, gid))),
        _ => Err(Failure::new(
            "there is no user `postgres` to run PostgreSQL as",
        )),
    }
}
