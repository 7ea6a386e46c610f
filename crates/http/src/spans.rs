//! Where requests go that have ended, for whoever follows them through several services.

use std::time::Duration;

use actix_web::HttpRequest;
use tenantry_domain::clock::Timestamp;

use crate::trace_context::{TraceIds, TraceParent, state};

/// Takes requests that have ended, each of which is a span of a trace.
pub trait RequestSpans: Send + Sync {
    /// Takes one, never waits, and tells which span it has become, if it has.
    fn take(&self, request: &EndedRequest<'_>) -> Option<TraceIds>;
}

/// A request that has ended. Nothing of it is secret.
#[derive(Clone, Debug)]
pub struct EndedRequest<'a> {
    /// The span that has caused it.
    pub parent: Option<TraceParent>,
    /// The caller's `tracestate`, or nothing.
    pub state: &'a str,
    /// The method.
    pub method: &'a str,
    /// The pattern that its path follows; empty for a path that is none of the server's.
    pub route: &'static str,
    /// The path; `None` for one that is none of the server's, which may hold anything.
    pub path: Option<&'a str>,
    /// The operation; empty if there is none.
    pub operation: &'static str,
    /// The answer's status.
    pub status: u16,
    /// When it ended.
    pub ended: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Its id.
    pub request_id: &'a str,
    /// Who has been authenticated.
    pub actor: Option<&'a str>,
}

/// What is kept of a request until it ends, where spans are made.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) state: String,
    pub(crate) path: Option<String>,
}

impl Followed {
    /// `is_known` says whether the path is one of the server's.
    pub(crate) fn of(request: &HttpRequest, is_known: bool) -> Self {
        Self {
            state: state(request),
            path: is_known.then(|| request.path().to_owned()),
        }
    }
}
