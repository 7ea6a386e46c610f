//! Migrations.

use std::thread;

use tenantry_domain::port::{Store, StoreError};
use tenantry_storage::{MigrateError, testing::TestDatabase};

use crate::make::{count, environments, insert, tenant_in};

fn names(db: &TestDatabase) -> Vec<String> {
    db.migrations()
        .unwrap()
        .into_iter()
        .map(|one| one.name)
        .collect()
}

fn revert_all(db: &TestDatabase) {
    while db.revert().unwrap().is_some() {}
}

pub(crate) fn up_down_up_leaves_the_same_schema(db: &TestDatabase) {
    let (all, schema, shape) = (names(db), db.schema(), db.shape());
    environments(&**db, &[1]);
    insert(&**db, tenant_in(1, 1));
    let mut reverted = Vec::new();
    while let Some(name) = db.revert().unwrap() {
        reverted.insert(0, name);
    }
    assert_eq!(reverted, all, "the last one first");
    assert_eq!(db.shape(), Vec::<String>::new());
    let mut left = db.schema();
    left.retain(|one| !one.contains("__diesel") && !one.contains("sqlite_sequence"));
    assert_eq!(left, Vec::<String>::new(), "nothing is left behind");
    assert_eq!(db.migrate().unwrap(), all);
    assert_eq!(db.schema(), schema);
    assert_eq!(db.shape(), shape);
    assert_eq!(count(&**db), 0);
    assert_eq!(
        db.migrate().unwrap(),
        Vec::<String>::new(),
        "nothing is left to do"
    );
}

#[test]
fn lead_to_the_same_schema_on_every_database() {
    let Some(postgres) = TestDatabase::postgres() else {
        return;
    };
    let sqlite = TestDatabase::sqlite();
    let same = |when: &str| {
        let (one, other) = (sqlite.shape(), postgres.shape());
        let lacks = |all: &[String], some: &[String]| {
            let missing = all.iter().filter(|line| !some.contains(line));
            missing.cloned().collect::<Vec<_>>()
        };
        assert_eq!(lacks(&one, &other), [""; 0], "{when}: not on PostgreSQL");
        assert_eq!(lacks(&other, &one), [""; 0], "{when}: not on SQLite");
        assert_eq!(one, other, "{when}");
        one.len()
    };
    assert!(same("up") > 80, "and there is something to compare");
    while let Some(name) = sqlite.revert().unwrap() {
        assert_eq!(postgres.revert().unwrap(), Some(name.clone()));
        same(&format!("down from {name}"));
    }
    assert_eq!(postgres.revert().unwrap(), None);
    assert_eq!(sqlite.migrate().unwrap(), postgres.migrate().unwrap());
    same("up again");
}

pub(crate) fn are_applied_once_by_two_that_start_together(db: &TestDatabase) {
    let all = names(db);
    for _ in 0..5 {
        revert_all(db);
        let others = [db.open_again(), db.open_again()];
        let mut applied: Vec<_> = thread::scope(|scope| {
            let running: Vec<_> = others
                .iter()
                .map(|other| scope.spawn(|| other.migrate().unwrap()))
                .collect();
            running
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        applied.sort();
        assert_eq!(applied, [Vec::new(), all.clone()]);
        db.check().unwrap();
    }
}

pub(crate) fn of_a_newer_program_are_refused(db: &TestDatabase) {
    db.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')");
    let schema = db.schema();
    for error in [db.migrate().unwrap_err(), db.revert().unwrap_err()] {
        assert!(
            matches!(&error, MigrateError::Unknown(name) if name == "9999"),
            "{error:?}"
        );
        assert!(error.to_string().contains("9999"), "{error}");
    }
    match db.check_schema() {
        Err(StoreError::WrongSchema(text)) => assert!(text.contains("9999"), "{text}"),
        other => panic!("{other:?}"),
    }
    // A server that runs while others are replaced by newer ones goes on.
    db.check().unwrap();
    let last = db.migrations().unwrap().pop().unwrap();
    assert_eq!((last.name.as_str(), last.applied), ("9999", true));
    assert_eq!(db.schema(), schema, "nothing was touched");
}

pub(crate) fn that_are_missing_fail_the_check(db: &TestDatabase) {
    db.check().unwrap();
    db.check_schema().unwrap();
    let name = db.revert().unwrap().unwrap();
    for checked in [db.check(), db.check_schema()] {
        match checked {
            Err(StoreError::WrongSchema(text)) => assert!(text.contains(&name), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    db.migrate().unwrap();
    db.check().unwrap();
}

pub(crate) fn can_be_listed_without_touching_the_database(db: &TestDatabase) {
    let all = db.migrations().unwrap();
    assert!(!all.is_empty() && all.iter().all(|one| one.applied));
    assert!(all.is_sorted_by(|a, b| a.name < b.name));
    let bare = db.bare();
    let pending = bare.migrations().unwrap();
    assert!(pending.iter().all(|one| !one.applied));
    assert_eq!(pending.len(), all.len());
    assert_eq!(bare.schema(), Vec::<String>::new());
    assert!(matches!(bare.check(), Err(StoreError::WrongSchema(_))));
    assert_eq!(bare.revert().unwrap(), None);
}
