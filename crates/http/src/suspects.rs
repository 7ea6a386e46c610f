//! A lane for password checks that are most likely in vain.
//!
//! Once an account, or an address, has failed too often, what comes next is a guess or a
//! client that is set up wrong. Still it may be the right password, whose owner must not
//! be locked out by others that fail in its name or from its address. So it is hashed,
//! but one at a time, with rests in between, and there is room for only as many as get
//! their turn soon.
//!
//! The room is shared by stochastic fair queueing: whoever comes is put into one of some
//! queues by who it says it is and where it comes from, and the queues take turns. When
//! the room is full, the longest queue gives way. A flood fills its own queue, and whoever
//! is in another one waits for no more than one check of each.

use std::{
    array,
    collections::VecDeque,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::rt;
use tokio::{sync::oneshot, time::timeout};

/// How long anybody waits. The rest of a request's time is for the check itself.
const PATIENCE: Duration = Duration::from_secs(2);

const QUEUES: usize = 64;

/// How many may wait, however fast or slow checks are.
const LEAST_ROOM: usize = 8;
const MOST_ROOM: usize = 256;

/// The lane. Clones are the same lane.
#[derive(Clone)]
pub(crate) struct Suspects(Arc<Lane>);

struct Lane {
    places: RandomState,
    state: Mutex<State>,
}

struct State {
    is_busy: bool,
    queues: [VecDeque<oneshot::Sender<Turn>>; QUEUES],
    /// The queue whose turn is next.
    next: usize,
    /// How long a check takes as of late.
    usual: Duration,
}

/// The right to make one check. When it is dropped the next one gets it.
pub(crate) struct Turn(Option<Suspects>);

impl Suspects {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Lane {
            places: RandomState::new(),
            state: Mutex::new(State {
                is_busy: false,
                queues: array::from_fn(|_| VecDeque::new()),
                next: 0,
                usual: Duration::from_millis(20),
            }),
        }))
    }

    /// Waits for a turn; `None` where there is no room, or none comes in time.
    pub(crate) async fn turn(&self, who: impl Hash) -> Option<Turn> {
        let waiting = {
            let mut state = self.state();
            if !state.is_busy {
                state.is_busy = true;
                return Some(Turn(Some(self.clone())));
            }
            let place = self.0.places.hash_one(who) % QUEUES as u64;
            state.enter(usize::try_from(place).unwrap_or(0))?
        };
        timeout(PATIENCE, waiting).await.ok()?.ok()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_on(&self) {
        loop {
            let Some(next) = self.state().leave() else {
                return;
            };
            match next.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // It has gone away meanwhile, and does not hand on what it never had.
                Err(mut turn) => turn.0 = None,
            }
        }
    }
}

impl Turn {
    /// Ends the turn after a check that took that long. The next one has to wait for as
    /// long again: a flood gets half of the time of one thread, and never all of it.
    pub(crate) fn rest(self, took: Duration) {
        if let Some(suspects) = &self.0 {
            let mut state = suspects.state();
            state.usual = (state.usual * 7 + took) / 8;
        }
        rt::spawn(async move {
            tokio::time::sleep(took).await;
            drop(self);
        });
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(suspects) = self.0.take() {
            suspects.hand_on();
        }
    }
}

impl State {
    /// How many can wait and still get their turn in time.
    fn room(&self) -> usize {
        let round = 2 * self.usual.max(Duration::from_millis(1)).as_micros();
        let room = PATIENCE.as_micros() * 4 / 5 / round;
        usize::try_from(room).map_or(MOST_ROOM, |room| room.clamp(LEAST_ROOM, MOST_ROOM))
    }

    fn enter(&mut self, queue: usize) -> Option<oneshot::Receiver<Turn>> {
        let count = |queues: &[VecDeque<_>]| queues.iter().map(VecDeque::len).sum::<usize>();
        if count(&self.queues) >= self.room() {
            for queue in &mut self.queues {
                queue.retain(|waiting| !waiting.is_closed());
            }
        }
        if count(&self.queues) >= self.room() {
            let own = self.queues[queue].len();
            let longest = self.queues.iter_mut().max_by_key(|queue| queue.len())?;
            if longest.len() <= own {
                return None;
            }
            // Dropping its sender tells it that there is no turn for it.
            longest.pop_back();
        }
        let (sender, receiver) = oneshot::channel();
        self.queues[queue].push_back(sender);
        Some(receiver)
    }

