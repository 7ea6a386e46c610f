//! Requests as they are kept, and the events that are made of them.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{EventCategory, EventId, EventName, EventPhase};
use crate::{
    client::ClientId,
    clock::Timestamp,
    id::{EnvironmentId, RequestId, TenantId},
};

/// How a request has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestEnd {
    /// The status of its answer.
    pub status: u16,
    /// How long it took, in microseconds. For a change, until right before its commit.
    pub micros: i64,
}

/// A request to an operation: all that its events tell. It holds nothing that a caller
/// could hide a secret in: no path, no query, no body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldRequest {
    /// The id of its first event, and with it the instant at which it came in.
    pub id: EventId,
    /// The operation that was asked for.
    pub name: EventName,
    /// Its request id.
    pub request_id: RequestId,
    /// The client that asked, if it is one that is known here.
    pub client_id: Option<ClientId>,
    /// The tenant that it concerns.
    pub tenant_id: Option<TenantId>,
    /// The environment that it concerns: its own or its tenant's.
    pub environment_id: Option<EnvironmentId>,
    /// How it has ended; `None` while it is running.
    pub end: Option<RequestEnd>,
}

impl ToldRequest {
    /// A request that takes longer than this, in microseconds, counts as slow. Where events
    /// are looked for by their time, a request's second one lies no further than this behind
    /// its first, or the request is found as a slow one.
    pub const SLOW_MICROS: i64 = 250_000;

    /// The id of its second event, if it was slow.
    pub fn slow_end(&self) -> Option<EventId> {
        let end = self.end.filter(|end| end.micros > Self::SLOW_MICROS)?;
        Some(self.id.after(end.micros))
    }
}

/// A request as a store has kept it. A newer program may have written it, so its operation
/// is a name that this one need not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRequest {
    /// As in [`ToldRequest`].
    pub id: EventId,
    /// The operation's name on the wire.
    pub name: String,
    /// As in [`ToldRequest`].
    pub request_id: RequestId,
    /// As in [`ToldRequest`].
    pub client_id: Option<ClientId>,
    /// As in [`ToldRequest`].
    pub tenant_id: Option<TenantId>,
    /// As in [`ToldRequest`].
    pub environment_id: Option<EnvironmentId>,
    /// As in [`ToldRequest`].
    pub end: Option<RequestEnd>,
}

impl StoredRequest {
    /// Its first event.
    pub fn start(&self) -> Event {
        self.event(self.id, EventPhase::Start, None)
    }

    /// Its second event, if it has ended.
    pub fn finish(&self) -> Option<Event> {
        let end = self.end?;
        let phase = EventPhase::of_status(end.status);
        Some(self.event(self.id.after(end.micros), phase, Some(end)))
    }

    fn event(&self, id: EventId, phase: EventPhase, end: Option<RequestEnd>) -> Event {
        Event {
            id,
            name: self.name.clone(),
            phase,
            request_id: self.request_id.clone(),
            client_id: self.client_id.clone(),
            tenant_id: self.tenant_id,
            environment_id: self.environment_id,
            end,
        }
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// The operation's name on the wire.
    pub name: String,
    /// How far the request had come.
    pub phase: EventPhase,
    /// The request.
    pub request_id: RequestId,
    /// The client that asked.
    pub client_id: Option<ClientId>,
    /// The tenant that the request concerns.
    pub tenant_id: Option<TenantId>,
    /// The environment that the request concerns.
    pub environment_id: Option<EnvironmentId>,
    /// How the request has ended, on its second event.
    pub end: Option<RequestEnd>,
}

impl Event {
    /// When it was.
    pub fn time(&self) -> Timestamp {
        self.id.time()
    }

    /// Its type on the wire.
    pub fn kind(&self) -> String {
        format!("{}_{}", self.name, self.phase.as_str())
    }

    /// Its category on the wire; `other` for an operation of a newer program.
    pub fn category(&self) -> &'static str {
        let name = self.name.parse::<EventName>();
        name.map_or("other", |name| EventCategory::as_str(name.category()))
    }
}

/// How an event is shown. What is not known is null, not left out; what is told only of a
/// request's end stands in `metadata`.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("type", &self.kind())?;
        map.serialize_entry("category", self.category())?;
        map.serialize_entry("timestamp", &self.time().to_rfc3339_millis())?;
        map.serialize_entry("requestId", self.request_id.as_str())?;
        map.serialize_entry("clientId", &self.client_id.as_ref().map(ClientId::as_str))?;
        map.serialize_entry("tenantId", &self.tenant_id)?;
        map.serialize_entry("environmentId", &self.environment_id)?;
        map.serialize_entry("metadata", &Metadata::from(self.end))?;
        map.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<i64>,
}

impl From<Option<RequestEnd>> for Metadata {
    fn from(end: Option<RequestEnd>) -> Self {
        Self {
            status: end.map(|end| end.status),
            duration_ms: end.map(|end| end.micros / 1_000),
        }
    }
}
