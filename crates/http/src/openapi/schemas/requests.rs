//! What the management API takes.

use serde_json::{Value, json};
use tenantry_domain::{name::Name, rotation::Overlap, scope::ScopeSet, subdomain::DomainName};

use super::{
    DOMAIN, LABEL, NAME, Schemas, closed, list,
    management::{data, scope},
    object, reference, uuid, with_example, words,
};

pub(super) fn all() -> Schemas {
    let mut all = environments();
    all.extend(tenants());
    all.extend(clients());
    all
}

/// A name that somebody gives to something.
fn name() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": Name::MAX_LENGTH,
        "pattern": NAME,
        "description": "White space at both ends is taken away.",
    })
}

fn domain(description: &str) -> Value {
    json!({
        "type": "string",
        "maxLength": DomainName::MAX_LENGTH,
        "pattern": DOMAIN,
        "description": description,
    })
}

fn environments() -> Schemas {
    let choice = json!({ "oneOf": [
        closed(object([("id", uuid("A region that exists."))])),
        closed(object([("name", name()), ("displayName", name())])),
    ]});
    let authorization_server = json!({
        "type": "string",
        "pattern": "^[!-~]{1,253}$",
        "description": "Without it the public URL's host.",
    });
    let create = closed(object([
        ("name", name()),
        ("domain", domain("A lower-case DNS name, unique.")),
        ("region", reference("RegionChoice")),
        (
            "tenantDomain?",
            domain("What tenants' hosts end with; without it the domain."),
        ),
        ("authorizationServerDomain?", authorization_server),
        ("deploymentModel?", words("", ["public", "private"])),
    ]));
    let patch = closed(object([
        ("name?", name()),
        (
            "domain?",
            domain("Can be changed while there is no tenant."),
        ),
        (
            "tenantDomain?",
            domain("Can be changed while there is no tenant."),
        ),
    ]));
    let region = json!({ "name": "AU01", "displayName": "Sydney, Australia" });
    vec![
        ("RegionChoice", with_example(choice, region.clone())),
        (
            "EnvironmentCreate",
            with_example(
                create,
                json!({ "name": "Public Sydney, Australia", "domain": "tenants.example.com", "region": region }),
            ),
        ),
        (
            "EnvironmentPatch",
            with_example(patch, json!({ "name": "Sydney" })),
        ),
    ]
}

fn tenants() -> Schemas {
    let label = json!({
        "type": "string",
        "pattern": LABEL,
        "description": "A DNS label that is not reserved, unique within its environment.",
    });
    // Unknown members are ignored here, as the reference's clients rely on.
    let create = object([
        ("name?", name()),
        ("subdomain", label),
        ("environmentId", uuid("")),
        ("data?", data()),
    ]);
    let patch = closed(object([
        ("name?", name()),
        (
            "data?",
            super::described(
                json!({ "type": "object" }),
                "A merge patch of the data: null takes a member away.",
            ),
        ),
        ("status?", reference("TenantStatus")),
    ]));
    vec![
        (
            "TenantCreate",
            with_example(
                create,
                json!({
                    "name": "My Tenant",
                    "subdomain": "my-tenant",
                    "environmentId": "fa605282-0223-4ae0-831d-af368bc39a55",
                }),
            ),
        ),
        (
            "TenantPatch",
            with_example(patch, json!({ "status": "suspended" })),
        ),
    ]
}

fn clients() -> Schemas {
    let scopes = || {
        let mut scopes = list(
            "What it may ask for. One that stands twice is one.",
            scope(),
        );
        scopes["maxItems"] = ScopeSet::MAX_SCOPES.into();
        scopes
    };
    let create = closed(object([("name", name()), ("scopes?", scopes())]));
    let patch = closed(object([
        ("name?", name()),
        ("status?", reference("ClientStatus")),
        ("scopes?", scopes()),
    ]));
    let overlap = json!({
        "type": "integer",
        "minimum": 0,
        "maximum": Overlap::MAX_SECONDS,
        "default": Overlap::default().seconds(),
        "description": "For how long the previous secret works beside the new one.",
    });
    vec![
        (
            "ClientCreate",
            with_example(
                create,
                json!({ "name": "Backend", "scopes": ["things:read"] }),
            ),
        ),
        (
            "ClientPatch",
            with_example(patch, json!({ "status": "disabled" })),
        ),
        (
            "Rotation",
            with_example(
                closed(object([("overlapSeconds?", overlap)])),
                json!({ "overlapSeconds": 3600 }),
            ),
        ),
        (
            "Nothing",
            with_example(
                json!({ "type": "object", "additionalProperties": false }),
                json!({}),
            ),
        ),
    ]
}
