//! The table: every operation of both families, and what it takes.

use serde_json::{Value, json};

use crate::harness::reference::{ENVIRONMENT_ID, unique_label};
use crate::support::create_body;

/// What contract §3.4 and §5 ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Access {
    /// A bearer token of a management client with this scope.
    Scope(&'static str),
    /// HTTP Basic of a system account.
    System,
}

/// What the `{…}` in a path stands for; made anew for every request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    None,
    Environment,
    EmptyEnvironment,
    Tenant,
    /// The label of a tenant.
    Label,
    /// A tenant and its client.
    Client,
    /// A tenant, its client, and one of the client's two secrets.
    Secret,
    /// A webhook of the first environment.
    Webhook,
    /// A webhook, and a delivery of it.
    Delivery,
}

/// What a client sees that has the scope and is bound to another environment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Elsewhere {
    /// The object is 404 to it.
    NotFound,
    /// The list is answered without the object.
    Absent,
    /// The environment is 403 as a target.
    Forbidden,
    /// System accounts are bound to nothing.
    Unbound,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) access: Access,
    pub(super) target: Target,
    pub(super) body: Option<fn() -> Value>,
    pub(super) success: u16,
    pub(super) elsewhere: Elsewhere,
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "ENVIRONMENT_RETRIEVE_LIST",
        method: "GET",
        path: "/v1/environments",
        access: Access::Scope("environments:read"),
        target: Target::None,
        body: None,
        success: 200,
        elsewhere: Elsewhere::Absent,
    },
    Case {
        name: "ENVIRONMENT_RETRIEVE",
        method: "GET",
        path: "/v1/environments/{}",
        access: Access::Scope("environments:read"),
        target: Target::Environment,
        body: None,
        success: 200,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "ENVIRONMENT_CREATE",
        method: "POST",
        path: "/v1/environments",
        access: Access::Scope("environments:write"),
        target: Target::None,
        body: Some(new_environment),
        success: 201,
        elsewhere: Elsewhere::Forbidden,
    },
    Case {
        name: "ENVIRONMENT_UPDATE",
        method: "PATCH",
        path: "/v1/environments/{}",
        access: Access::Scope("environments:write"),
        target: Target::Environment,
        body: Some(nothing),
        success: 200,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "ENVIRONMENT_DELETE",
        method: "DELETE",
        path: "/v1/environments/{}",
        access: Access::Scope("environments:write"),
        target: Target::EmptyEnvironment,
        body: None,
        success: 204,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "EVENT_RETRIEVE_LIST",
        method: "GET",
        path: "/v1/events",
        access: Access::Scope("events:read"),
        target: Target::None,
        body: None,
        success: 200,
        elsewhere: Elsewhere::Absent,
    },
    Case {
        name: "TENANT_RETRIEVE_LIST",
        method: "GET",
        path: "/v1/tenants",
        access: Access::Scope("tenants:read"),
        target: Target::None,
        body: None,
        success: 200,
        elsewhere: Elsewhere::Absent,
    },
    Case {
        name: "TENANT_CREATE",
        method: "POST",
        path: "/v1/tenants",
        access: Access::Scope("tenants:write"),
        target: Target::None,
        body: Some(new_tenant),
        success: 201,
        elsewhere: Elsewhere::Forbidden,
    },
    Case {
        name: "TENANT_RETRIEVE",
        method: "GET",
        path: "/v1/tenants/{}",
        access: Access::Scope("tenants:read"),
        target: Target::Tenant,
        body: None,
        success: 200,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "TENANT_UPDATE",
        method: "PATCH",
        path: "/v1/tenants/{}",
        access: Access::Scope("tenants:write"),
        target: Target::Tenant,
        body: Some(nothing),
        success: 200,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "TENANT_DELETE",
        method: "DELETE",
        path: "/v1/tenants/{}",
        access: Access::Scope("tenants:write"),
        target: Target::Tenant,
        body: None,
        success: 204,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "TENANT_RESOLVE",
        method: "GET",
        path: "/v1/resolve?host={}.vii.mattr.global",
        access: Access::Scope("tenants:read"),
        target: Target::Label,
        body: None,
        success: 200,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "CHANGE_RETRIEVE_LIST",
        method: "GET",
        path: "/v1/changes?limit=1000",
        access: Access::Scope("events:read"),
        target: Target::Tenant,
        body: None,
        success: 200,
        elsewhere: Elsewhere::Absent,
    },
    Case {
        name: "CHANGE_STREAM",
        method: "GET",
        path: "/v1/changes/stream",
        access: Access::Scope("events:read"),
        target: Target::None,
        body: None,
        success: 200,
        // What it tells is tested where streams are read.
        elsewhere: Elsewhere::Absent,
    },
    Case {
        name: "TENANT_CLIENT_RETRIEVE_LIST",
        method: "GET",
        path: "/v1/tenants/{}/clients",
        access: Access::Scope("clients:read"),
        target: Target::Tenant,
        body: None,
        success: 200,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "TENANT_CLIENT_CREATE",
        method: "POST",
        path: "/v1/tenants/{}/clients",
        access: Access::Scope("clients:write"),
        target: Target::Tenant,
        body: Some(new_client),
        success: 201,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "TENANT_CLIENT_RETRIEVE",
        method: "GET",
        path: "/v1/tenants/{}/clients/{}",
        access: Access::Scope("clients:read"),
        target: Target::Client,
        body: None,
        success: 200,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "TENANT_CLIENT_UPDATE",
        method: "PATCH",
        path: "/v1/tenants/{}/clients/{}",
        access: Access::Scope("clients:write"),
        target: Target::Client,
        body: Some(nothing),
        success: 200,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "TENANT_CLIENT_DELETE",
        method: "DELETE",
        path: "/v1/tenants/{}/clients/{}",
        access: Access::Scope("clients:write"),
        target: Target::Client,
        body: None,
        success: 204,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "TENANT_CLIENT_SECRET_RETRIEVE_LIST",
        method: "GET",
        path: "/v1/tenants/{}/clients/{}/secrets",
        access: Access::Scope("clients:read"),
        target: Target::Client,
        body: None,
        success: 200,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "TENANT_CLIENT_SECRET_CREATE",
        method: "POST",
        path: "/v1/tenants/{}/clients/{}/secrets",
        access: Access::Scope("clients:write"),
        target: Target::Client,
        body: Some(nothing),
        success: 201,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "TENANT_CLIENT_SECRET_DELETE",
        method: "DELETE",
        path: "/v1/tenants/{}/clients/{}/secrets/{}",
        access: Access::Scope("clients:write"),
        target: Target::Secret,
        body: None,
        success: 204,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "WEBHOOK_RETRIEVE_LIST",
        method: "GET",
        path: "/v1/webhooks",
        access: Access::Scope("webhooks:read"),
        target: Target::None,
        body: None,
        success: 200,
        elsewhere: Elsewhere::Absent,
    },
    Case {
        name: "WEBHOOK_CREATE",
        method: "POST",
        path: "/v1/webhooks",
        access: Access::Scope("webhooks:write"),
        target: Target::None,
        body: Some(new_webhook),
        success: 201,
        elsewhere: Elsewhere::Forbidden,
    },
    Case {
        name: "WEBHOOK_RETRIEVE",
        method: "GET",
        path: "/v1/webhooks/{}",
        access: Access::Scope("webhooks:read"),
        target: Target::Webhook,
        body: None,
        success: 200,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "WEBHOOK_UPDATE",
        method: "PATCH",
        path: "/v1/webhooks/{}",
        access: Access::Scope("webhooks:write"),
        target: Target::Webhook,
        body: Some(nothing),
        success: 200,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "WEBHOOK_DELETE",
        method: "DELETE",
        path: "/v1/webhooks/{}",
        access: Access::Scope("webhooks:write"),
        target: Target::Webhook,
        body: None,
        success: 204,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "WEBHOOK_SECRET_CREATE",
        method: "POST",
        path: "/v1/webhooks/{}/secrets",
        access: Access::Scope("webhooks:write"),
        target: Target::Webhook,
        body: Some(nothing),
        success: 201,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "WEBHOOK_DELIVERY_RETRIEVE_LIST",
        method: "GET",
        path: "/v1/webhooks/{}/deliveries",
        access: Access::Scope("webhooks:read"),
        target: Target::Webhook,
        body: None,
        success: 200,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "WEBHOOK_DELIVERY_REDELIVER",
        method: "POST",
        path: "/v1/webhooks/{}/deliveries/{}/redeliver",
        access: Access::Scope("webhooks:write"),
        target: Target::Delivery,
        body: Some(nothing),
        success: 202,
        elsewhere: Elsewhere::NotFound,
    },
    Case {
        name: "SYSTEM_TENANT_RETRIEVE_LIST",
        method: "GET",
        path: "/system/tenants",
        access: Access::System,
        target: Target::None,
        body: None,
        success: 200,
        elsewhere: Elsewhere::Unbound,
    },
    Case {
        name: "SYSTEM_TENANT_CREATE",
        method: "POST",
        path: "/system/tenants",
        access: Access::System,
        target: Target::None,
        body: Some(record),
        success: 200,
        elsewhere: Elsewhere::Unbound,
    },
    Case {
        name: "SYSTEM_TENANT_RETRIEVE",
        method: "GET",
        path: "/system/tenants/{}",
        access: Access::System,
        target: Target::Tenant,
        body: None,
        success: 200,
        elsewhere: Elsewhere::Unbound,
    },
    Case {
        name: "SYSTEM_TENANT_UPDATE",
        method: "PUT",
        path: "/system/tenants/{}",
        access: Access::System,
        target: Target::Tenant,
        body: Some(record),
        success: 200,
        elsewhere: Elsewhere::Unbound,
    },
    Case {
        name: "SYSTEM_TENANT_DELETE",
        method: "DELETE",
        path: "/system/tenants/{}",
        access: Access::System,
        target: Target::Tenant,
        body: None,
        success: 204,
        elsewhere: Elsewhere::Unbound,
    },
];

fn new_tenant() -> Value {
    create_body(&unique_label("authz"))
}

pub(super) fn new_environment() -> Value {
    json!({
        "name": "authz",
        "domain": format!("{}.example", unique_label("authz")),
        "region": {"name": "X", "displayName": "X"},
    })
}

/// A webhook that leads nowhere.
pub(super) fn new_webhook() -> Value {
    json!({
        "url": "https://hooks.invalid/",
        "types": ["tenant.created"],
        "environmentIds": [ENVIRONMENT_ID],
        "disabled": true,
    })
}

fn new_client() -> Value {
    json!({"name": "authz"})
}

fn nothing() -> Value {
    json!({})
}

fn record() -> Value {
    json!({"data": {}, "version": 1})
}
