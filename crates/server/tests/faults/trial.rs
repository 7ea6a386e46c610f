//! A server at work on a database that a test does harm to.

use std::{
    cell::RefCell,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use tenantry_storage::testing::cluster::Cluster;
use tenantry_trials::{
    checker::{self, Server},
    evidence::{self, Place},
    history::{Attempt, Outcome},
    http::{Answer, Request},
    node::Node,
    world::World,
};

/// The server under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_tenantry");

/// How many ask at once.
const WRITERS: u64 = 6;

/// How long a server may take until it works again, on a machine that is busy with
/// other tests.
const PATIENCE: Duration = Duration::from_mins(2);

/// A server at work.
pub(crate) struct Trial {
    node: Node,
    pub(crate) world: World,
}

/// The time of an outage, by the world's own counting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    from: u64,
    to: u64,
}

/// Tells writers to stop, also where a test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Trial {
    /// Starts a server on the database at that URL.
    pub(crate) fn on(url: &str) -> Self {
        let mut node = Node::new(BINARY.as_ref(), Some(url));
        node.start();
        let world = World::new(node.http(), u64::from(std::process::id()));
        Self { node, world }
    }

    /// Lets writers work while `harm` is done, and until the server works again by
    /// itself; then everything that was answered must be so, in the database that is there.
    pub(crate) fn survives<T>(&self, place: &Cluster, harm: impl FnOnce(&Self) -> T) -> T {
        let result = self.work_during(harm);
        self.check(place);
        result
    }

    /// The same where `harm` needs the cluster for itself.
    pub(crate) fn survives_with<T>(
        &self,
        place: &RefCell<Cluster>,
        harm: impl FnOnce(&Self) -> T,
    ) -> T {
        let result = self.work_during(harm);
        self.check(&place.borrow());
        result
    }

    fn work_during<T>(&self, harm: impl FnOnce(&Self) -> T) -> T {
        let stop = AtomicBool::new(false);
        let id = self.node.id();
        let result = thread::scope(|scope| {
            let stopping = Stop(&stop);
            scope.spawn(|| self.world.run(WRITERS, &stop));
            self.wait_for_acknowledged();
            let result = harm(self);
            self.wait_for_acknowledged();
            drop(stopping);
            result
        });
        assert_eq!(self.node.id(), id, "it was not started anew");
        result
    }

    pub(crate) fn wait_for_acknowledged(&self) {
        let goal = self.world.acknowledged() + 30;
        self.wait("the server does not work", || {
            self.world.acknowledged() >= goal
        });
    }

    fn wait(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            let log = || {
                self.node
                    .log()
                    .lines()
                    .rev()
                    .take(40)
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            assert!(begun.elapsed() < PATIENCE, "{what}\n{}", log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until that many requests which began after that instant were answered as
    /// wanted.
    fn wait_for(&self, from: u64, count: usize, wanted: impl Fn(&Attempt) -> bool) {
        self.wait("too few are answered so", || {
            let attempts = self.world.attempts();
            let answered = attempts
                .iter()
                .filter(|one| one.began > from && wanted(one));
            answered.count() >= count
        });
    }

    /// Watches an outage that has begun: everything that needs the database is
    /// refused and the rest is answered. Gives its time.
    pub(crate) fn watch_outage(&self) -> Window {
        let from = self.world.tick();
        let ready = self.get("/readyz");
        assert_eq!(ready.status, 503, "{ready:?}");
        assert!(ready.retry_after.is_some(), "{ready:?}");
        assert_eq!(ready.json()["status"], "unavailable", "{ready:?}");
        let reason = ready.json()["reason"].as_str().unwrap().to_owned();
        assert!(!reason.is_empty(), "{ready:?}");
        self.assert_alive();
        self.wait_for(from, 15, refused);
        self.assert_alive();
        let to = self.world.tick();
        Window { from, to }
    }

    /// Waits for that many requests that change something and are refused.
    pub(crate) fn watch_refused_writes(&self, count: usize) -> Window {
        let from = self.world.tick();
        self.wait_for(from, count, |one| one.writes() && refused(one));
        self.assert_alive();
        let to = self.world.tick();
        Window { from, to }
    }

    /// What needs no database is answered as ever.
    fn assert_alive(&self) {
        for path in [
            "/livez",
            "/metrics",
            "/.well-known/jwks.json",
            "/.well-known/oauth-authorization-server",
            "/.well-known/openid-configuration",
        ] {
            let answer = self.get(path);
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
        }
    }

    /// A new signing key, made at the command line, reaches the server by itself.
    pub(crate) fn hears_of_a_new_key(&self) {
        let made = self.node.run(&["key", "rotate", "--output", "json"]);
        let made: serde_json::Value = serde_json::from_str(&made.unwrap()).unwrap();
        let kid = made["kid"].as_str().unwrap().to_owned();
        self.wait("the new key is not listed", || {
            self.get("/.well-known/jwks.json")
                .json()
                .to_string()
                .contains(&kid)
        });
    }

    /// The server ends when it is asked to.
    pub(crate) fn stops(&mut self) {
        assert!(self.node.stop(), "{}", self.node.log());
    }

    /// The server starts again, and is ready.
    pub(crate) fn starts_again(&mut self) {
        self.node.start();
        self.world.go_on_with(self.node.http());
        self.wait("it is not ready", || self.get("/readyz").status == 200);
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        let answer = self.world.http().send(&Request::new("GET", path));
        answer.unwrap_or_else(|none| panic!("{path}: {none:?}"))
    }

    /// Asks the same as a client that may.
    pub(crate) fn read(&self, path: &str) -> Answer {
        let request = Request::new("GET", path).by(&self.world.bearer());
        let answer = self.world.http().send(&request);
        answer.unwrap_or_else(|none| panic!("{path}: {none:?}"))
    }

    /// What began and ended within that time.
    pub(crate) fn within(&self, window: Window) -> Vec<Attempt> {
        let mut attempts = self.world.attempts();
        attempts.retain(|one| one.began > window.from && one.ended < window.to);
        attempts
    }

    /// Everything that began and ended within that time was refused.
    pub(crate) fn assert_nothing_answered(&self, window: Window) {
        for attempt in self.within(window) {
            assert!(refused(&attempt), "{attempt:?}");
        }
    }

    fn check(&self, place: &Cluster) {
        self.wait("it is not ready", || self.get("/readyz").status == 200);
        self.world.settle();
        let evidence = evidence::gather(&self.world, &Place::Postgres(place.url()));
        let violations = checker::violations(&evidence, Server::Lives);
        assert!(violations.is_empty(), "{}", violations.join("\n"));
        let log = self.node.log();
        assert!(!log.contains("panic"), "{log}");
    }
}

/// Whether it was answered 503, as what can be tried again should.
fn refused(attempt: &Attempt) -> bool {
    matches!(attempt.outcome, Outcome::Unavailable | Outcome::Unknown)
}
