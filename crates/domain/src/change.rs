//! Change records: every committed change of a tenant, client or environment is one.

use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

use crate::{
    client::{Client, ClientId},
    clock::Timestamp,
    environment::Environment,
    id::{EnvironmentId, RequestId, SystemAccountId, TenantId, WebhookId},
    tenant::{TenantHead, TenantStatus},
    version::Version,
    view::{ClientDetailView, EnvironmentView, TenantView, WebhookView},
    webhook::Webhook,
};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeType {
    /// A tenant was made.
    TenantCreated,
    /// A tenant was changed in some other way than its status.
    TenantUpdated,
    /// A tenant was suspended.
    TenantSuspended,
    /// A suspended tenant is active again.
    TenantResumed,
    /// A tenant was deleted.
    TenantDeleted,
    /// A client was made.
    ClientCreated,
    /// A client was changed.
    ClientUpdated,
    /// A client got a new secret.
    ClientSecretRotated,
    /// A client was deleted.
    ClientDeleted,
    /// An environment was made.
    EnvironmentCreated,
    /// An environment was changed.
    EnvironmentUpdated,
    /// An environment was deleted.
    EnvironmentDeleted,
    /// A webhook was disabled by the server, since nothing but failures came of it.
    WebhookDisabled,
}

/// A text that names no [`ChangeType`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("is not a type of change")]
pub struct UnknownChangeType;

impl ChangeType {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::TenantCreated,
        Self::TenantUpdated,
        Self::TenantSuspended,
        Self::TenantResumed,
        Self::TenantDeleted,
        Self::ClientCreated,
        Self::ClientUpdated,
        Self::ClientSecretRotated,
        Self::ClientDeleted,
        Self::EnvironmentCreated,
        Self::EnvironmentUpdated,
        Self::EnvironmentDeleted,
        Self::WebhookDisabled,
    ];

    /// What a change of a tenant is called. One change is one record, so where the status
    /// changes together with something else, it gives the name: it is what a reader has
    /// to act on, and the rest stands in the record's subject.
    pub const fn of_tenant(before: TenantStatus, after: TenantStatus) -> Self {
        match (before, after) {
            (TenantStatus::Active, TenantStatus::Suspended) => Self::TenantSuspended,
            (TenantStatus::Suspended, TenantStatus::Active) => Self::TenantResumed,
            (TenantStatus::Active, TenantStatus::Active)
            | (TenantStatus::Suspended, TenantStatus::Suspended) => Self::TenantUpdated,
        }
    }

    /// The word on the wire; it never changes its meaning.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TenantCreated => "tenant.created",
            Self::TenantUpdated => "tenant.updated",
            Self::TenantSuspended => "tenant.suspended",
            Self::TenantResumed => "tenant.resumed",
            Self::TenantDeleted => "tenant.deleted",
            Self::ClientCreated => "client.created",
            Self::ClientUpdated => "client.updated",
            Self::ClientSecretRotated => "client.secret_rotated",
            Self::ClientDeleted => "client.deleted",
            Self::EnvironmentCreated => "environment.created",
            Self::EnvironmentUpdated => "environment.updated",
            Self::EnvironmentDeleted => "environment.deleted",
            Self::WebhookDisabled => "webhook.disabled",
        }
    }
}

impl FromStr for ChangeType {
    type Err = UnknownChangeType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownChangeType)
    }
}

/// Who made a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A management client.
    Client(ClientId),
    /// A system account.
    SystemAccount(SystemAccountId),
    /// Somebody at the command line, or the server itself: at its first start, and where it
    /// disables a webhook.
    Cli,
}

impl Actor {
    /// The word on the wire for its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Client(_) => "client",
            Self::SystemAccount(_) => "system-account",
            Self::Cli => "cli",
        }
    }

    /// Its id, where it has one.
    pub fn id(&self) -> Option<String> {
        match self {
            Self::Client(id) => Some(id.to_string()),
            Self::SystemAccount(id) => Some(id.to_string()),
            Self::Cli => None,
        }
    }
}

/// A change as it goes into the store, in the transaction of what it tells of. The
/// store gives it its sequence number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChange {
    /// What happened.
    pub kind: ChangeType,
    /// When.
    pub time: Timestamp,
    /// The tenant that it concerns.
    pub tenant_id: Option<TenantId>,
    /// The client that it concerns.
    pub client_id: Option<ClientId>,
    /// The environment that it concerns.
    pub environment_id: Option<EnvironmentId>,
    /// The subject's version after the change (before it, for a delete).
    pub version: Option<Version>,
    /// Who made it.
    pub actor: Actor,
    /// In which request.
    pub request_id: Option<RequestId>,
    /// The subject's public representation after the change (before it, for a
    /// delete), as JSON.
    pub subject: String,
    /// The id that the tenant had before, where the change gives it another one.
    pub previous_tenant_id: Option<TenantId>,
    /// The webhook that it concerns.
    pub webhook_id: Option<WebhookId>,
}

