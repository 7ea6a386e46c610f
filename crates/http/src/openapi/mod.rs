//! The OpenAPI 3.1 document: what the operations are called, take and answer.
//!
//! Methods, paths, scopes and representations come from the table of operations, words from
//! the enumerations that handlers use, bounds from the types that enforce them. What is said
//! beside that stands here, operation by operation, and the document can't be made if an
//! operation is described twice or not at all. That answers are what it says is for the tests
//! of the server, which hold every answer they get against it.
//!
//! Nothing in it hangs on settings, so it is the same text on every server of a version, and
//! the file `docs/openapi.json` byte for byte.

mod answers;
mod assembly;
mod described;
mod operations;
mod parameters;
mod schemas;
mod security;
mod webhook;

use std::sync::LazyLock;

use serde_json::{Value, json};

/// The version of OpenAPI that the document follows.
const OPENAPI: &str = "3.1.0";

/// The document, as `GET /openapi.json` answers with it: JSON, indented by two spaces, with a
/// line feed at its end.
pub fn openapi() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        // A tree of texts and numbers can always be written.
        let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
        text.push('\n');
        text
    });
    &TEXT
}

fn document() -> Value {
    let paths = assembly::paths();
    // Not every family has every answer, nor every header both ways.
    let named = paths.to_string();
    let mut responses = answers::shared();
    keep_named("responses", &mut responses, &named);
    let mut headers = answers::headers();
    keep_named("headers", &mut headers, &(named + &responses.to_string()));
    json!({
        "openapi": OPENAPI,
        "info": {
            "title": "Tenantry",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "A self-hosted control plane for tenants.",
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        // Where the document was fetched from is where the operations are.
        "servers": [{ "url": "/", "description": "The server that this document comes from" }],
        "tags": tags(),
        "paths": paths,
        "webhooks": webhook::webhooks(),
        "components": {
            "schemas": schemas::all(),
            "parameters": parameters::all(),
            "headers": headers,
            "responses": responses,
            "securitySchemes": security::schemes(),
        },
    })
}

/// Keeps the components that a text of the document refers to.
fn keep_named(kind: &str, components: &mut Value, text: &str) {
    if let Value::Object(components) = components {
        components.retain(|name, _| text.contains(&format!("\"#/components/{kind}/{name}\"")));
    }
}

const DESCRIPTION: &str = "\
Two public APIs are views of the same tenants: the management API below `/v1`, for OAuth 2.0 clients \
with bearer tokens, and the system API at `/system/tenants`, for system accounts with HTTP Basic. The \
authorization server at `/oauth` issues the tokens for the first.

To begin: `POST /oauth/token` with a client's id and secret, then send the token as \
`Authorization: Bearer …`.

On every route: bodies are JSON in UTF-8, at most 1 MiB, nested at most 64 levels deep, without NUL characters, \
lone surrogates and duplicate names. Instants are RFC 3339 in UTC. Ids are UUIDs in the hyphenated form, in \
any letter case on the way in. `HEAD` works where `GET` does; `OPTIONS` tells a path's methods; another method is \
a 405 with `Allow`. Every answer has an `X-Request-Id`, the caller's own if it is a sane one.

Members and words may be added to answers at any time: pass over those that you don't know.";

fn tags() -> Value {
    let tag = |name: &str, description: &str| json!({ "name": name, "description": description });
    json!([
        tag(
            "Authorization",
            "Tokens by the client credentials grant (RFC 6749), introspection (RFC 7662) and revocation (RFC 7009)."
        ),
        tag("Environments", "Where tenants live: a region and a domain."),
        tag(
            "Tenants",
            "Tenants and the host names that they are known by."
        ),
        tag(
            "Tenant clients",
            "OAuth 2.0 machine clients of tenants, and their secrets."
        ),
        tag(
            "Change feed",
            "Every committed change of tenants, clients and environments, in the order of commits."
        ),
        tag(
            "Webhooks",
            "Changes sent to URLs, signed by the scheme of Standard Webhooks."
        ),
        tag(
            "Analytic events",
            "What was asked of the server, by whom, and how it ended."
        ),
        tag(
            "System API",
            "The same tenants as records, in JSON-LD with Hydra or in JSON, for system accounts."
        ),
        tag(
            "Hydra",
            "The documents by which a generic Hydra client finds its way through the system API."
        ),
        tag(
            "Discovery",
            "What clients and verifiers of tokens need to know."
        ),
        tag(
            "Operations",
            "Health, metrics and this documentation, for whoever runs the server."
        ),
    ])
}

#[cfg(test)]
mod tests;
