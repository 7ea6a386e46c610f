//! What is done at the command line, on SQLite: every call of it fails, or is the last one.
//!
//! Whatever happens, the database is as it was before or as it is afterwards, and its schema too; what was said
//! to be done is done, what was said to have failed is not; and the same command, given again, goes through.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use diesel::{
    Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection,
    connection::SimpleConnection as _, sql_query, sql_types::Text,
};
use tempfile::TempDir;
use tenantry_storage::{Database, DatabaseOptions, DatabaseUrl};
use tenantry_trials::{
    http::{Credential, Request},
    node::{Ended, Node},
    shim::{Calls, Errno, Fault, How},
};

use crate::{
    calls::{is_thorough, seed, tell},
    trial::BINARY,
};

/// What is there before a command is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// Nothing at all.
    Nothing,
    /// A database without any content.
    Empty,
    /// One with a few things in it.
    Filled,
    /// The same, without its last migration.
    Behind,
}

/// A command, and what it begins with.
struct Case {
    arguments: &'static [&'static str],
    start: Start,
    /// Whether it may be given again when it has succeeded.
    repeats: bool,
}

const fn case(arguments: &'static [&'static str], start: Start, repeats: bool) -> Case {
    Case {
        arguments,
        start,
        repeats,
    }
}

/// Stands for a file beside the data directory.
const FILE: &str = "FILE";

/// Takes the last migration back, which only developers can: this program does it, started anew.
const REVERT: &str = "REVERT";

const CASES: &[Case] = &[
    case(&["migrate", "run"], Start::Nothing, true),
    case(&["migrate", "run"], Start::Behind, true),
    case(&[REVERT], Start::Filled, false),
    // The first start, with all that it makes.
    case(&["key", "list"], Start::Nothing, true),
    case(
        &["key", "rotate", "--algorithm", "EdDSA"],
        Start::Filled,
        true,
    ),
    case(&["master-key", "rotate"], Start::Filled, true),
    case(&["client", "create", "--name", "ci"], Start::Filled, true),
    case(&["client", "rotate", "trials"], Start::Filled, true),
    case(&["tenant", "create", "another"], Start::Filled, false),
    case(
        &["tenant", "delete", "first.tenants.localhost"],
        Start::Filled,
        false,
    ),
    case(
        &[
            "environment",
            "create",
            "--name",
            "E",
            "--domain",
            "e.example",
            "--region",
            "R",
        ],
        Start::Filled,
        false,
    ),
    case(
        &["system-account", "create", "second"],
        Start::Filled,
        false,
    ),
    case(&["export", FILE], Start::Filled, false),
    case(&["import", FILE], Start::Empty, false),
];

const fn fault(how: How, error: Errno, lasting: bool) -> Fault {
    Fault {
        calls: Calls::DISK,
        how,
        error,
        lasting,
    }
}

const ERRORS: [Fault; 4] = [
    fault(How::Fail, Errno::Io, false),
    fault(How::FailAfter, Errno::Io, false),
    fault(How::Fail, Errno::Io, true),
    fault(How::FailHalf, Errno::Full, true),
];

const KILLS: [Fault; 3] = [
    fault(How::KillBefore, Errno::Io, false),
    fault(How::KillHalf, Errno::Io, false),
    fault(How::KillAfter, Errno::Io, false),
];

/// What a database holds: its schema, and how many rows each table has.
type State = (Vec<String>, BTreeMap<String, String>);

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    text: String,
}

fn lines(conn: &mut SqliteConnection, query: &str) -> Vec<String> {
    let lines: Vec<Line> = sql_query(query).load(conn).unwrap();
    lines.into_iter().map(|line| line.text).collect()
}

/// What a data directory's database holds; where it is not whole, the test fails.
fn state(directory: &Path) -> State {
    let path = directory.join("tenantry.db");
    if !path.exists() {
        return State::default();
    }
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute("PRAGMA busy_timeout = 10000").unwrap();
    let check = "SELECT integrity_check AS text FROM pragma_integrity_check UNION ALL
                 SELECT \"table\" FROM pragma_foreign_key_check";
    assert_eq!(lines(&mut conn, check), ["ok"], "{}", directory.display());
    let schema = "SELECT sql AS text FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";
    let schema = lines(&mut conn, schema);
    let tables = "SELECT name AS text FROM sqlite_schema
                  WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let tables = lines(&mut conn, tables);
    let count = |table: String| {
        let count = format!("SELECT CAST(COUNT(*) AS TEXT) AS text FROM \"{table}\"");
        let rows = lines(&mut conn, &count).concat();
        (table, rows)
    };
    (schema, tables.into_iter().map(count).collect())
}

/// What every case begins with, made once.
struct Templates {
    home: TempDir,
    export: Vec<u8>,
}

