//! Query parameters.

use tenantry_domain::{
    error::{Fault, FaultKind},
    page::{Cursor, Limit, PageRequest},
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

    /// Every parameter with its value, in their order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// All parameters but those of certain names, encoded again.
    pub(crate) fn without(&self, names: &[&str]) -> String {
        let others = self.pairs().filter(|(name, _)| !names.contains(name));
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(others)
            .finish()
    }
}
