//! The clock of a real process.

use tenantry_domain::clock::{Clock, Timestamp};
use time::OffsetDateTime;

/// The system's clock, as it is: tokens must show the time that their verifiers see.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place where the system's clock is read"
        )]
        Timestamp::from_datetime(OffsetDateTime::now_utc())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_present() {
        let year_2025 = Timestamp::parse("2025-01-01T00:00:00Z").unwrap();
        assert!(SystemClock.now() > year_2025);
    }
}