/// Where a change comes from: the same for all changes of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who makes the change.
    pub actor: Actor,
    /// In which request, where there is one.
    pub request_id: Option<RequestId>,
}

impl Origin {
    /// A change made at the command line.
    pub const CLI: Self = Self {
        actor: Actor::Cli,
        request_id: None,
    };

    /// Tells of a change of a tenant.
    pub fn tenant(
        &self,
        kind: ChangeType,
        time: Timestamp,
        tenant: &TenantHead,
        environment: &Environment,
    ) -> NewChange {
        NewChange {
            tenant_id: Some(tenant.id),
            environment_id: Some(tenant.environment_id),
            version: Some(tenant.version),
            ..self.change(kind, time, &TenantView::new(tenant, environment))
        }
    }

    /// Tells of a change of a client; `tenant` is the one it belongs to, if any.
    pub fn client(
        &self,
        kind: ChangeType,
        time: Timestamp,
        client: &Client,
        tenant: Option<&TenantHead>,
    ) -> NewChange {
        NewChange {
            tenant_id: tenant.map(|tenant| tenant.id),
            client_id: Some(client.id.clone()),
            environment_id: tenant.map(|tenant| tenant.environment_id),
            ..self.change(kind, time, &ClientDetailView::from(client))
        }
    }

    /// Tells of a change of an environment.
    pub fn environment(
        &self,
        kind: ChangeType,
        time: Timestamp,
        environment: &Environment,
    ) -> NewChange {
        NewChange {
            environment_id: Some(environment.id),
            version: Some(environment.version),
            ..self.change(kind, time, &EnvironmentView::from(environment))
        }
    }

    /// Tells of a change of a webhook. It concerns an environment where it is told of the
    /// changes of that one only.
    pub fn webhook(&self, kind: ChangeType, time: Timestamp, webhook: &Webhook) -> NewChange {
        let environments = webhook.filter.environment_ids.as_ref();
        let only = environments.filter(|filter| filter.ids().len() == 1);
        NewChange {
            webhook_id: Some(webhook.id),
            environment_id: only.and_then(|filter| filter.ids().first().copied()),
            version: Some(webhook.version),
            ..self.change(kind, time, &WebhookView::for_feed(webhook))
        }
    }

    fn change(&self, kind: ChangeType, time: Timestamp, subject: &impl Serialize) -> NewChange {
        NewChange {
            kind,
            time,
            tenant_id: None,
            client_id: None,
            environment_id: None,
            version: None,
            actor: self.actor.clone(),
            request_id: self.request_id.clone(),
            // Views have text for keys and nothing that can't be written as JSON.
            subject: serde_json::to_string(subject).unwrap_or_else(|_| "{}".to_owned()),
            previous_tenant_id: None,
            webhook_id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn types_round_trip() {
        for kind in ChangeType::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }

    #[test]
    fn a_change_of_the_status_gives_the_name() {
        use TenantStatus::{Active, Suspended};
        for (before, after, name) in [
            (Active, Active, "tenant.updated"),
            (Active, Suspended, "tenant.suspended"),
            (Suspended, Suspended, "tenant.updated"),
            (Suspended, Active, "tenant.resumed"),
        ] {
            assert_eq!(ChangeType::of_tenant(before, after).as_str(), name);
        }
    }

    #[test]
    fn a_tenants_change_shows_the_tenant_without_data() {
        let (tenant, environment) = (testing::tenant(), testing::environment());
        let change = Origin::CLI.tenant(
            ChangeType::TenantCreated,
            tenant.created_at,
            &tenant,
            &environment,
        );
        let subject: serde_json::Value = serde_json::from_str(&change.subject).unwrap();
        assert_eq!(subject["subdomain"], "my-tenant.vii.mattr.global");
        assert_eq!(subject["environment"]["domain"], ".mattr.global");
        assert_eq!(subject["version"], 1);
        assert_eq!(subject.get("data"), None);
        assert_eq!(change.tenant_id, Some(tenant.id));
        assert_eq!(change.version, Some(Version::FIRST));
    }
}
