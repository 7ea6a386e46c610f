//! What is PostgreSQL's own: connections that die, waits that end, servers of all kinds.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a rule that does not hold ends its test"
)]

use std::{
    thread,
    time::{Duration, Instant},
};

use diesel::{
    QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query, sql_types::Text,
};
use tenantry_domain::{
    error::Error,
    group::{self, Member, Task},
    port::{Group, Store, StoreError, UnitOfWork},
    record::RecordQuery,
    testing as example,
};

use super::Backend;
use crate::{Database, DatabaseOptions, DatabaseUrl, OpenError, database, testing::TestDatabase};

const SHORT: Duration = Duration::from_millis(300);

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    text: String,
}

fn backend(database: &Database) -> &Backend {
    match database.backend() {
        database::Backend::Postgres(backend) => backend,
        database::Backend::Sqlite(_) => panic!("that is another database"),
    }
}

fn lines(database: &Database, query: &str) -> Vec<String> {
    let lines: Vec<Line> = backend(database)
        .with_writer(|conn| sql_query(query).load(conn))
        .unwrap();
    lines.into_iter().map(|line| line.text).collect()
}

/// Ends every connection to that database but the one that asks for it.
fn end_connections(db: &TestDatabase) {
    db.execute(
        "DO $$ DECLARE doomed int[]; BEGIN
             SELECT array_agg(pid) INTO doomed FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid();
             PERFORM pg_terminate_backend(pid) FROM unnest(doomed) pid;
             LOOP
                 PERFORM pg_stat_clear_snapshot();
                 EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ANY (doomed));
                 PERFORM pg_sleep(0.01);
             END LOOP;
         END $$",
    );
}

fn insert_region(unit: &mut dyn UnitOfWork) -> Result<(), StoreError> {
    let region = example::environment().region.clone();
    unit.environments().insert_region(&region)
}

fn has_region(db: &TestDatabase) -> bool {
    let id = example::environment().region.id;
    let region = db.snapshot().unwrap().environments().region_by_id(id);
    region.unwrap().is_some()
}

/// Does nothing for that long wherever a region is inserted.
fn slow_down_regions(db: &TestDatabase, when: &str, seconds: f32) {
    db.execute(&format!(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NEW; END $$;
         CREATE {when} FOR EACH ROW EXECUTE FUNCTION dawdle()"
    ));
}

#[test]
fn connections_are_set_up_for_their_role() {
    let Some(db) = TestDatabase::postgres() else {
        return;
    };
    let hasty = db.open_impatient(SHORT);
    let settings = lines(
        &hasty,
        "SELECT name || ' ' || setting AS text FROM pg_settings WHERE name IN
         ('application_name', 'client_encoding', 'TimeZone', 'statement_timeout', 'lock_timeout',
          'idle_in_transaction_session_timeout') ORDER BY lower(name)",
    );
    assert_eq!(
        settings,
        [
            "application_name tenantry",
            "client_encoding UTF8",
            "idle_in_transaction_session_timeout 4000",
            "lock_timeout 300",
            "statement_timeout 300",
            "TimeZone UTC",
        ]
    );
    let later = Instant::now() + Duration::from_secs(20);
    let mut link = backend(&hasty).readers.take(later).unwrap();
    let refused = link.conn.batch_execute("CREATE TABLE t (a int)");
    assert!(refused.is_err(), "a reader never writes");
    let unit = hasty.begin().unwrap();
    drop(unit);
}

#[test]
fn connections_that_have_died_are_replaced_unseen() {
    let Some(db) = TestDatabase::postgres() else {
        return;
    };
    let other = db.open_again();
    for _ in 0..3 {
        let all: Vec<_> = (0..other.readers())
            .map(|_| other.snapshot().unwrap())
            .collect();
        other.begin().unwrap().commit().unwrap();
        drop(all);
        end_connections(&db);
        other.begin().unwrap().commit().unwrap();
        other.check().unwrap();
        assert_eq!(
            other
                .snapshot()
                .unwrap()
                .tenants()
                .record_page(&RecordQuery::total_only())
                .unwrap()
                .total,
            0
        );
    }
}

