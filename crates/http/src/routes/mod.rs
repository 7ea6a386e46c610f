//! What can be asked of the server, family by family.

mod discovery;
mod documentation;
mod management;
mod oauth;
mod operational;
mod system;

use crate::operation::{Operation, OperationInfo};

/// Every operation of every family.
pub(crate) fn table() -> Vec<Operation> {
    let mut table = management::operations();
    table.extend(system::operations());
    table.extend(oauth::operations());
    table.extend(discovery::operations());
    table.extend(operational::operations());
    table.extend(documentation::operations());
    table
}

/// What is known of every operation from outside: for documentation, and for tests that
/// fail when one of them has no case.
pub fn operations() -> impl Iterator<Item = OperationInfo> {
    table().into_iter().map(|operation| operation.info())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_routes_are_unique() {
        let all: Vec<_> = operations().collect();
        let names: HashSet<_> = all.iter().map(|operation| operation.name).collect();
        let routes: HashSet<_> = all.iter().map(|one| (one.method, one.path)).collect();
        assert_eq!(names.len(), all.len());
        assert_eq!(routes.len(), all.len());
    }
    /// Every operation that tells of itself, with the name that it has in its events. The
    /// reference gives six of them (contract §6); they are its clients' to rely on.
    const EVENTS: &[(&str, &str, &str)] = &[
        ("GET", "/v1/environments", "ENVIRONMENT_RETRIEVE_LIST"),
        ("POST", "/v1/environments", "ENVIRONMENT_CREATE"),
        ("GET", "/v1/environments/{id}", "ENVIRONMENT_RETRIEVE"),
        ("PATCH", "/v1/environments/{id}", "ENVIRONMENT_UPDATE"),
        ("DELETE", "/v1/environments/{id}", "ENVIRONMENT_DELETE"),
        ("GET", "/v1/tenants", "TENANT_RETRIEVE_LIST"),
        ("POST", "/v1/tenants", "TENANT_CREATE"),
        ("GET", "/v1/tenants/{id}", "TENANT_RETRIEVE"),
        ("PATCH", "/v1/tenants/{id}", "TENANT_UPDATE"),
        ("DELETE", "/v1/tenants/{id}", "TENANT_DELETE"),
        ("GET", "/v1/resolve", "TENANT_RESOLVE"),
        (
            "GET",
            "/v1/tenants/{id}/clients",
            "TENANT_CLIENT_RETRIEVE_LIST",
        ),
        ("POST", "/v1/tenants/{id}/clients", "TENANT_CLIENT_CREATE"),
        (
            "GET",
            "/v1/tenants/{id}/clients/{clientId}",
            "TENANT_CLIENT_RETRIEVE",
        ),
        (
            "PATCH",
            "/v1/tenants/{id}/clients/{clientId}",
            "TENANT_CLIENT_UPDATE",
        ),
        (
            "DELETE",
            "/v1/tenants/{id}/clients/{clientId}",
            "TENANT_CLIENT_DELETE",
        ),
        (
            "GET",
            "/v1/tenants/{id}/clients/{clientId}/secrets",
            "TENANT_CLIENT_SECRET_RETRIEVE_LIST",
        ),
        (
            "POST",
            "/v1/tenants/{id}/clients/{clientId}/secrets",
            "TENANT_CLIENT_SECRET_CREATE",
        ),
        (
            "DELETE",
            "/v1/tenants/{id}/clients/{clientId}/secrets/{secretId}",
            "TENANT_CLIENT_SECRET_DELETE",
        ),
        ("GET", "/v1/changes", "CHANGE_RETRIEVE_LIST"),
        ("GET", "/v1/changes/stream", "CHANGE_STREAM"),
        ("GET", "/system/tenants", "SYSTEM_TENANT_RETRIEVE_LIST"),
        ("POST", "/system/tenants", "SYSTEM_TENANT_CREATE"),
        ("GET", "/system/tenants/{uuid}", "SYSTEM_TENANT_RETRIEVE"),
        ("PUT", "/system/tenants/{uuid}", "SYSTEM_TENANT_UPDATE"),
        ("DELETE", "/system/tenants/{uuid}", "SYSTEM_TENANT_DELETE"),
        ("GET", "/v1/webhooks", "WEBHOOK_RETRIEVE_LIST"),
        ("POST", "/v1/webhooks", "WEBHOOK_CREATE"),
        ("GET", "/v1/webhooks/{id}", "WEBHOOK_RETRIEVE"),
        ("PATCH", "/v1/webhooks/{id}", "WEBHOOK_UPDATE"),
        ("DELETE", "/v1/webhooks/{id}", "WEBHOOK_DELETE"),
        ("POST", "/v1/webhooks/{id}/secrets", "WEBHOOK_SECRET_CREATE"),
        (
            "GET",
            "/v1/webhooks/{id}/deliveries",
            "WEBHOOK_DELIVERY_RETRIEVE_LIST",
        ),
        (
            "POST",
            "/v1/webhooks/{id}/deliveries/{deliveryId}/redeliver",
            "WEBHOOK_DELIVERY_REDELIVER",
        ),
        ("GET", "/v1/events", "EVENT_RETRIEVE_LIST"),
        ("POST", "/oauth/token", "ACCESS_TOKEN_CREATE"),
        ("POST", "/oauth/introspect", "ACCESS_TOKEN_INTROSPECT"),
        ("POST", "/oauth/revoke", "ACCESS_TOKEN_REVOKE"),
    ];

    /// What is there for those who run the server, or who find their way to it.
    const SILENT: &[&str] = &[
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/livez",
        "/readyz",
        "/metrics",
        "/",
        "/docs.jsonld",
        "/contexts/Entrypoint",
        "/contexts/system/Tenant",
        "/contexts/Error",
        "/contexts/ConstraintViolationList",
        "/openapi.json",
        "/docs",
        "/docs/docs.js",
        "/docs/swagger-ui-bundle.js",
        "/docs/swagger-ui.css",
    ];

    #[test]
    fn every_operation_of_an_api_has_its_event() {
        let told: HashSet<_> = operations()
            .filter_map(|one| Some((one.method, one.path, one.event?.as_str())))
            .collect();
        assert_eq!(told, EVENTS.iter().copied().collect());
        for one in operations() {
            if let Some(event) = one.event {
                assert_eq!(event.as_str(), one.name);
            }
        }
        let silent: HashSet<_> = operations()
            .filter(|one| one.event.is_none())
            .map(|one| one.path)
            .collect();
        assert_eq!(silent, SILENT.iter().copied().collect());
    }
}
