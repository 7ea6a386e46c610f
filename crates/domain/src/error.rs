//! What can go wrong, told so that a caller can act on it.

use std::fmt;

use thiserror::Error;

use crate::{
    change::UnknownChangeType,
    client::{InvalidClientId, InvalidClientSecret, UnknownClientStatus},
    data::DataFault,
    environment::{InvalidAuthorizationServerDomain, UnknownDeploymentModel},
    event::{InvalidChoice, InvalidRequestId, UnknownEventCategory, UnknownEventType},
    feed::{InvalidBegin, InvalidSequence, InvalidWait},
    host::HostFault,
    id::InvalidId,
    idempotency::InvalidIdempotencyKey,
    name::NameFault,
    page::{InvalidCursor, InvalidLimit, NumberedPageFault},
    port::StoreError,
    record::{InvalidInstant, UnknownDirection},
    rotation::InvalidOverlap,
    scope::{InvalidScopeToken, UnknownScope},
    subdomain::{DomainFault, LabelFault},
    tenant::UnknownTenantStatus,
    version::VersionFault,
    webhook::{FilterFault, UnknownStatus, WebhookUrlFault},
};

/// Why a use case did not do what it was asked for. Nothing was changed, but for
/// [`StoreError::OutcomeUnknown`].
#[derive(Debug, Error)]
pub enum Error {
    /// What was asked for is not valid; every fault that was found.
    #[error("{}", list(.0))]
    Invalid(Vec<Fault>),
    /// There is no such thing, or none that the caller may know of.
    #[error("there is no such {0}")]
    Missing(Thing),
    /// The caller may not put a tenant into that environment.
    #[error("the client is not bound to that environment")]
    OutOfBounds,
    /// The caller is bound to some environments, and could not see one that it made.
    #[error("a client that is bound to some environments can't make another one")]
    Bound,
    /// Tenants live in the environment.
    #[error("there are tenants in the environment")]
    NotEmpty,
    /// The environment is the one that tenants of the system API go to.
    #[error("the environment is the default one")]
    IsDefault,
    /// No environment that the caller may know of has hosts below that domain.
    #[error("no environment has tenants below `{0}`")]
    NoSuchDomain(String),
    /// The environment of a host has no tenant of that label.
    #[error("no tenant of the environment below `{domain}` has the subdomain `{label}`")]
    NoSuchLabel {
        /// The host's first label.
        label: String,
        /// The environment's domain for tenants.
        domain: String,
    },
    /// The version that the caller has read is not the stored one any more.
    #[error("the {thing} is in version {stored} and not in the one that was given")]
    Stale {
        /// What was to be changed.
        thing: Thing,
        /// The version it is in.
        stored: crate::version::Version,
    },
    /// The precondition that the caller gave does not hold.
    #[error("the {0} is not in the state that the precondition names")]
    PreconditionFailed(Thing),
    /// A client would be left without a secret.
    #[error("the client's last secret can't be retired")]
    LastSecret,
    /// The webhook is disabled, so nothing is sent to it.
    #[error("the webhook is disabled")]
    WebhookDisabled,
    /// There are as many webhooks as there may be.
    #[error("there are {0} webhooks already")]
    TooManyWebhooks(u64),
    /// The largest version is reached.
    #[error("the {0} has reached the largest version and can only be deleted")]
    Exhausted(Thing),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn list(faults: &[Fault]) -> String {
    let texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Invalid(vec![fault])
    }
}

/// The kinds of things there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// An environment.
    Environment,
    /// A region.
    Region,
    /// A tenant.
    Tenant,
    /// A client.
    Client,
    /// A client's secret.
    Secret,
    /// A webhook.
    Webhook,
    /// A delivery of a webhook's.
    Delivery,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "environment",
            Self::Region => "region",
            Self::Tenant => "tenant",
            Self::Client => "client",
            Self::Secret => "secret",
            Self::Webhook => "webhook",
            Self::Delivery => "delivery",
        })
    }
}

/// One thing that is wrong with one member of what was asked for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{member} {kind}")]
pub struct Fault {
    /// The member by its name on the wire, a path where it lies deeper (`region.name`).
    pub member: String,
    /// The offending value as JSON, where there is one that may be shown.
    pub value: Option<String>,
    /// What is wrong with it.
    pub kind: FaultKind,
}

impl Fault {
    /// A fault of a member that is not there, or whose value is better not shown.
    pub fn new(member: impl Into<String>, kind: impl Into<FaultKind>) -> Self {
        Self {
            member: member.into(),
            value: None,
            kind: kind.into(),
        }
    }

    /// The same fault, showing a text as the offending value.
    #[must_use]
    pub fn showing(mut self, text: &str) -> Self {
        self.value = serde_json::to_string(text).ok();
        self
    }
}

