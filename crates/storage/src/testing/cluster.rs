//! PostgreSQL servers that a test owns, so that it can do to them what befalls servers.

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _,
    connection::SimpleConnection as _, sql_query, sql_types::Text,
};
use tempfile::TempDir;

use super::server::{newest_binaries, postgres_user, report_missing};

/// How long a server may take to do what it is asked for.
const PATIENCE: Duration = Duration::from_mins(1);

/// The database that the tests use.
const DATABASE: &str = "tenantry";

/// A server of one's own, reached by TCP on this machine. It and all that is on it is gone
/// when this is dropped, or when the process ends.
#[derive(Debug)]
pub struct Cluster {
    binaries: PathBuf,
    directory: PathBuf,
    port: u16,
    server: Option<Child>,
    /// While its pipe is open the server may run.
    keeper: Child,
    /// What was put on its disk to fill it.
    disk: Option<SmallDisk>,
    // Dropped last.
    _home: TempDir,
}

/// A file system that is full soon.
#[derive(Debug)]
struct SmallDisk {
    mounted: PathBuf,
}

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It ends its connections, and writes down what it has in memory.
    Fast,
    /// It ends at once, and recovers when it is started again.
    Immediate,
}

/// A session beside the program under test, with its transaction open.
pub struct Session(PgConnection);

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    text: String,
}

impl Cluster {
    /// A new server with an empty database, running. `None`, and a line that says so,
    /// where no server is installed; with `CI=true` that is a failure.
    pub fn start() -> Option<Self> {
        let mut cluster = Self::new(&binaries()?, None);
        cluster.make();
        cluster.start_again();
        cluster.make_database();
        Some(cluster)
    }

    /// The same on a disk of that many MiB. `None` also where this process may not mount
    /// one, which is said in a line.
    pub fn start_on_small_disk(mib: u32) -> Option<Self> {
        let mut cluster = Self::new(&binaries()?, Some(mib));
        if cluster.disk.is_none() {
            say("full disk skipped: a small file system can be mounted by root only");
            return None;
        }
        cluster.make();
        cluster.start_again();
        cluster.make_database();
        Some(cluster)
    }

    /// A standby that follows this one, running.
    #[must_use]
    pub fn standby(&self) -> Self {
        let mut standby = Self::new(&self.binaries, None);
        let copied = standby
            .command("pg_basebackup")
            .args(["--checkpoint=fast", "--write-recovery-conf", "--no-sync"])
            .arg("--dbname")
            .arg(format!(
                "host=127.0.0.1 port={} user=postgres application_name=standby",
                self.port
            ))
            .arg("--pgdata")
            .arg(standby.data())
            .output()
            .expect("pg_basebackup can be run");
        assert!(
            copied.status.success(),
            "{}",
            String::from_utf8_lossy(&copied.stderr)
        );
        standby.start_again();
        standby
    }

    /// Lets no commit return before the standby has it, and waits until that is so.
    pub fn wait_for_standby(&self) {
        self.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
        self.execute("SELECT pg_reload_conf()");
        let state = "SELECT sync_state AS text FROM pg_stat_replication";
        poll("a synchronous standby", || self.query(state) == ["sync"]);
    }

    /// Where its database is, as libpq takes it.
    pub fn url(&self) -> String {
        format!("postgres://postgres@{}/{DATABASE}", self.address())
    }

