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

use crate::pressure::TurnMeter;

/// How long a request may wait for all of its turns, at the database and at password
/// hashing, before it is told that the server is overloaded.
const FOR_TURNS: Duration = Duration::from_millis(2500);

/// How long all of a request's waits and work may take together. It is told before five
/// seconds are over, whatever the database does.
pub(crate) const FOR_ALL: Duration = Duration::from_millis(4500);

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

impl Patience {
    /// How long all that is still to come may take.
    pub(crate) fn left(&self) -> Duration {
        self.for_all.get()
    }

    /// Takes off the time since that instant.
    pub(crate) fn spend(&self, since: Instant) {
        spend(&self.for_all, since);
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
    meter: Option<TurnMeter>,
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
            meter: None,
        }
    }

    /// Has those counted who wait for a turn.
    pub(crate) fn metered(self, meter: TurnMeter) -> Self {
        Self {
            meter: Some(meter),
            ..self
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
        let place = self.turn(patience).await?;
        let begun = Instant::now();
        let (mut running, place) = start(place, work);
        let ended = timeout(patience.for_all.get(), &mut running).await;
        patience.spend(begun);
        match ended {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(broken)) => Err(Refused::Broken(broken.to_string())),
            Err(_) => {
                self.look_after(running, place, begun);
                let text = format!("{} did not answer within {FOR_ALL:?}", self.what);
                Err(Refused::Overdue(text))
            }
        }
    }

    /// Runs `work` on a thread that may block, in a turn that has come, and for itself: those
    /// who have asked for it are told by it.
    pub(crate) fn set_off(
        &self,
        place: OwnedSemaphorePermit,
        work: impl FnOnce() + Send + 'static,
    ) {
        let (running, place) = start(place, work);
        self.look_after(running, place, Instant::now());
    }

    /// Waits for a turn.
    pub(crate) async fn turn(&self, patience: &Patience) -> Result<OwnedSemaphorePermit, Refused> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let _waiting = self.meter.as_ref().map(Waiting::begin);
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
    fn look_after<T: Send + 'static>(
        &self,
        mut running: JoinHandle<T>,
        place: Place,
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
            if begun.elapsed() >= FOR_ALL {
                let seconds = begun.elapsed().as_secs();
                tracing::info!(
                    what,
                    seconds,
                    "work has ended after its callers were answered"
                );
            }
        });
    }
}

/// Somebody who waits for a turn, counted as long as he does.
struct Waiting<'a>(&'a TurnMeter);

impl<'a> Waiting<'a> {
    fn begin(meter: &'a TurnMeter) -> Self {
        meter.waits.inc();
        meter.waiting.inc();
        Self(meter)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.dec();
    }
}

/// A place that work holds, until it has ended or is given up.
type Place = Arc<Mutex<OwnedSemaphorePermit>>;

fn start<T: Send + 'static>(
    place: OwnedSemaphorePermit,
    work: impl FnOnce() -> T + Send + 'static,
) -> (JoinHandle<T>, Place) {
    let place = Arc::new(Mutex::new(place));
    let held = Arc::clone(&place);
    let running = task::spawn_blocking(move || {
        let result = work();
        drop(held);
        result
    });
    (running, place)
}

/// Whether a change may still be made, between the one who asks for it and the one who
/// makes it.
///
/// Only one of them has the last word: either the change is called off, and is never
/// made, or it is being made, and how that ends is not known before it does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decision(Arc<AtomicU8>);

const OPEN: u8 = 0;
const BEGUN: u8 = 1;
const GOES: u8 = 2;
const OFF: u8 = 3;

impl Decision {
    /// Whether the work may be begun.
    pub(crate) fn begin(&self) -> bool {
        self.decide(&[OPEN], BEGUN)
    }

    /// Whether the change may be made; from then on it can't be called off.
    pub(crate) fn go(&self) -> bool {
        self.decide(&[OPEN, BEGUN], GOES)
    }

    /// Whether the change was called off in time.
    pub(crate) fn call_off(&self) -> bool {
        self.decide(&[OPEN, BEGUN], OFF)
    }

    /// The same, but what was begun goes on.
    pub(crate) fn call_off_unbegun(&self) -> bool {
        self.decide(&[OPEN], OFF)
    }

    fn decide(&self, from: &[u8], wanted: u8) -> bool {
        let (set, read) = (Ordering::AcqRel, Ordering::Acquire);
        let next = |state| from.contains(&state).then_some(wanted);
        let decided = self.0.fetch_update(set, read, next);
        decided.is_ok() || decided == Err(wanted)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use prometheus::Registry;

    use super::*;
    use crate::pressure::Pressure;

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
    async fn who_waits_for_a_turn_is_counted_and_who_need_not_is_not() {
        let meter = Pressure::new(&Registry::new()).turns("the test");
        let gate = gate(1, GIVEN_UP).metered(meter.clone());
        let patience = Patience::default();
        let held = gate.turn(&patience).await.unwrap();
        assert_eq!((meter.waiting.get(), meter.waits.get()), (0, 0));
        let (waited, ()) = tokio::join!(gate.turn(&patience), async {
            until(|| meter.waiting.get() == 1).await;
            drop(held);
        });
        drop(waited.unwrap());
        assert_eq!((meter.waiting.get(), meter.waits.get()), (0, 1));
        let held = gate.turn(&patience).await.unwrap();
        let short = Patience::of(Duration::from_millis(1));
        assert!(gate.turn(&short).await.is_err());
        drop(held);
        assert_eq!((meter.waiting.get(), meter.waits.get()), (0, 2));
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
        assert!(!off.begin());
    }

    #[test]
    fn a_change_that_was_begun_can_be_called_off_until_it_goes() {
        let begun = Decision::default();
        assert!(begun.begin());
        assert!(!begun.call_off_unbegun());
        assert!(begun.clone().call_off());
        assert!(!begun.go());
        let waiting = Decision::default();
        assert!(waiting.call_off_unbegun());
        assert!(!waiting.begin() && !waiting.go());
    }
}
