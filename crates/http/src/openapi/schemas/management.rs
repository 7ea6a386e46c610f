//! What the management API answers of environments, tenants and clients.

use serde_json::{Value, json};
use tenantry_domain::{client::ClientId, scope::ScopeToken};

use super::{
    Schemas, instant, integer, list, object, or_null, page, reference, text, uuid, with_example,
    words,
};
use crate::error::Code;

pub(super) fn all() -> Schemas {
    let mut all = errors();
    all.extend(environments());
    all.extend(tenants());
    all.extend(clients());
    all.extend(secrets());
    all.push((
        "Health",
        with_example(
            object([
                ("status", words("", ["ok", "unavailable"])),
                ("reason?", text("What is not ready.")),
            ]),
            json!({ "status": "ok" }),
        ),
    ));
    all.push(("Text", text("")));
    all.push((
        "OpenApiDocument",
        with_example(
            json!({ "type": "object", "required": ["openapi", "info", "paths"] }),
            json!({
                "openapi": crate::openapi::OPENAPI,
                "info": { "title": "Tenantry", "version": "0.1.0" },
                "paths": {},
            }),
        ),
    ));
    all
}

fn errors() -> Schemas {
    let detail = object([
        (
            "value?",
            json!({ "description": "What was received, unless it is longer than 1 KiB." }),
        ),
        ("msg", text("What is wrong.")),
        ("param", text("The member, parameter or header.")),
        (
            "location",
            words(
                "Where in the request it lies; `params` is the path.",
                ["body", "query", "params", "headers"],
            ),
        ),
    ]);
    let classes = [
        "BadRequest",
        "Unauthorized",
        "Forbidden",
        "NotFound",
        "MethodNotAllowed",
        "NotAcceptable",
        "RequestTimeout",
        "Conflict",
        "PreconditionFailed",
        "UnprocessableEntity",
        "PayloadTooLarge",
        "UnsupportedMediaType",
        "TooManyRequests",
        "InternalServerError",
        "ServiceUnavailable",
    ];
    let error = object([
        ("code", words("Stable.", Code::ALL.map(Code::as_str))),
        ("type", words("The class of the status.", classes)),
        ("message", text("One sentence for a person.")),
        (
            "details",
            list("Every fault that was found.", reference("ErrorDetail")),
        ),
    ]);
    let fault = json!({
        "value": "My Tenant!",
        "msg": "must only contain lower-case letters, digits and hyphens",
        "param": "subdomain",
        "location": "body",
    });
    let example = json!({
        "code": "validation_error",
        "type": "BadRequest",
        "message": "The request is not valid: subdomain must only contain lower-case letters, digits and hyphens.",
        "details": [fault],
    });
    vec![
        ("Error", with_example(error, example)),
        ("ErrorDetail", with_example(detail, fault)),
    ]
}

pub(super) fn environment_example() -> Value {
    json!({
        "id": "fa605282-0223-4ae0-831d-af368bc39a55",
        "name": "Public Sydney, Australia",
        "domain": ".tenants.example.com",
        "tenantDomain": "tenants.example.com",
        "authorizationServerDomain": "manage.example.com",
        "deploymentModel": "public",
        "region": {
            "id": "70bb433a-f0ec-4297-ad76-3b09c71311f3",
            "name": "AU01",
            "displayName": "Sydney, Australia",
        },
    })
}

fn environments() -> Schemas {
    let region = object([
        ("id", uuid("")),
        ("name", text("What the region is known by.")),
        ("displayName", text("")),
    ]);
    let environment = object([
        ("id", uuid("")),
        ("name", text("")),
        ("domain", text("With a leading dot.")),
        ("tenantDomain", text("What tenants' hosts end with.")),
        (
            "authorizationServerDomain",
            text("The host that issues tokens."),
        ),
        ("deploymentModel", words("", ["public", "private"])),
        ("region", reference("Region")),
    ]);
    let example = environment_example();
    vec![
        ("Region", with_example(region, example["region"].clone())),
        ("Environment", with_example(environment, example.clone())),
        ("EnvironmentList", page("Environment", example)),
    ]
}

pub(super) fn tenant_example() -> Value {
    json!({
        "id": "86cb97a9-5e80-4ed7-af13-a170752bb1ea",
        "name": "My Tenant",
        "subdomain": "my-tenant.tenants.example.com",
        "environment": environment_example(),
        "status": "active",
        "version": 1,
        "createdAt": "2026-01-01T00:00:00.000000Z",
        "updatedAt": "2026-01-01T00:00:00.000000Z",
    })
}

