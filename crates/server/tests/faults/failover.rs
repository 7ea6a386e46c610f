//! A primary and a standby that every commit waits for.

use tenantry_storage::testing::cluster::Cluster;
use tenantry_trials::history::{Attempt, Outcome};

use crate::trial::Trial;

/// A primary and its synchronous standby.
fn pair() -> Option<(Cluster, Cluster)> {
    let primary = Cluster::start()?;
    let standby = primary.standby();
    primary.wait_for_standby();
    Some((primary, standby))
}

/// Loses the primary, and promotes the standby. The lost one stays the first that the
/// server tries, and the server works, stops and starts all the same.
fn failover(lose: impl FnOnce(&mut Cluster)) {
    let Some((mut primary, standby)) = pair() else {
        return;
    };
    let mut trial = Trial::on(&Cluster::url_of_all(&[&primary, &standby]));
    let window = trial.survives(&standby, |trial| {
        lose(&mut primary);
        let window = trial.watch_outage();
        standby.promote();
        window
    });
    trial.assert_nothing_answered(window);
    trial.hears_of_a_new_key();
    trial.stops();
    trial.starts_again();
}

#[test]
fn a_primary_that_is_lost() {
    failover(Cluster::kill);
}

/// Its machine goes on acknowledging what it is sent, for ever.
#[test]
fn a_primary_that_is_frozen_for_ever() {
    failover(|primary| primary.freeze());
}

/// A commit waits for the standby, longer than its caller: nobody can say how it will end,
/// and nobody may cancel it. Reading goes on.
#[test]
fn a_standby_that_is_frozen() {
    let Some((primary, standby)) = pair() else {
        return;
    };
    let trial = Trial::on(&primary.url());
    // Units queue, so one commit waits for the standby. It may be one in which the server
    // stores events or uses: nobody is told of that. Then it is tried again.
    let is_open = |one: &Attempt| one.outcome == Outcome::Unknown;
    let window = trial.survives(&primary, |trial| {
        for _ in 0..5 {
            standby.freeze();
            let window = trial.watch_refused_writes(12);
            let ready = trial.get("/readyz");
            assert_eq!(ready.status, 200, "{ready:?}");
            let read = trial.read("/v1/tenants?limit=1");
            assert_eq!(read.status, 200, "{read:?}");
            standby.thaw();
            if trial.world.attempts().iter().any(is_open) {
                return window;
            }
            trial.wait_for_acknowledged();
        }
        panic!("no caller is told that the outcome is unknown");
    });
    let within = trial.within(window);
    let is_done = |one: &Attempt| one.writes() && one.outcome == Outcome::Acknowledged;
    assert!(!within.iter().any(is_done), "{within:?}");
}
