//! Query parameters.

use std::{collections::BTreeSet, time::Duration};

use actix_web::{HttpRequest, http::header::HeaderName};
use tenantry_domain::{
    client::ClientId,
    environment::EnvironmentAccess,
    error::{Fault, FaultKind},
    event::{self, EventCategory, EventFilter, EventQuery, EventType, InvalidRequestId},
    feed::{Begin, Sequence, Wait},
    host::{HostName, Subdomain},
    id::{EnvironmentId, RequestId, TenantId},
    name::NamePrefix,
    page::{Cursor, Limit, PageRequest},
    tenant::TenantStatus,
    usecase::tenants::TenantQuery,
    webhook::DeliveryStatus,
};

use crate::error::{ApiError, Location};

/// Tells all faults at once, if there are any.
fn refuse(faults: Vec<Fault>) -> Result<(), ApiError> {
    if faults.is_empty() {
        return Ok(());
    }
    let located = faults.into_iter().map(|fault| (Location::Query, fault));
    Err(ApiError::invalid(located.collect()))
}

/// Where a stream's client says how far it has come.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Which part of the change feed is asked for.
pub(crate) struct FeedQuery {
    /// From where on.
    pub(crate) begin: Begin,
    /// No more than so many.
    pub(crate) limit: Limit,
    /// How long to wait for the first.
    pub(crate) wait: Duration,
}

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
        let request = self.read_page_request(&mut faults);
        refuse(faults).map(|()| request)
    }

    fn read_page_request(&self, faults: &mut Vec<Fault>) -> PageRequest {
        PageRequest {
            limit: self
                .parsed("limit", faults, Limit::parse)
                .unwrap_or_default(),
            after: self.parsed("cursor", faults, Cursor::decode),
        }
    }

    /// Which tenants are asked for, and which page of them.
    pub(crate) fn tenant_query(&self) -> Result<(TenantQuery, PageRequest), ApiError> {
        let mut faults = Vec::new();
        let request = self.read_page_request(&mut faults);
        let query = TenantQuery {
            environment_id: self.parsed("environmentId", &mut faults, EnvironmentId::parse),
            subdomain: self.parsed("subdomain", &mut faults, Subdomain::parse),
            status: self.parsed("status", &mut faults, str::parse::<TenantStatus>),
            name: self.parsed("q", &mut faults, NamePrefix::parse),
        };
        refuse(faults).map(|()| (query, request))
    }

    /// Which part of the change feed is asked for.
    pub(crate) fn feed(&self) -> Result<FeedQuery, ApiError> {
        let mut faults = Vec::new();
        let query = FeedQuery {
            begin: self
                .parsed("after", &mut faults, Begin::parse)
                .unwrap_or_default(),
            limit: self
                .parsed("limit", &mut faults, Limit::parse)
                .unwrap_or_default(),
            wait: self
                .parsed("wait", &mut faults, Wait::parse)
                .unwrap_or_default()
                .duration(),
        };
        refuse(faults).map(|()| query)
    }

    /// Where a stream of changes begins. A client that comes back says in `Last-Event-ID` how
    /// far it has come; its URL still says where it began at first.
    pub(crate) fn stream_begin(&self, request: &HttpRequest) -> Result<Begin, ApiError> {
        let mut faults = Vec::new();
        let after = self.parsed("after", &mut faults, Begin::parse);
        let mut faults: Vec<_> = faults
            .into_iter()
            .map(|fault| (Location::Query, fault))
            .collect();
        let mut last = None;
        for value in request.headers().get_all(LAST_EVENT_ID) {
            let text = String::from_utf8_lossy(value.as_bytes());
            let fault = |kind: FaultKind| {
                let fault = Fault::new("Last-Event-ID", kind).showing(&text);
                (Location::Headers, fault)
            };
            match Sequence::parse(&text) {
                _ if last.is_some() => faults.push(fault(FaultKind::Repeated)),
                // A client that was told of nothing yet has nothing to say.
                Err(_) if text.is_empty() => {}
                Err(invalid) => faults.push(fault(invalid.into())),
                Ok(place) => last = Some(place),
            }
        }
        if faults.is_empty() {
            Ok(last.map(Begin::After).or(after).unwrap_or_default())
        } else {
            Err(ApiError::invalid(faults))
        }
    }

    /// Which events are asked for, by a caller who may know of those environments.
    pub(crate) fn event_query(&self, access: EnvironmentAccess) -> Result<EventQuery, ApiError> {
        let mut faults = Vec::new();
        let page = self.read_page_request(&mut faults);
        let types = self.chosen("types", &mut faults, str::parse::<EventType>);
        let categories = self.chosen("categories", &mut faults, str::parse::<EventCategory>);
        let request_id = |text: &str| RequestId::parse(text).ok_or(InvalidRequestId);
        let filter = EventFilter {
            types: EventFilter::types_of(types, categories),
            request_ids: self.chosen("requestIds", &mut faults, request_id),
            client_ids: self.chosen("clientIds", &mut faults, ClientId::parse),
            tenant_ids: self.chosen("tenantIds", &mut faults, TenantId::parse),
            from: self.parsed("dateFrom", &mut faults, event::parse_instant),
            to: self.parsed("dateTo", &mut faults, event::parse_instant),
        };
        refuse(faults).map(|()| EventQuery {
            access,
            filter,
            page,
        })
    }

    /// A parameter that stands at most once and holds values with commas between them; every
    /// value that is none is noted.
    fn chosen<T: Ord, E: Into<FaultKind>>(
        &self,
        name: &str,
        faults: &mut Vec<Fault>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<BTreeSet<T>> {
        let text = self
            .single(name)
            .map_err(|fault| faults.push(fault))
            .ok()??;
        let note = |(value, kind): (String, FaultKind)| {
            faults.push(Fault::new(name, kind).showing(&value));
        };
        event::choices(text, parse)
            .map_err(|wrong| wrong.into_iter().for_each(note))
            .ok()
    }

    /// Which of a webhook's deliveries are asked for, and which page of them.
    pub(crate) fn delivery_query(&self) -> Result<(Option<DeliveryStatus>, PageRequest), ApiError> {
        let mut faults = Vec::new();
        let request = self.read_page_request(&mut faults);
        let status = self.parsed("status", &mut faults, str::parse::<DeliveryStatus>);
        refuse(faults).map(|()| (status, request))
    }

    /// The host that is asked for.
    pub(crate) fn host(&self) -> Result<HostName, ApiError> {
        let mut faults = Vec::new();
        let host = self.parsed("host", &mut faults, HostName::parse);
        if host.is_none() && faults.is_empty() {
            faults.push(Fault::new("host", FaultKind::Required));
        }
        refuse(faults)?;
        host.ok_or_else(|| ApiError::internal("a required parameter was let through"))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_query_makes_any_reader_panic(
            text in "((limit|cursor|after|wait|host|q|status|types|dateFrom|tenantIds)=[^&]{0,9}&?){0,5}",
        ) {
            let query = Query::parse(&text);
            let _ = (query.page_request(), query.tenant_query(), query.feed(), query.host());
            let _ = (query.event_query(EnvironmentAccess::All), query.delivery_query());
        }

        /// What stands twice is told, whatever it says.
        #[test]
        fn nothing_is_taken_that_stands_twice(first in "[0-9]{1,4}", second in "[0-9]{1,4}") {
            for name in ["limit", "cursor"] {
                // The second time with its first letter encoded.
                let letter = name.as_bytes()[0];
                let text = format!("{name}={first}&%{letter:02x}{}={second}", &name[1..]);
                prop_assert!(Query::parse(&text).page_request().is_err(), "{text}");
            }
        }
    }
}
