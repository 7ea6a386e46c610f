//! The authorization server and discovery.

use serde_json::{Value, json};

use super::{
    Schemas, boolean, integer, list, management::CLIENT_ID, object, reference, text, uuid,
    with_example, word, words,
};

pub(super) fn all() -> Schemas {
    let mut all = requests();
    all.extend(answers());
    all.extend(discovery());
    all
}

fn requests() -> Schemas {
    // One without a value counts as not sent, and what is unknown is ignored.
    let token = object([
        ("grant_type", word("client_credentials")),
        (
            "client_id?",
            text("Unless the client authenticates by HTTP Basic."),
        ),
        (
            "client_secret?",
            text("Unless the client authenticates by HTTP Basic."),
        ),
        (
            "scope?",
            text("Some of the client's scopes with spaces between them; all without it."),
        ),
        ("audience?", text("The client's own audience.")),
        (
            "resource?",
            json!({
                "description": "The client's own audience as a URI (RFC 8707).",
                "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
            }),
        ),
    ]);
    let question = object([
        ("token", json!({ "type": "string", "minLength": 1 })),
        ("token_type_hint?", text("Not needed.")),
        (
            "client_id?",
            text("Unless the client authenticates by HTTP Basic."),
        ),
        (
            "client_secret?",
            text("Unless the client authenticates by HTTP Basic."),
        ),
    ]);
    vec![
        (
            "TokenRequest",
            with_example(
                token,
                json!({
                    "grant_type": "client_credentials",
                    "client_id": CLIENT_ID,
                    "client_secret": "dpFAyLEPdxjHmEPWeDYrFhJdUkY1h5bo-4ZSMcEz9wM",
                }),
            ),
        ),
        (
            "TokenQuestion",
            with_example(
                question,
                json!({
                    "token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJSUzI1NiIsImtpZCI6Ii4uLiJ9…",
                    "client_id": CLIENT_ID,
                    "client_secret": "dpFAyLEPdxjHmEPWeDYrFhJdUkY1h5bo-4ZSMcEz9wM",
                }),
            ),
        ),
    ]
}

fn answers() -> Schemas {
    let token = object([
        ("access_token", text("A JWT (RFC 9068).")),
        ("expires_in", integer("In seconds.")),
        ("token_type", word("Bearer")),
        (
            "scope?",
            text("What was granted; left out where that is nothing."),
        ),
    ]);
    let introspection = object([
        ("active", boolean("")),
        ("scope?", text("")),
        ("client_id?", text("")),
        ("token_type?", word("Bearer")),
        ("exp?", integer("Seconds since 1970.")),
        ("iat?", integer("Seconds since 1970.")),
        ("sub?", text("")),
        ("aud?", text("")),
        ("iss?", text("")),
        ("jti?", text("")),
        ("tenant_id?", uuid("Of a tenant's client.")),
    ]);
    let errors = [
        "invalid_request",
        "invalid_client",
        "invalid_scope",
        "invalid_target",
        "unsupported_grant_type",
        "temporarily_unavailable",
        "server_error",
    ];
    let error = object([
        ("error", words("RFC 6749 §5.2, RFC 8707 §2", errors)),
        ("error_description", text("One sentence for a person.")),
    ]);
    vec![
        (
            "Token",
            with_example(
                token,
                json!({
                    "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJSUzI1NiIsImtpZCI6Ii4uLiJ9…",
                    "expires_in": 86400,
                    "token_type": "Bearer",
                    "scope": "tenants:read tenants:write",
                }),
            ),
        ),
        (
            "Introspection",
            with_example(introspection, introspection_example()),
        ),
        (
            "OAuthError",
            with_example(
                error,
                json!({
                    "error": "invalid_client",
                    "error_description": "The client is unknown, its secret is wrong, or it may not be used.",
                }),
            ),
        ),
    ]
}

fn introspection_example() -> Value {
    json!({
        "active": true,
        "scope": "tenants:read tenants:write",
        "client_id": CLIENT_ID,
        "token_type": "Bearer",
        "exp": 1_767_312_000,
        "iat": 1_767_225_600,
        "sub": CLIENT_ID,
        "aud": "https://manage.example.com",
        "iss": "https://manage.example.com",
        "jti": "0198c0de-0000-7000-8000-000000000008",
    })
}

fn discovery() -> Schemas {
    let texts = || list("", json!({ "type": "string" }));
    let metadata = object([
        ("issuer", text("The public URL.")),
        ("token_endpoint", text("")),
        ("jwks_uri", text("")),
        ("introspection_endpoint", text("")),
        ("revocation_endpoint", text("")),
        ("grant_types_supported", texts()),
        ("response_types_supported", texts()),
        ("scopes_supported", texts()),
        ("token_endpoint_auth_methods_supported", texts()),
        ("introspection_endpoint_auth_methods_supported", texts()),
        ("revocation_endpoint_auth_methods_supported", texts()),
    ]);
    let methods = json!(["client_secret_basic", "client_secret_post"]);
    let example = json!({
        "issuer": "https://manage.example.com",
        "token_endpoint": "https://manage.example.com/oauth/token",
        "jwks_uri": "https://manage.example.com/.well-known/jwks.json",
        "introspection_endpoint": "https://manage.example.com/oauth/introspect",
        "revocation_endpoint": "https://manage.example.com/oauth/revoke",
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "scopes_supported": ["tenants:read", "tenants:write"],
        "token_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
    });
    let key = object([
        ("kty", words("", ["RSA", "EC", "OKP"])),
        ("kid", text("What tokens name it by.")),
        ("use", word("sig")),
        ("alg", words("", ["RS256", "ES256", "EdDSA"])),
        ("n?", text("Of an RSA key.")),
        ("e?", text("Of an RSA key.")),
        ("crv?", text("Of an EC or OKP key.")),
        ("x?", text("Of an EC or OKP key.")),
        ("y?", text("Of an EC key.")),
    ]);
    let one = json!({
        "kty": "OKP",
        "kid": "WmkSMKMnAG0uGcfyFjAUwxp-S0jjYT6uCXRPPUtqsGU",
        "use": "sig",
        "alg": "EdDSA",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    });
    vec![
        (
            "AuthorizationServerMetadata",
            with_example(metadata, example),
        ),
        ("Jwk", with_example(key, one.clone())),
        (
            "JwkSet",
            with_example(
                object([("keys", list("", reference("Jwk")))]),
                json!({ "keys": [one] }),
            ),
        ),
    ]
}
