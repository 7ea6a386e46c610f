//! Identifiers, one type for each thing that has one.

use std::fmt;

use thiserror::Error;
use uuid::Uuid;

use crate::{clock::Timestamp, event::EventId, port::Entropy};

/// A text that is not a UUID in the hyphenated form of RFC 9562 §4.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("is not a UUID in the hyphenated form")]
pub struct InvalidId;

/// Parses a UUID in the hyphenated form, in any letter case.
///
/// The other spellings that UUID libraries take (URN, braces, 32 bare digits) are
/// refused, so that one thing has one name on the wire.
pub fn parse_uuid(text: &str) -> Result<Uuid, InvalidId> {
    if text.len() != 36 {
        return Err(InvalidId);
    }
    Uuid::try_parse(text).map_err(|_| InvalidId)
}

fn time_ordered(now: Timestamp, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.unix_micros() / 1_000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes a new, time-ordered id (UUID version 7).
            pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(time_ordered(now, entropy))
            }

            /// Takes a UUID that is known to name such a thing.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Parses the hyphenated form, in any letter case.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                parse_uuid(text).map(Self)
            }

            /// The bare UUID.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.hyphenated())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0.hyphenated())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

typed_id!(
    /// Names a tenant: `id` of the management API, `uuid` of the system API.
    TenantId
);
typed_id!(
    /// Names an environment.
    EnvironmentId
);
typed_id!(
    /// Names a region.
    RegionId
);
typed_id!(
    /// Names a client in cursors and in the store.
    ///
    /// On the wire a client is known by its [`ClientId`](crate::client::ClientId);
    /// this one gives it a place in the order of pages.
    ClientKey
);
typed_id!(
    /// Names one of a client's secrets, never its value.
    SecretId
);
typed_id!(
    /// Names a webhook.
    WebhookId
);
typed_id!(
    /// Names one change on its way to one webhook.
    DeliveryId
);
typed_id!(
    /// Names one time of working on a webhook's deliveries, which nobody else has.
    LeaseToken
);
typed_id!(
    /// Names a system account.
    SystemAccountId
);

/// The place of a tenant in the order of creation: the system API's `id`.
///
/// Positive, rising, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantNumber(i64);

impl TenantNumber {
    /// Takes a number that a store has given out.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// Reads a whole number in ASCII digits, perhaps below zero. One beyond 64 bits counts
    /// as the nearest within them, which no tenant will ever have.
    pub fn parse(text: &str) -> Result<Self, InvalidNumber> {
        let (limit, digits) = match text.strip_prefix('-') {
            Some(digits) => (i64::MIN, digits),
            None => (i64::MAX, text),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidNumber);
        }
        Ok(Self(text.parse().unwrap_or(limit)))
    }

    /// The number itself.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// A text that is no whole number.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be an integer")]
pub struct InvalidNumber;

/// Names one request, through logs, events and changes.
///
/// At most 128 visible ASCII characters, so that it can stand in a header and in a
/// log line without escaping.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// The longest request id that is taken from a caller, in characters.
    pub const MAX_LENGTH: usize = 128;

    /// Takes a caller's request id, or `None` where it is not a sane one.
    pub fn parse(text: &str) -> Option<Self> {
        let sane = (1..=Self::MAX_LENGTH).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        sane.then(|| Self(text.to_owned()))
    }

    /// Makes a new one.
    pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
        Self(time_ordered(now, entropy).hyphenated().to_string())
    }

    /// The name of a request that its caller has not named: the id of its first event.
    pub fn of(event: EventId) -> Self {
        Self(event.as_uuid().hyphenated().to_string())
    }

    /// The text as it stands in `X-Request-Id`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CountingEntropy, instant};

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        let canonical = "86cb97a9-5e80-4ed7-af13-a170752bb1ea";
        assert_eq!(TenantId::parse(canonical).unwrap().to_string(), canonical);
        assert_eq!(
            TenantId::parse(&canonical.to_uppercase())
                .unwrap()
                .to_string(),
            canonical,
            "letter case does not matter on the way in, and is lower on the way out"
        );
        for other in [
            "86cb97a95e804ed7af13a170752bb1ea",
            "{86cb97a9-5e80-4ed7-af13-a170752bb1ea}",
            "urn:uuid:86cb97a9-5e80-4ed7-af13-a170752bb1ea",
            "86cb97a9-5e80-4ed7-af13-a170752bb1e",
            "86cb97a9-5e80-4ed7-af13-a170752bb1eg",
            " 86cb97a9-5e80-4ed7-af13-a170752bb1ea",
            "",
        ] {
            assert_eq!(TenantId::parse(other), Err(InvalidId), "{other:?}");
        }
    }

    #[test]
    fn numbers_are_whole_and_never_too_large() {
        for (text, number) in [
            ("1", 1),
            ("007", 7),
            ("0", 0),
            ("-3", -3),
            ("9223372036854775807", i64::MAX),
            ("9223372036854775808", i64::MAX),
            ("-99999999999999999999", i64::MIN),
        ] {
            assert_eq!(
                TenantNumber::parse(text),
                Ok(TenantNumber(number)),
                "{text:?}"
            );
        }
        for bad in [
            "", "-", "+1", "--1", "1.0", "1e3", " 1", "1 ", "0x1", "१", "one",
        ] {
            assert_eq!(TenantNumber::parse(bad), Err(InvalidNumber), "{bad:?}");
        }
    }

    #[test]
    fn generated_ids_are_version_7_and_rise_with_time() {
        let entropy = CountingEntropy::default();
        let early = TenantId::generate(instant("2026-01-01T00:00:00Z"), &entropy);
        let late = TenantId::generate(instant("2026-01-01T00:00:00.001Z"), &entropy);
        assert_eq!(early.as_uuid().get_version_num(), 7);
        assert!(early < late);
    }

    #[test]
    fn request_ids_are_short_and_visible() {
        assert!(RequestId::parse("abc-123").is_some());
        assert!(RequestId::parse(&"x".repeat(128)).is_some());
        for bad in [
            "",
            "with space",
            "tab\t",
            "line\nbreak",
            "é",
            &"x".repeat(129),
        ] {
            assert_eq!(RequestId::parse(bad), None, "{bad:?}");
        }
    }
}
