//! Records: all tenants by number, as the system API looks through them.
//!
//! A [`RecordQuery`] says which of them, in which order, and which page of those; a
//! [`RecordPage`] is that page with the total behind it. What a store answers must be
//! what [`RecordFilter::matches`] and [`RecordOrder::compare`] say.

use std::{cmp::Ordering, collections::BTreeSet, str::FromStr};

use thiserror::Error;
use time::{
    Date, OffsetDateTime,
    format_description::well_known::Rfc3339,
    macros::{format_description, utc_datetime},
};

use crate::{
    clock::Timestamp,
    id::{TenantId, TenantNumber},
    page::NumberedPage,
    tenant::{Tenant, TenantHead},
};

/// Which records, in which order, and which page of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordQuery {
    /// Which of all tenants.
    pub filter: RecordFilter,
    /// In which order.
    pub order: RecordOrder,
    /// Which page of those. One of size 0 asks for the total alone.
    pub page: NumberedPage,
}

impl RecordQuery {
    /// Asks for no record, only for how many there are.
    pub fn total_only() -> Self {
        Self {
            page: NumberedPage::EMPTY,
            ..Self::default()
        }
    }
}

/// One page of records, and how many there are on all pages; both of one state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordPage {
    /// The records of the page, in order.
    pub tenants: Vec<Tenant>,
    /// How many tenants the filter lets through.
    pub total: u64,
}

/// Conditions on records, all of which must hold; by default there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordFilter {
    /// Its number is one of these.
    pub numbers: Option<BTreeSet<TenantNumber>>,
    /// Its id is one of these.
    pub ids: Option<BTreeSet<TenantId>>,
    /// It was made in one of these seconds.
    pub created: SecondRange,
    /// It was last changed in one of these seconds.
    pub updated: SecondRange,
}

impl RecordFilter {
    /// Whether it lets every record through, whatever there is.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it lets none through, whatever there is: an empty choice, or a range that
    /// ends before it begins.
    pub fn is_none(&self) -> bool {
        self.numbers.as_ref().is_some_and(BTreeSet::is_empty)
            || self.ids.as_ref().is_some_and(BTreeSet::is_empty)
            || self.created.bounds().is_none()
            || self.updated.bounds().is_none()
    }

    /// Whether it asks for nothing but when tenants were made, so that in the order of
    /// creation it lets one range of them through.
    pub fn is_of_creation(&self) -> bool {
        let Self {
            numbers,
            ids,
            created: _,
            updated,
        } = self;
        numbers.is_none() && ids.is_none() && updated.is_all()
    }

    /// Whether it lets a tenant through.
    pub fn matches(&self, head: &TenantHead) -> bool {
        let is_among_numbers = |set: &BTreeSet<_>| set.contains(&head.number);
        let is_among_ids = |set: &BTreeSet<_>| set.contains(&head.id);
        self.numbers.as_ref().is_none_or(is_among_numbers)
            && self.ids.as_ref().is_none_or(is_among_ids)
            && self.created.contains(head.created_at)
            && self.updated.contains(head.updated_at)
    }
}

/// A whole second: an instant as far as records show it, and so as far as it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Second(i64);

/// A text that is no instant.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be a date-time of RFC 3339 or a date")]
pub struct InvalidInstant;

impl Second {
    /// 0000-01-01T00:00:00Z: no record is earlier.
    const FIRST: Self = Self(utc_datetime!(0000-01-01 00:00:00).unix_timestamp());
    /// 9999-12-31T23:59:59Z: no record is later.
    const LAST: Self = Self(utc_datetime!(9999-12-31 23:59:59).unix_timestamp());

    /// The second in which an instant lies.
    pub fn of(instant: Timestamp) -> Self {
        Self(instant.unix_seconds())
    }

    /// Reads a date-time of RFC 3339 §5.6 with any offset, or a date alone, which stands for
    /// its midnight in UTC. What is finer than a second is cut off; a leap second counts
    /// as the one before it.
    ///
    /// A space where the offset's `+` should be is read as that `+`: so it arrives from a
    /// query that was not percent-encoded, and nothing else can be meant.
    pub fn parse(text: &str) -> Result<Self, InvalidInstant> {
        let date = format_description!("[year]-[month]-[day]");
        // The year of `time` may have a sign, RFC 3339's may not.
        if text.len() == 10 && text.as_bytes()[0].is_ascii_digit() {
            let date = Date::parse(text, date).map_err(|_| InvalidInstant)?;
            return Ok(Self(date.midnight().assume_utc().unix_timestamp()));
        }
        let mended = text
            .rsplit_once(' ')
            .filter(|(instant, offset)| offset.len() == 5 && instant.contains(':'))
            .map(|(instant, offset)| format!("{instant}+{offset}"));
        let instant = OffsetDateTime::parse(mended.as_deref().unwrap_or(text), &Rfc3339)
            .map_err(|_| InvalidInstant)?;
        Ok(Self(instant.unix_timestamp()))
    }
}

/// A range of whole seconds; by default all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecondRange {
    first: Second,
    last: Second,
}

