//! What the collection's query asks for (contract §5.2).
//!
//! Names are read as PHP reads them, since that is what clients of the original platform
//! write: `id[]=1&id[]=2` and `id[0]=1&id[1]=2` are lists, `createdAt[before]` is a member.
//! Of a parameter that can have one value only, the last one counts, as there; but every
//! value is looked at, so that no malformed one goes unseen.

use tenantry_domain::{
    error::{Fault, FaultKind},
    id::{TenantId, TenantNumber},
    page::{NumberedPage, NumberedPageFault},
    record::{Bound, Direction, RecordKey, RecordOrder, RecordQuery, Second, SecondRange},
};

use crate::{
    error::{ApiError, Location},
    query::Query,
};

/// The names of the page's number, the one that counts first.
pub(super) const PAGE: [&str; 2] = ["page", "_page"];
/// The names of the page's size, the one that counts first.
const SIZE: [&str; 3] = ["limit", "itemsPerPage", "_limit"];

/// What records are sorted by, by its name on the wire.
pub(super) const KEYS: [(&str, RecordKey); 3] = [
    ("id", RecordKey::Number),
    ("createdAt", RecordKey::CreatedAt),
    ("updatedAt", RecordKey::UpdatedAt),
];

/// What a parameter's name asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parameter {
    Number,
    Id,
    Created(Bound),
    Updated(Bound),
    Order(RecordKey),
    /// By its place among the synonyms.
    Page(usize),
    Size(usize),
    /// A filter in a form that it does not have. To pass over it would be to show all.
    Misformed,
    Unknown,
}

impl Parameter {
    fn of(name: &str) -> Self {
        let synonym = |names: &[&str]| names.iter().position(|one| *one == name);
        if let Some(place) = synonym(&PAGE) {
            return Self::Page(place);
        }
        if let Some(place) = synonym(&SIZE) {
            return Self::Size(place);
        }
        let (base, key) = match name.split_once('[') {
            None => (name, None),
            Some((base, rest)) => {
                let key = rest.strip_suffix(']');
                (base, Some(key.filter(|key| !key.contains(['[', ']']))))
            }
        };
        let bound = || {
            let is_named = |bound: &Bound| key == Some(Some(bound.as_str()));
            Bound::ALL.into_iter().find(is_named)
        };
        let sort = || {
            let named = KEYS.into_iter().find(|(name, _)| key == Some(Some(name)));
            named.map(|(_, sort)| sort)
        };
        match (base, key) {
            ("id", None | Some(Some(_))) => Self::Number,
            ("uuid", None | Some(Some(_))) => Self::Id,
            ("createdAt", _) => bound().map_or(Self::Misformed, Self::Created),
            ("updatedAt", _) => bound().map_or(Self::Misformed, Self::Updated),
            ("order", _) => sort().map_or(Self::Unknown, Self::Order),
            ("id" | "uuid", _) => Self::Misformed,
            _ => Self::Unknown,
        }
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    query: RecordQuery,
    created: Bounds,
    updated: Bounds,
    order: Vec<(RecordKey, Direction)>,
    page: [Option<String>; PAGE.len()],
    size: [Option<String>; SIZE.len()],
}

/// The last value of each bound.
type Bounds = [Option<Second>; Bound::ALL.len()];

/// Reads the whole query, and tells all that is wrong with it.
pub(super) fn record_query(query: &Query) -> Result<RecordQuery, ApiError> {
    let mut reader = Reader::default();
    let mut faults = Vec::new();
    for (name, value) in query.pairs() {
        if let Err(kind) = reader.read(name, value) {
            let fault = Fault::new(name, kind).showing(value);
            faults.push((Location::Query, fault));
        }
    }
    if faults.is_empty() {
        Ok(reader.finish())
    } else {
        Err(ApiError::invalid(faults))
    }
}

impl Reader {
    fn read(&mut self, name: &str, value: &str) -> Result<(), FaultKind> {
        match Parameter::of(name) {
            Parameter::Number => {
                let number = TenantNumber::parse(value).map_err(|_| FaultKind::NotAnInteger)?;
                let numbers = &mut self.query.filter.numbers;
                numbers.get_or_insert_default().insert(number);
            }
            Parameter::Id => {
                let ids = &mut self.query.filter.ids;
                ids.get_or_insert_default().insert(TenantId::parse(value)?);
            }
            Parameter::Created(bound) => set(&mut self.created, bound, value)?,
            Parameter::Updated(bound) => set(&mut self.updated, bound, value)?,
            Parameter::Order(key) => self.sort_by(key, value.parse()?),
            Parameter::Page(place) => {
                check_page(Some(value), None)?;
                self.page[place] = Some(value.to_owned());
            }
            Parameter::Size(place) => {
                check_page(None, Some(value))?;
                self.size[place] = Some(value.to_owned());
            }
            Parameter::Misformed => return Err(FaultKind::FilterForm),
            Parameter::Unknown => {}
        }
        Ok(())
    }

