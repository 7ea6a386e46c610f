//! Instants, and the clock as an argument.

use std::fmt;

use thiserror::Error;
use time::{Duration, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// An instant in UTC, in whole microseconds.
///
/// Microseconds, because that is what every supported database keeps: an instant
/// that comes back from the store equals the one that went in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(OffsetDateTime);

/// A text that is not a date-time of RFC 3339 §5.6.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("is not a date-time of RFC 3339")]
pub struct InvalidTimestamp;

/// For how many seconds what has expired is still remembered where forgetting it could do harm: a clock that was
/// ahead for a while may make it count again when it is set right. A week.
pub const REMEMBERED_SECONDS: i64 = 7 * 86_400;

impl Timestamp {
    /// Takes an instant of any precision and offset; what is finer than a
    /// microsecond is cut off.
    pub fn from_datetime(instant: OffsetDateTime) -> Self {
        let utc = instant.to_offset(UtcOffset::UTC);
        let micros = utc.microsecond();
        // A microsecond count below a million is always a valid one.
        Self(utc.replace_microsecond(micros).unwrap_or(utc))
    }

    /// Microseconds since 1970-01-01T00:00:00Z, negative before.
    ///
    /// `None` where the instant lies outside of the years −9999 to 9999.
    pub fn from_unix_micros(micros: i64) -> Option<Self> {
        let second = OffsetDateTime::from_unix_timestamp(micros.div_euclid(1_000_000)).ok()?;
        let rest = u32::try_from(micros.rem_euclid(1_000_000)).ok()?;
        second.replace_microsecond(rest).ok().map(Self)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub fn unix_micros(self) -> i64 {
        // The years that a timestamp can hold lie well within 64 bits of microseconds.
        self.0.unix_timestamp() * 1_000_000 + i64::from(self.0.microsecond())
    }

    /// The instant so many seconds after 1970-01-01T00:00:00Z; one beyond the calendar is its
    /// end.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Self {
        Self(OffsetDateTime::UNIX_EPOCH).plus_seconds(seconds)
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, as the claims of a JWT count.
    pub fn unix_seconds(self) -> i64 {
        self.0.unix_timestamp()
    }

    /// Parses a date-time of RFC 3339 §5.6 with any offset.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTimestamp)?;
        // An offset can push the ends of the calendar out of the years that can be shown.
        let utc = parsed
            .checked_to_offset(UtcOffset::UTC)
            .ok_or(InvalidTimestamp)?;
        if !(0..=9999).contains(&utc.year()) {
            return Err(InvalidTimestamp);
        }
        Ok(Self::from_datetime(utc))
    }

    /// RFC 3339 in UTC with six digits of a second: `2026-01-01T00:00:00.000000Z`.
    pub fn to_rfc3339(self) -> String {
        let mut text = self.to_second();
        text.push('.');
        push_digits(&mut text, self.0.microsecond(), 6);
        text.push('Z');
        text
    }

    /// RFC 3339 in UTC with three digits of a second: `2026-01-01T00:00:00.000Z`.
    pub fn to_rfc3339_millis(self) -> String {
        let mut text = self.to_second();
        text.push('.');
        push_digits(&mut text, u32::from(self.0.millisecond()), 3);
        text.push('Z');
        text
    }

    /// Whole seconds with a numeric offset, the system API's form:
    /// `2018-07-31T14:57:10+00:00`.
    pub fn to_seconds_with_offset(self) -> String {
        let mut text = self.to_second();
        text.push_str("+00:00");
        text
    }

    /// `2026-01-01T00:00:00`, with room for what comes behind it.
    ///
    /// Every row of every list has two of them, and the formatter of `time` takes six times as long,
    /// since it is told what to write while it writes.
    fn to_second(self) -> String {
        let (date, time) = (self.0.date(), self.0.time());
        let mut text = String::with_capacity(27);
        let year = date.year();
        if year < 0 {
            text.push('-');
        }
        push_digits(&mut text, year.unsigned_abs(), 4);
        for (separator, number) in [
            ('-', u8::from(date.month())),
            ('-', date.day()),
            ('T', time.hour()),
            (':', time.minute()),
            (':', time.second()),
        ] {
            text.push(separator);
            push_digits(&mut text, u32::from(number), 2);
        }
        text
    }

    /// This instant moved by whole microseconds; the end of the calendar stays where it is.
    #[must_use]
    pub fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(Duration::microseconds(micros)))
    }

    /// This instant moved by whole seconds; the end of the calendar stays where it is.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(Duration::seconds(seconds)))
    }
}

/// Writes a number with that many digits.
fn push_digits(text: &mut String, number: u32, digits: u32) {
    for place in (0..digits).rev() {
        let digit = number / 10_u32.pow(place) % 10;
        text.push(char::from_digit(digit, 10).unwrap_or('0'));
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

/// Where the time comes from.
///
/// It may stand still or go back: what has to rise, such as the times of creation by which
/// lists are ordered, is kept rising by the use cases.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::format_description;

    use super::*;

    #[test]
    fn shows_each_form() {
        let instant = Timestamp::parse("2018-07-31T16:57:10.1234567+02:00").unwrap();
        assert_eq!(instant.to_rfc3339(), "2018-07-31T14:57:10.123456Z");
        assert_eq!(instant.to_rfc3339_millis(), "2018-07-31T14:57:10.123Z");
        assert_eq!(
            instant.to_seconds_with_offset(),
            "2018-07-31T14:57:10+00:00"
        );
    }

    #[test]
    fn refuses_what_is_not_rfc_3339() {
        for bad in [
            "",
            "2018-07-31",
            "2018-07-31T14:57:10",
            "2018-02-30T00:00:00Z",
            "2018-07-31T25:00:00Z",
            "0000-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "+12018-07-31T14:57:10Z",
        ] {
            assert_eq!(Timestamp::parse(bad), Err(InvalidTimestamp), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn microseconds_and_text_round_trip(micros in -62_135_596_800_000_000_i64..=253_402_300_799_999_999) {
            let instant = Timestamp::from_unix_micros(micros).unwrap();
            prop_assert_eq!(instant.unix_micros(), micros);
            prop_assert_eq!(Timestamp::parse(&instant.to_rfc3339()), Ok(instant));
            prop_assert_eq!(Timestamp::from_unix_micros(instant.unix_micros()), Some(instant));
        }

        #[test]
        fn writes_what_the_formatter_of_time_writes(seconds in -62_167_219_200_i64..253_402_300_800, micros in 0_u32..1_000_000) {
            let instant = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let instant = Timestamp(instant.replace_microsecond(micros).unwrap());
            let micros = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
            prop_assert_eq!(instant.to_rfc3339(), instant.0.format(&micros).unwrap());
            let millis = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
            prop_assert_eq!(instant.to_rfc3339_millis(), instant.0.format(&millis).unwrap());
            let seconds = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+00:00");
            prop_assert_eq!(instant.to_seconds_with_offset(), instant.0.format(&seconds).unwrap());
        }
    }
}
