//! Concurrent histories of one tenant's version, and whether they are linearizable.
//!
//! Several clients change one tenant and read it, at the same time and through both families. A
//! history is what they asked for and were answered, with the instants at which they began and
//! ended. It is linearizable if each request can be given one instant between the two at which it
//! took effect, such that a register of a version and a value, asked for the same things in that
//! order, gives the same answers (Herlihy and Wing, 1990). [`check`] searches for such an order, and
//! tells the shortest prefix of answers that has none.

use std::{collections::HashSet, sync::Mutex, thread, time::Instant};

use serde_json::{Value, json};

use crate::{
    http::{Answer, Credential, Http, NoAnswer, Request},
    node::{Node, unable},
};

#[cfg(test)]
mod tests;

/// How many work on one tenant at once.
const CLIENTS: usize = 5;

/// How many requests each of them sends.
const REQUESTS: usize = 12;

/// What one client asked for, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// When it was sent, on a clock that all clients share.
    pub began: u64,
    /// When its answer was there.
    pub ended: u64,
    /// What it was.
    pub kind: Kind,
}

/// What is done to the register, with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The version and the value were read.
    Read {
        /// The version that was seen.
        version: i64,
        /// The value that was seen.
        value: u64,
    },
    /// The value was to be written from one version on.
    WriteFrom {
        /// The version that it named.
        version: i64,
        /// What it was to write.
        value: u64,
        /// Whether it was told that it has.
        done: Done,
    },
    /// The value was to be written whatever the version.
    Write {
        /// What it was to write.
        value: u64,
        /// The version that it was told to have made; `None` where no answer came.
        made: Option<i64>,
    },
}

/// How a conditional write was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It was made.
    Yes,
    /// The version was another one.
    No,
    /// There was no answer, or one that leaves it open.
    Unknown,
}

/// The register: the version and the value that was written last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Register {
    /// The version.
    pub version: i64,
    /// The value.
    pub value: u64,
}

impl Register {
    /// What is there after an operation, if it could have been answered as it was.
    fn after(self, kind: &Kind) -> Option<Self> {
        let next = |value| Self {
            version: self.version + 1,
            value,
        };
        match *kind {
            Kind::Read { version, value } => (self == Self { version, value }).then_some(self),
            Kind::WriteFrom {
                version,
                value,
                done,
            } => {
                let fits = self.version == version;
                match done {
                    Done::Yes => fits.then(|| next(value)),
                    Done::No => (!fits).then_some(self),
                    // It has its effect here, or none at all.
                    Done::Unknown => Some(if fits { next(value) } else { self }),
                }
            }
            Kind::Write { value, made } => {
                let after = next(value);
                made.is_none_or(|made| made == after.version)
                    .then_some(after)
            }
        }
    }
}

impl Operation {
    /// Whether nobody knows if it was done, so that it may be done later than its end, or never.
    fn is_open(&self) -> bool {
        matches!(
            self.kind,
            Kind::WriteFrom {
                done: Done::Unknown,
                ..
            } | Kind::Write { made: None, .. }
        )
    }
}

/// Whether there is an order in which one register answers all of it; where there is none, the
/// operations that fit in no order that was found to go furthest.
pub fn check(first: Register, history: &[Operation]) -> Result<(), Vec<Operation>> {
    assert!(history.len() <= 128, "a history is a set of 128 bits");
    let must: u128 = bits(history, |operation| !operation.is_open());
    let mut seen = HashSet::new();
    let mut best = 0_u128;
    let mut open = vec![(0_u128, first)];
    while let Some((done, register)) = open.pop() {
        if done & must == must {
            return Ok(());
        }
        if (done & must).count_ones() > (best & must).count_ones() {
            best = done;
        }
        // Nothing that has begun after another's end can come before that one.
        let rest = |at: usize| done & (1 << at) == 0;
        let bound = (0..history.len())
            .filter(|&at| rest(at) && !history[at].is_open())
            .map(|at| history[at].ended)
            .min()
            .unwrap_or(u64::MAX);
        for at in (0..history.len()).filter(|&at| rest(at) && history[at].began <= bound) {
            let Some(after) = register.after(&history[at].kind) else {
                continue;
            };
            let next = (done | 1 << at, after);
            if seen.insert(next) {
                open.push(next);
            }
        }
    }
    let left = |(at, _): &(usize, &Operation)| best & (1 << at) == 0;
    let left = history.iter().enumerate().filter(left);
    Err(left.map(|(_, operation)| operation.clone()).collect())
}

fn bits(history: &[Operation], is: impl Fn(&Operation) -> bool) -> u128 {
    let places = history.iter().enumerate();
    let set = places.filter(|(_, operation)| is(operation));
    set.fold(0, |bits, (at, _)| bits | 1 << at)
}

