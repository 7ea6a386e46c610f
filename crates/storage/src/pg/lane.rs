//! The connections of one role, and how those that hang are let go of.
//!
//! A server that is frozen, or whose disk hangs, keeps acknowledging what it is sent: no
//! time-out of TCP ends the wait of whoever has asked it something, and it may never end,
//! also when another server has long taken its place. Such a wait can't be ended from
//! outside. So the pool it belongs to is left to it, with all its other connections, which
//! lead to the same server, and a new pool takes its place: what it connects to has shown
//! by that that it answers.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use r2d2::Pool;
use tenantry_domain::port::StoreError;

use super::{
    Link,
    connection::{Manager, Role},
};
use crate::database::{PoolUse, pool_use};

/// While no connection can be made, a unit waits this long for one and no longer: many
/// that waited in vain would make those behind them wait too long.
const WHILE_AWAY: Duration = Duration::from_millis(250);

/// No unit takes this long on a server that answers, because statements and locks have
/// limits. But for a COMMIT that waits for a standby, and another pool does no harm there.
const HANGS: Duration = Duration::from_secs(6);

/// When nobody got a connection for this time, those that make them may hang as well.
const STARVED: Duration = Duration::from_secs(30);

/// Connections of one role.
pub(super) struct Lane {
    manager: Manager,
    size: u32,
    current: Mutex<Generation>,
}

/// A pool, as long as it is the one to take connections from.
#[derive(Clone)]
struct Generation {
    pool: Pool<Manager>,
    traffic: Arc<Traffic>,
}

/// Which connections of a pool are in use, and since when.
#[derive(Debug, Default)]
pub(super) struct Traffic(Mutex<InUse>);

#[derive(Debug, Default)]
struct InUse {
    last: u64,
    /// In the order in which they were taken.
    taken: Vec<(u64, Instant)>,
    starving: Option<Instant>,
}

impl Lane {
    /// At most `size` connections of that role. They are made when they are needed, and
    /// again in place of those that are lost.
    pub(super) fn new(manager: &Manager, role: Role, size: u32) -> Self {
        let manager = manager.of_role(role);
        let current = Mutex::new(Generation::new(&manager, size));
        Self {
            manager,
            size,
            current,
        }
    }

    /// How many connections there are to be had at the same time.
    pub(super) fn size(&self) -> usize {
        usize::try_from(self.size).unwrap_or(usize::MAX)
    }

    /// How the connections of the present pool are used.
    pub(super) fn pool_use(&self, name: &'static str) -> PoolUse {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        pool_use(name, &current.pool)
    }

    /// Takes a connection before that instant.
    pub(super) fn take(&self, deadline: Instant) -> Result<Link, StoreError> {
        loop {
            let generation = self.current();
            if let Some(link) = generation.pool.try_get() {
                return Ok(generation.traffic.enter(link));
            }
            let rest = deadline.saturating_duration_since(Instant::now());
            // In short steps, because an outage may begin while one waits.
            if let Ok(link) = generation.pool.get_timeout(rest.min(WHILE_AWAY)) {
                return Ok(generation.traffic.enter(link));
            }
            generation.traffic.note_starving();
            if let Some(reason) = self.manager.outage() {
                let text = format!("no connection can be made ({reason})");
                return Err(StoreError::Unavailable(text));
            }
            if rest <= WHILE_AWAY {
                let patience = self.manager.patience();
                let text = format!("no connection was free within {patience:?}");
                return Err(StoreError::Unavailable(text));
            }
        }
    }

    /// The pool to take from: another one than before, if one of that hangs.
    fn current(&self) -> Generation {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(symptom) = current.traffic.symptom(HANGS, STARVED) {
            tracing::warn!(symptom, "connections to the database are given up");
            *current = Generation::new(&self.manager, self.size);
        }
        current.clone()
    }
}

impl Generation {
    fn new(manager: &Manager, size: u32) -> Self {
        let traffic = Arc::<Traffic>::default();
        let pool = manager.pool(size, &traffic);
        Self { pool, traffic }
    }
}

impl Traffic {
    fn enter(&self, mut link: Link) -> Link {
        let mut in_use = self.lock();
        in_use.last += 1;
        in_use.starving = None;
        link.entry = in_use.last;
        let entry = (link.entry, Instant::now());
        in_use.taken.push(entry);
        drop(in_use);
        link
    }

    /// Notes that the connection of that entry is given back.
    pub(super) fn leave(&self, entry: u64) {
        self.lock().taken.retain(|(taken, _)| *taken != entry);
    }

    fn note_starving(&self) {
        self.lock().starving.get_or_insert_with(Instant::now);
    }

    /// What speaks against taking a connection from this pool.
    fn symptom(&self, hangs: Duration, starved: Duration) -> Option<&'static str> {
        let in_use = self.lock();
        let oldest = in_use.taken.first().map(|(_, since)| since.elapsed());
        if oldest.is_some_and(|age| age >= hangs) {
            return Some("a unit hangs");
        }
        let starving = in_use.starving.map(|since| since.elapsed());
        starving
            .is_some_and(|age| age >= starved)
            .then_some("none was to be had for long")
    }

    fn lock(&self) -> MutexGuard<'_, InUse> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
