//! A PostgreSQL server for tests: one that is named, or one that is thrown away.
#![expect(clippy::panic, reason = "a test ends where its database fails it")]

use std::{
    env, fs,
    io::Write,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, connection::SimpleConnection,
    sql_query, sql_types::Text,
};

use crate::DatabaseUrl;

/// Names a server to be used, such as `postgres://postgres@localhost/postgres`. Its user
/// may create databases.
const VARIABLE: &str = "TENANTRY_TEST_POSTGRES_URL";

/// How long a new server may take until it answers.
const PATIENCE: Duration = Duration::from_mins(1);

/// A database of its own on the server. It is gone when this is dropped.
#[derive(Debug)]
pub(super) struct OwnDatabase {
    name: String,
    pub(super) url: DatabaseUrl,
}

/// A server that can be used.
struct Server {
    /// As libpq takes it, with the password.
    url: String,
    /// While its pipe is open the server runs; it closes when this process ends, however
    /// that comes about.
    keeper: Option<Child>,
}

impl OwnDatabase {
    /// Makes one, empty or as a copy of another one; `None` where there is no server.
    pub(super) fn make(template: Option<&str>) -> Option<Self> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        // Copies of one database are made one after the other.
        static MAKING: Mutex<()> = Mutex::new(());

        let server = server()?;
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}_{}_{number}", prefix(), process::id());
        let template = template.unwrap_or("template0");
        let url = DatabaseUrl::parse(&server.url)
            .unwrap_or_else(|fault| panic!("{VARIABLE} {fault}"))
            .with_database(&name)
            .unwrap_or_else(|| panic!("{VARIABLE} is not that of a PostgreSQL server"));
        let _turn = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        server.execute(&format!(
            "CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'"
        ));
        Some(Self { name, url })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for OwnDatabase {
    fn drop(&mut self) {
        if let Some(server) = server() {
            server.execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

impl Server {
    /// Drops the databases of processes that are gone: what lives as long as its process,
    /// or was in use when that was killed, is dropped by nobody else.
    fn sweep(&self) {
        let mut conn = PgConnection::establish(&self.url).expect("the server takes connections");
        let begin = prefix() + "_";
        let all: Vec<Named> = sql_query(
            "SELECT datname::text AS name FROM pg_database WHERE starts_with(datname::text, $1)",
        )
        .bind::<Text, _>(&begin)
        .load(&mut conn)
        .expect("the server tells its databases");
        for Named { name } in all {
            let owner = name[begin.len()..].split('_').next().unwrap_or_default();
            if !owner.is_empty() && !Path::new("/proc").join(owner).exists() {
                // Another process may be as tidy at the same time.
                let _ = conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
            }
        }
    }

    fn execute(&self, statement: &str) {
        let mut conn = PgConnection::establish(&self.url).expect("the server takes connections");
        conn.batch_execute(statement)
            .expect("the server does what its tests need");
    }
}

/// How the names of databases begin that processes make which can see this one. Several
/// machines may use one server, and several containers of one machine.
fn prefix() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let namespace = namespace.to_string_lossy();
    let boot = boot.chars().filter(char::is_ascii_alphanumeric).take(12);
    let namespace = namespace.chars().filter(char::is_ascii_digit);
    let place: String = boot.chain(['_']).chain(namespace).collect();
    format!("tenantry_test_{place}")
}

/// Whether the server, and all that is on it, goes when this process ends.
pub(super) fn is_thrown_away() -> bool {
    server().is_some_and(|server| server.keeper.is_some())
}

/// The one server of this process.
fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(find).as_ref()
}

fn find() -> Option<Server> {
    if let Ok(url) = env::var(VARIABLE) {
        let server = Server { url, keeper: None };
        server.sweep();
        return Some(server);
    }
    let Some(binaries) = newest_binaries() else {
        report_missing("and TENANTRY_TEST_POSTGRES_URL names none");
        return None;
    };
    Some(start(&binaries))
}

/// Says that tests are left out for want of a server; with `CI=true` that is a failure.
pub(super) fn report_missing(and: &str) {
    let is_ci = env::var("CI").is_ok_and(|value| value == "true");
    assert!(!is_ci, "no PostgreSQL server is installed, {and}");
    // Past the test harness, which shows nothing of a test that succeeds. That it
    // can't be shown is no reason to fail.
    let line = format!("\nPostgreSQL half skipped: no server is installed, {and}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Where the newest server is that the system's packages have installed.
pub(super) fn newest_binaries() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            Some((version, path.join("bin")))
        })
        .filter(|(_, path)| path.join("initdb").is_file() && path.join("postgres").is_file())
        .collect();
    versions.sort();
    versions.pop().map(|(_, path)| path)
}