#[test]
fn a_unit_that_loses_its_connection_says_what_is_known() {
    let Some(db) = TestDatabase::postgres() else {
        return;
    };
    let other = db.open_again();
    let mut before = other.begin().unwrap();
    end_connections(&db);
    let lost = insert_region(&mut *before);
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    drop(before);

    let mut unit = other.begin().unwrap();
    insert_region(&mut *unit).unwrap();
    end_connections(&db);
    let lost = unit.commit();
    assert!(
        matches!(lost, Err(StoreError::OutcomeUnknown(_))),
        "{lost:?}"
    );
    assert!(!has_region(&db));
    let mut unit = other.begin().unwrap();
    insert_region(&mut *unit).unwrap();
    unit.commit().unwrap();
    assert!(has_region(&db));
}

/// What each of three is told of whom the second is called off.
fn told_of_a_group(db: &Database, last: impl Fn() + Send + Sync + 'static) -> Vec<Told> {
    let (tell, told) = std::sync::mpsc::channel();
    let last = std::sync::Arc::new(last);
    let mut work: Vec<Box<dyn Member>> = Vec::new();
    for n in (0..3).rev() {
        let (tell, last) = (tell.clone(), last.clone());
        work.push(Box::new(Task::new(
            move |unit: &mut dyn UnitOfWork| {
                if n == 0 {
                    insert_region(unit)?;
                } else {
                    unit.keys().all()?;
                }
                if n == 2 {
                    last();
                }
                Ok(())
            },
            move || n != 1,
            move |result| tell.send((n, result)).unwrap(),
        )));
    }
    drop(tell);
    group::run(db, || work.pop());
    let mut told: Vec<_> = told.iter().collect();
    told.sort_by_key(|(n, _)| *n);
    told.into_iter().map(|(_, told)| told).collect()
}

type Told = Result<(), Error>;

#[test]
fn a_group_that_loses_its_connection_is_acknowledged_to_nobody() {
    let Some(db) = TestDatabase::postgres() else {
        return;
    };
    let db = std::sync::Arc::new(db);
    let other = db.open_again();
    let doomed = std::sync::Arc::clone(&db);
    let told = told_of_a_group(&other, move || end_connections(&doomed));
    let is_unknown = |told: &Told| matches!(told, Err(Error::Store(StoreError::OutcomeUnknown(_))));
    let is_refused = |told: &Told| matches!(told, Err(Error::Store(StoreError::Unavailable(_))));
    assert!(is_unknown(&told[0]), "{told:?}");
    assert!(
        is_refused(&told[1]),
        "it certainly did not happen: {told:?}"
    );
    assert!(is_unknown(&told[2]), "{told:?}");
    assert!(!has_region(&db));

    let told = told_of_a_group(&other, || ());
    assert!(
        told[0].is_ok() && is_refused(&told[1]) && told[2].is_ok(),
        "{told:?}"
    );
    assert!(has_region(&db));
}

#[test]
fn a_group_whose_connection_is_lost_in_the_middle_is_undone() {
    let Some(db) = TestDatabase::postgres() else {
        return;
    };
    let other = db.open_again();
    let mut group = other.begin_group().unwrap();
    let mut unit = group.unit().unwrap();
    insert_region(&mut *unit).unwrap();
    unit.commit().unwrap();
    let mut unit = group.unit().unwrap();
    end_connections(&db);
    let lost = unit.keys().all();
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    drop(unit);
    assert!(!group.is_open());
    let refused = group.commit();
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    assert!(!has_region(&db));
    other.begin_group().unwrap().commit().unwrap();
}

#[test]
fn a_group_whose_transaction_was_ended_is_refused_to_all() {
    let Some(db) = TestDatabase::postgres() else {
        return;
    };
    let mut group = Box::new(super::WriteGroup::new(backend(&db).begin_write().unwrap()));
    let mut unit = group.unit().unwrap();
    insert_region(&mut *unit).unwrap();
    unit.commit().unwrap();
    group.end_for_test();
    assert!(group.unit().is_err() && !group.is_open());
    let refused = group.commit();
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    assert!(!has_region(&db));
}

#[test]
fn a_unit_that_is_left_open_is_ended_for_the_others() {
    let Some(db) = TestDatabase::postgres() else {
        return;
    };
    let hanging = db.open_impatient(SHORT);
    let mut unit = hanging.begin().unwrap();
    insert_region(&mut *unit).unwrap();
    // It waits for the other one's turn to end, which nothing but the server does.
    db.begin().unwrap().commit().unwrap();
    assert!(unit.commit().is_err());
    assert!(!has_region(&db));
    hanging.begin().unwrap().commit().unwrap();
}