/// Has several clients change and read one new tenant, at servers of one database; gives the
/// history, and the register as it was before.
pub fn record(servers: &[Http], token: &Credential, seed: u64) -> (Register, Vec<Operation>) {
    let made = Request::new("POST", "/system/tenants")
        .by(&Node::account())
        .json(&json!({"version": 1, "data": {"value": 0}}));
    let made = servers[0].send(&made).map(|answer| answer.json());
    let id = made.as_ref().ok().and_then(|made| made["uuid"].as_str());
    let Some(id) = id else {
        unable(&format!("no tenant to work on: {made:?}"));
    };
    let history = Mutex::new(Vec::new());
    let clock = Instant::now();
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let history = &history;
            let mut client = Client {
                http: servers[number % servers.len()].clone(),
                token: token.clone(),
                id: id.to_owned(),
                rng: fastrand::Rng::with_seed(seed ^ (number as u64).wrapping_mul(0x9e37_79b9)),
                version: 1,
                next: number as u64 * 1000 + 1,
            };
            scope.spawn(move || {
                for _ in 0..REQUESTS {
                    let began = nanoseconds(clock);
                    let kind = client.ask();
                    let ended = nanoseconds(clock);
                    let operation = Operation { began, ended, kind };
                    if let Ok(mut all) = history.lock() {
                        all.push(operation);
                    }
                }
            });
        }
    });
    let first = Register {
        version: 1,
        value: 0,
    };
    (first, history.into_inner().unwrap_or_default())
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// One of those who work on the tenant.
struct Client {
    http: Http,
    token: Credential,
    id: String,
    rng: fastrand::Rng,
    /// The version that it has seen last.
    version: i64,
    /// What it writes next; nobody else writes it.
    next: u64,
}

impl Client {
    fn ask(&mut self) -> Kind {
        match self.rng.u8(..10) {
            0..3 => self.read(),
            3..6 => self.put(),
            6..8 => self.patch_if(),
            _ => self.patch(),
        }
    }

    fn read(&mut self) -> Kind {
        let (path, by) = if self.rng.bool() {
            ("/system/tenants", Node::account())
        } else {
            ("/v1/tenants", self.token.clone())
        };
        let request = Request::new("GET", format!("{path}/{}", self.id)).by(&by);
        match self.http.send(&request) {
            Ok(answer) if answer.status == 200 => {
                let shown = answer.json();
                self.version = shown["version"].as_i64().unwrap_or_default();
                Kind::Read {
                    version: self.version,
                    value: shown["data"]["value"].as_u64().unwrap_or_default(),
                }
            }
            other => unable(&format!("a read was answered {other:?}")),
        }
    }

    fn put(&mut self) -> Kind {
        let (version, value) = (self.version, self.value());
        let request = Request::new("PUT", format!("/system/tenants/{}", self.id))
            .by(&Node::account())
            .json(&json!({"version": version, "data": {"value": value}}));
        let done = self.done(&self.http.send(&request), 409);
        Kind::WriteFrom {
            version,
            value,
            done,
        }
    }

    fn patch_if(&mut self) -> Kind {
        let shown = Request::new("GET", format!("/v1/tenants/{}", self.id)).by(&self.token);
        let Ok(shown) = self.http.send(&shown) else {
            unable("a read was not answered");
        };
        // The entity tag is that of the version that this read has seen.
        let version = shown.json()["version"].as_i64().unwrap_or_default();
        let value = self.value();
        let tag = shown.header("etag").unwrap_or_default();
        let request = self.patch_of(value).header("If-Match", tag);
        let done = self.done(&self.http.send(&request), 412);
        Kind::WriteFrom {
            version,
            value,
            done,
        }
    }

    fn patch(&mut self) -> Kind {
        let value = self.value();
        let answer = self.http.send(&self.patch_of(value));
        let made = match self.done(&answer, 0) {
            Done::Yes => Some(self.version),
            _ => None,
        };
        Kind::Write { value, made }
    }

    fn patch_of(&self, value: u64) -> Request {
        Request::new("PATCH", format!("/v1/tenants/{}", self.id))
            .by(&self.token)
            .json(&json!({"data": {"value": value}}))
    }

    fn value(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// What an answer says of a write, where `stale` is what refuses it.
    fn done(&mut self, answer: &Result<Answer, NoAnswer>, stale: u16) -> Done {
        match answer {
            Ok(answer) if answer.status == 200 => {
                let version = answer.json().get("version").and_then(Value::as_i64);
                self.version = version.unwrap_or_default();
                Done::Yes
            }
            Ok(answer) if answer.status == stale => Done::No,
            Ok(answer) if !answer.leaves_open() => {
                unable(&format!("a write was answered {answer:?}"))
            }
            _ => Done::Unknown,
        }
    }
}
