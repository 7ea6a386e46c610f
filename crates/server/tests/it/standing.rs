//! Who may have a token or use one: each way to lose it, tested where a token is issued,
//! where one is used, and where somebody asks whether it is good.

use serde_json::json;

use crate::harness::reference::{shared, unique_label};
use crate::harness::{Response, Server};
use crate::support::{
    Tenant, ask_token, assert_error, assert_oauth_error, create_tenant, management_client, poll,
    sql,
};

type Pair = (String, String);

fn manager(server: &Server) -> Pair {
    let credentials = server.credentials();
    (credentials.client_id, credentials.client_secret)
}

fn introspect(server: &Server, (id, secret): &Pair, token: &str) -> Response {
    let request = server.post("/oauth/introspect").basic(id, secret);
    request.form(&[("token", token)]).send()
}

#[track_caller]
fn assert_active(server: &Server, token: &str, active: bool) {
    let told = introspect(server, &manager(server), token).expect_status(200);
    assert_eq!(told.json()["active"], active, "{told}");
    if !active {
        assert_eq!(told.json(), json!({"active": false}), "and nothing else");
    }
}

#[track_caller]
fn assert_refused(server: &Server, (id, secret): &Pair) {
    assert_oauth_error(&ask_token(server, id, secret), 401, "invalid_client");
}

/// What ends a tenant's client.
const TENANT_CLIENT: [(&str, fn(&Server, &Tenant)); 4] = [
    ("disabled", |server, tenant| {
        let path = format!("{}/clients/{}", tenant.path(), tenant.client_id);
        let request = server.patch(&path).bearer(&server.token());
        request
            .json(&json!({"status": "disabled"}))
            .send()
            .expect_status(200);
    }),
    ("deleted", |server, tenant| {
        let path = format!("{}/clients/{}", tenant.path(), tenant.client_id);
        let request = server.delete(&path).bearer(&server.token());
        request.send().expect_status(204);
    }),
    ("suspended", |server, tenant| {
        let request = server.patch(&tenant.path()).bearer(&server.token());
        request
            .json(&json!({"status": "suspended"}))
            .send()
            .expect_status(200);
    }),
    ("deleted with its tenant", |server, tenant| {
        let request = server.delete(&tenant.path()).bearer(&server.token());
        request.send().expect_status(204);
    }),
];

#[test]
fn a_tenants_client_that_has_lost_its_standing_is_dead_everywhere_at_once() {
    let server = shared();
    for (how, end) in TENANT_CLIENT {
        println!("{how}");
        let tenant = create_tenant(server, &unique_label("standing"));
        let pair = (tenant.client_id.clone(), tenant.client_secret.clone());
        let token = server.token_for(&pair.0, &pair.1);
        assert_active(server, &token, true);
        let own = introspect(server, &pair, &token).expect_status(200);
        assert_eq!(own.json()["active"], true);
        end(server, &tenant);
        assert_refused(server, &pair);
        assert_oauth_error(&introspect(server, &pair, &token), 401, "invalid_client");
        assert_active(server, &token, false);
    }
}

#[test]
fn a_management_client_that_has_lost_its_standing_is_dead_everywhere_at_once() {
    let server = shared();
    for end in [
        "UPDATE clients SET status = 'disabled' WHERE client_id =",
        "PRAGMA foreign_keys = ON; DELETE FROM clients WHERE client_id =",
    ] {
        let pair = management_client(server, &["tenants:read", "tenants:write"], &[]);
        let token = server.token_for(&pair.0, &pair.1);
        let used = || server.get("/v1/tenants?limit=1").bearer(&token).send();
        used().expect_status(200);
        assert_active(server, &token, true);
        sql(server, &format!("{end} '{}'", pair.0));
        assert_refused(server, &pair);
        assert_error(&used(), 401, "Unauthorized");
        assert_oauth_error(&introspect(server, &pair, &token), 401, "invalid_client");
        assert_active(server, &token, false);
    }
}

#[test]
fn an_expired_token_is_dead_and_its_client_is_not() {
    let server = Server::builder().env("TENANTRY_TOKEN_TTL", "2").start();
    let pair = manager(&server);
    let token = server.token_for(&pair.0, &pair.1);
    let used = server.get("/v1/tenants").bearer(&token);
    poll(&used, |answer| answer.status == 401);
    assert_active(&server, &token, false);
    let fresh = server.token_for(&pair.0, &pair.1);
    let used = server.get("/v1/tenants").bearer(&fresh);
    used.send().expect_status(200);
}
