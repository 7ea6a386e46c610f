//! Query parameters.

use tenantry_domain::{
    error::{Fault, FaultKind},
    page::{Cursor, Limit, NumberedPage, NumberedPageFault, PageRequest},
};

use crate::error::{ApiError, Location};

/// A request's query parameters, decoded, in their order.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(query: &str) -> Self {
        Self(
            form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// A parameter that stands at most once.
    fn single(&self, name: &str) -> Result<Option<&str>, Fault> {
        let mut values = self
            .0
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value);
        let first = values.next();
        match values.next() {
            None => Ok(first.map(String::as_str)),
            Some(second) => Err(Fault::new(name, FaultKind::Repeated).showing(second)),
        }
    }

    /// A parameter that stands at most once, parsed; a fault is noted.
    fn parsed<T, E: Into<FaultKind>>(
        &self,
        name: &str,
        faults: &mut Vec<Fault>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self
            .single(name)
            .map_err(|fault| faults.push(fault))
            .ok()??;
        parse(value)
            .map_err(|kind| faults.push(Fault::new(name, kind).showing(value)))
            .ok()
    }

    /// The page that a list of the management API is asked for.
    pub(crate) fn page_request(&self) -> Result<PageRequest, ApiError> {
        let mut faults = Vec::new();
        let limit = self.parsed("limit", &mut faults, Limit::parse);
        let after = self.parsed("cursor", &mut faults, Cursor::decode);
        if faults.is_empty() {
            return Ok(PageRequest {
                limit: limit.unwrap_or_default(),
                after,
            });
        }
        Err(ApiError::invalid(
            faults
                .into_iter()
                .map(|fault| (Location::Query, fault))
                .collect(),
        ))
    }

    /// The page that the system API's collection is asked for.
    pub(crate) fn numbered_page(&self) -> Result<NumberedPage, ApiError> {
        let (page_name, page) = self.last_of(&["page", "_page"]);
        let (size_name, size) = self.last_of(&["limit", "itemsPerPage", "_limit"]);
        NumberedPage::parse(page, size).map_err(|faults| {
            let located = faults.into_iter().map(|fault| {
                let (name, value) = match fault {
                    NumberedPageFault::Page => (page_name, page),
                    NumberedPageFault::Size => (size_name, size),
                };
                let fault = Fault::new(name, fault).showing(value.unwrap_or_default());
                (Location::Query, fault)
            });
            ApiError::invalid(located.collect())
        })
    }

    /// The first of several synonyms that is there, with its last value.
    fn last_of<'a>(&'a self, names: &[&'static str]) -> (&'static str, Option<&'a str>) {
        for &name in names {
            if let Some((_, value)) = self.0.iter().rfind(|(key, _)| key == name) {
                return (name, Some(value));
            }
        }
        (names[0], None)
    }

    /// All parameters but those of the page's number, encoded again.
    pub(crate) fn without_page(&self) -> String {
        let others = self
            .0
            .iter()
            .filter(|(key, _)| key != "page" && key != "_page");
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(others)
            .finish()
    }
}
