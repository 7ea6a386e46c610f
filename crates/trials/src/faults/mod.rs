//! Every system call of every kind of change fails once, or is the last one of its process.
//!
//! A step of the [scenario] is taken again and again; the first time its first call fails, then its second,
//! until one goes through without having met the fault. After each the server works again by itself, or by being
//! started again where it was killed; and in the end everything that was answered must be so.

mod scenario;

use std::path::PathBuf;

use tenantry_storage::testing::cluster::Cluster;

use self::scenario::{Moment, STEPS, Step};
use crate::{
    checker::{self, Server},
    crash::Database,
    evidence::{self, Place},
    history::{Attempt, Outcome},
    node::Node,
    shim::{Calls, Errno, Fault, How},
    world::World,
};

/// More calls than any change makes. Whoever comes so far meets the calls of something else.
const ENOUGH: u64 = 600;

/// A trial by faults.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server.
    pub binary: PathBuf,
    /// On which database.
    pub database: Database,
    /// What befalls it.
    pub harm: Harm,
    /// Whether every call has its turn. Otherwise one of each step has, for each kind of fault, chosen by chance.
    pub thorough: bool,
    /// What chance begins with.
    pub seed: u64,
}

/// What befalls a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Its calls fail.
    Errors,
    /// It is killed.
    Kills,
}

/// How a trial has ended.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many faults were met.
    pub met: usize,
    /// How many requests were sent.
    pub requests: usize,
    /// How many were answered with how what.
    pub outcomes: std::collections::BTreeMap<String, usize>,
    /// Everything that must not be.
    pub violations: Vec<String>,
}

/// Which faults there are.
fn faults(database: Database, harm: Harm) -> Vec<Fault> {
    let fault = |calls, how, error, lasting| Fault {
        calls,
        how,
        error,
        lasting,
    };
    match (database, harm) {
        (Database::Sqlite, Harm::Errors) => vec![
            fault(Calls::DISK, How::Fail, Errno::Io, false),
            fault(Calls::DISK, How::Fail, Errno::Full, false),
            fault(Calls::DISK, How::FailAfter, Errno::Io, false),
            fault(Calls::DISK, How::Fail, Errno::Io, true),
            fault(Calls::DISK, How::FailHalf, Errno::Full, true),
            fault(Calls::SYNC, How::FailAfter, Errno::Io, true),
            fault(Calls::READ, How::Fail, Errno::Stale, false),
        ],
        (Database::Sqlite, Harm::Kills) => vec![
            fault(Calls::DISK, How::KillBefore, Errno::Io, false),
            fault(Calls::DISK, How::KillHalf, Errno::Io, false),
            fault(Calls::DISK, How::KillAfter, Errno::Io, false),
        ],
        (Database::Postgres, Harm::Errors) => vec![
            fault(Calls::NETWORK, How::Fail, Errno::Reset, false),
            fault(Calls::SEND, How::FailAfter, Errno::Reset, false),
            fault(Calls::SEND, How::FailHalf, Errno::Reset, true),
            fault(Calls::NETWORK, How::Fail, Errno::Reset, true),
        ],
        (Database::Postgres, Harm::Kills) => vec![
            fault(Calls::SEND, How::KillBefore, Errno::Reset, false),
            fault(Calls::SEND, How::KillHalf, Errno::Reset, false),
            fault(Calls::SEND, How::KillAfter, Errno::Reset, false),
        ],
    }
}

/// Holds a trial, and tells how it goes. `None` where there is no PostgreSQL to be had.
pub fn run(plan: &Plan, say: &mut dyn FnMut(&str)) -> Option<Report> {
    let cluster = match plan.database {
        Database::Sqlite => None,
        Database::Postgres => Some(Cluster::start()?),
    };
    let url = cluster.as_ref().map(Cluster::url);
    let mut node = Node::new(&plan.binary, url.as_deref());
    node.put_under_faults();
    if let Some(cluster) = &cluster {
        node.faults().watch_port(cluster.port());
    }
    let place = match url {
        Some(url) => Place::Postgres(url),
        None => Place::Sqlite(node.data_directory().join("tenantry.db")),
    };
    node.start();
    let world = World::new(node.http(), plan.seed);
    let mut trial = Trial {
        plan,
        node,
        world,
        place,
        rng: fastrand::Rng::with_seed(plan.seed),
        calls: Vec::new(),
        course: Vec::new(),
        report: Report::default(),
    };
    for fault in faults(plan.database, plan.harm) {
        let before = trial.report.met;
        for step in STEPS {
            trial.take(*step, fault);
        }
        trial.look();
        say(&format!(
            "{fault:?}: met {} times, {} violations so far",
            trial.report.met - before,
            trial.report.violations.len()
        ));
        if !trial.report.violations.is_empty() {
            break;
        }
    }
    Some(trial.end())
}

