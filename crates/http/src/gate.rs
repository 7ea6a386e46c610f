//! Work that blocks: in its turn, on a thread of its own, and never waited for without end.

use std::{
    cell::Cell,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::rt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{self, JoinHandle},
    time::timeout,
};

/// How long a request may wait for all of its turns, at the database and at password
/// hashing, before it is told that the server is overloaded.
const FOR_TURNS: Duration = Duration::from_millis(2500);

/// How long all of a request's waits and work may take together. It is told before five
/// seconds are over, whatever the database does.
const FOR_ALL: Duration = Duration::from_millis(4500);

/// Work that has not ended after this time, long after its caller was answered, does not
/// keep others out any more.
const GIVEN_UP: Duration = Duration::from_secs(8);

/// How many databases in a row may freeze for ever, each after a failover from the one
/// before, and leave all work that they were asked for behind.
const FREEZES: usize = 8;

/// What is left of a request's time.
pub(crate) struct Patience {
    for_turns: Cell<Duration>,
    for_all: Cell<Duration>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            for_turns: Cell::new(FOR_TURNS),
            for_all: Cell::new(FOR_ALL),
        }
    }
}

#[cfg(test)]
impl Patience {
    /// One that ends after that time.
    pub(crate) fn of(for_all: Duration) -> Self {
        Self {
            for_all: Cell::new(for_all),
            ..Self::default()
        }
    }
}

fn spend(what: &Cell<Duration>, since: Instant) {
    what.set(what.get().saturating_sub(since.elapsed()));
}

/// Lets in as much work at once as there are places.
pub(crate) struct Gate {
    what: &'static str,
    places: Arc<Semaphore>,
    /// For work that was given up. Each database that freezes and never thaws takes as many
    /// as there are places; if all are taken, nobody gets in before some of it ends.
    beyond: Arc<Semaphore>,
    given_up: Duration,
}

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The work was not begun.
    NoTurn(String),
    /// The work was begun and goes on, but is not waited for any more.
    Overdue(String),
    /// The work, or the server, is broken.
    Broken(String),
}

impl Gate {
    pub(crate) fn new(what: &'static str, places: usize) -> Self {
        Self {
            what,
            places: Arc::new(Semaphore::new(places.max(1))),
            beyond: Arc::new(Semaphore::new(FREEZES * places.max(1))),
            given_up: GIVEN_UP,
        }
    }

    /// The most threads that its work takes.
    pub(crate) fn most_threads(places: usize) -> usize {
        (1 + FREEZES) * places.max(1)
    }

    /// Runs `work` on a thread that may block, when its turn has come.
    ///
    /// The work holds its place itself. A caller that goes away in the middle, or that is
    /// answered because it has taken too long, leaves the work running, and whoever comes
    /// next must not be let in beside it; unless it is given up.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        patience: &Patience,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let place = Arc::new(Mutex::new(self.turn(patience).await?));
        let held = Arc::clone(&place);
        let begun = Instant::now();
        let mut running = task::spawn_blocking(move || {
            let result = work();
            drop(held);
            result
        });
        let ended = timeout(patience.for_all.get(), &mut running).await;
        spend(&patience.for_all, begun);
        match ended {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(broken)) => Err(Refused::Broken(broken.to_string())),
            Err(_) => {
                self.leave_behind(running, place, begun);
                let text = format!("{} did not answer within {FOR_ALL:?}", self.what);
                Err(Refused::Overdue(text))
            }
        }
    }

    async fn turn(&self, patience: &Patience) -> Result<OwnedSemaphorePermit, Refused> {
        let asked = Instant::now();
        let left = patience.for_turns.get().min(patience.for_all.get());
        let turn = timeout(left, Arc::clone(&self.places).acquire_owned()).await;
        spend(&patience.for_turns, asked);
        spend(&patience.for_all, asked);
        match turn {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(closed)) => Err(Refused::Broken(closed.to_string())),
            Err(_) => Err(Refused::NoTurn(format!(
                "no turn at {} within {FOR_TURNS:?}",
                self.what
            ))),
        }
    }

    /// Looks after work that nobody waits for: if it does not end, it moves to a place
    /// beyond the gate, and its own is free for others.
    fn leave_behind<T: Send + 'static>(
        &self,
        mut running: JoinHandle<T>,
        place: Arc<Mutex<OwnedSemaphorePermit>>,
        begun: Instant,
    ) {
        let what = self.what;
        let beyond = Arc::clone(&self.beyond);
        let rest = self.given_up.saturating_sub(begun.elapsed());
        rt::spawn(async move {
            if timeout(rest, &mut running).await.is_err() {
                tokio::select! {
                    _ = &mut running => {}
                    moved = beyond.acquire_owned() => if let Ok(moved) = moved {
                        *place.lock().unwrap_or_else(PoisonError::into_inner) = moved;
                        drop(place);
                        tracing::warn!(what, "work that does not end was given up");
                        // How it ends is its own affair.
                        let _ = running.await;
                    }
                }
            }
            let seconds = begun.elapsed().as_secs();
            tracing::info!(
                what,
                seconds,
                "work has ended after its caller was answered"
            );
        });
    }
}

