//! A server that runs, and all that was asked of it.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    history::{Attempt, Outcome, bare_id},
    http::{Answer, Credential, Http, NoAnswer, Request},
    node::{Node, unable},
    writers,
};

/// How long a server may take until it works again.
const RECOVERY: Duration = Duration::from_mins(1);

/// A server that runs, and all that was asked of it.
#[derive(Debug)]
pub struct World {
    /// Of each server that runs; requests go to one after the other.
    http: Mutex<Vec<Http>>,
    token: Mutex<String>,
    /// Where tenants are made.
    pub environment: String,
    /// Tells this world's names from another's.
    seed: u64,
    time: AtomicU64,
    history: Mutex<Vec<Attempt>>,
    known: Mutex<Vec<Known>>,
    promises: Mutex<Vec<Promise>>,
}

/// A tenant that was acknowledged and not deleted.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its id as the server writes it.
    pub id: String,
    /// The version in which it was last seen.
    pub version: i64,
    /// Id and secret of its first client, if it has one.
    pub client: Option<(String, String)>,
}

/// What holds from now on because the server has said so, and shows in no row alone.
#[derive(Clone, Debug)]
pub enum Promise {
    /// The token is not active.
    Revoked(String),
    /// The secret opens the client, as long as its tenant is there.
    Opens {
        /// The tenant's id.
        tenant: String,
        /// The client.
        client: (String, String),
    },
}

impl World {
    /// Begins with a server that runs.
    pub fn new(http: Http, seed: u64) -> Self {
        let mut world = Self {
            http: Mutex::new(vec![http]),
            token: Mutex::default(),
            environment: String::new(),
            seed,
            time: AtomicU64::new(0),
            history: Mutex::default(),
            known: Mutex::default(),
            promises: Mutex::default(),
        };
        let token = world.new_token(&Node::client());
        *lock(&world.token) =
            token.unwrap_or_else(|answer| unable(&format!("no token: {answer:?}")));
        let list = Request::new("GET", "/v1/environments").by(&world.bearer());
        let environments = world.http().send(&list).map(|answer| answer.json());
        let id = environments.as_ref().ok().map(|all| &all["data"][0]["id"]);
        match id.and_then(|id| id.as_str()) {
            Some(id) => id.clone_into(&mut world.environment),
            None => unable(&format!("no environment: {environments:?}")),
        }
        world
    }

    /// Goes on with a server that was started anew.
    pub fn go_on_with(&self, http: Http) {
        self.go_on_with_all(vec![http]);
    }

    /// Goes on with several servers of one database.
    pub fn go_on_with_all(&self, all: Vec<Http>) {
        *lock(&self.http) = all;
    }

    /// A client of the server; of another one each time, if there are several.
    pub fn http(&self) -> Http {
        let mut all = lock(&self.http);
        all.rotate_left(1);
        all[0].clone()
    }

    /// The management client's token.
    pub fn bearer(&self) -> Credential {
        Credential::Bearer(lock(&self.token).clone())
    }

    /// Asks for a token; gives the answer where it is none.
    pub fn new_token(&self, client: &Credential) -> Result<String, Result<Answer, NoAnswer>> {
        let request = Request::new("POST", "/oauth/token")
            .by(client)
            .form(&[("grant_type", "client_credentials")]);
        let answer = self.http().send(&request);
        let token = answer.as_ref().ok().and_then(|answer| {
            let token = answer.json()["access_token"].as_str()?.to_owned();
            (answer.status == 200).then_some(token)
        });
        token.ok_or(answer)
    }

