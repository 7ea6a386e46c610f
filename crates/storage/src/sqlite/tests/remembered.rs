//! What connections remember, and when they forget it.

use diesel::connection::SimpleConnection;
use tempfile::TempDir;
use tenantry_domain::{
    port::{Snapshot, State},
    testing as example,
};

use super::{Backend, at, migrated, open, options, seed};

/// A database, and the same as another process sees it.
fn two_of_one(directory: &TempDir) -> (Backend, Backend) {
    let one = migrated(directory);
    seed(&one);
    let path = at(directory);
    (one, open(&path, &options(&path)).unwrap())
}

/// Snapshots on all connections of which some are taken at once.
fn all(backend: &Backend) -> Vec<Box<dyn Snapshot>> {
    std::iter::from_fn(|| backend.snapshot_at_once()).collect()
}

fn name(snapshot: &mut dyn Snapshot) -> String {
    let found = snapshot.environments().by_id(example::environment().id);
    found.unwrap().unwrap().name.as_str().to_owned()
}

fn rename(backend: &Backend, name: &str) {
    backend
        .with_writer(|conn| conn.batch_execute(&format!("UPDATE environments SET name = '{name}'")))
        .unwrap();
}

fn state(snapshot: &mut dyn Snapshot) -> State {
    snapshot.state().unwrap()
}

#[test]
fn nothing_that_is_remembered_outlives_a_commit() {
    let directory = tempfile::tempdir().unwrap();
    let (own, other) = two_of_one(&directory);
    for (round, writer) in [&own, &other, &own, &other].into_iter().enumerate() {
        let new = format!("name {round}");
        rename(writer, &new);
        for _ in 0..2 {
            let mut snapshots = all(&own);
            assert!(!snapshots.is_empty());
            for snapshot in &mut snapshots {
                assert_eq!(name(&mut **snapshot), new);
                assert_eq!(name(&mut **snapshot), new, "remembered");
            }
        }
    }
}

#[test]
fn a_snapshot_sees_one_state_whatever_it_remembers() {
    let directory = tempfile::tempdir().unwrap();
    let (own, other) = two_of_one(&directory);
    rename(&own, "old");
    let mut snapshots = all(&own);
    rename(&other, "new");
    for snapshot in &mut snapshots {
        assert_eq!(name(&mut **snapshot), "old");
    }
    drop(snapshots);
    for snapshot in &mut all(&own) {
        assert_eq!(name(&mut **snapshot), "new");
    }
}

#[test]
fn a_state_has_its_name_until_somebody_commits() {
    let directory = tempfile::tempdir().unwrap();
    let (own, other) = two_of_one(&directory);
    let states = |backend: &Backend| -> Vec<State> {
        let mut states: Vec<_> = all(backend)
            .iter_mut()
            .map(|one| state(&mut **one))
            .collect();
        states.sort_by_key(|state| state.reader);
        states
    };
    let before = states(&own);
    assert_eq!(states(&own), before);
    for (writer, new) in [(&own, "another name"), (&other, "a third one")] {
        let before = states(&own);
        rename(writer, new);
        let after = states(&own);
        assert_eq!(after.len(), before.len());
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before.reader, after.reader);
            assert_ne!(before.version, after.version);
        }
    }
    for (one, another) in states(&own).iter().zip(states(&other)) {
        assert_ne!(one.reader, another.reader);
    }
    assert!(own.snapshot().unwrap().state().is_none());
}
