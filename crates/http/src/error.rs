//! Errors on their way to the wire.

use actix_web::http::{
    StatusCode,
    header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
};
use tenantry_domain::{
    error::{Error, Fault, FaultKind, Thing},
    json::JsonFault,
    port::StoreError,
};

/// What went wrong, by a code that clients may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    ValidationError,
    MalformedJson,
    SubdomainTaken,
    DomainTaken,
    InvalidRequest,
    UnsupportedGrantType,
    InvalidScope,
    InvalidTarget,
    Unauthorized,
    InvalidToken,
    InvalidClient,
    InsufficientScope,
    EnvironmentForbidden,
    NotFound,
    EnvironmentNotFound,
    TenantNotFound,
    ClientNotFound,
    SecretNotFound,
    WebhookNotFound,
    DeliveryNotFound,
    MethodNotAllowed,
    NotAcceptable,
    RequestTimeout,
    VersionConflict,
    LastSecret,
    WebhookDisabled,
    TooManyWebhooks,
    EnvironmentNotEmpty,
    EnvironmentIsDefault,
    IdempotencyKeyInUse,
    PreconditionFailed,
    PayloadTooLarge,
    UnsupportedMediaType,
    IdempotencyKeyReused,
    TooManyRequests,
    InternalError,
    ServiceUnavailable,
    OutcomeUnknown,
}

impl Code {
    /// All of them, in the order of the table in the docs.
    pub(crate) const ALL: [Self; 38] = [
        Self::ValidationError,
        Self::MalformedJson,
        Self::SubdomainTaken,
        Self::DomainTaken,
        Self::InvalidRequest,
        Self::UnsupportedGrantType,
        Self::InvalidScope,
        Self::InvalidTarget,
        Self::Unauthorized,
        Self::InvalidToken,
        Self::InvalidClient,
        Self::InsufficientScope,
        Self::EnvironmentForbidden,
        Self::NotFound,
        Self::EnvironmentNotFound,
        Self::TenantNotFound,
        Self::ClientNotFound,
        Self::SecretNotFound,
        Self::WebhookNotFound,
        Self::DeliveryNotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::RequestTimeout,
        Self::VersionConflict,
        Self::LastSecret,
        Self::WebhookDisabled,
        Self::TooManyWebhooks,
        Self::EnvironmentNotEmpty,
        Self::EnvironmentIsDefault,
        Self::IdempotencyKeyInUse,
        Self::PreconditionFailed,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::IdempotencyKeyReused,
        Self::TooManyRequests,
        Self::InternalError,
        Self::ServiceUnavailable,
        Self::OutcomeUnknown,
    ];

