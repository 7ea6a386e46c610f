//! Kill, restart, check, and again.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use tenantry_storage::testing::cluster::Cluster;

use crate::{
    checker::{self, Server},
    evidence::{self, Place},
    history::{Attempt, Outcome},
    node::Node,
    world::World,
};

/// How many write at once.
const WRITERS: u64 = 6;

/// How many requests must have been acknowledged before a kill, so that there is something
/// to lose.
const AT_LEAST: usize = 40;

/// A trial by crashes.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server.
    pub binary: PathBuf,
    /// On which database.
    pub database: Database,
    /// How often it is killed.
    pub kills: u32,
    /// What chance begins with.
    pub seed: u64,
}

/// Which database the server works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite,
    /// A server of its own.
    Postgres,
}

/// How a trial has ended.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many requests were sent.
    pub requests: usize,
    /// How many of them were acknowledged.
    pub acknowledged: usize,
    /// Of how many the outcome was not known.
    pub open: usize,
    /// How many change records there were at the end.
    pub changes: usize,
    /// How often what was acknowledged: where something is missing that was asked for
    /// often enough, its writer is wrong.
    pub kinds: BTreeMap<&'static str, usize>,
    /// Everything that must not be.
    pub violations: Vec<String>,
}

/// Holds a trial, and tells how it goes. It ends with the first check that finds anything.
/// `None` where there is no PostgreSQL to be had.
pub fn run(plan: &Plan, say: &mut dyn FnMut(&str)) -> Option<Report> {
    let cluster = match plan.database {
        Database::Sqlite => None,
        Database::Postgres => Some(Cluster::start()?),
    };
    let url = cluster.as_ref().map(Cluster::url);
    let mut node = Node::new(&plan.binary, url.as_deref());
    let place = match url {
        Some(url) => Place::Postgres(url),
        None => Place::Sqlite(node.data_directory().join("tenantry.db")),
    };
    let mut rng = fastrand::Rng::with_seed(plan.seed);
    node.start();
    let world = World::new(node.http(), plan.seed);
    let mut report = Report::default();
    for kill in 1..=plan.kills {
        kill_in_the_middle(&mut node, &world, &mut rng);
        if rng.u8(..4) == 0 {
            node.start_and_kill(Duration::from_millis(rng.u64(..400)));
        }
        node.start();
        world.go_on_with(node.http());
        world.settle();
        let evidence = evidence::gather(&world, &place);
        report = Report {
            requests: evidence.attempts.len(),
            acknowledged: world.acknowledged(),
            open: evidence
                .attempts
                .iter()
                .filter(|one| one.writes() && one.outcome.leaves_open())
                .count(),
            changes: evidence.changes.len(),
            kinds: kinds(&evidence.attempts),
            violations: checker::violations(&evidence, Server::Dies),
        };
        say(&format!(
            "kill {kill} of {}: {} requests, {} acknowledged, {} changes of open outcome, {} change records, {} violations",
            plan.kills,
            report.requests,
            report.acknowledged,
            report.open,
            report.changes,
            report.violations.len(),
        ));
        if !report.violations.is_empty() {
            break;
        }
    }
    Some(report)
}

fn kinds(attempts: &[Attempt]) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for attempt in attempts {
        let acknowledged = attempt.outcome == Outcome::Acknowledged;
        *kinds.entry(attempt.what).or_default() += usize::from(acknowledged);
    }
    kinds
}

fn kill_in_the_middle(node: &mut Node, world: &World, rng: &mut fastrand::Rng) {
    let goal = world.acknowledged() + AT_LEAST;
    let moment = Duration::from_millis(rng.u64(30..900));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| world.run(WRITERS, &stop));
        // The point is to hit different moments, not to wait for one.
        thread::sleep(moment);
        while world.acknowledged() < goal && !gives_up(world) {
            thread::sleep(Duration::from_millis(1));
        }
        node.kill();
        stop.store(true, Ordering::Relaxed);
    });
}

/// Whether requests fail for another reason than a kill.
fn gives_up(world: &World) -> bool {
    let attempts = world.attempts();
    let newest = attempts.iter().rev().take(200);
    attempts.len() > 200 && newest.clone().all(|one| one.outcome == Outcome::Lost)
}
