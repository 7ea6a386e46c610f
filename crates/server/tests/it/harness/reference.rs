//! The world of the management API's reference: its one environment, and a shared server.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::server::Server;

pub(crate) const ENVIRONMENT_ID: &str = "fa605282-0223-4ae0-831d-af368bc39a55";
pub(crate) const TENANT_DOMAIN: &str = "vii.mattr.global";

/// The reference's environment as contract §4.1 shows it: `tenantDomain` is the only addition.
pub(crate) fn environment() -> Value {
    json!({
        "id": ENVIRONMENT_ID,
        "name": "MATTR Public Sydney, Australia",
        "domain": ".mattr.global",
        "tenantDomain": TENANT_DOMAIN,
        "authorizationServerDomain": "manage.auth.auth0.com",
        "deploymentModel": "public",
        "region": {
            "id": "70bb433a-f0ec-4297-ad76-3b09c71311f3",
            "name": "AU01",
            "displayName": "Sydney, Australia",
        },
    })
}

pub(crate) fn environments_file() -> Value {
    json!([environment()])
}

/// One server for every test that only adds things under names of its own.
pub(crate) fn shared() -> &'static Server {
    static SHARED: LazyLock<Server> = LazyLock::new(Server::reference);
    &SHARED
}

/// A subdomain label that no other test of this run uses.
pub(crate) fn unique_label(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
