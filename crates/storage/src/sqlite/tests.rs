//! What is SQLite's own: its file, its plans, its full disk.

mod plans;
mod remembered;

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use diesel::{
    QueryableByName, RunQueryDsl,
    connection::{Connection, InstrumentationEvent, SimpleConnection},
    sql_query,
    sql_types::{BigInt, Text},
};
use tempfile::TempDir;
use tenantry_domain::{
    environment::EnvironmentAccess,
    id::TenantNumber,
    idempotency::AnswerId,
    name::NamePrefix,
    page::PageRequest,
    port::{Group, Snapshot, StoreError, UnitOfWork},
    record::{RecordFilter, RecordQuery},
    tenant::{NewTenant, TenantFilter, TenantStatus},
    testing as example,
};

use super::{Backend, open};
use crate::{Database, DatabaseOptions, DatabaseUrl, OpenError, Synchronous};

fn at(directory: &TempDir) -> PathBuf {
    directory.path().join("tenantry.db")
}

fn options(path: &PathBuf) -> DatabaseOptions {
    DatabaseOptions {
        readers: 1,
        ..DatabaseOptions::new(DatabaseUrl::sqlite(path))
    }
}

fn migrated(directory: &TempDir) -> Backend {
    let path = at(directory);
    let backend = open(&path, &options(&path)).unwrap();
    backend.migrate().unwrap();
    backend
}

fn seed(backend: &Backend) {
    let environment = example::environment();
    let mut unit = backend.begin().unwrap();
    unit.environments()
        .insert_region(&environment.region)
        .unwrap();
    unit.environments().insert(&environment).unwrap();
    unit.commit().unwrap();
}

fn new_tenant(data: &str) -> NewTenant {
    let tenant = example::tenant();
    NewTenant {
        id: tenant.id,
        environment_id: tenant.environment_id,
        label: tenant.label.clone(),
        name: tenant.name.clone(),
        data: tenantry_domain::data::TenantData::parse(data).unwrap(),
        version: tenant.version,
        created_at: tenant.created_at,
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    text: String,
}

fn number(conn: &mut super::Conn, pragma: &str) -> i64 {
    let query = format!("SELECT * FROM (SELECT {pragma} AS number FROM pragma_{pragma})");
    sql_query(query).get_result::<Number>(conn).unwrap().number
}

#[test]
fn connections_are_set_up_for_their_role() {
    let directory = tempfile::tempdir().unwrap();
    let path = at(&directory);
    let backend = open(&path, &options(&path)).unwrap();
    let mut writer = backend.link(&backend.writer).unwrap();
    let mut reader = backend.link(&backend.readers).unwrap();
    for (pragma, of_writer, of_reader) in [
        ("foreign_keys", 1, 1),
        ("synchronous", 2, 2),
        ("query_only", 0, 1),
        ("trusted_schema", 0, 0),
    ] {
        assert_eq!(number(&mut writer.conn, pragma), of_writer, "{pragma}");
        assert_eq!(number(&mut reader.conn, pragma), of_reader, "{pragma}");
    }
    let refused = reader.conn.batch_execute("CREATE TABLE t (a)");
    assert!(refused.is_err(), "a reader never writes");
    drop((writer, reader));

    let relaxed = DatabaseOptions {
        synchronous: Synchronous::Normal,
        ..options(&path)
    };
    let relaxed = open(&path, &relaxed).unwrap();
    let mut writer = relaxed.link(&relaxed.writer).unwrap();
    assert_eq!(number(&mut writer.conn, "synchronous"), 1);
}

#[cfg(unix)]
#[test]
fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let backend = migrated(&directory);
    seed(&backend);
    let mut seen = 0;
    for file in fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file:?}");
        seen += 1;
    }
    assert_eq!(seen, 3, "the database, its log and the log's index");
}

#[test]
fn what_can_not_be_opened_says_why_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let failure = |path: PathBuf| match open(&path, &options(&path)) {
        Ok(_) => panic!("{path:?} was opened"),
        Err(error) => error,
    };
    let error = failure(directory.path().join("missing/tenantry.db"));
    assert!(matches!(error, OpenError::NoDirectory(_)), "{error}");
    assert!(!error.to_string().contains('\n'));
    let error = failure(directory.path().to_owned());
    assert!(matches!(error, OpenError::NotAFile(_)), "{error}");
    let text = directory.path().join("notes.txt");
    fs::write(
        &text,
        "These are a few notes, and no database at all. ".repeat(50),
    )
    .unwrap();
    let error = failure(text.clone());
    assert!(matches!(error, OpenError::NotADatabase(_)), "{error}");
    assert!(fs::read_to_string(&text).unwrap().starts_with("These"));
    // A path that SQLite would read as a URI or as a name for memory is only a path.
    for name in ["file:x?mode=memory", ":memory:", "a b%20c?d"] {
        let path = directory.path().join(name);
        drop(open(&path, &options(&path)).unwrap());
        assert!(path.is_file(), "{name}");
    }
}

