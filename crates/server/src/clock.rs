//! The clock of a real process.

use std::sync::atomic::{AtomicI64, Ordering};

use tenantry_domain::clock::{Clock, Timestamp};
use time::OffsetDateTime;

/// The system's clock, made strictly increasing: no two looks give the same instant,
/// and none gives an earlier one than the look before, whatever is done to the
/// system's clock meanwhile.
#[derive(Debug)]
pub(crate) struct SystemClock {
    /// The last instant that was given out, in microseconds.
    last: AtomicI64,
}

impl SystemClock {
    /// A clock that has not been looked at.
    pub(crate) const fn new() -> Self {
        Self {
            last: AtomicI64::new(i64::MIN),
        }
    }

    fn after_last(&self, wall: i64) -> i64 {
        let next = |last: i64| wall.max(last.saturating_add(1));
        // The closure never refuses, so either arm holds the instant before.
        let last = self
            .last
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| Some(next(last)))
            .unwrap_or_else(|last| last);
        next(last)
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place where the system's clock is read"
        )]
        let wall = Timestamp::from_datetime(OffsetDateTime::now_utc());
        // The system's clock ends thousands of years before the calendar does.
        Timestamp::from_unix_micros(self.after_last(wall.unix_micros())).unwrap_or(wall)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::Arc, thread};

    use super::*;

    #[test]
    fn never_stands_still_and_never_goes_back() {
        let clock = SystemClock::new();
        assert_eq!(clock.after_last(1_000), 1_000);
        assert_eq!(clock.after_last(1_000), 1_001);
        assert_eq!(
            clock.after_last(500),
            1_002,
            "the system's clock was set back"
        );
        assert_eq!(clock.after_last(5_000), 5_000);
    }

    #[test]
    fn shows_the_present() {
        let year_2025 = Timestamp::parse("2025-01-01T00:00:00Z").unwrap();
        assert!(SystemClock::new().now() > year_2025);
    }

    #[test]
    fn no_two_threads_see_the_same_instant() {
        let clock = Arc::new(SystemClock::new());
        let looks = |clock: Arc<SystemClock>| -> Vec<_> {
            (0..10_000).map(|_| clock.now().unix_micros()).collect()
        };
        let threads: Vec<_> = (0..4)
            .map(|_| {
                thread::spawn({
                    let clock = Arc::clone(&clock);
                    move || looks(clock)
                })
            })
            .collect();
        let mut seen = HashSet::new();
        for thread in threads {
            let instants = thread.join().unwrap();
            assert!(instants.is_sorted());
            for instant in instants {
                assert!(seen.insert(instant), "{instant} was given twice");
            }
        }
    }
}
