//! Which events are asked for.

use std::collections::BTreeSet;

use thiserror::Error;
use time::{Date, macros::format_description};

use super::{Event, EventCategory, EventId, EventName, EventPhase, EventType};
use crate::{
    client::ClientId,
    clock::Timestamp,
    environment::EnvironmentAccess,
    error::FaultKind,
    id::{RequestId, TenantId},
    page::{Cursor, PageRequest},
    record::InvalidInstant,
};

/// Conditions on events, all of which must hold; by default there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Its type is one of these.
    pub types: Option<BTreeSet<EventType>>,
    /// Its request is one of these.
    pub request_ids: Option<BTreeSet<RequestId>>,
    /// The client that asked is one of these.
    pub client_ids: Option<BTreeSet<ClientId>>,
    /// The tenant that it concerns is one of these.
    pub tenant_ids: Option<BTreeSet<TenantId>>,
    /// It was shown with this instant or a later one.
    pub from: Option<Timestamp>,
    /// It was shown with this instant or an earlier one.
    pub to: Option<Timestamp>,
}

impl EventFilter {
    /// The types that are asked for by themselves and by what they are about.
    pub fn types_of(
        types: Option<BTreeSet<EventType>>,
        categories: Option<BTreeSet<EventCategory>>,
    ) -> Option<BTreeSet<EventType>> {
        let Some(categories) = categories else {
            return types;
        };
        let all = EventName::ALL
            .iter()
            .filter(|name| categories.contains(&name.category()))
            .flat_map(|&name| EventPhase::ALL.map(|phase| EventType { name, phase }));
        Some(match types {
            Some(types) => all.filter(|kind| types.contains(kind)).collect(),
            None => all.collect(),
        })
    }

    /// The operations whose events of a phase are wanted; `None` for those of all.
    pub fn names(&self, phase: EventPhase) -> Option<BTreeSet<EventName>> {
        let types = self.types.as_ref()?;
        let of_phase = types.iter().filter(|kind| kind.phase == phase);
        Some(of_phase.map(|kind| kind.name).collect())
    }

    /// Whether it lets an event of that type through.
    pub fn permits_type(&self, event: &Event) -> bool {
        self.types.as_ref().is_none_or(|types| {
            let name = event.name.parse();
            name.is_ok_and(|name| {
                types.contains(&EventType {
                    name,
                    phase: event.phase,
                })
            })
        })
    }
}

/// Which events, and which page of them, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Only those of these environments; with a choice of environments, what concerns none
    /// is left out.
    pub access: EnvironmentAccess,
    /// Which of them.
    pub filter: EventFilter,
    /// Which page; the next one holds older events.
    pub page: PageRequest,
}

impl EventQuery {
    /// The ids that events of the page may have: from the first, up to and without the
    /// second.
    ///
    /// Instants are compared as they are shown, in whole milliseconds, so that an event's
    /// own timestamp as both ends of a range finds it.
    pub fn bounds(&self) -> (EventId, EventId) {
        let filter = &self.filter;
        let first = filter.from.map_or_else(
            || EventId::first_at(Timestamp::from_datetime(time::OffsetDateTime::UNIX_EPOCH)),
            |from| EventId::first_at(millis_up(from)),
        );
        let all = EventId::from_uuid(uuid::Uuid::max());
        let to = filter
            .to
            .map_or(all, |to| EventId::first_at(millis_up(to.plus_micros(1))));
        let behind = self.page.after.map_or(all, place);
        (first, to.min(behind))
    }
}

/// The first whole millisecond that is not before the instant.
fn millis_up(instant: Timestamp) -> Timestamp {
    let beyond = instant.unix_micros().rem_euclid(1_000);
    if beyond == 0 {
        instant
    } else {
        instant.plus_micros(1_000 - beyond)
    }
}

/// The place that a cursor names. One that nobody was given here, whose id is not of its
/// instant, stands for the beginning of that instant.
fn place(cursor: Cursor) -> EventId {
    let named = EventId::from_uuid(cursor.id);
    let first = EventId::first_at(cursor.created_at);
    let next = EventId::first_at(cursor.created_at.plus_micros(1));
    if (first..next).contains(&named) {
        named
    } else {
        first
    }
}

/// A choice that is longer than one may be.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum InvalidChoice {
    /// It has more values than one may have.
    #[error("must have at most 100 values")]
    TooMany,
}

/// How many values a choice may have.
const MOST_CHOICES: usize = 100;

/// Reads values with commas between them, and tells each that is none, with what is wrong
/// with it.
pub fn choices<T: Ord, E: Into<FaultKind>>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<BTreeSet<T>, Vec<(String, FaultKind)>> {
    if text.split(',').count() > MOST_CHOICES {
        return Err(vec![(String::new(), InvalidChoice::TooMany.into())]);
    }
    let mut faults = Vec::new();
    let mut values = BTreeSet::new();
    for one in text.split(',') {
        match parse(one) {
            Ok(value) => drop(values.insert(value)),
            Err(fault) => faults.push((one.to_owned(), fault.into())),
        }
    }
    if faults.is_empty() {
        Ok(values)
    } else {
        Err(faults)
    }
}

