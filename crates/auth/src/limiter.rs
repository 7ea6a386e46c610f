//! Limits on failed authentications.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tenantry_domain::clock::Timestamp;
use thiserror::Error;

/// How many failures are answered as failures; those above are told to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureLimits {
    /// For one client id from one address.
    pub per_client_and_address: u32,
    /// For one address, whatever the client id.
    pub per_address: u32,
    /// Within which time.
    pub window: Duration,
}

impl Default for FailureLimits {
    fn default() -> Self {
        Self {
            per_client_and_address: 10,
            per_address: 100,
            window: Duration::from_mins(1),
        }
    }
}

/// A failure above a limit (RFC 6585 §4).
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("too many failed authentications; try again in {retry_after_seconds} s")]
pub struct Limited {
    /// How long to wait, in seconds; at least one.
    pub retry_after_seconds: u32,
}

/// Counts failed authentications, by client id and address and by address alone.
///
/// Only failures count. Who presents the right secret is never refused for those of
/// others, so nobody can lock a client out by failing in its name, be it from
/// its own address. That is safe, although it lets a guess through that happens to be
/// right: client secrets carry 256 bits, or at least 32 characters, and no rate that
/// a server can take makes a dent in that. What the limit is for is to tell a broken
/// or hostile caller to slow down, and to keep failures from filling the log.
///
/// Windows are fixed: the first failure opens one, and with its end the count begins
/// anew. A caller that was told to wait and does so has all its failures again.
///
/// Memory is bounded by construction. The counters are two tables that never grow,
/// and their place is found by a keyed hash whose key is drawn for this process. Two
/// callers may share a counter, but nobody can arrange for it, and a flood of made-up
/// ids and addresses can only make counters run full sooner: then wrong secrets are
/// answered with "wait" in place of "wrong", and right ones still open. No flood can
/// make a counter forget.
///
/// An IPv6 address counts as its /64, which is what a network gives to one customer;
/// an IPv4 address in IPv6 clothes (RFC 4291 §2.5.5.2) counts as what it is.
pub struct FailureLimiter<S = RandomState> {
    limits: FailureLimits,
    window_micros: i64,
    hasher: S,
    tables: Mutex<Tables>,
}

struct Tables {
    pairs: Box<[Counter]>,
    addresses: Box<[Counter]>,
}

/// How many counters each of the tables has.
const COUNTERS: usize = 1 << 16;

const MICROS_PER_SECOND: i64 = 1_000_000;

impl FailureLimiter {
    /// Begins with no failure counted, and a key of its own.
    pub fn new(limits: FailureLimits) -> Self {
        Self::with_hasher(limits, RandomState::new())
    }
}

impl<S: BuildHasher> FailureLimiter<S> {
    /// Places the counters by another hash, which should be keyed as well.
    pub fn with_hasher(limits: FailureLimits, hasher: S) -> Self {
        let window_micros = i64::try_from(limits.window.as_micros()).unwrap_or(i64::MAX);
        let table = || vec![Counter::default(); COUNTERS].into_boxed_slice();
        Self {
            limits,
            window_micros,
            hasher,
            tables: Mutex::new(Tables {
                pairs: table(),
                addresses: table(),
            }),
        }
    }

    /// Counts one failed authentication, and says whether it was one too many.
    pub fn record_failure(
        &self,
        client_id: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<(), Limited> {
        let network = Network::of(address);
        let pair = self.place(&(network, client_id));
        let alone = self.place(&network);
        let now = now.unix_micros();

        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        // Both are counted in any case: the answer to one must not spare the other.
        let pair =
            tables.pairs[pair].count(self.limits.per_client_and_address, self.window_micros, now);
        let alone = tables.addresses[alone].count(self.limits.per_address, self.window_micros, now);
        drop(tables);

        match pair.max(alone) {
            None => Ok(()),
            Some(micros) => Err(Limited {
                retry_after_seconds: whole_seconds(micros),
            }),
        }
    }

    /// Takes back a failure that was counted before it was known to be none.
    pub fn forgive(&self, client_id: &str, address: IpAddr) {
        let network = Network::of(address);
        let pair = self.place(&(network, client_id));
        let alone = self.place(&network);
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.pairs[pair].uncount();
        tables.addresses[alone].uncount();
    }

    fn place(&self, key: &impl std::hash::Hash) -> usize {
        let bits = self.hasher.hash_one(key) % COUNTERS as u64;
        usize::try_from(bits).unwrap_or(0)
    }
}

impl<S> fmt::Debug for FailureLimiter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailureLimiter")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Failures since the window was opened.
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    opened: i64,
    failures: u32,
}

impl Counter {
    /// Counts one more; above the limit, says in how many microseconds the window ends.
    fn count(&mut self, limit: u32, window: i64, now: i64) -> Option<i64> {
        if self.failures == 0 || now >= self.opened.saturating_add(window) {
            *self = Self {
                opened: now,
                failures: 0,
            };
        }
        // A clock that was set back would leave a window open that ends far in the
        // future: as from now, it is one that was just opened.
        self.opened = self.opened.min(now);
        self.failures = self.failures.saturating_add(1);
        (self.failures > limit).then(|| self.opened.saturating_add(window).saturating_sub(now))
    }

    fn uncount(&mut self) {
        self.failures = self.failures.saturating_sub(1);
    }
}

/// What counts as one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// An IPv4 address.
    V4([u8; 4]),
    /// The first 64 bits of an IPv6 address.
    V6([u16; 4]),
}

impl Network {
    /// What an address counts as.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [first, second, third, fourth, ..] = address.segments();
                Self::V6([first, second, third, fourth])
            }
        }
    }
}

/// Rounded up, and never zero: "try again in 0 s" would be an invitation.
fn whole_seconds(micros: i64) -> u32 {
    let seconds = micros.max(1).saturating_add(MICROS_PER_SECOND - 1) / MICROS_PER_SECOND;
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