impl Templates {
    fn make() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut node = Node::new(BINARY.as_ref(), None);
        node.unset("TENANTRY_PUBLIC_URL");
        node.run(&["migrate", "run"]).unwrap();
        let data = node.data_directory();
        copy(&data, &home.path().join("Empty"));
        for tenant in ["first", "second", "third"] {
            node.run(&["tenant", "create", tenant]).unwrap();
        }
        let file = home.path().join("export");
        node.run(&["export", file.to_str().unwrap()]).unwrap();
        copy(&data, &home.path().join("Filled"));
        // An import needs the master key that the export was made under.
        let key = "master.key";
        fs::copy(data.join(key), home.path().join("Empty").join(key)).unwrap();
        revert(&data.join("tenantry.db"));
        copy(&data, &home.path().join("Behind"));
        let export = fs::read(file).unwrap();
        Self { home, export }
    }

    /// A new place to work in.
    fn start(&self, start: Start) -> Node {
        let mut node = Node::new(BINARY.as_ref(), None);
        node.unset("TENANTRY_PUBLIC_URL");
        if start == Start::Nothing {
            // What is generated is written to a file then.
            node.unset("TENANTRY_BOOTSTRAP_CLIENT_ID");
            node.unset("TENANTRY_BOOTSTRAP_CLIENT_SECRET");
        } else {
            let template = self.home.path().join(format!("{start:?}"));
            copy(&template, &node.data_directory());
        }
        node.put_under_faults();
        node
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-rp").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

fn revert(database: &Path) {
    let options = DatabaseOptions::new(DatabaseUrl::sqlite(database));
    Database::open(&options).unwrap().revert().unwrap().unwrap();
}

/// Does nothing but where `FAULTS_REVERT` names a database: then it takes the last migration back, so that
/// the calls of that can fail in a process of their own.
#[test]
fn takes_a_migration_back_where_it_is_told_to() {
    let Some(database) = env::var_os("FAULTS_REVERT") else {
        return;
    };
    let options = DatabaseOptions::new(DatabaseUrl::sqlite(PathBuf::from(database)));
    let reverted = Database::open(&options)
        .map_err(|error| error.to_string())
        .and_then(|database| database.revert().map_err(|error| format!("{error:?}")));
    if let Err(error) = reverted {
        // Past the test harness, as a command would.
        use std::io::Write as _;
        let _ = std::io::stderr().write_all(format!("failed: {error}\n").as_bytes());
        std::process::exit(1);
    }
}

impl Case {
    fn run(&self, node: &Node) -> Ended {
        if self.arguments != [REVERT] {
            let file = file_of(node);
            let file = file.to_str().unwrap();
            let named = |one: &&'static str| if *one == FILE { file } else { *one };
            let arguments: Vec<&str> = self.arguments.iter().map(named).collect();
            return node.run_to_end(&arguments);
        }
        let output = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "commands::takes_a_migration_back_where_it_is_told_to",
            ])
            .envs(node.faults().settings())
            .env("FAULTS_REVERT", node.data_directory().join("tenantry.db"))
            .output()
            .unwrap();
        Ended {
            status: output.status.code(),
            output: String::new(),
            complaint: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

fn file_of(node: &Node) -> PathBuf {
    node.data_directory().with_file_name("export.jsonl")
}

/// The names in the data directory that are not SQLite's own.
fn names(node: &Node) -> Vec<String> {
    let Ok(directory) = fs::read_dir(node.data_directory()) else {
        return Vec::new();
    };
    let names = directory.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter(|name| !name.starts_with("tenantry.db"))
        .collect();
    names.sort();
    names
}

/// A command without any fault: what there is before, between and after it, and how many calls it makes.
struct Course {
    before: State,
    /// What is durable before the rest is: migrations, before a database is filled.
    between: Vec<State>,
    after: State,
    names: [Vec<String>; 2],
    calls: u64,
}

impl Course {
    fn of(case: &Case, templates: &Templates) -> Self {
        let node = templates.start(case.start);
        if case.arguments.first() == Some(&"import") {
            fs::write(file_of(&node), &templates.export).unwrap();
        }
        let (before, names_before) = (state(&node.data_directory()), names(&node));
        node.faults().arm(ERRORS[0], 0);
        let ended = case.run(&node);
        node.faults().disarm();
        assert_eq!(ended.status, Some(0), "{:?}: {ended:?}", case.arguments);
        let empty = state(&templates.home.path().join("Empty"));
        let after = state(&node.data_directory());
        Self {
            before,
            between: match case.start {
                // Migrations are durable before the rest is, and a first start before what else was asked for.
                Start::Nothing => vec![State::default(), empty, after.clone()],
                _ => Vec::new(),
            },
            after,
            names: [names_before, names(&node)],
            calls: node.faults().count(),
        }
    }
}

/// Whether it says that nobody knows how it has ended.
fn leaves_open(complaint: &str) -> bool {
    complaint.contains("is unknown") || complaint.contains("not known")
}

/// Whether the fault was met: a command makes a few calls more at one time than at another.
fn suffer(case: &Case, course: &Course, templates: &Templates, fault: Fault, nth: u64) -> bool {
    let node = templates.start(case.start);
    if case.arguments.first() == Some(&"import") {
        fs::write(file_of(&node), &templates.export).unwrap();
    }
    let data = node.data_directory();
    node.faults().arm(fault, nth);
    let ended = case.run(&node);
    node.faults().disarm();
    let what = format!(
        "{:?}, call {nth} of {}, {fault:?}: {ended:?}",
        case.arguments, course.calls
    );
    if node.faults().fired() == 0 {
        assert_eq!(ended.status, Some(0), "{what}");
        return false;
    }
    let now = state(&data);
    let is_before = now == course.before || course.between.contains(&now);
    let is_after = now == course.after;
    assert!(
        is_before || is_after,
        "{what}\nneither before nor after: {:?}",
        now.1
    );
    match ended.status {
        Some(0) => assert!(is_after, "said to be done: {what}"),
        Some(1 | 2) => {
            assert!(!ended.complaint.contains("panicked"), "{what}");
            assert!(!ended.complaint.trim().is_empty(), "{what}");
            assert!(
                is_before || leaves_open(&ended.complaint),
                "said to have failed: {what}"
            );
            let left = names(&node);
            let is_known = |name: &String| course.names.iter().any(|names| names.contains(name));
            assert!(left.iter().all(is_known), "{left:?} is left: {what}");
        }
        None => assert!(KILLS.contains(&fault), "{what}"),
        Some(_) => panic!("{what}"),
    }
    if case.arguments.first() == Some(&"export") {
        let file = fs::read(file_of(&node)).ok();
        assert!(
            file.is_none_or(|file| file == templates.export),
            "half an export: {what}"
        );
        let _ = fs::remove_file(file_of(&node));
    }
    // The same again goes through, and where it can't be done twice, it may say so.
    let again = case.run(&node);
    let is_done = again.status == Some(0);
    assert!(
        is_done || (is_after && !case.repeats),
        "again: {again:?}\n{what}"
    );
    if case.arguments != [REVERT] {
        let doctor = node.run_to_end(&["doctor"]);
        assert_eq!(doctor.status, Some(0), "{doctor:?}\n{what}");
    }
    if case.start == Start::Nothing && case.arguments.first() == Some(&"key") {
        opens(node, &what);
    }
    true
}

/// What a first start has written to its file opens the server.
fn opens(mut node: Node, what: &str) {
    let file = node.data_directory().join("bootstrap-credentials.json");
    let written = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{error}: {what}"));
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    let member = |name: &str| written[name].as_str().unwrap().to_owned();
    node.start();
    let request = Request::new("POST", "/oauth/token")
        .by(&Credential::Basic(
            member("clientId"),
            member("clientSecret"),
        ))
        .form(&[("grant_type", "client_credentials")]);
    let answer = node.http().send(&request).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}: {what}");
}

fn suffer_all(faults: &[Fault]) {
    let templates = Templates::make();
    let mut rng = fastrand::Rng::with_seed(seed());
    let (mut met, mut tried) = (0, 0);
    for case in CASES {
        let course = Course::of(case, &templates);
        assert!(course.calls > 0, "{:?} makes no calls", case.arguments);
        for &fault in faults {
            let some = [rng.u64(1..=course.calls)];
            let all: Vec<u64> = (1..=course.calls).collect();
            let chosen: &[u64] = if is_thorough() { &all } else { &some };
            for &nth in chosen {
                tried += 1;
                met += usize::from(suffer(case, &course, &templates, fault, nth));
            }
            tell(&format!(
                "{:?}: {fault:?} at {} calls",
                case.arguments,
                chosen.len()
            ));
        }
    }
    assert!(
        met * 10 > tried * 9,
        "only {met} of {tried} faults were met"
    );
}

#[test]
fn whichever_call_of_a_command_fails_it_is_done_or_not() {
    // Where a file can't be opened from then on, a start tries that for half a minute.
    let once: Vec<Fault> = ERRORS.into_iter().filter(|one| !one.lasting).collect();
    let chosen = if is_thorough() {
        ERRORS.as_slice()
    } else {
        once.as_slice()
    };
    suffer_all(chosen);
}

#[test]
fn wherever_a_command_is_killed_it_is_done_or_not() {
    suffer_all(&KILLS);
}