#[test]
fn a_database_that_is_to_be_there_is_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tenantry.db");
    let options = DatabaseOptions::new(DatabaseUrl::sqlite(&path));
    let error = Database::open_existing(&options).unwrap_err();
    assert!(matches!(error, OpenError::NotThere(_)), "{error}");
    assert!(!path.exists());
    Database::open(&options).unwrap();
    Database::open_existing(&options).unwrap();
}

#[test]
fn a_new_file_can_be_opened_by_many_at_once() {
    for _ in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let path = at(&directory);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let backend = open(&path, &options(&path)).unwrap();
                    backend.migrate().unwrap();
                    backend.check().unwrap();
                });
            }
        });
    }
}

#[test]
fn a_full_disk_is_told_and_recovered_from() {
    let directory = tempfile::tempdir().unwrap();
    let backend = migrated(&directory);
    seed(&backend);
    let limit = |pages: u32| {
        let mut link = backend.link(&backend.writer).unwrap();
        let pragma = format!("PRAGMA max_page_count = {pages}");
        link.conn.batch_execute(&pragma).unwrap();
    };
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(200_000));
    let insert = || -> Result<(), StoreError> {
        let mut unit = backend.begin()?;
        unit.tenants().insert(&new_tenant(&large))?;
        unit.commit()
    };
    // SQLite takes the smallest limit that holds what is there.
    limit(1);
    match insert() {
        Err(StoreError::Unavailable(text)) => assert!(text.contains("full"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        backend
            .snapshot()
            .unwrap()
            .tenants()
            .record_page(&RecordQuery::total_only())
            .unwrap()
            .total,
        0
    );
    limit(100_000);
    insert().unwrap();
}

#[test]
fn a_full_disk_leaves_of_a_group_what_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let backend = migrated(&directory);
    seed(&backend);
    let limit = |pages: u32| {
        let mut link = backend.link(&backend.writer).unwrap();
        let pragma = format!("PRAGMA max_page_count = {pages}");
        link.conn.batch_execute(&pragma).unwrap();
    };
    let there = || {
        let mut snapshot = backend.snapshot().unwrap();
        let page = snapshot.tenants().record_page(&RecordQuery::total_only());
        page.unwrap().total
    };
    let tenant = |n: u128, data: &str| NewTenant {
        id: tenantry_domain::id::TenantId::from_uuid(uuid::Uuid::from_u128(n)),
        label: tenantry_domain::subdomain::Label::parse(&format!("l{n}")).unwrap(),
        ..new_tenant(data)
    };
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(200_000));
    let pages = {
        let mut link = backend.link(&backend.writer).unwrap();
        u32::try_from(number(&mut link.conn, "page_count")).unwrap()
    };
    // Room for what is small, and not for what is large.
    limit(pages + 4);
    let mut group = backend.begin_group().unwrap();
    let mut kept = 0;
    for (n, data) in [(1, "{}"), (2, large.as_str()), (3, "{}")] {
        let Ok(mut unit) = group.unit() else {
            assert!(!group.is_open());
            break;
        };
        match unit.tenants().insert(&tenant(n, data)) {
            Ok(_) => {
                unit.commit().unwrap();
                kept += 1;
            }
            Err(StoreError::Unavailable(text)) => assert!(text.contains("full"), "{text}"),
            Err(other) => panic!("{other:?}"),
        }
    }
    match group.commit() {
        Ok(()) => assert_eq!(there(), kept),
        Err(StoreError::Unavailable(_)) => assert_eq!(there(), 0),
        Err(other) => panic!("{other:?}"),
    }
    limit(100_000);
    let mut unit = backend.begin().unwrap();
    unit.tenants().insert(&tenant(4, &large)).unwrap();
    unit.commit().unwrap();
}

