//! What verifiers and clients need to know (contract §3.2). None of it needs the database.

use actix_web::{
    HttpResponse,
    http::{Method, StatusCode, header},
};
use serde::Serialize;
use tenantry_domain::scope::ManagementScope;

use crate::{
    answer,
    call::Call,
    caller::Anybody,
    error::ApiError,
    negotiate::Produces,
    operation::{Operation, OperationName},
};

pub(super) fn operations() -> Vec<Operation> {
    let get = |name, path| Operation::new(name, Method::GET, path, Produces::Json, metadata);
    vec![
        Operation::new(
            OperationName::Untold("SIGNING_KEY_RETRIEVE_LIST"),
            Method::GET,
            "/.well-known/jwks.json",
            Produces::Json,
            jwks,
        ),
        get(
            OperationName::Untold("AUTHORIZATION_SERVER_METADATA_RETRIEVE"),
            "/.well-known/oauth-authorization-server",
        ),
        get(
            OperationName::Untold("OPENID_CONFIGURATION_RETRIEVE"),
            "/.well-known/openid-configuration",
        ),
    ]
}

/// The metadata of RFC 8414 §2.
#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    token_endpoint: String,
    jwks_uri: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    grant_types_supported: [&'a str; 1],
    response_types_supported: [&'a str; 0],
    scopes_supported: Vec<&'a str>,
    token_endpoint_auth_methods_supported: [&'a str; 2],
    introspection_endpoint_auth_methods_supported: [&'a str; 2],
    revocation_endpoint_auth_methods_supported: [&'a str; 2],
}

async fn metadata(_: Anybody, call: Call) -> Result<HttpResponse, ApiError> {
    let issuer = call.deps.config.public_url.as_str();
    let methods = ["client_secret_basic", "client_secret_post"];
    let body = answer::to_json(&Metadata {
        issuer,
        token_endpoint: format!("{issuer}/oauth/token"),
        jwks_uri: format!("{issuer}/.well-known/jwks.json"),
        introspection_endpoint: format!("{issuer}/oauth/introspect"),
        revocation_endpoint: format!("{issuer}/oauth/revoke"),
        grant_types_supported: ["client_credentials"],
        response_types_supported: [],
        scopes_supported: ManagementScope::ALL
            .iter()
            .map(|scope| scope.as_str())
            .collect(),
        token_endpoint_auth_methods_supported: methods,
        introspection_endpoint_auth_methods_supported: methods,
        revocation_endpoint_auth_methods_supported: methods,
    });
    Ok(public(body))
}

async fn jwks(_: Anybody, call: Call) -> Result<HttpResponse, ApiError> {
    Ok(public(call.deps.keys.current().jwks(call.deps.now())))
}

fn public(body: String) -> HttpResponse {
    answer::builder(StatusCode::OK)
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .body(body)
}
