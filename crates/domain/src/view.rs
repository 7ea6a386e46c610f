//! The public representation of environments, tenants and clients: what the
//! management API shows and what change records carry.
//!
//! They are views, apart from the aggregates they show: a field that is added to an
//! aggregate shows up on the wire only when it is added here.

use serde::Serialize;

use crate::{
    change::ChangeType,
    client::{Client, SecretRecord},
    environment::{Environment, Region},
    scope::ScopeToken,
    tenant::TenantHead,
    webhook::{Delivery, DisabledBy, EnvironmentFilter, TypeFilter, Webhook, WebhookState},
};

/// A region as the management API shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegionView<'a> {
    id: crate::id::RegionId,
    name: &'a str,
    display_name: &'a str,
}

impl<'a> From<&'a Region> for RegionView<'a> {
    fn from(region: &'a Region) -> Self {
        Self {
            id: region.id,
            name: region.name.as_str(),
            display_name: region.display_name.as_str(),
        }
    }
}

/// An environment as the management API shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentView<'a> {
    id: crate::id::EnvironmentId,
    name: &'a str,
    domain: String,
    tenant_domain: &'a str,
    authorization_server_domain: &'a str,
    deployment_model: &'static str,
    region: RegionView<'a>,
}

impl<'a> From<&'a Environment> for EnvironmentView<'a> {
    fn from(environment: &'a Environment) -> Self {
        Self {
            id: environment.id,
            name: environment.name.as_str(),
            domain: environment.domain.to_suffix(),
            tenant_domain: environment.tenant_domain.as_str(),
            authorization_server_domain: environment.authorization_server_domain.as_str(),
            deployment_model: environment.deployment_model.as_str(),
            region: RegionView::from(&environment.region),
        }
    }
}

/// A tenant as the management API's lists and the change feed show it: all but its data.
///
/// Its environment is shown as an [`EnvironmentView`], or as `E`, which must write the same.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantView<'a, E = EnvironmentView<'a>> {
    id: crate::id::TenantId,
    name: &'a str,
    subdomain: String,
    environment: E,
    status: &'static str,
    version: i32,
    created_at: String,
    updated_at: String,
}

impl<'a> TenantView<'a> {
    /// Shows a tenant in its environment.
    pub fn new(tenant: &'a TenantHead, environment: &'a Environment) -> Self {
        Self::showing(tenant, environment, EnvironmentView::from(environment))
    }
}

impl<'a, E> TenantView<'a, E> {
    /// Shows a tenant in its environment, which was written before: a list shows the same one many
    /// times.
    pub fn showing(tenant: &'a TenantHead, environment: &Environment, shown: E) -> Self {
        Self {
            id: tenant.id,
            name: tenant.name.as_str(),
            subdomain: environment.host(&tenant.label),
            environment: shown,
            status: tenant.status.as_str(),
            version: tenant.version.get(),
            created_at: tenant.created_at.to_rfc3339(),
            updated_at: tenant.updated_at.to_rfc3339(),
        }
    }
}

/// A client as the management API shows it, never with a secret.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientView<'a> {
    client_id: &'a str,
    name: &'a str,
    status: &'static str,
    created_at: String,
    last_used_at: Option<String>,
}

impl<'a> From<&'a Client> for ClientView<'a> {
    fn from(client: &'a Client) -> Self {
        Self {
            client_id: client.id.as_str(),
            name: client.name.as_str(),
            status: client.status.as_str(),
            created_at: client.created_at.to_rfc3339(),
            last_used_at: client.last_used_at.map(crate::clock::Timestamp::to_rfc3339),
        }
    }
}

/// A client with all that lists leave out: what is shown of one, and what change records
/// carry.
#[derive(Clone, Debug, Serialize)]
pub struct ClientDetailView<'a> {
    #[serde(flatten)]
    client: ClientView<'a>,
    scopes: Vec<&'a str>,
}

impl<'a> From<&'a Client> for ClientDetailView<'a> {
    fn from(client: &'a Client) -> Self {
        Self {
            client: ClientView::from(client),
            scopes: client.scopes.iter().map(ScopeToken::as_str).collect(),
        }
    }
}

/// One of a client's secrets as the management API shows it, never its value.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretView {
    id: crate::id::SecretId,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
}

impl From<&SecretRecord> for SecretView {
    fn from(secret: &SecretRecord) -> Self {
        Self {
            id: secret.id,
            created_at: secret.created_at.to_rfc3339(),
            expires_at: secret.expires_at.map(crate::clock::Timestamp::to_rfc3339),
            last_used_at: secret.last_used_at.map(crate::clock::Timestamp::to_rfc3339),
        }
    }
}

/// A webhook as the management API shows it, never with a secret.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookView<'a> {
    id: crate::id::WebhookId,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    types: Option<Vec<&'static str>>,
    environment_ids: Option<Vec<crate::id::EnvironmentId>>,
    disabled: bool,
    disabled_reason: Option<&'static str>,
    version: i32,
    created_at: String,
    updated_at: String,
}

impl<'a> WebhookView<'a> {
    /// As the change feed shows it to all who read that: with the origin in place of the URL,
    /// which may hold a secret of the receiver.
    pub fn for_feed(webhook: &'a Webhook) -> Self {
        Self {
            url: None,
            origin: Some(webhook.url.origin()),
            ..Self::from(webhook)
        }
    }
}

impl<'a> From<&'a Webhook> for WebhookView<'a> {
    fn from(webhook: &'a Webhook) -> Self {
        let types = |filter: &TypeFilter| filter.iter().map(ChangeType::as_str).collect();
        let ids = |filter: &EnvironmentFilter| filter.ids().iter().copied().collect();
        Self {
            id: webhook.id,
            url: Some(webhook.url.as_str()),
            origin: None,
            types: webhook.filter.types.as_ref().map(types),
            environment_ids: webhook.filter.environment_ids.as_ref().map(ids),
            disabled: webhook.state.is_disabled(),
            disabled_reason: match webhook.state {
                WebhookState::Enabled => None,
                WebhookState::Disabled(DisabledBy::Request) => Some("request"),
                WebhookState::Disabled(DisabledBy::Failures) => Some("failures"),
            },
            version: webhook.version.get(),
            created_at: webhook.created_at.to_rfc3339(),
            updated_at: webhook.updated_at.to_rfc3339(),
        }
    }
}

/// A delivery as the management API shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView<'a> {
    id: crate::id::DeliveryId,
    sequence: i64,
    #[serde(rename = "type")]
    kind: &'a str,
    status: &'static str,
    attempts: i32,
    created_at: String,
    last_attempt_at: Option<String>,
    next_attempt_at: Option<String>,
    last_status_code: Option<u16>,
    last_error: Option<&'a str>,
}

impl<'a> From<&'a Delivery> for DeliveryView<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        let shown = |instant: Option<crate::clock::Timestamp>| {
            instant.map(crate::clock::Timestamp::to_rfc3339)
        };
        Self {
            id: delivery.id,
            sequence: delivery.sequence.get(),
            kind: &delivery.kind,
            status: delivery.status.as_str(),
            attempts: delivery.attempts,
            created_at: delivery.created_at.to_rfc3339(),
            last_attempt_at: shown(delivery.last_attempt_at),
            next_attempt_at: shown(delivery.next_attempt_at),
            last_status_code: delivery.last_status_code,
            last_error: delivery.last_error.as_deref(),
        }
    }
}
