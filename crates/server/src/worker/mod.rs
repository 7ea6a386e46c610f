//! What a server does beside its requests, again and again.

mod background;
mod events;
mod keys;
mod news;
mod uses;
mod webhooks;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    task::{JoinHandle, spawn_blocking},
    time::{MissedTickBehavior, interval, timeout},
};

pub(crate) use self::{
    background::{Background, Shared},
    events::{EventKeeper, EventSweeper},
    keys::KeyKeeper,
    news::Herald,
    uses::UseKeeper,
    webhooks::{DeliveryKeeper, Parts as WebhookParts, Sender, Webhooks},
};

/// A round that takes longer hangs, in a database that never answers. The next one is not
/// kept waiting: by then it finds connections to whatever has taken that database's place.
const HANGS: Duration = Duration::from_secs(10);

/// How many rounds that hang are left behind before no further one is begun.
const LEFT_BEHIND: usize = 8;

/// Work that is done again and again, on a thread that may block.
pub(crate) struct Worker(JoinHandle<()>);

impl Worker {
    /// Begins with it one period from now. Work that takes longer delays the next, unless
    /// it hangs; then the next round runs beside it.
    pub(crate) fn start(period: Duration, work: impl Fn() + Send + Sync + 'static) -> Self {
        let work = Arc::new(work);
        Self(tokio::spawn(async move {
            let rounds = Arc::new(Semaphore::new(1 + LEFT_BEHIND));
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                let Ok(place) = Arc::clone(&rounds).acquire_owned().await else {
                    return;
                };
                let work = Arc::clone(&work);
                let round = spawn_blocking(move || {
                    work();
                    drop(place);
                });
                // A panic is in the log already, and the next round comes all the same.
                if timeout(HANGS, round).await.is_err() {
                    tracing::warn!("background work hangs, and is left behind");
                }
            }
        }))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.abort();
    }
}
