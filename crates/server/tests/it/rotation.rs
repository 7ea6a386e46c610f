//! §4.5: a new secret beside the one before it.

use std::sync::Barrier;

use serde_json::{Value, json};

use crate::harness::reference::{shared, unique_label};
use crate::harness::{Response, Server};
use crate::support::{
    Tenant, UNKNOWN_ID, ask_token, assert_error, assert_faults, assert_oauth_error, create_tenant,
    keys, poll, text, token_body, utc,
};

fn secrets(tenant: &Tenant) -> String {
    format!("{}/clients/{}/secrets", tenant.path(), tenant.client_id)
}

fn rotate(server: &Server, tenant: &Tenant, body: &Value) -> Response {
    server
        .post(&secrets(tenant))
        .bearer(&server.token())
        .json(body)
        .send()
}

/// Rotates; gives the new secret.
fn rotated(server: &Server, tenant: &Tenant, body: &Value) -> String {
    let answer = rotate(server, tenant, body).expect_status(201);
    text(&answer.json()["clientSecret"])
}

fn list(server: &Server, tenant: &Tenant) -> Vec<Value> {
    let answer = server.get(&secrets(tenant)).bearer(&server.token()).send();
    let body = answer.expect_status(200).json();
    body["data"].as_array().unwrap().clone()
}

fn retire(server: &Server, tenant: &Tenant, secret: &Value) -> Response {
    server
        .delete(&format!("{}/{}", secrets(tenant), text(&secret["id"])))
        .bearer(&server.token())
        .send()
}

#[track_caller]
fn assert_works(server: &Server, tenant: &Tenant, secret: &str) {
    ask_token(server, &tenant.client_id, secret).expect_status(200);
}

#[track_caller]
fn assert_dead(server: &Server, tenant: &Tenant, secret: &str) {
    let answer = ask_token(server, &tenant.client_id, secret);
    assert_oauth_error(&answer, 401, "invalid_client");
}

#[test]
fn both_secrets_work_until_the_old_one_ends() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("rotate"));
    let answer = rotate(server, &tenant, &json!({"overlapSeconds": 3600})).expect_status(201);
    let body = answer.json();
    assert_eq!(
        keys(&body),
        ["clientSecret", "previousSecretExpiresAt"].into()
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let new = text(&body["clientSecret"]);
    assert_eq!(new.len(), 43);
    assert_works(server, &tenant, &tenant.client_secret);
    assert_works(server, &tenant, &new);

    let shown = list(server, &tenant);
    assert_eq!(shown.len(), 2);
    let overlap = utc(&body["previousSecretExpiresAt"]) - utc(&shown[1]["createdAt"]);
    assert_eq!(
        overlap,
        time::Duration::HOUR,
        "from when the new one was made"
    );
    for secret in &shown {
        assert_eq!(
            keys(secret),
            ["createdAt", "expiresAt", "id", "lastUsedAt"].into()
        );
        utc(&secret["createdAt"]);
    }
    assert_eq!(
        shown[0]["expiresAt"], body["previousSecretExpiresAt"],
        "oldest first"
    );
    assert_eq!(shown[1]["expiresAt"], Value::Null);
    let all = format!("{shown:?}");
    assert!(!all.contains(&new) && !all.contains(&tenant.client_secret));
}

#[test]
fn the_overlap_is_a_day_unless_told_otherwise() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("rotate"));
    let body = rotate(server, &tenant, &json!({}))
        .expect_status(201)
        .json();
    let made = &list(server, &tenant)[1]["createdAt"];
    let overlap = utc(&body["previousSecretExpiresAt"]) - utc(made);
    assert_eq!(overlap, time::Duration::DAY);
}

#[test]
fn without_overlap_the_old_secret_is_dead_at_once() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("rotate"));
    let new = rotated(server, &tenant, &json!({"overlapSeconds": 0}));
    assert_dead(server, &tenant, &tenant.client_secret);
    assert_works(server, &tenant, &new);
    assert_eq!(list(server, &tenant).len(), 1);
}

#[test]
fn an_expired_secret_is_dead_and_listed_no_more() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("rotate"));
    let new = rotated(server, &tenant, &json!({"overlapSeconds": 1}));
    let old = list(server, &tenant)[0].clone();
    let ask = server
        .post("/oauth/token")
        .json(&token_body(&tenant.client_id, &tenant.client_secret));
    poll(&ask, |answer| answer.status == 401);
    assert_works(server, &tenant, &new);
    let left = list(server, &tenant);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["expiresAt"], Value::Null);
    let answer = retire(server, &tenant, &old);
    assert_eq!(
        assert_error(&answer, 404, "NotFound")["code"],
        "secret_not_found"
    );
    rotated(server, &tenant, &json!({}));
    assert_eq!(list(server, &tenant).len(), 2);
}

#[test]
fn a_rotation_while_two_are_valid_retires_the_oldest() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("rotate"));
    let second = rotated(server, &tenant, &json!({}));
    let third = rotated(server, &tenant, &json!({}));
    assert_dead(server, &tenant, &tenant.client_secret);
    assert_works(server, &tenant, &second);
    assert_works(server, &tenant, &third);
    assert_eq!(list(server, &tenant).len(), 2);
}

