//! Whether a store is quick enough to be asked on a thread that runs requests.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// What takes longer than this was not in memory, or had to wait for something.
const SLOW: Duration = Duration::from_millis(10);

/// What takes longer than this has held up others long enough by itself.
const VERY_SLOW: Duration = Duration::from_millis(100);

/// So many slow answers within so short a time are the store's. A single one may as well be the
/// thread's, which had to wait for a core.
const STRIKES: u32 = 3;
const WINDOW: Duration = Duration::from_secs(1);

/// For how long a store that was slow is asked on threads that may block.
const PAUSE: Duration = Duration::from_secs(2);

/// Trusts a store that is in this process to answer small questions in microseconds, as long as
/// it does.
///
/// While a thread that runs requests waits for a disk, all its other requests wait too. That can't be
/// known before, but a disk that is slow once is likely to be so again.
#[derive(Debug)]
pub(crate) struct Quick {
    origin: Instant,
    /// From when on it is trusted, in microseconds since the origin.
    trusted_from: AtomicU64,
    /// When the first of the last slow answers was, and how many there are.
    strikes: Mutex<(Duration, u32)>,
}

impl Quick {
    pub(crate) fn new() -> Self {
        Self {
            origin: Instant::now(),
            trusted_from: AtomicU64::new(0),
            strikes: Mutex::default(),
        }
    }

    /// Whether it may be asked here.
    pub(crate) fn is_trusted(&self) -> bool {
        self.micros(Duration::ZERO) >= self.trusted_from.load(Ordering::Relaxed)
    }

    /// Notes how long it took to answer.
    pub(crate) fn note(&self, took: Duration) {
        if took >= VERY_SLOW || (took >= SLOW && self.strike()) {
            self.trusted_from
                .fetch_max(self.micros(PAUSE), Ordering::Relaxed);
        }
    }

    /// Counts a slow answer; whether it is one too many.
    fn strike(&self) -> bool {
        let now = self.origin.elapsed();
        let mut strikes = self.strikes.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, count) = &mut *strikes;
        if *count == 0 || now.saturating_sub(*first) > WINDOW {
            (*first, *count) = (now, 0);
        }
        *count += 1;
        let is_out = *count >= STRIKES;
        if is_out {
            *count = 0;
        }
        is_out
    }

    fn micros(&self, later: Duration) -> u64 {
        let since = self.origin.elapsed() + later;
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_slow_is_not_trusted_for_a_while() {
        let mut quick = Quick::new();
        assert!(quick.is_trusted());
        quick.note(SLOW / 2);
        assert!(quick.is_trusted());
        quick.note(VERY_SLOW);
        assert!(!quick.is_trusted());
        quick.note(Duration::ZERO);
        assert!(!quick.is_trusted(), "one quick answer proves nothing");
        if let Some(earlier) = quick.origin.checked_sub(PAUSE) {
            quick.origin = earlier;
            assert!(quick.is_trusted());
        }
    }

    #[test]
    fn who_was_slow_once_may_have_waited_for_a_core() {
        let quick = Quick::new();
        for _ in 1..STRIKES {
            quick.note(SLOW);
            assert!(quick.is_trusted());
        }
        quick.note(SLOW);
        assert!(!quick.is_trusted());
    }

    #[test]
    fn what_is_long_ago_does_not_count() {
        let mut quick = Quick::new();
        for _ in 0..3 * STRIKES {
            quick.note(SLOW);
            assert!(quick.is_trusted());
            let Some(earlier) = quick.origin.checked_sub(WINDOW + SLOW) else {
                return;
            };
            quick.origin = earlier;
        }
    }
}