/// Starts a server in a directory of its own, reached by a socket in there.
fn start(binaries: &Path) -> Server {
    let directory = tempfile::Builder::new()
        .prefix("tenantry-pg-")
        .tempdir()
        .expect("a temporary directory can be made")
        .keep();
    // The server refuses to run as root.
    let user = postgres_user();
    if let Some((uid, gid)) = user {
        chown(&directory, Some(uid), Some(gid)).expect("root may give a directory away");
    }
    let command = |program: &Path| {
        let mut command = Command::new(program);
        // An interrupt of the tests reaches it through its keeper only.
        command.current_dir(&directory).process_group(0);
        if let Some((uid, gid)) = user {
            command.uid(uid).gid(gid);
        }
        command.stdin(Stdio::null());
        command
    };
    let data = directory.join("data");
    let made = command(&binaries.join("initdb"))
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
        .args(["--locale=C", "--no-sync", "--pgdata"])
        .arg(&data)
        .output()
        .expect("initdb can be run");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let log = fs::File::create(directory.join("log")).expect("the directory can be written to");
    let server = command(&binaries.join("postgres"))
        .arg("-D")
        .arg(&data)
        .arg("-k")
        .arg(&directory)
        .args(["-c", "listen_addresses=", "-c", "fsync=off"])
        .args(["-c", "full_page_writes=off", "-c", "max_connections=1000"])
        .args(["-c", "shared_buffers=64MB", "-c", "autovacuum=off"])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the server can be run");
    let keeper = command(Path::new("/bin/sh"))
        .arg("-c")
        .arg(
            "trap '' HUP INT TERM; read -r _; kill -QUIT \"$0\"; \
             while kill -0 \"$0\" 2>/dev/null && [ -e \"$1/data/postmaster.pid\" ]; \
             do sleep 0.1; done; rm -rf \"$1\"",
        )
        .arg(server.id().to_string())
        .arg(&directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell can be run");
    let socket = directory.display().to_string().replace('/', "%2F");
    let url = format!("postgres://postgres@{socket}/postgres");
    wait_for(server, &url, &directory);
    Server {
        url,
        keeper: Some(keeper),
    }
}

fn wait_for(mut server: Child, url: &str, directory: &Path) {
    let asked = Instant::now();
    loop {
        let Err(error) = PgConnection::establish(url) else {
            return;
        };
        let ended = server.try_wait().is_ok_and(|status| status.is_some());
        if ended || asked.elapsed() > PATIENCE {
            let log = fs::read_to_string(directory.join("log")).unwrap_or_default();
            panic!("PostgreSQL does not start: {error}\n{log}");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whom to run the server as: `postgres`, where this process is root.
pub(super) fn postgres_user() -> Option<(u32, u32)> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let is_root = status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .and_then(|ids| ids.split_whitespace().nth(1))
        .is_some_and(|effective| effective == "0");
    if !is_root {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = users
        .lines()
        .find(|line| line.starts_with("postgres:"))
        .expect("a server that is installed has its user");
    let mut ids = user.split(':').skip(2).map(|id| id.parse().ok());
    match (ids.next().flatten(), ids.next().flatten()) {
        (Some(uid), Some(gid)) => Some((uid, gid)),
        _ => panic!("the user `postgres` has no number"),
    }
}