    /// The one table from a code to its word and its status.
    const fn entry(self) -> (&'static str, StatusCode) {
        match self {
            Self::ValidationError => ("validation_error", StatusCode::BAD_REQUEST),
            Self::MalformedJson => ("malformed_json", StatusCode::BAD_REQUEST),
            Self::SubdomainTaken => ("subdomain_taken", StatusCode::BAD_REQUEST),
            Self::DomainTaken => ("domain_taken", StatusCode::BAD_REQUEST),
            Self::InvalidRequest => ("invalid_request", StatusCode::BAD_REQUEST),
            Self::UnsupportedGrantType => ("unsupported_grant_type", StatusCode::BAD_REQUEST),
            Self::InvalidScope => ("invalid_scope", StatusCode::BAD_REQUEST),
            Self::InvalidTarget => ("invalid_target", StatusCode::BAD_REQUEST),
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED),
            Self::InvalidToken => ("invalid_token", StatusCode::UNAUTHORIZED),
            Self::InvalidClient => ("invalid_client", StatusCode::UNAUTHORIZED),
            Self::InsufficientScope => ("insufficient_scope", StatusCode::FORBIDDEN),
            Self::EnvironmentForbidden => ("environment_forbidden", StatusCode::FORBIDDEN),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND),
            Self::EnvironmentNotFound => ("environment_not_found", StatusCode::NOT_FOUND),
            Self::TenantNotFound => ("tenant_not_found", StatusCode::NOT_FOUND),
            Self::ClientNotFound => ("client_not_found", StatusCode::NOT_FOUND),
            Self::SecretNotFound => ("secret_not_found", StatusCode::NOT_FOUND),
            Self::WebhookNotFound => ("webhook_not_found", StatusCode::NOT_FOUND),
            Self::DeliveryNotFound => ("delivery_not_found", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::NotAcceptable => ("not_acceptable", StatusCode::NOT_ACCEPTABLE),
            Self::RequestTimeout => ("request_timeout", StatusCode::REQUEST_TIMEOUT),
            Self::VersionConflict => ("version_conflict", StatusCode::CONFLICT),
            Self::LastSecret => ("last_secret", StatusCode::CONFLICT),
            Self::WebhookDisabled => ("webhook_disabled", StatusCode::CONFLICT),
            Self::TooManyWebhooks => ("too_many_webhooks", StatusCode::CONFLICT),
            Self::EnvironmentNotEmpty => ("environment_not_empty", StatusCode::CONFLICT),
            Self::EnvironmentIsDefault => ("environment_is_default", StatusCode::CONFLICT),
            Self::IdempotencyKeyInUse => ("idempotency_key_in_use", StatusCode::CONFLICT),
            Self::PreconditionFailed => ("precondition_failed", StatusCode::PRECONDITION_FAILED),
            Self::PayloadTooLarge => ("payload_too_large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Self::IdempotencyKeyReused => {
                ("idempotency_key_reused", StatusCode::UNPROCESSABLE_ENTITY)
            }
            Self::TooManyRequests => ("too_many_requests", StatusCode::TOO_MANY_REQUESTS),
            Self::InternalError => ("internal_error", StatusCode::INTERNAL_SERVER_ERROR),
            Self::ServiceUnavailable => ("service_unavailable", StatusCode::SERVICE_UNAVAILABLE),
            Self::OutcomeUnknown => ("outcome_unknown", StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        self.entry().0
    }

    pub(crate) const fn status(self) -> StatusCode {
        self.entry().1
    }
}

/// Where in a request a fault lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    Body,
    Query,
    Params,
    Headers,
}

impl Location {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Query => "query",
            Self::Params => "params",
            Self::Headers => "headers",
        }
    }
}

/// Why a request fails: what the caller is told, and apart from it what the log is told.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) code: Code,
    /// One sentence for a person.
    pub(crate) message: String,
    pub(crate) faults: Vec<(Location, Fault)>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// For the log only.
    pub(crate) cause: Option<String>,
    /// Whether the connection is of no use any more.
    pub(crate) close: bool,
}

