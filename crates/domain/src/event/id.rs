//! Ids of events, which are also their places in the order of time.

use std::fmt;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::{clock::Timestamp, port::Entropy};

/// Names an event, and says when it was.
///
/// It is a UUID of version 7 that counts to the microsecond (RFC 9562 §6.2, method 3), so
/// that events are in the order of time when they are in the order of their ids, and a
/// request's two events need one random tail and no column of time: the last bit tells
/// them apart, 0 for the first and 1 for the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Uuid);

/// The lowest 62 bits are random, but for the last one.
const TAIL: u64 = (1 << 62) - 1;

impl EventId {
    /// Makes the id of a request's first event.
    pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
        let mut random = [0_u8; 8];
        entropy.fill(&mut random);
        Self::compose(now, u64::from_be_bytes(random) & !1)
    }

    /// The first of all ids that an event of that instant could have.
    pub fn first_at(instant: Timestamp) -> Self {
        Self::compose(instant, 0)
    }

    /// Takes a UUID that names an event.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The bare UUID.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }

    /// When the event was.
    pub fn time(self) -> Timestamp {
        let (high, _) = self.0.as_u64_pair();
        let (millis, fraction) = (high >> 16, high & 0xFFF);
        // Rounded up, because the fraction was rounded down.
        let micros = millis * 1_000 + (fraction * 1_000).div_ceil(4_096);
        let instant = i64::try_from(micros).ok();
        // 48 bits of milliseconds reach beyond the calendar.
        let last = || Timestamp::from_unix_micros(253_402_300_799_999_999);
        let instant = instant.and_then(Timestamp::from_unix_micros).or_else(last);
        instant.unwrap_or_else(|| Timestamp::from_datetime(time::OffsetDateTime::UNIX_EPOCH))
    }

    /// The id of a request's second event, of which this is the first.
    #[must_use]
    pub fn after(self, micros: i64) -> Self {
        let (_, low) = self.0.as_u64_pair();
        Self::compose(self.time().plus_micros(micros), low & TAIL | 1)
    }

    fn compose(instant: Timestamp, tail: u64) -> Self {
        let micros = u64::try_from(instant.unix_micros()).unwrap_or(0);
        let (millis, rest) = (micros / 1_000, micros % 1_000);
        let fraction = rest * 4_096 / 1_000;
        let high = millis << 16 | 0x7000 | fraction;
        Self(Uuid::from_u64_pair(high, 1 << 63 | tail & TAIL))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.hyphenated())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{CountingEntropy, instant};

    #[test]
    fn it_is_of_version_7_and_tells_its_time() {
        let at = instant("2026-01-01T12:34:56.789123Z");
        let id = EventId::generate(at, &CountingEntropy::default());
        assert_eq!(id.as_uuid().get_version_num(), 7);
        assert_eq!(id.as_uuid().get_variant(), uuid::Variant::RFC4122);
        assert_eq!(id.time(), at);
        assert!(EventId::first_at(at) <= id);
        assert!(id < EventId::first_at(at.plus_micros(1)));
    }

    #[test]
    fn what_lies_before_1970_or_behind_the_calendar_is_no_panic() {
        let early = EventId::first_at(instant("1969-01-01T00:00:00Z"));
        assert_eq!(early.time(), instant("1970-01-01T00:00:00Z"));
        let _ = EventId::from_uuid(Uuid::max()).time();
        let _ = EventId::from_uuid(Uuid::max()).after(i64::MAX);
    }

    proptest! {
        #[test]
        fn ids_are_in_the_order_of_time(
            micros in 0..4_000_000_000_000_000_i64,
            other in 0..4_000_000_000_000_000_i64,
            duration in 0..100_000_000_i64,
        ) {
            let entropy = CountingEntropy::default();
            let at = |micros| Timestamp::from_unix_micros(micros).unwrap();
            let id = EventId::generate(at(micros), &entropy);
            prop_assert_eq!(id.time(), at(micros));
            let end = id.after(duration);
            prop_assert_eq!(end.time(), at(micros + duration));
            prop_assert!(id < end);
            let second = EventId::generate(at(other), &entropy);
            if micros != other {
                prop_assert_eq!(id < second, micros < other);
            }
            prop_assert_ne!(end, second.after(duration));
        }
    }
}
