//! §3.1, the token itself: an RFC 9068 JWT that a resource server can verify by itself.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::Server;
use crate::harness::reference::{environments_file, shared, unique_label};
use crate::jwt;
use crate::support::{SCOPES, ask_token, create_tenant, text};

const PUBLIC_URL: &str = "https://manage.example.test";

fn with_public_url() -> Server {
    Server::builder()
        .env("TENANTRY_PUBLIC_URL", PUBLIC_URL)
        .environments_file(&environments_file())
        .start()
}

/// What every token has, whoever's it is.
#[track_caller]
fn assert_common(server: &Server, token: &str, client_id: &str, audience: &str) -> Value {
    let header = jwt::part(token, 0);
    assert_eq!(header["typ"], "at+jwt", "{header}");
    assert_eq!(header["alg"], "RS256", "{header}");
    assert!(header["kid"].is_string(), "{header}");
    let claims = jwt::verify(server, token, PUBLIC_URL, audience).claims;
    assert_eq!(claims["iss"], PUBLIC_URL);
    assert_eq!(claims["sub"], client_id);
    assert_eq!(claims["client_id"], client_id);
    assert_eq!(claims["aud"], audience);
    let (issued, expires) = (
        claims["iat"].as_i64().unwrap(),
        claims["exp"].as_i64().unwrap(),
    );
    assert_eq!(expires - issued, 86400);
    assert!(!text(&claims["jti"]).is_empty());
    claims
}

#[test]
fn a_management_clients_token_is_for_the_management_api_and_carries_its_scopes() {
    let server = with_public_url();
    let bootstrap = server.credentials();
    let claims = assert_common(&server, &server.token(), &bootstrap.client_id, PUBLIC_URL);
    let scope = text(&claims["scope"]);
    assert_eq!(
        scope.split(' ').collect::<BTreeSet<_>>(),
        BTreeSet::from(SCOPES)
    );
    assert!(claims.get("tenant_id").is_none(), "{claims}");

    let narrow = server.token_with_scopes(&["tenants:read"]);
    assert_eq!(jwt::claims(&narrow)["scope"], "tenants:read");
}

#[test]
fn a_tenant_clients_token_is_for_the_tenants_host_and_names_the_tenant() {
    let server = with_public_url();
    let tenant = create_tenant(&server, &unique_label("claims"));
    let token = server.token_for(&tenant.client_id, &tenant.client_secret);
    let audience = format!("https://{}", tenant.host());
    let claims = assert_common(&server, &token, &tenant.client_id, &audience);
    assert_eq!(claims["tenant_id"], Value::from(tenant.id));
}

#[test]
fn no_two_tokens_have_one_jti() {
    let server = shared();
    let bootstrap = server.credentials();
    let ids: BTreeSet<_> = (0..20)
        .map(|_| server.token_for(&bootstrap.client_id, &bootstrap.client_secret))
        .map(|token| text(&jwt::claims(&token)["jti"]))
        .collect();
    assert_eq!(ids.len(), 20);
}

#[test]
fn the_lifetime_is_the_configured_one() {
    let server = Server::builder().env("TENANTRY_TOKEN_TTL", "1234").start();
    let bootstrap = server.credentials();
    let answer = ask_token(&server, &bootstrap.client_id, &bootstrap.client_secret);
    let body = answer.expect_status(200).json();
    assert_eq!(body["expires_in"], 1234);
    let claims = jwt::claims(&text(&body["access_token"]));
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        1234
    );
}

#[test]
fn the_granted_scope_stands_in_the_answer_and_in_the_token_alike() {
    let server = shared();
    let bootstrap = server.credentials();
    let answer = ask_token(server, &bootstrap.client_id, &bootstrap.client_secret).json();
    assert_eq!(
        jwt::claims(&text(&answer["access_token"]))["scope"],
        answer["scope"]
    );
}

#[test]
fn keys_and_tokens_outlive_a_restart() {
    let mut server = with_public_url();
    let token = server.token();
    let before = server.get("/.well-known/jwks.json").send().json();
    server.restart();
    assert_eq!(server.get("/.well-known/jwks.json").send().json(), before);
    server
        .get("/v1/tenants")
        .bearer(&token)
        .send()
        .expect_status(200);
}
