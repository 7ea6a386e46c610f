//! §3.3: whether a token is still good, and making it no good.

use serde_json::{Value, json};

use crate::harness::reference::{shared, unique_label};
use crate::harness::{Response, Server};
use crate::jwt;
use crate::support::{Tenant, assert_error, assert_oauth_error, create_tenant, management_client};

type Pair = (String, String);

fn ask(server: &Server, path: &str, (id, secret): &Pair, token: &str) -> Response {
    server
        .post(path)
        .basic(id, secret)
        .form(&[("token", token)])
        .send()
}

#[track_caller]
fn introspect(server: &Server, caller: &Pair, token: &str) -> Value {
    let answer = ask(server, "/oauth/introspect", caller, token).expect_status(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer}");
    answer.json()
}

#[track_caller]
fn revoke(server: &Server, caller: &Pair, token: &str) {
    ask(server, "/oauth/revoke", caller, token).expect_status(200);
}

fn manager(server: &Server) -> Pair {
    let bootstrap = server.credentials();
    (bootstrap.client_id, bootstrap.client_secret)
}

fn pair(tenant: &Tenant) -> Pair {
    (tenant.client_id.clone(), tenant.client_secret.clone())
}

fn token_of(server: &Server, (id, secret): &Pair) -> String {
    server.token_for(id, secret)
}

fn inactive() -> Value {
    json!({"active": false})
}

#[test]
fn a_management_client_may_introspect_any_token() {
    let server = shared();
    let manager = manager(server);
    let tenant = create_tenant(server, &unique_label("state"));
    for owner in [manager.clone(), pair(&tenant)] {
        let token = token_of(server, &owner);
        let claims = jwt::claims(&token);
        let body = introspect(server, &manager, &token);
        assert_eq!(body["active"], true, "{body}");
        for claim in ["client_id", "sub", "iss", "aud", "exp", "iat", "jti"] {
            assert_eq!(body[claim], claims[claim], "{claim} of {body}");
        }
    }
}

#[test]
fn a_tenant_client_may_introspect_only_tokens_of_its_own_tenant() {
    let server = shared();
    let mine = create_tenant(server, &unique_label("state"));
    let other = create_tenant(server, &unique_label("state"));
    let mine = pair(&mine);
    assert_eq!(
        introspect(server, &mine, &token_of(server, &mine))["active"],
        true
    );
    assert_eq!(
        introspect(server, &mine, &token_of(server, &pair(&other))),
        inactive()
    );
    assert_eq!(introspect(server, &mine, &server.token()), inactive());
}

#[test]
fn what_is_no_token_of_this_server_is_inactive() {
    let server = shared();
    let manager = manager(server);
    let token = server.token();
    let unsigned = &token[..=token.rfind('.').unwrap()];
    for rubbish in ["x", "a.b.c", unsigned, &format!("{token}x")] {
        assert_eq!(
            introspect(server, &manager, rubbish),
            inactive(),
            "{rubbish}"
        );
    }
    let other = Server::reference();
    assert_eq!(introspect(server, &manager, &other.token()), inactive());
}

#[test]
fn the_token_of_a_deleted_tenants_client_is_inactive_at_once() {
    let server = shared();
    let manager = manager(server);
    let tenant = create_tenant(server, &unique_label("state"));
    let token = token_of(server, &pair(&tenant));
    assert_eq!(introspect(server, &manager, &token)["active"], true);
    server
        .delete(&tenant.path())
        .bearer(&server.token())
        .send()
        .expect_status(204);
    assert_eq!(introspect(server, &manager, &token), inactive());
}

#[test]
fn a_revoked_token_is_inactive_and_opens_nothing() {
    let server = shared();
    let client = management_client(server, &["tenants:read"], &[]);
    let (token, kept) = (token_of(server, &client), token_of(server, &client));
    server
        .get("/v1/tenants")
        .bearer(&token)
        .send()
        .expect_status(200);
    revoke(server, &client, &token);
    revoke(server, &client, &token);
    assert_eq!(introspect(server, &manager(server), &token), inactive());
    let refused = server.get("/v1/tenants").bearer(&token).send();
    assert_error(&refused, 401, "Unauthorized");
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.contains(r#"error="invalid_token""#), "{refused}");
    server
        .get("/v1/tenants")
        .bearer(&kept)
        .send()
        .expect_status(200);
    assert_eq!(introspect(server, &client, &kept)["active"], true);
}

#[test]
fn a_revocation_outlives_a_restart() {
    let mut server = Server::builder()
        .env("TENANTRY_PUBLIC_URL", "https://manage.example.test")
        .start();
    let client = manager(&server);
    let token = token_of(&server, &client);
    revoke(&server, &client, &token);
    server.restart();
    server
        .get("/v1/tenants")
        .bearer(&token)
        .send()
        .expect_status(401);
}

#[test]
fn revocation_answers_200_for_what_is_no_token_and_touches_no_other_clients_tokens() {
    let server = shared();
    let client = management_client(server, &["tenants:read"], &[]);
    for rubbish in ["x", "a.b.c"] {
        revoke(server, &client, rubbish);
    }
    // RFC 7009 §2.1: the token must have been issued to the client that revokes it.
    let tenant = create_tenant(server, &unique_label("state"));
    let theirs = token_of(server, &client);
    ask(server, "/oauth/revoke", &pair(&tenant), &theirs);
    server
        .get("/v1/tenants")
        .bearer(&theirs)
        .send()
        .expect_status(200);
}

#[test]
fn both_want_the_client_to_authenticate_and_a_token_to_be_named() {
    let server = shared();
    let token = server.token();
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        let without = server.post(path).form(&[("token", &token)]).send();
        assert_oauth_error(&without, 401, "invalid_client");
        let wrong = ask(server, path, &("nobody".into(), "nothing".into()), &token);
        assert_oauth_error(&wrong, 401, "invalid_client");
        let bearer = server
            .post(path)
            .bearer(&token)
            .form(&[("token", &token)])
            .send();
        assert_oauth_error(&bearer, 401, "invalid_client");
        let (id, secret) = manager(server);
        let nothing = server
            .post(path)
            .basic(&id, &secret)
            .form(&[("x", "y")])
            .send();
        assert_oauth_error(&nothing, 400, "invalid_request");
        let twice = [("token", token.as_str()), ("token", token.as_str())];
        let twice = server.post(path).basic(&id, &secret).form(&twice).send();
        assert_oauth_error(&twice, 400, "invalid_request");
    }
}