#[test]
fn a_group_whose_transaction_sqlite_has_ended_is_refused_to_all() {
    let directory = tempfile::tempdir().unwrap();
    let backend = migrated(&directory);
    seed(&backend);
    let mut group = Box::new(super::WriteGroup::new(backend.begin_write().unwrap()));
    let mut unit = group.unit().unwrap();
    unit.tenants().insert(&new_tenant("{}")).unwrap();
    unit.commit().unwrap();
    {
        let mut unit = group.unit().unwrap();
        unit.keys().all().unwrap();
        drop(unit);
    }
    // As SQLite itself does after some errors.
    group.end_for_test();
    drop(group.unit());
    assert!(!group.is_open());
    let refused = group.commit();
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    let mut snapshot = backend.snapshot().unwrap();
    assert_eq!(
        snapshot.tenants().by_id(example::tenant().id).unwrap(),
        None
    );
    drop(snapshot);
    backend.begin().unwrap().commit().unwrap();
}

#[test]
fn a_connection_whose_transaction_is_gone_is_not_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let backend = migrated(&directory);
    seed(&backend);
    {
        let mut link = backend
            .begin_on(&backend.writer, "BEGIN IMMEDIATE")
            .unwrap();
        // As SQLite itself does after some errors: the ROLLBACK to come then fails.
        link.conn.batch_execute("ROLLBACK").unwrap();
        link.conn
            .batch_execute("CREATE TEMP TABLE mark (a)")
            .unwrap();
        drop(super::Session::new(link));
    }
    let mut link = backend.link(&backend.writer).unwrap();
    let marked = link.conn.batch_execute("SELECT * FROM temp.mark");
    assert!(marked.is_err(), "the pool has made a new connection");
    drop(link);
    backend.begin().unwrap().commit().unwrap();
}

#[test]
fn a_file_that_another_process_has_for_itself_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    drop(migrated(&directory));
    let path = at(&directory);
    let mut other = super::Conn::establish(path.to_str().unwrap()).unwrap();
    other
        .batch_execute("PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE held (a)")
        .unwrap();
    std::thread::scope(|scope| {
        let opened = scope.spawn(|| open(&path, &options(&path)).map(drop));
        std::thread::sleep(Duration::from_millis(1_500));
        drop(other);
        assert!(opened.join().unwrap().is_ok());
    });
}

#[test]
fn a_connection_that_can_only_read_is_not_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let backend = migrated(&directory);
    seed(&backend);
    let mut link = backend
        .begin_on(&backend.writer, "BEGIN IMMEDIATE")
        .unwrap();
    link.conn.batch_execute("PRAGMA query_only = ON").unwrap();
    let mut unit = super::WriteUnit::new(super::Session::new(link));
    let refused = unit.tenants().insert(&new_tenant("{}"));
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    let all = unit.keys().all();
    assert!(matches!(all, Err(StoreError::Unavailable(_))), "{all:?}");
    drop(unit);
    let mut unit = backend.begin().unwrap();
    unit.tenants().insert(&new_tenant("{}")).unwrap();
    unit.commit().unwrap();
}

#[test]
fn waiting_for_a_lock_is_set_back_to_normal() {
    let directory = tempfile::tempdir().unwrap();
    let backend = migrated(&directory);
    let mut link = backend.link(&backend.writer).unwrap();
    link.wait_for_locks(Duration::from_millis(1)).unwrap();
    drop(link);
    drop(backend.begin().unwrap());
    let mut link = backend.link(&backend.writer).unwrap();
    let set = sql_query("SELECT timeout AS number FROM pragma_busy_timeout")
        .get_result::<Number>(&mut link.conn)
        .unwrap();
    assert!((3_900..=4_000).contains(&set.number), "{}", set.number);
}

/// Nothing is acknowledged into a file that nobody can find again.
#[test]
fn a_file_that_is_deleted_while_it_is_open_is_not_written_to() {
    let directory = TempDir::new().unwrap();
    let backend = migrated(&directory);
    backend.check().unwrap();
    let (path, aside) = (at(&directory), directory.path().join("aside"));
    let is_refused = |result: Result<(), StoreError>| matches!(result, Err(StoreError::Unavailable(reason)) if reason.contains("deleted"));

    fs::rename(&path, &aside).unwrap();
    assert!(is_refused(backend.begin().map(drop)));
    assert!(is_refused(backend.check()));
    fs::write(&path, "another file").unwrap();
    assert!(is_refused(backend.begin().map(drop)));

    fs::rename(&aside, &path).unwrap();
    backend.check().unwrap();
    seed(&backend);
}