impl ApiError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            faults: Vec::new(),
            headers: Vec::new(),
            cause: None,
            close: false,
        }
    }

    /// Tells every fault of a request.
    pub(crate) fn invalid(faults: Vec<(Location, Fault)>) -> Self {
        let all = |kind: &FaultKind| faults.iter().all(|(_, fault)| fault.kind == *kind);
        let code = if faults.is_empty() {
            Code::ValidationError
        } else if all(&FaultKind::SubdomainTaken) {
            Code::SubdomainTaken
        } else if all(&FaultKind::DomainTaken) {
            Code::DomainTaken
        } else {
            Code::ValidationError
        };
        let told: Vec<_> = faults.iter().map(|(_, fault)| fault.to_string()).collect();
        let message = format!("The request is not valid: {}.", told.join("; "));
        Self {
            faults,
            ..Self::new(code, message)
        }
    }

    pub(crate) fn malformed_json(fault: &JsonFault) -> Self {
        Self::new(
            Code::MalformedJson,
            format!("The body is not valid JSON: {fault}."),
        )
    }

    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        let message = "The server has met an unexpected fault.";
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(Code::InternalError, message)
        }
    }

    pub(crate) fn overloaded(cause: String) -> Self {
        let message = "The server can't do this at the moment; try again later.";
        let error = Self {
            cause: Some(cause),
            ..Self::new(Code::ServiceUnavailable, message)
        };
        error.retry_after(1)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing at this path.")
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.push((name, value));
        }
        self
    }

    pub(crate) fn challenge(self, challenge: impl AsRef<str>) -> Self {
        self.with_header(WWW_AUTHENTICATE, challenge)
    }

    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        self.with_header(RETRY_AFTER, seconds.to_string())
    }

    /// The connection holds what nobody reads any more, and ends with this answer.
    pub(crate) fn and_close(mut self) -> Self {
        self.close = true;
        self
    }

    pub(crate) fn caused_by(mut self, cause: impl std::fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(faults) => Self::invalid(
                faults
                    .into_iter()
                    .map(|fault| (Location::Body, fault))
                    .collect(),
            ),
            Error::Missing(thing) => {
                let code = match thing {
                    Thing::Environment => Code::EnvironmentNotFound,
                    Thing::Tenant => Code::TenantNotFound,
                    Thing::Client => Code::ClientNotFound,
                    Thing::Secret => Code::SecretNotFound,
                    Thing::Webhook => Code::WebhookNotFound,
                    Thing::Delivery => Code::DeliveryNotFound,
                    Thing::Region => Code::NotFound,
                };
                Self::new(code, format!("There is no such {thing}."))
            }
            Error::OutOfBounds => Self::new(
                Code::EnvironmentForbidden,
                "The client is not bound to that environment.",
            ),
            Error::NoSuchDomain(domain) => Self::new(
                Code::EnvironmentNotFound,
                format!("No environment has tenants below the domain {domain}."),
            ),
            Error::NoSuchLabel { label, domain } => Self::new(
                Code::TenantNotFound,
                format!("The environment below {domain} has no tenant of the subdomain {label}."),
            ),
            Error::Bound => Self::new(
                Code::EnvironmentForbidden,
                "A client that is bound to some environments can't make another one.",
            ),
            Error::NotEmpty => Self::new(
                Code::EnvironmentNotEmpty,
                "There are tenants in the environment; delete them first.",
            ),
            Error::IsDefault => Self::new(
                Code::EnvironmentIsDefault,
                "This is the environment that tenants of the system API go to; \
                 make another one the default first.",
            ),
            Error::LastSecret => Self::new(
                Code::LastSecret,
                "This is the client's last secret; make another one first, or delete the client.",
            ),
            Error::WebhookDisabled => Self::new(
                Code::WebhookDisabled,
                "The webhook is disabled, so nothing is sent to it; enable it first.",
            ),
            Error::TooManyWebhooks(most) => Self::new(
                Code::TooManyWebhooks,
                format!("There are {most} webhooks, as many as there may be; delete one first."),
            ),
            Error::Stale { thing, stored } => Self::new(
                Code::VersionConflict,
                format!("The {thing} was changed by somebody else: it is in version {stored} now."),
            ),
            Error::Exhausted(thing) => Self::new(
                Code::VersionConflict,
                format!("The {thing} has reached the largest version; it can only be deleted."),
            ),
            Error::PreconditionFailed(thing) => Self::new(
                Code::PreconditionFailed,
                format!(
                    "The {thing} is not in the state that the precondition of the request names."
                ),
            ),
            Error::Store(error) => Self::from(error),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) | StoreError::WrongSchema(cause) => {
                Self::overloaded(cause)
            }
            StoreError::OutcomeUnknown(cause) => {
                let message = "The database was lost while it stored the change, which may have \
                               happened or not; read before you try again.";
                Self::new(Code::OutcomeUnknown, message)
                    .retry_after(1)
                    .caused_by(cause)
            }
            error @ (StoreError::Taken(_) | StoreError::Referenced | StoreError::Corrupt(_)) => {
                Self::internal(error)
            }
            StoreError::Failed(cause) => Self::internal(chain(&*cause)),
        }
    }
}

/// An error with all that it was caused by.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_its_own_word_and_stands_in_the_docs() {
        let words: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        let docs = include_str!("../../../docs/ERRORS.md");
        for code in Code::ALL {
            let row = format!("| `{}` | {} |", code.as_str(), code.status().as_u16());
            assert!(docs.contains(&row), "docs/ERRORS.md lacks the row `{row}`");
        }
    }
}
