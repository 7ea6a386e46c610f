//! Changes: they queue, and those that wait at the same time share a commit.
//!
//! Whoever wants to write puts his work into the queue, and waits for it to be done or for a turn
//! at the gate. With the turn he does all that waits, his own and that of others, in groups that
//! are committed as one, until nobody waits any more; those whose work he does need no turn.
//! One thread does the work of a group, so nobody on a thread that may block waits for
//! somebody else who needs one.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tenantry_domain::{
    error::Error,
    group::{self, Member, Task},
    port::{Store, StoreError, UnitOfWork},
};
use tokio::{sync::oneshot, time::timeout};

use crate::{
    error::ApiError,
    gate::{Decision, FOR_ALL, Gate, Patience, Refused},
};

/// How many changes share a commit at the most, and for how long one is added to them. It is what
/// the first of them may have to wait for the others, and other servers for all. PostgreSQL has
/// room for 64 marks of a transaction where it looks for them first.
const MOST: usize = 64;
const LONGEST: Duration = Duration::from_millis(50);

/// How long one turn goes on with new groups while others come, and for how long the store is then
/// left to those who don't queue here: what a server does beside its requests, the command line. On
/// SQLite they look for their chance now and then, and would find none between two groups.
const TURN: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(2);

/// Those who want to write.
pub(crate) struct Writers {
    gate: Gate,
    queue: Arc<Queue>,
}

struct Queue {
    store: Arc<dyn Store>,
    waiting: Mutex<VecDeque<Waiting>>,
}

struct Waiting {
    decision: Decision,
    member: Box<dyn Member>,
}

/// Somebody who waits. What nobody waits for any more is not begun.
struct Caller(Decision);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.call_off_unbegun();
    }
}

impl Writers {
    /// As many groups at once as the gate lets in.
    pub(crate) fn new(store: Arc<dyn Store>, gate: Gate) -> Self {
        Self {
            gate,
            queue: Arc::new(Queue {
                store,
                waiting: Mutex::default(),
            }),
        }
    }

    /// How many wait whose work was not begun.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.lock().len()
    }

    /// Runs `work` in a unit of work, and gives its result when that is durable.
    ///
    /// The caller going away does not stop what was begun: it ends one way or the other. What
    /// takes too long is called off, so that it certainly does not happen; once it shares a
    /// commit with others that can't be done, and its outcome is not known.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        patience: &Patience,
        work: impl FnOnce(&mut dyn UnitOfWork) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let asked = Instant::now();
        let (answer, mut answered) = oneshot::channel();
        let caller = Caller(Decision::default());
        self.queue.push(&caller.0, work, answer);
        tokio::select! {
            biased;
            result = &mut answered => {
                patience.spend(asked);
                return told(result);
            }
            turn = self.gate.turn(patience) => match turn {
                Ok(place) => {
                    let queue = Arc::clone(&self.queue);
                    if !queue.is_empty() {
                        self.gate.set_off(place, move || queue.work_off());
                    }
                }
                Err(refused) if caller.0.call_off_unbegun() => return Err(refused.into()),
                // Somebody else has begun it.
                Err(_) => {}
            },
        }
        let begun = Instant::now();
        let result = timeout(patience.left(), answered).await;
        patience.spend(begun);
        if let Ok(result) = result {
            return told(result);
        }
        let cause = format!("the database did not answer within {FOR_ALL:?}");
        if caller.0.call_off() {
            Err(Refused::Overdue(cause).into())
        } else {
            Err(StoreError::OutcomeUnknown(cause).into())
        }
    }
}

type Answer<T> = oneshot::Sender<Result<T, Error>>;

fn told<T>(result: Result<Result<T, Error>, oneshot::error::RecvError>) -> Result<T, ApiError> {
    if let Ok(result) = result {
        return Ok(result?);
    }
    // Nobody drops it but a panic outside of what was asked for.
    let reason = "who has done it has ended without a word";
    Err(StoreError::OutcomeUnknown(reason.to_owned()).into())
}

impl Queue {
    fn push<T: Send + 'static>(
        &self,
        decision: &Decision,
        work: impl FnOnce(&mut dyn UnitOfWork) -> Result<T, Error> + Send + 'static,
        answer: Answer<T>,
    ) {
        let decides = decision.clone();
        let task = Task::new(
            move |unit: &mut dyn UnitOfWork| {
                // A panic is the affair of the one who asked, not of those in the same group.
                catch_unwind(AssertUnwindSafe(|| work(unit))).unwrap_or_else(|panic| {
                    let reason = format!("panic: {}", panic_text(&*panic));
                    Err(StoreError::Failed(reason.into()).into())
                })
            },
            move || decides.go(),
            // Whoever has asked may be gone.
            move |result| drop(answer.send(result)),
        );
        self.lock().push_back(Waiting {
            decision: decision.clone(),
            member: Box::new(task),
        });
    }

    /// Does what waits, and what comes while it does.
    fn work_off(&self) {
        let begun = Instant::now();
        while !self.is_empty() {
            if begun.elapsed() >= TURN {
                thread::sleep(PAUSE);
                return;
            }
            let (mut members, mut first) = (0, None);
            group::run(&*self.store, || {
                let since = *first.get_or_insert_with(Instant::now);
                if members == MOST || since.elapsed() >= LONGEST {
                    return None;
                }
                members += 1;
                self.next()
            });
        }
    }

    /// The next whose work is still wanted. From now on it is begun.
    fn next(&self) -> Option<Box<dyn Member>> {
        loop {
            let Waiting { decision, member } = self.lock().pop_front()?;
            if decision.begin() {
                return Some(member);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a panic says.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text")
}

#[cfg(test)]
mod tests;
