//! One key ring for all of a server, replaced while others use it.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicI64, Ordering},
};

use tenantry_domain::clock::Timestamp;

use super::KeyRing;

/// A key ring that can be replaced while others use it.
///
/// Whoever asks for the current one keeps it for as long as they need; the next who
/// asks gets the new one.
#[derive(Clone, Debug)]
pub struct SharedKeyRing(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ring: RwLock<Arc<KeyRing>>,
    /// When the store was last seen to hold these keys, in microseconds since 1970.
    read_at: AtomicI64,
}

/// How long a ring may be signed with after it was read, in seconds. A server that could
/// not read the keys for longer can't know whether another one signs by now, and the
/// others believe a key for no longer than a minute after its time.
const FRESH_SECONDS: i64 = 45;

impl SharedKeyRing {
    /// Begins with that ring, which was read at that instant.
    pub fn new(ring: KeyRing, now: Timestamp) -> Self {
        Self(Arc::new(Shared {
            ring: RwLock::new(Arc::new(ring)),
            read_at: AtomicI64::new(now.unix_micros()),
        }))
    }

    /// The ring as it is now.
    pub fn current(&self) -> Arc<KeyRing> {
        // Nothing is done under the lock that could leave a ring half replaced.
        Arc::clone(&self.0.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another one in its place, for all clones.
    pub fn replace(&self, ring: KeyRing, now: Timestamp) {
        *self.0.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        self.confirm(now);
    }

    /// Notes that the store still held the same keys at that instant.
    pub fn confirm(&self, now: Timestamp) {
        self.0.read_at.store(now.unix_micros(), Ordering::Relaxed);
    }

    /// Whether the keys were read so lately that they may be signed with.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        let age = now.unix_micros() - self.0.read_at.load(Ordering::Relaxed);
        age < FRESH_SECONDS * 1_000_000
    }
}