#[test]
fn a_statement_that_takes_too_long_is_ended() {
    let Some(db) = TestDatabase::postgres() else {
        return;
    };
    slow_down_regions(&db, "TRIGGER slow BEFORE INSERT ON regions", 60.0);
    let hasty = db.open_impatient(SHORT);
    let mut unit = hasty.begin().unwrap();
    match insert_region(&mut *unit) {
        Err(StoreError::Unavailable(text)) => assert!(text.contains("too long"), "{text}"),
        other => panic!("{other:?}"),
    }
    drop(unit);
    hasty.begin().unwrap().commit().unwrap();
}

#[test]
fn a_commit_may_take_its_time() {
    let Some(db) = TestDatabase::postgres() else {
        return;
    };
    slow_down_regions(
        &db,
        "CONSTRAINT TRIGGER slow AFTER INSERT ON regions DEFERRABLE INITIALLY DEFERRED",
        0.9,
    );
    let hasty = db.open_impatient(SHORT);
    let mut unit = hasty.begin().unwrap();
    insert_region(&mut *unit).unwrap();
    unit.commit().unwrap();
    assert!(has_region(&db));
}

#[test]
fn a_server_that_can_not_be_written_to_is_refused() {
    let Some(db) = TestDatabase::postgres() else {
        return;
    };
    let open = db.open_again();
    let name = lines(&db, "SELECT current_database()::text AS text").remove(0);
    let mut unit = open.begin().unwrap();
    db.execute(&format!(
        "ALTER DATABASE {name} SET default_transaction_read_only = on"
    ));
    // What is open goes on.
    insert_region(&mut *unit).unwrap();
    unit.commit().unwrap();
    match Database::open(db.options()) {
        Err(OpenError::Unreachable { reason, .. }) => {
            assert!(reason.contains("read-only"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    // And where nothing can be made anew, a unit is told so without waiting for long.
    end_connections(&db);
    match open.begin().map(drop) {
        Err(StoreError::Unavailable(text)) => assert!(text.contains("read-only"), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_can_not_be_opened_says_why_in_one_line() {
    let url = DatabaseUrl::parse("postgres://u:hunter2@127.0.0.1:1,localhost:1/t").unwrap();
    match Database::open(&DatabaseOptions::new(url)) {
        Err(error @ OpenError::Unreachable { .. }) => {
            let text = error.to_string();
            assert!(text.contains("refused") && !text.contains('\n'), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    let Some(db) = TestDatabase::postgres() else {
        return;
    };
    let name = lines(&db, "SELECT current_database()::text AS text").remove(0);
    db.execute(&format!(
        "CREATE DATABASE {name}_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' \
         LC_COLLATE 'C' LC_CTYPE 'C'"
    ));
    let url = db.options().url.with_database(&format!("{name}_ascii"));
    let opened = Database::open(&DatabaseOptions::new(url.unwrap()));
    db.execute(&format!("DROP DATABASE {name}_ascii WITH (FORCE)"));
    match opened {
        Err(OpenError::Encoding { encoding, .. }) => assert_eq!(encoding, "SQL_ASCII"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn ten_servers_that_start_together_migrate_once() {
    let Some(db) = TestDatabase::bare_postgres() else {
        return;
    };
    let all: Vec<_> = db.migrations().unwrap();
    let applied: Vec<String> = thread::scope(|scope| {
        let starting: Vec<_> = (0..10)
            .map(|_| {
                scope.spawn(|| {
                    let server = db.open_again();
                    let applied = server.migrate().unwrap();
                    server.check().unwrap();
                    applied
                })
            })
            .collect();
        let started = starting.into_iter();
        started.flat_map(|one| one.join().unwrap()).collect()
    });
    assert!(!all.is_empty());
    assert_eq!(
        applied,
        all.into_iter().map(|one| one.name).collect::<Vec<_>>()
    );
}

#[test]
fn every_foreign_key_has_an_index() {
    let Some(db) = TestDatabase::postgres() else {
        return;
    };
    let bare = "SELECT f.conname::text AS text FROM pg_constraint f WHERE f.contype = 'f'
         AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = f.conrelid
             AND i.indpred IS NULL AND i.indkey[0] = f.conkey[1])";
    assert_eq!(lines(&db, bare), [""; 0], "deleting would scan for these");
    let keys = "SELECT count(*)::text AS text FROM pg_constraint WHERE contype = 'f'";
    assert_eq!(lines(&db, keys), ["8"], "the query above sees them");
}
