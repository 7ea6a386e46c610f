//! Cross-origin requests of browsers (the Fetch standard), for listed origins only.
//!
//! It is part of the pipeline and not a middleware around it, so that answers to browsers
//! have all that answers have: request ids, `Allow`, the family's errors.

use actix_web::{
    HttpRequest,
    http::{
        Method,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};

const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "accept, authorization, content-type, idempotency-key, if-match, if-none-match, x-request-id",
);
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "allow, etag, link, location, retry-after, www-authenticate, x-request-id",
);
/// How long a browser may remember a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// What a browser has to be told with the answer to this request.
pub(crate) struct Cors {
    origin: Option<HeaderValue>,
    is_preflight: bool,
}

impl Cors {
    /// `None` while CORS is off.
    pub(crate) fn of(request: &HttpRequest, origins: &[String]) -> Option<Self> {
        if origins.is_empty() {
            return None;
        }
        let listed = |value: &&HeaderValue| {
            origins
                .iter()
                .any(|origin| origin.as_bytes() == value.as_bytes())
        };
        let is_preflight = request.method() == Method::OPTIONS
            && request
                .headers()
                .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let origin = request
            .headers()
            .get(header::ORIGIN)
            .filter(listed)
            .cloned();
        Some(Self {
            origin,
            is_preflight,
        })
    }

    /// Adds what the browser has to be told. An origin that is not listed is told
    /// nothing, so that the browser keeps the answer from it.
    pub(crate) fn apply(self, headers: &mut HeaderMap) {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = self.origin else { return };
        let mut tell = |name: HeaderName, value: HeaderValue| drop(headers.insert(name, value));
        tell(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        tell(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        if self.is_preflight {
            tell(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
            tell(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
            if let Some(methods) = headers.get(header::ALLOW).cloned() {
                headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
            }
        }
    }
}