impl Default for SecondRange {
    fn default() -> Self {
        Self {
            first: Second::FIRST,
            last: Second::LAST,
        }
    }
}

/// Which seconds a bound lets through, told by its name on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// `before`: that second and all earlier ones.
    Before,
    /// `strictly_before`: all earlier ones.
    StrictlyBefore,
    /// `after`: that second and all later ones.
    After,
    /// `strictly_after`: all later ones.
    StrictlyAfter,
}

impl Bound {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Before,
        Self::StrictlyBefore,
        Self::After,
        Self::StrictlyAfter,
    ];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::StrictlyBefore => "strictly_before",
            Self::After => "after",
            Self::StrictlyAfter => "strictly_after",
        }
    }
}

impl SecondRange {
    /// The same range, as far as a bound lets it through too.
    #[must_use]
    pub fn within(self, bound: Bound, Second(second): Second) -> Self {
        let Self { first, last } = self;
        let (first, last) = match bound {
            Bound::Before => (first, last.min(Second(second))),
            Bound::StrictlyBefore => (first, last.min(Second(second.saturating_sub(1)))),
            Bound::After => (first.max(Second(second)), last),
            Bound::StrictlyAfter => (first.max(Second(second.saturating_add(1))), last),
        };
        Self { first, last }
    }

    /// Whether it holds every instant.
    pub fn is_all(self) -> bool {
        self == Self::default()
    }

    /// Whether an instant lies in one of its seconds.
    pub fn contains(self, instant: Timestamp) -> bool {
        (self.first..=self.last).contains(&Second::of(instant))
    }

    /// Its first and its last microsecond; `None` where it holds nothing.
    pub fn bounds(self) -> Option<(Timestamp, Timestamp)> {
        if self.first > self.last {
            return None;
        }
        // What is in the range lies in the years 0 to 9999, which a timestamp can hold.
        let first = Timestamp::from_unix_micros(self.first.0 * 1_000_000)?;
        let last = Timestamp::from_unix_micros(self.last.0 * 1_000_000 + 999_999)?;
        Some((first, last))
    }
}

/// What records are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKey {
    /// The number, the records' `id`.
    Number,
    /// When it was made.
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
}

/// In which direction they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smaller ones first.
    Ascending,
    /// Larger ones first.
    Descending,
}

/// A text that is no direction.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be asc or desc")]
pub struct UnknownDirection;

impl FromStr for Direction {
    type Err = UnknownDirection;

    /// `asc` or `desc`, in any letter case.
    fn from_str(text: &str) -> Result<Self, UnknownDirection> {
        if text.eq_ignore_ascii_case("asc") {
            Ok(Self::Ascending)
        } else if text.eq_ignore_ascii_case("desc") {
            Ok(Self::Descending)
        } else {
            Err(UnknownDirection)
        }
    }
}

/// An order of records in which every record has one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordOrder(Vec<(RecordKey, Direction)>);

impl RecordOrder {
    /// Sorts by the first key, where that is the same by the second, and so on; and in the
    /// end by number, ascending.
    pub fn by(keys: impl IntoIterator<Item = (RecordKey, Direction)>) -> Self {
        let mut sorted: Vec<(RecordKey, Direction)> = Vec::new();
        let last = (RecordKey::Number, Direction::Ascending);
        for (key, direction) in keys.into_iter().chain([last]) {
            // A key that was compared before is the same. Numbers are never the same, so
            // nothing behind them counts.
            if !sorted.iter().any(|&(earlier, _)| earlier == key) {
                sorted.push((key, direction));
            }
            if key == RecordKey::Number {
                break;
            }
        }
        Self(sorted)
    }

    /// The keys, most important first; the number is the last of them.
    pub fn keys(&self) -> &[(RecordKey, Direction)] {
        &self.0
    }

    /// Whether it is the order of numbers, ascending.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// In which direction it is that of creation, if it is. By number and by time of creation
    /// are the same order, since both rise from one tenant to the next.
    pub fn of_creation(&self) -> Option<Direction> {
        match self.0.first() {
            Some(&(RecordKey::Number | RecordKey::CreatedAt, direction)) => Some(direction),
            _ => None,
        }
    }

    /// Which of two tenants comes first.
    pub fn compare(&self, one: &TenantHead, other: &TenantHead) -> Ordering {
        self.0
            .iter()
            .fold(Ordering::Equal, |so_far, &(key, direction)| {
                so_far.then_with(|| {
                    let ascending = match key {
                        RecordKey::Number => one.number.cmp(&other.number),
                        RecordKey::CreatedAt => one.created_at.cmp(&other.created_at),
                        RecordKey::UpdatedAt => one.updated_at.cmp(&other.updated_at),
                    };
                    match direction {
                        Direction::Ascending => ascending,
                        Direction::Descending => ascending.reverse(),
                    }
                })
            })
    }
}

impl Default for RecordOrder {
    /// By number, ascending.
    fn default() -> Self {
        Self::by([])
    }
}

#[cfg(test)]
mod tests;
