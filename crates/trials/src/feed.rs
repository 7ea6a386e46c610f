//! Follow the change feed while everything is written and a server is killed: what has come of
//! it must be what the database holds.
//!
//! The followers are what an embedder would write with the domain's own types: each begins at
//! 0, applies every change to a model in memory, and connects again, to whatever server there
//! is, when its connection is gone.

mod follower;
mod replica;

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use tenantry_storage::testing::cluster::Cluster;

use self::follower::{Follower, Way};
use crate::{
    checker::{self, Server},
    crash::Database,
    evidence::{self, Place},
    node::Node,
    world::World,
};

/// How many write at once.
const WRITERS: u64 = 8;

/// How long the followers may take for what was written last.
const LAST: Duration = Duration::from_mins(1);

/// The key that the servers of a trial share.
const MASTER_KEY: &str = "dHJpYWxzIHRyaWFscyB0cmlhbHMgdHJpYWxzIDEyMzQ=";

/// A trial of the feed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server.
    pub binary: PathBuf,
    /// On which database: with one server on SQLite, two on PostgreSQL.
    pub database: Database,
    /// How long to write; a server is killed at each quarter of it.
    pub length: Duration,
    /// What chance begins with.
    pub seed: u64,
}

/// How a trial has ended.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many changes there were at the end.
    pub changes: i64,
    /// How often followers had to connect.
    pub connections: usize,
    /// How many tenants and clients there were at the end.
    pub left: usize,
    /// Everything that must not be.
    pub violations: Vec<String>,
}

/// Holds a trial, and tells how it goes. `None` where there is no PostgreSQL to be had.
pub fn run(plan: &Plan, say: &mut dyn FnMut(&str)) -> Option<Report> {
    let cluster = match plan.database {
        Database::Sqlite => None,
        Database::Postgres => Some(Cluster::start()?),
    };
    let url = cluster.as_ref().map(Cluster::url);
    let servers = if url.is_some() { 2 } else { 1 };
    let mut nodes: Vec<_> = (0..servers)
        .map(|_| {
            let mut node = Node::new(&plan.binary, url.as_deref());
            node.set("TENANTRY_MASTER_KEY", MASTER_KEY);
            node.set("TENANTRY_STREAM_HEARTBEAT", "1");
            node.start();
            node
        })
        .collect();
    let place = match url {
        Some(url) => Place::Postgres(url),
        None => Place::Sqlite(nodes[0].data_directory().join("tenantry.db")),
    };
    let world = World::new(nodes[0].http(), plan.seed);
    world.go_on_with_all(nodes.iter().map(Node::http).collect());
    let end = AtomicBool::new(false);
    let followers = thread::scope(|scope| {
        let ways = [Way::Stream, Way::Stream, Way::Poll];
        let running = ways.map(|way| {
            let (world, end) = (&world, &end);
            scope.spawn(move || Follower::new(way).follow(world, end))
        });
        write_and_kill(plan, &mut nodes, &world, say);
        world.settle();
        end.store(true, Ordering::Relaxed);
        running.map(|one| one.join().unwrap_or_default())
    });
    let evidence = evidence::gather(&world, &place);
    let mut report = Report {
        changes: evidence.changes.last().map_or(0, |last| last.sequence),
        connections: followers.iter().map(|one| one.connections).sum(),
        left: evidence.tenants.len() + evidence.clients.len(),
        violations: checker::violations(&evidence, Server::Dies),
    };
    for follower in followers {
        let name = format!("{:?}", follower.way);
        let told = follower.complaints.into_iter();
        let wrong = follower.replica.compare(&evidence).into_iter();
        let all = told.chain(wrong).map(|text| format!("{name}: {text}"));
        report.violations.extend(all);
    }
    say(&format!(
        "{} changes were followed over {} connections to {} tenants and clients, {} violations",
        report.changes,
        report.connections,
        report.left,
        report.violations.len()
    ));
    Some(report)
}

fn write_and_kill(plan: &Plan, nodes: &mut [Node], world: &World, say: &mut dyn FnMut(&str)) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| world.run(WRITERS, &stop));
        for quarter in 0..4 {
            // The point is to write for so long, not to wait for something.
            thread::sleep(plan.length / 4);
            if quarter == 3 {
                break;
            }
            let victim = quarter % nodes.len();
            nodes[victim].kill();
            say(&format!(
                "server {victim} was killed after {} acknowledged requests",
                world.acknowledged()
            ));
            nodes[victim].start();
            world.go_on_with_all(nodes.iter().map(Node::http).collect());
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// Whether a follower has had time enough for the last changes.
fn is_late(since: Option<Instant>) -> bool {
    since.is_some_and(|since| since.elapsed() > LAST)
}