struct Trial<'a> {
    plan: &'a Plan,
    node: Node,
    world: World,
    place: Place,
    rng: fastrand::Rng,
    /// How many calls steps make.
    calls: Vec<((&'static str, Calls), u64)>,
    /// What was done to whom, by the ids of requests.
    course: Vec<(String, String)>,
    report: Report,
}

impl Trial<'_> {
    /// Takes a step until it goes through without having met the fault, or once with one call of it.
    fn take(&mut self, step: Step, fault: Fault) {
        if !self.plan.thorough {
            let calls = self.calls_of(step, fault);
            if calls > 0 {
                let nth = self.rng.u64(1..=calls);
                self.take_once(step, fault, nth);
            }
            return;
        }
        for nth in 1..ENOUGH {
            if !self.take_once(step, fault, nth) {
                return;
            }
        }
    }

    /// How many calls a step makes that a fault could befall.
    fn calls_of(&mut self, step: Step, fault: Fault) -> u64 {
        let key = (step.name, fault.calls);
        if let Some((_, calls)) = self.calls.iter().find(|(known, _)| *known == key) {
            return *calls;
        }
        self.take_once(step, fault, 0);
        let calls = self.node.faults().count();
        self.calls.push((key, calls));
        calls
    }

    /// Takes a step with a fault at its n-th call; whether it was met.
    fn take_once(&mut self, step: Step, fault: Fault, nth: u64) -> bool {
        let before = self.world.attempts().len();
        let moment = Moment::new(self.node.faults(), fault, nth);
        let afterwards = step.run(&self.world, &moment);
        let was_met = moment.was_met();
        let of_this = self.world.attempts().split_off(before);
        if self.plan.harm == Harm::Kills && was_met {
            self.node.kill();
            self.node.start();
            self.world.go_on_with(self.node.http());
        }
        let found = afterwards(&self.world);
        self.note(step, fault, nth, &of_this, found);
        self.report.met += usize::from(was_met);
        was_met
    }

    fn note(
        &mut self,
        step: Step,
        fault: Fault,
        nth: u64,
        attempts: &[Attempt],
        found: Vec<String>,
    ) {
        let what = format!("{}, call {nth}: {fault:?}", step.name);
        for complaint in found {
            self.report.violations.push(format!("{complaint} [{what}]"));
        }
        for attempt in attempts {
            if matches!(attempt.outcome, Outcome::Broken(_) | Outcome::Hung) {
                let log = self.node.log();
                let told = log
                    .lines()
                    .filter(|line| line.contains(&attempt.request_id));
                let told: Vec<_> = told.collect();
                self.report.violations.push(format!("{what}: {told:#?}"));
            }
            self.course.push((attempt.request_id.clone(), what.clone()));
        }
    }

    /// Holds what is there against what was answered: as the server goes on, and as it starts again.
    fn look(&mut self) {
        self.check();
        self.node.kill();
        self.node.start();
        self.world.go_on_with(self.node.http());
        self.check();
    }

    fn check(&mut self) {
        self.world.settle();
        let evidence = evidence::gather(&self.world, &self.place);
        let server = match self.plan.harm {
            Harm::Errors => Server::Lives,
            Harm::Kills => Server::Dies,
        };
        for violation in checker::violations(&evidence, server) {
            let is_of = |(id, _): &&(String, String)| violation.contains(&format!("{id})"));
            let cause = self
                .course
                .iter()
                .find(is_of)
                .map(|(_, what)| what.as_str());
            let line = format!("{violation} [{}]", cause.unwrap_or("?"));
            self.report.violations.push(line);
        }
    }

    fn end(mut self) -> Report {
        let log = self.node.log();
        if let Some(line) = log.lines().find(|line| line.contains("panic")) {
            self.report.violations.push(line.to_owned());
        }
        let attempts = self.world.attempts();
        self.report.requests = attempts.len();
        for attempt in &attempts {
            let outcome = format!("{:?}", attempt.outcome);
            *self.report.outcomes.entry(outcome).or_default() += 1;
        }
        self.report
    }
}