    /// The same for several: whichever of them can be written to.
    pub fn url_of_all(all: &[&Self]) -> String {
        let addresses: Vec<_> = all.iter().map(|one| one.address()).collect();
        format!(
            "postgres://postgres@{}/{DATABASE}?target_session_attrs=read-write",
            addresses.join(",")
        )
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it, on the same data and address, and waits until it answers.
    pub fn start_again(&mut self) {
        assert!(self.server.is_none(), "it is running");
        let log = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.directory.join("log"))
            .expect("the directory can be written to");
        let server = self
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(&self.directory)
            .arg("-p")
            .arg(self.port.to_string())
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"])
            .args(["-c", "max_connections=60", "-c", "shared_buffers=16MB"])
            .args(["-c", "max_wal_size=16MB", "-c", "min_wal_size=2MB"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the server can be run");
        self.server = Some(server);
        let begun = Instant::now();
        while PgConnection::establish(&self.url_of("postgres")).is_err() {
            assert!(
                begun.elapsed() < PATIENCE,
                "it does not start:\n{}",
                self.log()
            );
            let has_ended = self.has_ended();
            assert!(!has_ended, "PostgreSQL does not start:\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops it, and waits until it has ended.
    pub fn stop(&mut self, how: Stop) {
        let signal = match how {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
        };
        let mut server = self.server.take().expect("it is running");
        send(signal, &[server.id()]);
        wait_for_end(&mut server);
    }

    /// Ends all of its processes at once, frozen ones too, as the loss of a machine would.
    pub fn kill(&mut self) {
        let mut server = self.server.take().expect("it is running");
        send("KILL", &family(server.id()));
        wait_for_end(&mut server);
    }

    /// Stops the time for all of its processes. The machine goes on acknowledging what
    /// it is sent, and takes connections that nobody will serve.
    pub fn freeze(&self) {
        let server = self.server.as_ref().expect("it is running").id();
        // The parent first: it makes no more children then.
        send("STOP", &[server]);
        send("STOP", &family(server));
    }

    /// Lets the time go on.
    pub fn thaw(&self) {
        let server = self.server.as_ref().expect("it is running").id();
        send("CONT", &family(server));
    }

    /// Makes a standby the one that can be written to.
    pub fn promote(&self) {
        self.execute("SELECT pg_promote(true, 60)");
        poll("a promoted standby", || {
            self.query("SELECT pg_is_in_recovery()::text AS text") == ["false"]
        });
    }

    /// Ends every session but the one that asks for it.
    pub fn end_sessions(&self) {
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
        );
    }

    /// Leaves no room on its disk.
    pub fn fill_disk(&self) {
        let mut ballast = fs::File::create(self.ballast()).expect("the disk is there");
        let block = vec![1; 64 * 1024];
        while ballast.write_all(&block).is_ok() {}
        while ballast.write_all(&[1]).is_ok() {}
    }

    /// Makes room again, and starts the server if it has ended meanwhile, as its keeper
    /// would.
    pub fn free_disk(&mut self) {
        fs::remove_file(self.ballast()).expect("the disk was filled");
        if self.has_ended() {
            self.server = None;
            self.start_again();
        }
    }

    fn ballast(&self) -> PathBuf {
        let disk = self.disk.as_ref().expect("it has a small disk");
        disk.mounted.join("ballast")
    }

    /// Runs statements on its database.
    pub fn execute(&self, statements: &str) {
        self.session()
            .0
            .batch_execute(statements)
            .expect("the test's statements are well-formed");
    }

    /// The texts that a query gives in its column `text`.
    pub fn query(&self, query: &str) -> Vec<String> {
        let lines: Vec<Line> = sql_query(query)
            .load(&mut self.session().0)
            .expect("the test's query is well-formed");
        lines.into_iter().map(|line| line.text).collect()
    }

    /// Runs statements in a transaction that stays open. Where it takes several locks while a
    /// server takes the same in another order, PostgreSQL calls off either; then it is tried again.
    pub fn hold(&self, statements: &str) -> Session {
        let statements = format!("BEGIN; {statements}");
        let try_once = || {
            let mut session = self.session();
            session.0.batch_execute(&statements).map(|()| session)
        };
        let is_called_off = |error: &diesel::result::Error| error.to_string().contains("deadlock");
        let held = (0..20)
            .map(|_| try_once())
            .find(|held| !held.as_ref().is_err_and(is_called_off));
        held.expect("not every try ends in a deadlock")
            .expect("the test's statements are well-formed")
    }

    fn session(&self) -> Session {
        let conn = PgConnection::establish(&self.url()).expect("the server takes connections");
        Session(conn)
    }

    fn new(binaries: &Path, small_disk: Option<u32>) -> Self {
        let home = tempfile::Builder::new()
            .prefix("tenantry-pg-")
            .tempdir()
            .expect("a temporary directory can be made");
        let disk = small_disk.and_then(|mib| SmallDisk::mount(home.path(), mib));
        let directory = home.path().to_owned();
        if let Some((uid, gid)) = postgres_user() {
            chown(&directory, Some(uid), Some(gid)).expect("root may give a directory away");
        }
        let keeper = keep(&directory);
        let port = TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .expect("there is a free port")
            .port();
        Self {
            binaries: binaries.to_owned(),
            directory,
            port,
            server: None,
            keeper,
            disk,
            _home: home,
        }
    }

    fn make(&self) {
        let made = self
            .command("initdb")
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync", "--wal-segsize=1", "--pgdata"])
            .arg(self.data())
            .output()
            .expect("initdb can be run");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }

    fn make_database(&self) {
        PgConnection::establish(&self.url_of("postgres"))
            .and_then(|mut conn| {
                let statement = format!("CREATE DATABASE {DATABASE}");
                conn.batch_execute(&statement)
                    .map_err(diesel::ConnectionError::CouldntSetupConfiguration)
            })
            .expect("a new server takes a new database");
    }

    fn url_of(&self, database: &str) -> String {
        let address = self.address();
        format!("postgres://postgres@{address}/{database}?connect_timeout=10")
    }

    fn data(&self) -> PathBuf {
        let disk = self.disk.as_ref();
        disk.map_or(&self.directory, |disk| &disk.mounted)
            .join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        // An interrupt of the tests reaches it through its keeper only.
        command.current_dir(&self.directory).process_group(0);
        if let Some((uid, gid)) = postgres_user() {
            command.uid(uid).gid(gid);
        }
        command.stdin(Stdio::null());
        command
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    fn has_ended(&mut self) -> bool {
        let server = self.server.as_mut();
        server.is_some_and(|server| matches!(server.try_wait(), Ok(Some(_))))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            send("KILL", &family(server.id()));
            let _ = server.wait();
        }
        // Its keeper takes down what is left when its pipe closes.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

impl SmallDisk {
    fn mount(home: &Path, mib: u32) -> Option<Self> {
        let (uid, gid) = postgres_user()?;
        let mounted = home.join("disk");
        fs::create_dir(&mounted).ok()?;
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={mib}m,uid={uid},gid={gid},mode=0700"))
            .arg("tenantry-test")
            .arg(&mounted)
            .stderr(Stdio::null())
            .status()
            .ok()?;
        status.success().then_some(Self { mounted })
    }
}

/// Ends the server and removes all of it when this process has ended, however that came
/// about.
fn keep(directory: &Path) -> Child {
    Command::new("/bin/sh")
        .arg("-c")
        .arg(
            "trap '' HUP INT TERM; read -r _; \
             read -r server 2>/dev/null <\"$0/data/postmaster.pid\" || \
             read -r server 2>/dev/null <\"$0/disk/data/postmaster.pid\"; \
             if [ -n \"$server\" ]; then kill -STOP \"$server\"; \
             for one in /proc/[0-9]*/stat; do \
             read -r pid _ _ parent _ 2>/dev/null <\"$one\" && \
             [ \"$parent\" = \"$server\" ] && kill -KILL \"$pid\"; done; \
             kill -KILL \"$server\"; fi; \
             umount -l \"$0/disk\"; rm -rf \"$0\"",
        )
        .arg(directory)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell can be run")
}

fn binaries() -> Option<PathBuf> {
    let found = newest_binaries();
    if found.is_none() {
        report_missing("and the tests that stop and freeze one need its binaries");
    }
    found
}

/// A process and its children.
fn family(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("this system has /proc");
    let children = processes.filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in parentheses, may hold anything.
        let (_, behind) = stat.rsplit_once(')')?;
        let its_parent: u32 = behind.split_whitespace().nth(1)?.parse().ok()?;
        (its_parent == parent).then_some(pid)
    });
    std::iter::once(parent).chain(children).collect()
}

/// Sends a signal. A process that has ended meanwhile needs none.
fn send(signal: &str, processes: &[u32]) {
    let mut command = Command::new("/bin/sh");
    command.args([
        "-c",
        "signal=$1; shift; for pid; do kill -\"$signal\" \"$pid\"; done; true",
    ]);
    command.args(["kill", signal]);
    command.args(processes.iter().map(u32::to_string));
    let status = command.stderr(Stdio::null()).status();
    status.expect("a shell can be run");
}

fn wait_for_end(server: &mut Child) {
    poll("the server's end", || {
        matches!(server.try_wait(), Ok(Some(_)))
    });
}

fn poll(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn say(text: &str) {
    // Past the test harness, which shows nothing of a test that succeeds. That it can't be
    // shown is no reason to fail.
    let _ = std::io::stderr().write_all(format!("\n{text}\n").as_bytes());
}
