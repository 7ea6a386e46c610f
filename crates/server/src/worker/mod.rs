//! What a server does beside its requests, again and again.

mod keys;
mod uses;

use std::{sync::Arc, time::Duration};

use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{MissedTickBehavior, interval},
};

pub(crate) use self::{keys::KeyKeeper, uses::UseKeeper};

/// Work that is done again and again, on a thread that may block.
pub(crate) struct Worker(JoinHandle<()>);

impl Worker {
    /// Begins with it one period from now. Work that takes longer delays the next.
    pub(crate) fn start(period: Duration, work: impl Fn() + Send + Sync + 'static) -> Self {
        let work = Arc::new(work);
        Self(tokio::spawn(async move {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                let work = Arc::clone(&work);
                // A panic is in the log already, and the next round comes all the same.
                let _ = spawn_blocking(move || work()).await;
            }
        }))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.abort();
    }
}