fn tenants() -> Schemas {
    let common = || {
        [
            ("id", uuid("")),
            ("name", text("")),
            ("subdomain", text("The tenant's whole host name.")),
            ("environment", reference("Environment")),
            ("status", reference("TenantStatus")),
            ("version", version()),
            ("createdAt", instant("")),
            ("updatedAt", instant("")),
        ]
    };
    let with = |name: &str, schema: Value| {
        let mut tenant = object(common());
        tenant["properties"][name] = schema;
        if let Some(required) = tenant["required"].as_array_mut() {
            required.push(name.into());
        }
        tenant
    };
    let credentials = object([
        ("clientId", reference("ClientId")),
        ("clientSecret", text("Shown this once.")),
    ]);
    let example = tenant_example();
    let (mut detail, mut created) = (example.clone(), example.clone());
    detail["data"] = json!({ "plan": "gold" });
    created["client"] = json!({
        "clientId": CLIENT_ID,
        "clientSecret": "dpFAyLEPdxjHmEPWeDYrFhJdUkY1h5bo-4ZSMcEz9wM",
    });
    vec![
        (
            "TenantStatus",
            words(
                "A suspended tenant's clients get no tokens.",
                ["active", "suspended"],
            ),
        ),
        ("Tenant", with_example(object(common()), example.clone())),
        ("TenantList", page("Tenant", example)),
        ("TenantDetail", with_example(with("data", data()), detail)),
        (
            "TenantCreated",
            with_example(
                with("client", reference("ClientCredentials")),
                created.clone(),
            ),
        ),
        (
            "ClientCredentials",
            with_example(credentials, created["client"].clone()),
        ),
    ]
}

pub(super) const CLIENT_ID: &str = "suC7IhmDIawnlqBlEOuIqBWoqppcdI5X";

/// A version of a tenant, environment or webhook.
pub(super) fn version() -> Value {
    json!({ "type": "integer", "format": "int32", "minimum": 1, "description": "Rises by one with every change." })
}

/// A tenant's data.
pub(super) fn data() -> Value {
    json!({
        "type": "object",
        "description": "Anything of the caller's, at most 256 KiB; it comes back value for value.",
    })
}

/// The id of a client.
fn client_id() -> Value {
    json!({
        "type": "string",
        "pattern": format!("^[A-Za-z0-9._~-]{{1,{}}}$", ClientId::MAX_LENGTH),
        "examples": [CLIENT_ID],
    })
}

/// A scope that a tenant's own services define.
pub(super) fn scope() -> Value {
    json!({
        "type": "string",
        "pattern": format!("^[!#-\\[\\]-~]{{1,{}}}$", ScopeToken::MAX_LENGTH),
    })
}

fn clients() -> Schemas {
    let common = || {
        [
            ("clientId", reference("ClientId")),
            ("name", text("")),
            ("status", reference("ClientStatus")),
            ("createdAt", instant("")),
            (
                "lastUsedAt",
                or_null(instant(
                    "At most ten seconds behind; null for one that was never used.",
                )),
            ),
        ]
    };
    let scopes = || {
        list(
            "What it may ask for; the tenant's own services say what it means.",
            scope(),
        )
    };
    let mut detail = object(common());
    detail["properties"]["scopes"] = scopes();
    if let Some(required) = detail["required"].as_array_mut() {
        required.push("scopes".into());
    }
    let mut created = detail.clone();
    created["properties"]["clientSecret"] = text("Shown this once.");
    if let Some(required) = created["required"].as_array_mut() {
        required.push("clientSecret".into());
    }
    let example = json!({
        "clientId": CLIENT_ID,
        "name": "Backend",
        "status": "active",
        "createdAt": "2026-01-01T00:00:00.000000Z",
        "lastUsedAt": null,
    });
    let mut one = example.clone();
    one["scopes"] = json!(["things:read"]);
    let mut new = one.clone();
    new["clientSecret"] = "dpFAyLEPdxjHmEPWeDYrFhJdUkY1h5bo-4ZSMcEz9wM".into();
    vec![
        ("ClientId", client_id()),
        ("ClientStatus", words("", ["active", "disabled"])),
        ("Client", with_example(object(common()), example.clone())),
        ("ClientList", page("Client", example)),
        ("ClientDetail", with_example(detail, one)),
        ("ClientCreated", with_example(created, new)),
    ]
}

fn secrets() -> Schemas {
    let secret = object([
        ("id", uuid("")),
        ("createdAt", instant("")),
        ("expiresAt", or_null(instant("Null for the current one."))),
        ("lastUsedAt", or_null(instant(""))),
    ]);
    let rotated = object([
        ("clientSecret", text("Shown this once.")),
        ("previousSecretExpiresAt", instant("Until then both work.")),
    ]);
    let example = json!({
        "id": "0198c0de-0000-7000-8000-000000000004",
        "createdAt": "2026-01-01T00:00:00.000000Z",
        "expiresAt": null,
        "lastUsedAt": null,
    });
    vec![
        ("Secret", with_example(secret, example.clone())),
        ("SecretList", page("Secret", example)),
        (
            "SecretRotated",
            with_example(
                rotated,
                json!({
                    "clientSecret": "Y2xpZW50cy1zZWNyZXQtb2YtMzItYnl0ZXMtb3Itc28",
                    "previousSecretExpiresAt": "2026-01-02T00:00:00.000000Z",
                }),
            ),
        ),
        (
            "Sequence",
            integer("The place of a change in the order of all changes, from 1."),
        ),
    ]
}