    /// The next instant of this world.
    pub fn tick(&self) -> u64 {
        self.time.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// A name that nothing else in this world has.
    pub fn new_name(&self, prefix: &str) -> String {
        format!("{prefix}{:x}-{}", self.seed, self.tick())
    }

    /// Sends a request and notes it; gives its answer if it was acknowledged.
    pub fn ask(
        &self,
        attempt: Attempt,
        request: Request,
        note: impl FnOnce(&mut Attempt, &Answer),
    ) -> Option<Answer> {
        let mut attempt = attempt;
        attempt.began = self.tick();
        attempt.request_id = format!("trial-{:x}-{}", self.seed, attempt.began);
        let request = request.header("X-Request-Id", attempt.request_id.clone());
        let answer = self.http().send(&request);
        attempt.ended = self.tick();
        attempt.outcome = outcome(&answer);
        let done = attempt.outcome == Outcome::Acknowledged;
        let answer = answer.ok().filter(|_| done);
        if let Some(answer) = &answer {
            note(&mut attempt, answer);
        }
        lock(&self.history).push(attempt);
        answer
    }

    /// All attempts so far.
    pub fn attempts(&self) -> Vec<Attempt> {
        lock(&self.history).clone()
    }

    /// How many were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        let history = lock(&self.history);
        let acknowledged = |one: &&Attempt| one.outcome == Outcome::Acknowledged;
        history.iter().filter(acknowledged).count()
    }

    /// Adds a tenant that others may change.
    pub fn learn(&self, known: Known) {
        lock(&self.known).push(known);
    }

    /// Any tenant.
    pub fn any(&self, rng: &mut fastrand::Rng) -> Option<Known> {
        let known = lock(&self.known);
        if known.is_empty() {
            return None;
        }
        // Mostly among the newest, so that requests meet on the same one.
        let last = known
            .len()
            .min(if rng.u8(..4) == 0 { usize::MAX } else { 8 });
        known.get(known.len() - 1 - rng.usize(..last)).cloned()
    }

    /// Notes that a tenant was seen in that version.
    pub fn see(&self, id: &str, version: i64) {
        for known in lock(&self.known).iter_mut().filter(|known| known.id == id) {
            known.version = known.version.max(version);
        }
    }

    /// Notes that a tenant is gone, or may be.
    pub fn forget(&self, id: &str) {
        lock(&self.known).retain(|known| known.id != id);
    }

    /// Holds the server to something.
    pub fn promise(&self, promise: Promise) {
        lock(&self.promises).push(promise);
    }

    /// What the server was held to.
    pub fn promises(&self) -> Vec<Promise> {
        lock(&self.promises).clone()
    }

    /// Lets that many writers work side by side until they are told to stop.
    pub fn run(&self, threads: u64, stop: &AtomicBool) {
        let writers = writers::all();
        thread::scope(|scope| {
            for number in 0..threads {
                let salt = number.wrapping_add(self.tick()).wrapping_mul(0x9e37_79b9);
                let mut rng = fastrand::Rng::with_seed(self.seed ^ salt);
                let writers = &writers;
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let place = rng.usize(..writers.len());
                        writers[place].step(self, &mut rng);
                    }
                });
            }
        });
    }

    /// Waits until a change is acknowledged. Since changes queue, all earlier ones have
    /// ended then, one way or the other.
    pub fn settle(&self) {
        let begun = Instant::now();
        loop {
            let before = self.acknowledged();
            writers::create_record(self);
            if self.acknowledged() > before {
                return;
            }
            if begun.elapsed() > RECOVERY {
                let last = lock(&self.history).last().cloned();
                unable(&format!("the server does not recover: {last:?}"));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn outcome(answer: &Result<Answer, NoAnswer>) -> Outcome {
    match answer {
        Err(NoAnswer::Lost(_)) => Outcome::Lost,
        Err(NoAnswer::Hangs) => Outcome::Hung,
        Ok(answer) => match answer.status {
            200..=299 => Outcome::Acknowledged,
            400..=499 => Outcome::Refused(answer.status),
            503 if answer.retry_after.is_none() => {
                Outcome::Broken("503 without Retry-After".to_owned())
            }
            503 if answer.leaves_open() => Outcome::Unknown,
            503 => Outcome::Unavailable,
            other => Outcome::Broken(format!("{other} {}", answer.text)),
        },
    }
}

impl Known {
    /// Its id as attempts have it.
    pub fn bare_id(&self) -> String {
        bare_id(&self.id)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