/// Whether a change may still be made, between the one who asks for it and the one who
/// makes it.
///
/// Only one of them has the last word: either the change is called off, and is never
/// made, or it is being made, and how that ends is not known before it does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decision(Arc<AtomicU8>);

const OPEN: u8 = 0;
const GOES: u8 = 1;
const OFF: u8 = 2;

impl Decision {
    /// Whether the change may be made; from then on it can't be called off.
    pub(crate) fn go(&self) -> bool {
        self.decide(GOES)
    }

    /// Whether the change was called off in time.
    pub(crate) fn call_off(&self) -> bool {
        self.decide(OFF)
    }

    fn decide(&self, wanted: u8) -> bool {
        let (set, read) = (Ordering::AcqRel, Ordering::Acquire);
        let decided = self.0.compare_exchange(OPEN, wanted, set, read);
        decided.is_ok() || decided == Err(wanted)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn gate(places: usize, given_up: Duration) -> Gate {
        Gate {
            given_up,
            ..Gate::new("the test", places)
        }
    }

    async fn until(holds: impl Fn() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it never holds");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[actix_web::test]
    async fn work_keeps_its_place_when_its_caller_goes_away() {
        let gate = gate(1, GIVEN_UP);
        let (end, ended) = mpsc::channel::<()>();
        let patience = Patience::default();
        let work = gate.run(&patience, move || ended.recv());
        let gone = timeout(Duration::from_millis(50), work).await;
        assert!(
            gone.is_err(),
            "the caller went away while the work was running"
        );
        assert_eq!(gate.places.available_permits(), 0);
        end.send(()).unwrap();
        until(|| gate.places.available_permits() == 1).await;
    }

    #[actix_web::test]
    async fn work_that_takes_too_long_is_not_waited_for_and_keeps_its_place() {
        let gate = gate(1, GIVEN_UP);
        let (end, ended) = mpsc::channel::<()>();
        let short = Patience::of(Duration::from_millis(20));
        let result = gate.run(&short, move || ended.recv()).await;
        assert!(matches!(result, Err(Refused::Overdue(_))), "{result:?}");
        let result = gate.run(&Patience::of(Duration::ZERO), || ()).await;
        assert!(matches!(result, Err(Refused::NoTurn(_))), "{result:?}");
        assert_eq!(short.for_all.get(), Duration::ZERO, "it is spent");
        end.send(()).unwrap();
        until(|| gate.places.available_permits() == 1).await;
    }

    #[actix_web::test]
    async fn work_that_does_not_end_makes_room_but_not_without_limit() {
        let gate = gate(1, Duration::from_millis(30));
        let hang = || {
            let (end, ended) = mpsc::channel::<()>();
            (end, move || ended.recv())
        };
        let short = || Patience::of(Duration::from_millis(20));
        let mut ends = Vec::new();
        for freeze in 0..=FREEZES {
            let (end, work) = hang();
            ends.push(end);
            let result = gate.run(&short(), work).await;
            assert!(matches!(result, Err(Refused::Overdue(_))), "{result:?}");
            if freeze < FREEZES {
                until(|| gate.places.available_permits() == 1).await;
            }
        }

        let long_enough = Patience::of(Duration::from_millis(200));
        let result = gate.run(&long_enough, || ()).await;
        assert!(matches!(result, Err(Refused::NoTurn(_))), "{result:?}");

        ends.pop().unwrap().send(()).unwrap();
        until(|| gate.places.available_permits() == 1).await;
        for end in ends {
            end.send(()).unwrap();
        }
        until(|| gate.beyond.available_permits() == FREEZES).await;
        gate.run(&Patience::default(), || ()).await.unwrap();
        until(|| gate.places.available_permits() == 1).await;
    }

    #[test]
    fn a_change_goes_or_is_called_off_but_never_both() {
        let gone = Decision::default();
        assert!(gone.go());
        assert!(!gone.call_off());
        let off = Decision::default();
        assert!(off.call_off());
        assert!(!off.clone().go());
    }
}
