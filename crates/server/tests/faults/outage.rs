//! One database, which goes away and comes back.

use std::{cell::RefCell, thread, time::Duration};

use tenantry_storage::testing::cluster::{Cluster, Stop};
use tenantry_trials::history::Outcome;

use crate::trial::Trial;

/// Lets the database go away and come back under a server at work.
fn outage(away: impl FnOnce(&mut Cluster), back: impl FnOnce(&mut Cluster)) {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let trial = Trial::on(&cluster.url());
    let cluster = RefCell::new(cluster);
    let window = trial.survives_with(&cluster, |trial| {
        away(&mut cluster.borrow_mut());
        let window = trial.watch_outage();
        back(&mut cluster.borrow_mut());
        window
    });
    trial.assert_nothing_answered(window);
}

#[test]
fn a_database_that_is_stopped_and_started() {
    outage(|db| db.stop(Stop::Fast), Cluster::start_again);
}

#[test]
fn a_database_that_ends_at_once_and_recovers() {
    outage(|db| db.stop(Stop::Immediate), Cluster::start_again);
}

#[test]
fn a_database_whose_processes_are_killed() {
    outage(Cluster::kill, Cluster::start_again);
}

#[test]
fn a_database_that_is_frozen_and_thawed() {
    outage(|db| db.freeze(), |db| db.thaw());
}

#[test]
fn a_database_that_is_frozen_and_never_thawed() {
    outage(
        |db| db.freeze(),
        |db| {
            db.kill();
            db.start_again();
        },
    );
}

#[test]
fn a_server_stops_while_its_database_is_frozen() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let mut trial = Trial::on(&cluster.url());
    // It has something to store at its end: when the client of this token was used.
    trial.world.bearer();
    cluster.freeze();
    assert_eq!(trial.get("/readyz").status, 503);
    trial.stops();
    cluster.thaw();
}

#[test]
fn sessions_that_are_ended_again_and_again() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let trial = Trial::on(&cluster.url());
    trial.survives(&cluster, |_| {
        for _ in 0..30 {
            cluster.end_sessions();
            // At any moment of a session's work, not at one that could be waited for.
            thread::sleep(Duration::from_millis(fastrand::u64(1..150)));
        }
    });
}

#[test]
fn a_pool_that_slow_queries_exhaust() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let trial = Trial::on(&cluster.url());
    let window = trial.survives(&cluster, |trial| {
        let lock = cluster.hold("LOCK TABLE tenants, clients, system_accounts");
        let window = trial.watch_refused_writes(15);
        drop(lock);
        window
    });
    trial.assert_nothing_answered(window);
}

#[test]
fn a_full_disk() {
    let Some(cluster) = Cluster::start_on_small_disk(90) else {
        return;
    };
    let trial = Trial::on(&cluster.url());
    let cluster = RefCell::new(cluster);
    let window = trial.survives_with(&cluster, |trial| {
        cluster.borrow().fill_disk();
        let window = trial.watch_refused_writes(20);
        cluster.borrow_mut().free_disk();
        window
    });
    let refused = trial.within(window);
    let refused = refused
        .iter()
        .filter(|one| one.outcome == Outcome::Unavailable);
    assert!(refused.count() > 0);
}