    fn leave(&mut self) -> Option<oneshot::Sender<Turn>> {
        for step in 0..QUEUES {
            let queue = (self.next + step) % QUEUES;
            if let Some(waiting) = self.queues[queue].pop_front() {
                self.next = queue + 1;
                return Some(waiting);
            }
        }
        self.is_busy = false;
        None
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use futures_util::future::join_all;

    use super::*;

    /// Somebody whose queue is another one than these.
    fn stranger(suspects: &Suspects, to: &[u64]) -> u64 {
        let place = |who: u64| suspects.0.places.hash_one(who) % QUEUES as u64;
        let is_strange = |who: &u64| to.iter().all(|&other| place(*who) != place(other));
        (1000..10_000).find(is_strange).unwrap()
    }

    fn waiting(suspects: &Suspects) -> usize {
        suspects.state().queues.iter().map(VecDeque::len).sum()
    }

    async fn until(holds: impl Fn() -> bool) {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn is_idle(suspects: &Suspects) -> bool {
        let state = suspects.state();
        !state.is_busy && state.queues.iter().all(VecDeque::is_empty)
    }

    #[actix_web::test]
    async fn one_at_a_time_and_every_turn_is_handed_on() {
        let suspects = Suspects::new();
        let (inside, served) = (Rc::new(RefCell::new(0)), Rc::new(RefCell::new(0)));
        let checks = (0..40_u64).map(|_| {
            let (suspects, inside, served) = (&suspects, inside.clone(), served.clone());
            async move {
                if let Some(turn) = suspects.turn(1).await {
                    assert_eq!(inside.replace(1), 0);
                    tokio::task::yield_now().await;
                    inside.replace(0);
                    *served.borrow_mut() += 1;
                    drop(turn);
                }
            }
        });
        join_all(checks).await;
        assert_eq!(*served.borrow(), 40, "there is room for all of them");
        assert!(is_idle(&suspects));
    }

    #[actix_web::test]
    async fn a_flood_gives_way_to_a_stranger_and_the_stranger_comes_next() {
        let suspects = Suspects::new();
        let busy = suspects.turn(1).await.unwrap();
        let order = Rc::new(RefCell::new(Vec::new()));
        let attempt = |who: u64| {
            let (suspects, order) = (suspects.clone(), order.clone());
            async move {
                let turn = suspects.turn(who).await;
                order.borrow_mut().push((who, turn.is_some()));
            }
        };
        let flood: Vec<_> = (0..1000).map(|_| rt::spawn(attempt(1))).collect();
        let room = suspects.state().room();
        // Those for whom there is no room are told at once.
        until(|| order.borrow().len() == 1000 - room).await;
        assert!(order.borrow().iter().all(|(_, let_in)| !let_in));
        assert_eq!(waiting(&suspects), room);

        let stranger = stranger(&suspects, &[1]);
        let late = rt::spawn(attempt(stranger));
        until(|| order.borrow().len() == 1000 - room + 1).await;
        assert_eq!(waiting(&suspects), room, "one of the flood gave way");
        drop(busy);
        late.await.unwrap();
        join_all(flood).await;
        let order = order.borrow();
        let served: Vec<_> = order.iter().filter(|(_, let_in)| *let_in).collect();
        assert_eq!(served.len(), room);
        let place = served.iter().position(|(who, _)| *who == stranger);
        assert!(place.unwrap() < 2, "{place:?}");
        assert!(is_idle(&suspects));
    }

    #[actix_web::test]
    async fn who_goes_away_leaves_no_turn_behind() {
        let suspects = Suspects::new();
        let busy = suspects.turn(1).await.unwrap();
        for _ in 0..20 {
            let gone = timeout(Duration::from_millis(1), suspects.turn(2)).await;
            assert!(gone.is_err());
        }
        let last = rt::spawn({
            let suspects = suspects.clone();
            async move { suspects.turn(3).await.is_some() }
        });
        until(|| waiting(&suspects) == 21).await;
        drop(busy);
        assert!(last.await.unwrap());
        assert!(is_idle(&suspects));
    }

    #[actix_web::test]
    async fn the_next_check_waits_as_long_as_the_last_one_took() {
        let suspects = Suspects::new();
        let took = Duration::from_millis(30);
        let begun = std::time::Instant::now();
        suspects.turn(1).await.unwrap().rest(took);
        drop(suspects.turn(1).await.unwrap());
        assert!(begun.elapsed() >= took);
    }

    #[test]
    fn there_is_room_for_as_many_as_are_served_in_time() {
        let room = |usual| {
            let suspects = Suspects::new();
            let mut state = suspects.state();
            state.usual = usual;
            state.room()
        };
        assert_eq!(room(Duration::from_millis(15)), 53);
        assert_eq!(room(Duration::ZERO), MOST_ROOM);
        assert_eq!(room(Duration::from_secs(9)), LEAST_ROOM);
    }
}