#[test]
fn a_secret_can_be_retired_but_not_the_last_one() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("rotate"));
    let answer = retire(server, &tenant, &list(server, &tenant)[0]);
    assert_eq!(
        assert_error(&answer, 409, "Conflict")["code"],
        "last_secret"
    );
    assert_works(server, &tenant, &tenant.client_secret);

    let token = server.token_for(&tenant.client_id, &tenant.client_secret);
    let second = rotated(server, &tenant, &json!({}));
    let both = list(server, &tenant);
    let answer = retire(server, &tenant, &both[0]).expect_status(204);
    assert!(answer.body.is_empty());
    assert_dead(server, &tenant, &tenant.client_secret);
    assert_works(server, &tenant, &second);
    let manager = server.credentials();
    let told = server
        .post("/oauth/introspect")
        .basic(&manager.client_id, &manager.client_secret)
        .form(&[("token", &token)])
        .send();
    assert_eq!(
        told.json()["active"],
        true,
        "a token outlives the secret it was got with"
    );
    let answer = retire(server, &tenant, &both[0]);
    assert_error(&answer, 404, "NotFound");

    let third = rotated(server, &tenant, &json!({"overlapSeconds": 60}));
    let both = list(server, &tenant);
    retire(server, &tenant, &both[1]).expect_status(204);
    assert_dead(server, &tenant, &third);
    assert_works(server, &tenant, &second);
    let left = list(server, &tenant);
    assert_eq!(
        left[0]["expiresAt"],
        Value::Null,
        "it is the current one again"
    );
}

#[test]
fn every_fault_is_told() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("rotate"));
    for overlap in [
        json!(-1),
        json!(604_801),
        json!(1.5),
        json!("60"),
        json!(null),
        json!([1]),
        serde_json::from_str("99999999999999999999").unwrap(),
    ] {
        let answer = rotate(server, &tenant, &json!({"overlapSeconds": overlap}));
        assert_faults(&answer, "body", &["overlapSeconds"]);
    }
    let answer = rotate(
        server,
        &tenant,
        &json!({"overlapSeconds": -1, "secret": "mine"}),
    );
    assert_faults(&answer, "body", &["overlapSeconds", "secret"]);
    assert_eq!(list(server, &tenant).len(), 1);
    for overlap in [0, 604_800] {
        rotate(server, &tenant, &json!({"overlapSeconds": overlap})).expect_status(201);
    }
    let answer = server
        .post(&secrets(&tenant))
        .bearer(&server.token())
        .send();
    assert_error(&answer, 415, "UnsupportedMediaType");
}

#[test]
fn the_list_is_paged_as_every_list_is() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("rotate"));
    rotated(server, &tenant, &json!({}));
    let all = list(server, &tenant);
    let page = |query: &str| {
        let path = format!("{}?{query}", secrets(&tenant));
        server.get(&path).bearer(&server.token()).send()
    };
    let first = page("limit=1").expect_status(200).json();
    assert_eq!(first["data"], json!([all[0]]));
    let second = page(&format!("limit=1&cursor={}", text(&first["nextCursor"])));
    let second = second.expect_status(200).json();
    assert_eq!(second["data"], json!([all[1]]));
    let end = page(&format!("cursor={}", text(&second["nextCursor"])));
    assert_eq!(end.text(), r#"{"data":[]}"#);
    assert_error(&page("limit=0"), 400, "BadRequest");
}

#[test]
fn what_is_not_there_is_404() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("rotate"));
    let other = create_tenant(server, &unique_label("rotate"));
    let code = |path: &str| {
        let get = server.get(path).bearer(&server.token()).send();
        let post = server
            .post(path)
            .bearer(&server.token())
            .json(&json!({}))
            .send();
        let codes =
            [get, post].map(|answer| assert_error(&answer, 404, "NotFound")["code"].clone());
        assert_eq!(codes[0], codes[1]);
        text(&codes[0])
    };
    let below =
        |tenant: &str, client: &str| format!("/v1/tenants/{tenant}/clients/{client}/secrets");
    assert_eq!(
        code(&below(UNKNOWN_ID, &tenant.client_id)),
        "tenant_not_found"
    );
    assert_eq!(code(&below(&tenant.id, "nobody")), "client_not_found");
    assert_eq!(
        code(&below(&tenant.id, &other.client_id)),
        "client_not_found"
    );
    let delete = |id: &str| {
        let path = format!("{}/{id}", secrets(&tenant));
        server.delete(&path).bearer(&server.token()).send()
    };
    assert_error(&delete(UNKNOWN_ID), 404, "NotFound");
    let foreign = text(&list(server, &other)[0]["id"]);
    assert_error(&delete(&foreign), 404, "NotFound");
    assert_works(server, &other, &other.client_secret);
    assert_faults(&delete("x"), "params", &["secretId"]);
}

#[test]
fn of_many_rotations_at_once_the_last_two_secrets_work() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("rotate"));
    let start = Barrier::new(8);
    let made: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (start, tenant) = (&start, &tenant);
                scope.spawn(move || {
                    start.wait();
                    rotated(server, tenant, &json!({}))
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let works = |secret: &String| ask_token(server, &tenant.client_id, secret).status == 200;
    assert_eq!(made.iter().filter(|secret| works(secret)).count(), 2);
    let left = list(server, &tenant);
    assert_eq!(left.len(), 2);
    let ends = left.iter().filter(|secret| !secret["expiresAt"].is_null());
    assert_eq!(ends.count(), 1);
}
