//! Tokens: signed by one, known, and known to be dead, to all.

use serde_json::{Value, json};

use super::both_ways;
use crate::harness::reference::unique_label;
use crate::harness::{Response, Server};
use crate::jwt;
use crate::support::{
    ask_token, assert_error, assert_oauth_error, create_tenant, management_client, sql,
};

fn introspect(server: &Server, token: &str) -> Value {
    let caller = server.credentials();
    server
        .post("/oauth/introspect")
        .basic(&caller.client_id, &caller.client_secret)
        .form(&[("token", token)])
        .send()
        .expect_status(200)
        .json()
}

fn use_token(server: &Server, token: &str) -> Response {
    server.get("/v1/tenants?limit=1").bearer(token).send()
}

/// Uses a token where it will be refused later, so that a server that remembers what it
/// should ask for is found out.
#[track_caller]
fn assert_good(server: &Server, token: &str) {
    for _ in 0..2 {
        use_token(server, token).expect_status(200);
        assert_eq!(introspect(server, token)["active"], true);
    }
}

#[track_caller]
fn assert_dead(server: &Server, token: &str) {
    let refused = use_token(server, token);
    assert_error(&refused, 401, "Unauthorized");
    let challenge = refused.header("www-authenticate").unwrap_or_default();
    assert!(challenge.contains(r#"error="invalid_token""#), "{refused}");
    assert_eq!(introspect(server, token), json!({"active": false}));
}

#[test]
fn a_token_signed_by_one_is_verified_by_the_other_and_with_its_keys() {
    let server = Server::reference();
    let keys = server.nth(0).get("/.well-known/jwks.json").send().json();
    assert_eq!(
        server.nth(1).get("/.well-known/jwks.json").send().json(),
        keys
    );
    for (one, other) in both_ways(&server) {
        let (id, secret) = management_client(&server, &["tenants:read"], &[]);
        let token = one.token_for(&id, &secret);
        assert_good(&other, &token);
        let issuer = server.public_url();
        let verified = jwt::verify(&other, &token, &issuer, &issuer);
        assert_eq!(verified.claims["client_id"], id.as_str());
    }
}

#[test]
fn a_token_revoked_at_one_is_dead_at_the_other() {
    let server = Server::reference();
    for (one, other) in both_ways(&server) {
        let (id, secret) = management_client(&server, &["tenants:read"], &[]);
        let (token, kept) = (other.token_for(&id, &secret), other.token_for(&id, &secret));
        assert_good(&other, &token);
        one.post("/oauth/revoke")
            .basic(&id, &secret)
            .form(&[("token", &token)])
            .send()
            .expect_status(200);
        assert_dead(&other, &token);
        assert_dead(&one, &token);
        assert_good(&other, &kept);
    }
}

#[test]
fn the_client_of_a_tenant_deleted_through_one_is_refused_by_the_other() {
    let server = Server::reference();
    for (one, other) in both_ways(&server) {
        let tenant = create_tenant(&other, &unique_label("deleted"));
        let (id, secret) = (&tenant.client_id, &tenant.client_secret);
        let token = other.token_for(id, secret);
        assert_eq!(introspect(&other, &token)["active"], true);
        // It may ask about its own token, too.
        let ask = |server: &Server| {
            let request = server.post("/oauth/introspect").basic(id, secret);
            request.form(&[("token", &token)]).send()
        };
        assert_eq!(ask(&other).json()["active"], true);
        one.delete(&tenant.path())
            .bearer(&server.token())
            .send()
            .expect_status(204);
        assert_eq!(introspect(&other, &token), json!({"active": false}));
        assert_oauth_error(&ask(&other), 401, "invalid_client");
        assert_oauth_error(&ask_token(&other, id, secret), 401, "invalid_client");
        let read = other.get(&tenant.path()).bearer(&server.token()).send();
        assert_error(&read, 404, "NotFound");
    }
}

#[test]
fn a_management_client_that_is_disabled_or_gone_is_refused_by_both() {
    let server = Server::reference();
    for (one, other) in both_ways(&server) {
        for action in [
            "UPDATE clients SET status = 'disabled' WHERE client_id =",
            "DELETE FROM clients WHERE client_id =",
        ] {
            let (id, secret) = management_client(&server, &["tenants:read"], &[]);
            let token = one.token_for(&id, &secret);
            assert_good(&one, &token);
            assert_good(&other, &token);
            sql(&server, &format!("{action} '{id}'"));
            assert_dead(&other, &token);
            assert_dead(&one, &token);
            assert_oauth_error(&ask_token(&other, &id, &secret), 401, "invalid_client");
        }
    }
}
