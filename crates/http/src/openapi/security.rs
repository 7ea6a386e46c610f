//! How callers authenticate.

use serde_json::{Map, Value, json};
use tenantry_domain::scope::ManagementScope;

use crate::operation::Access;

/// A token that the client fetches by itself, or one that it has. Both are the same header.
const OAUTH2: &str = "oauth2";
const BEARER: &str = "bearer";
const SYSTEM: &str = "system";
/// A client's own credentials, at the authorization server.
const CLIENT: &str = "client";

pub(super) fn schemes() -> Value {
    let scopes: Map<String, Value> = ManagementScope::ALL
        .into_iter()
        .map(|scope| (scope.as_str().to_owned(), meaning(scope).into()))
        .collect();
    json!({
        OAUTH2: {
            "type": "oauth2",
            "description": "A management client's access token, by the client credentials grant.",
            "flows": { "clientCredentials": { "tokenUrl": "/oauth/token", "scopes": scopes } },
        },
        BEARER: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A management client's access token (RFC 6750, RFC 9068).",
        },
        SYSTEM: {
            "type": "http",
            "scheme": "basic",
            "description": "A system account's user name and password (RFC 7617, UTF-8).",
        },
        CLIENT: {
            "type": "http",
            "scheme": "basic",
            "description": "A client's id and secret, both form-encoded (RFC 6749 §2.3.1). They may stand \
                            in the body instead, as `client_id` and `client_secret`, and never in both.",
        },
    })
}

const fn meaning(scope: ManagementScope) -> &'static str {
    match scope {
        ManagementScope::EnvironmentsRead => "See environments and regions",
        ManagementScope::EnvironmentsWrite => "Make, change and delete environments",
        ManagementScope::TenantsRead => "See tenants",
        ManagementScope::TenantsWrite => "Make, change and delete tenants",
        ManagementScope::ClientsRead => "See tenants' clients, never their secrets",
        ManagementScope::ClientsWrite => "Make, change, rotate and delete tenants' clients",
        ManagementScope::EventsRead => "Read analytic events and the change feed",
        ManagementScope::WebhooksRead => "See webhooks and their deliveries",
        ManagementScope::WebhooksWrite => "Make, change and delete webhooks",
    }
}

/// What an operation asks for. `by_client` says that its handler authenticates a client.
pub(super) fn requirement(access: Access, by_client: bool) -> Value {
    match access {
        Access::Management(scope) => {
            json!([{ OAUTH2: [scope.as_str()] }, { BEARER: [scope.as_str()] }])
        }
        Access::System => json!([{ SYSTEM: [] }]),
        // The credentials may stand in the body, of which this part of the document knows nothing.
        Access::Public if by_client => json!([{ CLIENT: [] }, {}]),
        Access::Public => json!([]),
    }
}
