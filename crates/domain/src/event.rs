//! Analytic events (contract §6): what was asked of the server, by whom, and how it ended.
//!
//! A request to an operation is two events: one when it has come in, one when it was
//! answered. It is kept as the one thing that it is, a [`ToldRequest`], and its events are
//! made of that when somebody asks for them.

mod id;
mod query;
mod request;

use std::{fmt, str::FromStr};

use thiserror::Error;

pub use self::{
    id::EventId,
    query::{EventFilter, EventQuery, InvalidChoice, InvalidRequestId, choices, parse_instant},
    request::{Event, RequestEnd, StoredRequest, ToldRequest},
};

/// Declares the operations that tell of themselves, each with its name on the wire.
macro_rules! event_names {
    ($($category:ident { $($variant:ident = $name:literal,)+ })+) => {
        /// The operation that an event tells of.
        ///
        /// Every operation of an API has one of its own; what is there for those who run
        /// the server or find their way to it (health, metrics, discovery, documentation)
        /// has none and tells of nothing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventName {
            $($(
                #[doc = concat!("`", $name, "`")]
                $variant,
            )+)+
        }

        impl EventName {
            /// All of them.
            pub const ALL: &'static [Self] = &[$($(Self::$variant,)+)+];

            /// The word on the wire; it never changes its meaning.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($(Self::$variant => $name,)+)+
                }
            }

            /// What the operation is about.
            pub const fn category(self) -> EventCategory {
                match self {
                    $($(Self::$variant)|+ => EventCategory::$category,)+
                }
            }
        }
    };
}

event_names! {
    Environment {
        EnvironmentRetrieveList = "ENVIRONMENT_RETRIEVE_LIST",
        EnvironmentCreate = "ENVIRONMENT_CREATE",
        EnvironmentRetrieve = "ENVIRONMENT_RETRIEVE",
        EnvironmentUpdate = "ENVIRONMENT_UPDATE",
        EnvironmentDelete = "ENVIRONMENT_DELETE",
    }
    Tenant {
        TenantRetrieveList = "TENANT_RETRIEVE_LIST",
        TenantCreate = "TENANT_CREATE",
        TenantRetrieve = "TENANT_RETRIEVE",
        TenantUpdate = "TENANT_UPDATE",
        TenantDelete = "TENANT_DELETE",
        TenantResolve = "TENANT_RESOLVE",
        SystemTenantRetrieveList = "SYSTEM_TENANT_RETRIEVE_LIST",
        SystemTenantCreate = "SYSTEM_TENANT_CREATE",
        SystemTenantRetrieve = "SYSTEM_TENANT_RETRIEVE",
        SystemTenantUpdate = "SYSTEM_TENANT_UPDATE",
        SystemTenantDelete = "SYSTEM_TENANT_DELETE",
    }
    Client {
        TenantClientRetrieveList = "TENANT_CLIENT_RETRIEVE_LIST",
        TenantClientCreate = "TENANT_CLIENT_CREATE",
        TenantClientRetrieve = "TENANT_CLIENT_RETRIEVE",
        TenantClientUpdate = "TENANT_CLIENT_UPDATE",
        TenantClientDelete = "TENANT_CLIENT_DELETE",
        TenantClientSecretRetrieveList = "TENANT_CLIENT_SECRET_RETRIEVE_LIST",
        TenantClientSecretCreate = "TENANT_CLIENT_SECRET_CREATE",
        TenantClientSecretDelete = "TENANT_CLIENT_SECRET_DELETE",
    }
    Token {
        AccessTokenCreate = "ACCESS_TOKEN_CREATE",
        AccessTokenIntrospect = "ACCESS_TOKEN_INTROSPECT",
        AccessTokenRevoke = "ACCESS_TOKEN_REVOKE",
    }
    Webhook {
        WebhookRetrieveList = "WEBHOOK_RETRIEVE_LIST",
        WebhookCreate = "WEBHOOK_CREATE",
        WebhookRetrieve = "WEBHOOK_RETRIEVE",
        WebhookUpdate = "WEBHOOK_UPDATE",
        WebhookDelete = "WEBHOOK_DELETE",
        WebhookSecretCreate = "WEBHOOK_SECRET_CREATE",
        WebhookDeliveryRetrieveList = "WEBHOOK_DELIVERY_RETRIEVE_LIST",
        WebhookDeliveryRedeliver = "WEBHOOK_DELIVERY_REDELIVER",
    }
    Change {
        ChangeRetrieveList = "CHANGE_RETRIEVE_LIST",
        ChangeStream = "CHANGE_STREAM",
    }
    Event {
        EventRetrieveList = "EVENT_RETRIEVE_LIST",
    }
}

impl FromStr for EventName {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.iter().copied();
        all.find(|name| name.as_str() == text)
            .ok_or(UnknownEventType)
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventCategory {
    /// Environments.
    Environment,
    /// Tenants, through either API.
    Tenant,
    /// Tenants' clients and their secrets.
    Client,
    /// Access tokens.
    Token,
    /// Webhooks and their deliveries.
    Webhook,
    /// The feed of changes.
    Change,
    /// The events themselves.
    Event,
}

impl EventCategory {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Environment,
        Self::Tenant,
        Self::Client,
        Self::Token,
        Self::Webhook,
        Self::Change,
        Self::Event,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Tenant => "tenant",
            Self::Client => "client",
            Self::Token => "token",
            Self::Webhook => "webhook",
            Self::Change => "change",
            Self::Event => "event",
        }
    }
}

impl FromStr for EventCategory {
    type Err = UnknownEventCategory;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|category| category.as_str() == text)
            .ok_or(UnknownEventCategory)
    }
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventPhase {
    /// It has come in.
    Start,
    /// It was answered as it was asked.
    Success,
    /// It was refused, or could not be answered.
    Fail,
}

impl EventPhase {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Start, Self::Success, Self::Fail];

    /// The end of an event's type on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "START",
            Self::Success => "SUCCESS",
            Self::Fail => "FAIL",
        }
    }

    /// How a request has ended that was answered with that status: every status below 400
    /// is what was asked for, a redirect and a 304 too.
    pub const fn of_status(status: u16) -> Self {
        if status < 400 {
            Self::Success
        } else {
            Self::Fail
        }
    }
}

/// The type of an event: an operation, and how far the request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType {
    /// The operation.
    pub name: EventName,
    /// How far it has come.
    pub phase: EventPhase,
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.name.as_str(), self.phase.as_str())
    }
}

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, phase) = text.rsplit_once('_').ok_or(UnknownEventType)?;
        let mut phases = EventPhase::ALL.into_iter();
        let phase = phases.find(|known| known.as_str() == phase);
        Ok(Self {
            name: name.parse()?,
            phase: phase.ok_or(UnknownEventType)?,
        })
    }
}

/// A text that names no type of event.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("is not a type of event")]
pub struct UnknownEventType;

/// A text that names no category of events.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("is not a category of events")]
pub struct UnknownEventCategory;

#[cfg(test)]
mod tests;