/// All that can be wrong with a member. Displayed, it goes on from the member's name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FaultKind {
    /// It is not there, or null.
    #[error("is required")]
    Required,
    /// It is null, which it can't be; it may be left out.
    #[error("can't be null")]
    Null,
    /// It is there more than once.
    #[error("must be given only once")]
    Repeated,
    /// It is no string.
    #[error("must be a string")]
    NotAString,
    /// It is no object.
    #[error("must be an object")]
    NotAnObject,
    /// It is neither true nor false.
    #[error("must be true or false")]
    NotABoolean,
    /// It is no array.
    #[error("must be an array")]
    NotAnArray,
    /// It is no integer, or one beyond the range.
    #[error("must be an integer")]
    NotAnInteger,
    /// No member of that name is known here.
    #[error("is not known here")]
    Unknown,
    /// It is no id.
    #[error(transparent)]
    Id(#[from] InvalidId),
    /// It is no name.
    #[error(transparent)]
    Name(#[from] NameFault),
    /// It is no host name.
    #[error(transparent)]
    Host(#[from] HostFault),
    /// It is no key that names a request.
    #[error(transparent)]
    IdempotencyKey(#[from] InvalidIdempotencyKey),
    /// It is no subdomain label.
    #[error(transparent)]
    Label(#[from] LabelFault),
    /// It is no domain name.
    #[error(transparent)]
    Domain(#[from] DomainFault),
    /// It is no authorization server's host.
    #[error(transparent)]
    AuthorizationServerDomain(#[from] InvalidAuthorizationServerDomain),
    /// It is no deployment model.
    #[error(transparent)]
    DeploymentModel(#[from] UnknownDeploymentModel),
    /// It is no tenant data.
    #[error(transparent)]
    Data(#[from] DataFault),
    /// It is no status of a tenant.
    #[error(transparent)]
    TenantStatus(#[from] UnknownTenantStatus),
    /// It is no version.
    #[error(transparent)]
    Version(#[from] VersionFault),
    /// It is no page limit.
    #[error(transparent)]
    Limit(#[from] InvalidLimit),
    /// It is no cursor.
    #[error(transparent)]
    Cursor(#[from] InvalidCursor),
    /// It is no place to begin in the feed of changes.
    #[error(transparent)]
    Begin(#[from] InvalidBegin),
    /// It is no place in the feed of changes.
    #[error(transparent)]
    Sequence(#[from] InvalidSequence),
    /// It is no time to wait for a change.
    #[error(transparent)]
    Wait(#[from] InvalidWait),
    /// It is no page number or size.
    #[error(transparent)]
    NumberedPage(#[from] NumberedPageFault),
    /// It is no instant.
    #[error(transparent)]
    Instant(#[from] InvalidInstant),
    /// It is no direction of an order.
    #[error(transparent)]
    Direction(#[from] UnknownDirection),
    /// It names a filter that is known, in a form that this filter does not have.
    #[error("is not a form of this filter")]
    FilterForm,
    /// It is no scope.
    #[error(transparent)]
    Scope(#[from] InvalidScopeToken),
    /// It is no scope of the management API.
    #[error(transparent)]
    ManagementScope(#[from] UnknownScope),
    /// It is no type of event.
    #[error(transparent)]
    EventType(#[from] UnknownEventType),
    /// It is no category of events.
    #[error(transparent)]
    EventCategory(#[from] UnknownEventCategory),
    /// It is no request's id.
    #[error(transparent)]
    RequestId(#[from] InvalidRequestId),
    /// It is a list of more values than there may be.
    #[error(transparent)]
    Choice(#[from] InvalidChoice),
    /// It has more scopes than a client may have.
    #[error("must have at most 64 scopes")]
    TooManyScopes,
    /// It is no overlap of secrets.
    #[error(transparent)]
    Overlap(#[from] InvalidOverlap),
    /// It is no status of a client.
    #[error(transparent)]
    ClientStatus(#[from] UnknownClientStatus),
    /// It is no client id.
    #[error(transparent)]
    ClientId(#[from] InvalidClientId),
    /// It is no client secret.
    #[error(transparent)]
    ClientSecret(#[from] InvalidClientSecret),
    /// It is no URL that deliveries may go to.
    #[error(transparent)]
    WebhookUrl(#[from] WebhookUrlFault),
    /// It is no type of change.
    #[error(transparent)]
    ChangeType(#[from] UnknownChangeType),
    /// It is no filter of changes.
    #[error(transparent)]
    Filter(#[from] FilterFault),
    /// It is no state of a delivery.
    #[error(transparent)]
    DeliveryStatus(#[from] UnknownStatus),
    /// Another tenant of the environment has it.
    #[error("is already taken in this environment")]
    SubdomainTaken,
    /// Another environment has it.
    #[error("is already the domain of another environment")]
    DomainTaken,
    /// Hosts of tenants hang on it.
    #[error("can't change while there are tenants in the environment")]
    DomainInUse,
    /// It says what the `id` beside it says already.
    #[error("can't be given together with an id")]
    BesideId,
    /// Another thing of the same kind has it.
    #[error("is already used")]
    AlreadyUsed,
    /// It names no environment that the caller may know of.
    #[error("names no environment")]
    NoSuchEnvironment,
    /// It names no region.
    #[error("names no region")]
    NoSuchRegion,
}