    /// Sorts by a key too. One that was named before stays where it is and only turns.
    fn sort_by(&mut self, key: RecordKey, direction: Direction) {
        match self.order.iter_mut().find(|(earlier, _)| *earlier == key) {
            Some((_, earlier)) => *earlier = direction,
            None => self.order.push((key, direction)),
        }
    }

    fn finish(self) -> RecordQuery {
        let first_of = |names: &[Option<String>]| names.iter().flatten().next().cloned();
        let (page, size) = (first_of(&self.page), first_of(&self.size));
        let mut query = self.query;
        query.filter.created = range(self.created);
        query.filter.updated = range(self.updated);
        query.order = RecordOrder::by(self.order);
        // Both have been checked.
        query.page = NumberedPage::parse(page.as_deref(), size.as_deref()).unwrap_or_default();
        query
    }
}

fn set(bounds: &mut Bounds, bound: Bound, value: &str) -> Result<(), FaultKind> {
    let second = Second::parse(value)?;
    for (place, one) in bounds.iter_mut().zip(Bound::ALL) {
        if one == bound {
            *place = Some(second);
        }
    }
    Ok(())
}

fn range(bounds: Bounds) -> SecondRange {
    let given = Bound::ALL.into_iter().zip(bounds);
    given.fold(SecondRange::default(), |range, (bound, second)| {
        second.map_or(range, |second| range.within(bound, second))
    })
}

fn check_page(page: Option<&str>, size: Option<&str>) -> Result<(), NumberedPageFault> {
    match NumberedPage::parse(page, size) {
        Ok(_) => Ok(()),
        Err(faults) => faults.first().copied().map_or(Ok(()), Err),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_as_the_original_platform_reads_them() {
        use Parameter::{Created, Id, Misformed, Number, Order, Page, Size, Unknown, Updated};
        for (name, expected) in [
            ("id", Number),
            ("id[]", Number),
            ("id[0]", Number),
            ("id[any]", Number),
            ("uuid[]", Id),
            ("createdAt[before]", Created(Bound::Before)),
            ("createdAt[strictly_after]", Created(Bound::StrictlyAfter)),
            ("updatedAt[after]", Updated(Bound::After)),
            ("order[id]", Order(RecordKey::Number)),
            ("order[updatedAt]", Order(RecordKey::UpdatedAt)),
            ("page", Page(0)),
            ("_page", Page(1)),
            ("limit", Size(0)),
            ("_limit", Size(2)),
            ("id[0][1]", Misformed),
            ("id[", Misformed),
            ("id]", Unknown),
            ("uuid[]x", Misformed),
            ("createdAt", Misformed),
            ("createdAt[]", Misformed),
            ("createdAt[Before]", Misformed),
            ("createdAt[before][]", Misformed),
            ("order", Unknown),
            ("order[data]", Unknown),
            ("order[id][]", Unknown),
            ("page[]", Unknown),
            ("ID", Unknown),
            ("", Unknown),
            ("[]", Unknown),
            ("é[ü]", Unknown),
        ] {
            assert_eq!(Parameter::of(name), expected, "{name:?}");
        }
    }

    fn read(text: &str) -> RecordQuery {
        record_query(&Query::parse(text)).unwrap()
    }

    #[test]
    fn of_what_can_be_one_thing_only_the_last_counts() {
        assert_eq!(read("page=2&page=3").page.number(), 3);
        assert_eq!(
            read("createdAt[before]=2018-01-01&createdAt[before]=2019-01-01"),
            read("createdAt[before]=2019-01-01")
        );
        assert_eq!(
            read("order[id]=asc&order[createdAt]=asc&order[id]=desc"),
            read("order[id]=desc&order[createdAt]=asc")
        );
    }

    #[test]
    fn of_synonyms_the_references_own_name_counts() {
        let page = |text| {
            let page = read(text).page;
            (page.number(), page.size())
        };
        assert_eq!(
            page("_page=4&page=2&_limit=7&limit=5&itemsPerPage=6"),
            (2, 5)
        );
        assert_eq!(page("_page=4&_limit=7&itemsPerPage=6"), (4, 6));
    }

    proptest! {
        /// A value that is none is never passed over: it would show all records.
        #[test]
        fn what_is_taken_narrows(name in "(id|uuid)(\\[[0-9a-z]{0,2}\\])?", value in "[0-9a-f\\-]{0,37}") {
            let text = format!("{name}={value}");
            if let Ok(query) = record_query(&Query::parse(&text)) {
                prop_assert!(!query.filter.is_all(), "{text}");
            }
        }

        #[test]
        fn no_query_makes_it_panic(
            text in "((id|uuid|createdAt|order|page|limit|_page)(%5B|\\[)?[a-zA-Z_\\[\\]]{0,12}=[^&]{0,9}&?){0,5}",
        ) {
            let _ = record_query(&Query::parse(&text));
        }
    }
}
