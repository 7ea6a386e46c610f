//! Stores the events of requests, and forgets those that are old.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tenantry_domain::{
    clock::Clock,
    event::ToldRequest,
    port::{Store, StoreError, write},
    usecase::events,
};
use tenantry_http::RecentEvents;

/// Stores the requests that wait to be told of.
#[derive(Clone)]
pub(crate) struct EventKeeper {
    store: Arc<dyn Store>,
    recent: RecentEvents,
    /// Whether the last round went wrong. What has been told need not be told again.
    is_failing: Arc<AtomicBool>,
}

/// How many requests one unit of work stores. A server that answers fewer in a period writes
/// one unit in it.
const BATCH: usize = 5_000;

impl EventKeeper {
    /// How often they are stored: an event is to be seen within two seconds.
    pub(crate) const PERIOD: Duration = Duration::from_millis(500);

    pub(crate) fn new(store: Arc<dyn Store>, recent: RecentEvents) -> Self {
        Self {
            store,
            recent,
            is_failing: Arc::default(),
        }
    }

    /// Stores all there are. What can't be stored now is kept for the next time, as far as
    /// there is room.
    pub(crate) fn store(&self) {
        let mut waiting = self.recent.take();
        if waiting.is_empty() {
            return;
        }
        for (place, batch) in (0..).step_by(BATCH).zip(waiting.chunks_mut(BATCH)) {
            if let Err(error) = self.store_batch(batch) {
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "events could not be stored");
                }
                self.recent.put_back(waiting.split_off(place));
                return;
            }
        }
        if self.is_failing.swap(false, Ordering::Relaxed) {
            tracing::info!("events are stored again");
        }
    }

    /// Stores all there are when there is no next time: what can't be stored is lost.
    pub(crate) fn store_last(&self) {
        self.store();
        let lost = self.recent.take().len();
        if lost > 0 {
            self.recent.count_dropped(lost);
            tracing::warn!(lost, "the server ends before their events could be stored");
        }
    }

    fn store_batch(&self, batch: &mut [ToldRequest]) -> Result<(), StoreError> {
        write(&*self.store, |unit| events::store(unit, batch))
    }
}

/// Forgets events that are older than they are to be kept.
pub(crate) struct EventSweeper {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    days: u32,
}

/// How many requests one unit of work forgets: others want to write too.
const STEP: u32 = 1_000;

/// How many units of work one round takes at the most, with a pause after each.
const STEPS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

impl EventSweeper {
    /// How often it looks for old ones. Together with what a round takes at the most, it keeps
    /// up with some ten thousand requests a second.
    pub(crate) const PERIOD: Duration = Duration::from_secs(10);

    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, days: u32) -> Self {
        Self { store, clock, days }
    }

    /// Forgets old ones, in small steps. What is left over is for the next round.
    pub(crate) fn sweep(&self) {
        let seconds = i64::from(self.days) * 86_400;
        let before = self.clock.now().plus_seconds(-seconds);
        for _ in 0..STEPS {
            match write(&*self.store, |unit| events::forget(unit, before, STEP)) {
                Ok(STEP) => thread::sleep(PAUSE),
                Ok(_) => return,
                Err(error) => {
                    let error: StoreError = error;
                    tracing::warn!(%error, "old events could not be deleted");
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