/// A text that can be no request's id.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("is no request id: those have 1 to 128 visible ASCII characters")]
pub struct InvalidRequestId;

/// Reads a date-time of RFC 3339 with any offset, or a date alone, which stands for its
/// midnight in UTC.
///
/// A space where the offset's `+` should be is read as that `+`: so it arrives from a
/// query that was not percent-encoded, and nothing else can be meant.
pub fn parse_instant(text: &str) -> Result<Timestamp, InvalidInstant> {
    let date = format_description!("[year]-[month]-[day]");
    if text.len() == 10 && text.as_bytes()[0].is_ascii_digit() {
        let date = Date::parse(text, date).map_err(|_| InvalidInstant)?;
        return Ok(Timestamp::from_datetime(date.midnight().assume_utc()));
    }
    let mended = text
        .rsplit_once(' ')
        .filter(|(instant, offset)| offset.len() == 5 && instant.contains(':'))
        .map(|(instant, offset)| format!("{instant}+{offset}"));
    Timestamp::parse(mended.as_deref().unwrap_or(text)).map_err(|_| InvalidInstant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::instant;

    fn bounds_of(from: Option<&str>, to: Option<&str>) -> (Timestamp, Timestamp) {
        let filter = EventFilter {
            from: from.map(instant),
            to: to.map(instant),
            ..EventFilter::default()
        };
        let query = EventQuery {
            filter,
            ..EventQuery::default()
        };
        let (first, end) = query.bounds();
        (first.time(), end.time())
    }

    #[test]
    fn instants_are_compared_as_they_are_shown() {
        let shown = "2026-01-01T00:00:00.123Z";
        let (first, end) = bounds_of(Some(shown), Some(shown));
        assert_eq!(first, instant(shown));
        assert_eq!(end, instant("2026-01-01T00:00:00.124Z"));
        let (first, _) = bounds_of(Some("2026-01-01T00:00:00.123001Z"), None);
        assert_eq!(first, instant("2026-01-01T00:00:00.124Z"));
        let (_, end) = bounds_of(None, Some("2026-01-01T00:00:00.123999Z"));
        assert_eq!(end, instant("2026-01-01T00:00:00.124Z"));
    }

    #[test]
    fn a_page_ends_before_its_cursor() {
        let at = instant("2026-01-01T00:00:00.123456Z");
        let id = EventId::first_at(at).after(0);
        let query = |cursor: Cursor| EventQuery {
            page: PageRequest {
                after: Some(cursor),
                ..PageRequest::default()
            },
            ..EventQuery::default()
        };
        let own = Cursor {
            created_at: at,
            id: id.as_uuid(),
        };
        assert_eq!(query(own).bounds().1, id);
        let made_up = Cursor {
            created_at: at,
            id: uuid::Uuid::max(),
        };
        assert_eq!(query(made_up).bounds().1, EventId::first_at(at));
    }

    #[test]
    fn categories_and_types_narrow_each_other() {
        let kind = |text: &str| text.parse::<EventType>().unwrap();
        let types: BTreeSet<_> =
            [kind("TENANT_CREATE_START"), kind("ENVIRONMENT_CREATE_FAIL")].into();
        let categories = Some([EventCategory::Environment].into());
        let of = EventFilter::types_of;
        assert_eq!(of(None, None), None);
        assert_eq!(of(Some(types.clone()), None), Some(types.clone()));
        let both = of(Some(types), categories.clone());
        assert_eq!(both, Some([kind("ENVIRONMENT_CREATE_FAIL")].into()));
        let all = of(None, categories).unwrap();
        assert_eq!(all.len(), 15);
        assert!(all.contains(&kind("ENVIRONMENT_DELETE_SUCCESS")));
    }

    #[test]
    fn every_value_that_is_none_is_told() {
        let read = |text: &str| choices(text, str::parse::<EventType>);
        let found = read("TENANT_CREATE_START,TENANT_CREATE_FAIL,TENANT_CREATE_START");
        assert_eq!(found.unwrap().len(), 2);
        let faults = read("TENANT_CREATE,TENANT_CREATE_START,,X").unwrap_err();
        let values: Vec<_> = faults.iter().map(|(value, _)| value.as_str()).collect();
        assert_eq!(values, ["TENANT_CREATE", "", "X"]);
        let many = ["TENANT_CREATE_START"; MOST_CHOICES + 1].join(",");
        assert_eq!(read(&many).unwrap_err().len(), 1);
    }

    #[test]
    fn instants_are_date_times_or_dates() {
        let midnight = instant("2026-01-01T00:00:00Z");
        for text in [
            "2026-01-01",
            "2026-01-01T01:00:00+01:00",
            "2026-01-01T01:00:00 01:00",
        ] {
            assert_eq!(parse_instant(text), Ok(midnight), "{text}");
        }
        for bad in ["", "2026", "2026-02-30", "yesterday", "2026-01-01T00:00:00"] {
            assert_eq!(parse_instant(bad), Err(InvalidInstant), "{bad:?}");
        }
    }
}
