//! Brings a server the news of what other processes commit, and them the news of it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tenantry_domain::port::StoreError;
use tenantry_http::News;
use tenantry_storage::{CommitWatch, Database};

use crate::failure::with_causes;

/// How long after a failure it is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Looks for commits of other processes.
pub(crate) struct Herald {
    database: Arc<Database>,
    news: News,
    /// How many of this process's commits others were told of.
    told: AtomicU64,
    held: Mutex<Held>,
}

/// Never locked while the database is asked: that may hang, and then the next round takes
/// another connection.
#[derive(Default)]
struct Held {
    watch: Option<CommitWatch>,
    failed: Option<Instant>,
}

impl Herald {
    /// How often it looks: a change of another process is told within a second, even where
    /// its notification was lost.
    pub(crate) const PERIOD: Duration = Duration::from_millis(100);

    pub(crate) fn new(database: Arc<Database>, news: News) -> Self {
        Self {
            database,
            news,
            told: AtomicU64::new(0),
            held: Mutex::default(),
        }
    }

    /// One look.
    pub(crate) fn look(&self) {
        let watch = {
            let mut held = self.held();
            if held.failed.is_some_and(|failed| failed.elapsed() < RETRY) {
                return;
            }
            held.watch.take()
        };
        let looked = match watch {
            Some(watch) => self.look_with(watch),
            None => self
                .database
                .watch()
                .and_then(|watch| self.look_with(watch)),
        };
        let mut held = self.held();
        match looked {
            Ok(watch) => {
                if held.failed.take().is_some() {
                    tracing::info!("other processes' changes are noticed again");
                }
                held.watch = Some(watch);
            }
            Err(error) => {
                if held.failed.replace(Instant::now()).is_none() {
                    let cause = with_causes(&error);
                    tracing::warn!(cause, "other processes' changes can't be noticed");
                }
            }
        }
    }

    fn look_with(&self, mut watch: CommitWatch) -> Result<CommitWatch, StoreError> {
        let own = self.news.own_commits();
        if own != self.told.load(Ordering::Acquire) {
            watch.tell()?;
            self.told.store(own, Ordering::Release);
        }
        if watch.look()? {
            self.news.tell();
        }
        Ok(watch)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
