//! Noticing what other processes commit.

use std::time::{Duration, Instant};

use tenantry_domain::{
    change::{Actor, ChangeType, NewChange},
    port,
};
use tenantry_storage::{CommitWatch, Database, testing::TestDatabase};

use crate::make::at;

fn commit(database: &Database) {
    let change = NewChange {
        kind: ChangeType::TenantUpdated,
        time: at(1),
        tenant_id: None,
        client_id: None,
        environment_id: None,
        version: None,
        actor: Actor::Cli,
        request_id: None,
        subject: "{}".to_owned(),
        previous_tenant_id: None,
        webhook_id: None,
    };
    port::write(database, |unit| unit.changes().append(&change)).unwrap();
}

fn looks_until_it_notices(watch: &mut CommitWatch) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !watch.look().unwrap() {
        assert!(Instant::now() < deadline, "it is not noticed");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn commits_of_others_are_noticed(db: &TestDatabase) {
    let other = db.open_again();
    let mut watch = db.watch().unwrap();
    assert!(watch.look().unwrap(), "before it, anything may have come");
    assert!(!watch.look().unwrap(), "nothing has come since");
    for _ in 0..3 {
        commit(&other);
        looks_until_it_notices(&mut watch);
        assert!(!watch.look().unwrap(), "it was noticed already");
    }
}

pub(crate) fn who_is_told_need_not_ask(db: &TestDatabase) {
    let mut watch = db.watch().unwrap();
    let mut other = db.watch().unwrap();
    watch.look().unwrap();
    assert!(!watch.look().unwrap());
    other.tell().unwrap();
    if db.url().sqlite_path().is_none() {
        // Nothing was committed, so that asking tells nothing.
        looks_until_it_notices(&mut watch);
    }
}
