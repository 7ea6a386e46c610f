//! §4.4, the writing half: making, changing and deleting a tenant's clients.

use serde_json::{Value, json};

use crate::harness::reference::{shared, unique_label};
use crate::harness::{Request, Response, Server};
use crate::jwt;
use crate::support::{
    Tenant, UNKNOWN_ID, ask_token, assert_error, assert_faults, assert_oauth_error, create_tenant,
    keys, text, token_body, utc,
};

const MERGE_PATCH: &str = "application/merge-patch+json";

fn all(tenant: &Tenant) -> String {
    format!("{}/clients", tenant.path())
}

fn one(tenant: &Tenant, client_id: &str) -> String {
    format!("{}/clients/{client_id}", tenant.path())
}

fn post(server: &Server, tenant: &Tenant, body: &Value) -> Response {
    server
        .post(&all(tenant))
        .bearer(&server.token())
        .json(body)
        .send()
}

fn patch(server: &Server, tenant: &Tenant, client_id: &str, body: &Value) -> Response {
    server
        .patch(&one(tenant, client_id))
        .bearer(&server.token())
        .json(body)
        .send()
}

fn get(server: &Server, tenant: &Tenant, client_id: &str) -> Request {
    server.get(&one(tenant, client_id)).bearer(&server.token())
}

fn delete(server: &Server, tenant: &Tenant, client_id: &str) -> Response {
    server
        .delete(&one(tenant, client_id))
        .bearer(&server.token())
        .send()
}

/// A new client's id and secret.
fn make(server: &Server, tenant: &Tenant, body: &Value) -> (String, String) {
    let body = post(server, tenant, body).expect_status(201).json();
    (text(&body["clientId"]), text(&body["clientSecret"]))
}

fn introspect(server: &Server, token: &str) -> Value {
    let manager = server.credentials();
    server
        .post("/oauth/introspect")
        .basic(&manager.client_id, &manager.client_secret)
        .form(&[("token", token)])
        .send()
        .expect_status(200)
        .json()
}

fn inactive() -> Value {
    json!({"active": false})
}

#[test]
fn a_new_client_shows_its_secret_once_and_gets_tokens() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("client"));
    let body = json!({"name": " Orders ", "scopes": ["orders:write", "orders:read", "!#[]~"]});
    let answer = post(server, &tenant, &body).expect_status(201);
    let shown = answer.json();
    let members = [
        "clientId",
        "clientSecret",
        "createdAt",
        "lastUsedAt",
        "name",
        "scopes",
        "status",
    ];
    assert_eq!(keys(&shown), members.into());
    assert_eq!(shown["name"], "Orders");
    assert_eq!(shown["status"], "active");
    assert_eq!(
        shown["scopes"],
        json!(["!#[]~", "orders:read", "orders:write"])
    );
    assert_eq!(shown["lastUsedAt"], Value::Null);
    utc(&shown["createdAt"]);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let (id, secret) = (text(&shown["clientId"]), text(&shown["clientSecret"]));
    assert_eq!(id.len(), 32);
    assert!(id.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
    assert_eq!(answer.header("location"), Some(one(&tenant, &id).as_str()));

    let mut expected = shown.clone();
    expected.as_object_mut().unwrap().remove("clientSecret");
    let location = answer.header("location").unwrap();
    let got = server.get(location).bearer(&server.token()).send();
    assert_eq!(got.expect_status(200).json(), expected);
    let list = server.get(&all(&tenant)).bearer(&server.token()).send();
    let list = list.expect_status(200);
    assert!(!list.text().contains(&secret));
    let list = list.json();
    assert_eq!(
        list["data"].as_array().unwrap().len(),
        2,
        "beside the first one"
    );
    expected.as_object_mut().unwrap().remove("scopes");
    assert_eq!(list["data"][1], expected, "oldest first");

    let token = server.token_for(&id, &secret);
    let claims = jwt::claims(&token);
    assert_eq!(claims["scope"], "!#[]~ orders:read orders:write");
    assert_eq!(claims["tenant_id"], tenant.id);
    assert_eq!(claims["aud"], format!("https://{}", tenant.host()));
    let mut body = token_body(&id, &secret);
    body["scope"] = json!("orders:read");
    let narrowed = server.post("/oauth/token").json(&body).send();
    assert_eq!(narrowed.expect_status(200).json()["scope"], "orders:read");
    body["scope"] = json!("orders:delete");
    let beyond = server.post("/oauth/token").json(&body).send();
    assert_oauth_error(&beyond, 400, "invalid_scope");
}

#[test]
fn a_tenant_of_the_system_api_gets_its_first_client_here() {
    let server = shared();
    let account = server.credentials();
    let made = server
        .post("/system/tenants")
        .basic(&account.system_username, &account.system_password)
        .json(&json!({"data": {}, "version": 1}))
        .send()
        .expect_status(200);
    let id = text(&made.json()["uuid"]);
    let answer = server
        .post(&format!("/v1/tenants/{id}/clients"))
        .bearer(&server.token())
        .json(&json!({"name": "first"}))
        .send()
        .expect_status(201)
        .json();
    let (client, secret) = (text(&answer["clientId"]), text(&answer["clientSecret"]));
    assert_eq!(answer["scopes"], json!([]));
    let claims = jwt::claims(&server.token_for(&client, &secret));
    assert_eq!(claims["tenant_id"], id);
}

#[test]
fn every_fault_of_a_new_client_is_told() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("client"));
    assert_faults(&post(server, &tenant, &json!({})), "body", &["name"]);
    let bad = json!({
        "name": null, "scopes": ["ok", "with space", 5, "", "quo\"te"], "status": "active",
        "clientSecret": "s3cr3t-of-somebody",
    });
    let answer = post(server, &tenant, &bad);
    let params = [
        "name",
        "scopes[1]",
        "scopes[2]",
        "scopes[3]",
        "scopes[4]",
        "status",
        "clientSecret",
    ];
    assert_faults(&answer, "body", &params);
    assert!(!answer.text().contains("s3cr3t"), "{answer}");
    let long = "x".repeat(129);
    let many: Vec<_> = (0..65).map(|n| format!("s{n}")).collect();
    for scopes in [json!("a b"), json!(null), json!({}), json!(many)] {
        let answer = post(server, &tenant, &json!({"name": "x", "scopes": scopes}));
        assert_faults(&answer, "body", &["scopes"]);
    }
    for scope in [long.as_str(), "back\\slash", "é", "\u{7f}"] {
        let answer = post(server, &tenant, &json!({"name": "x", "scopes": [scope]}));
        assert_faults(&answer, "body", &["scopes[0]"]);
    }
    let most = &many[..64];
    let answer = post(server, &tenant, &json!({"name": "x", "scopes": most}));
    let scopes = answer.expect_status(201).json()["scopes"].clone();
    assert_eq!(scopes.as_array().unwrap().len(), 64);
}

#[test]
fn a_patch_of_a_client_sets_what_it_names() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("client"));
    let (id, _) = make(
        server,
        &tenant,
        &json!({"name": "old", "scopes": ["a", "b"]}),
    );
    let before = get(server, &tenant, &id).send().expect_status(200).json();
    let same = patch(server, &tenant, &id, &json!({}))
        .expect_status(200)
        .json();
    assert_eq!(same, before);
    let body = json!({"name": "new", "scopes": ["c", "a", "c"]});
    let changed = patch(server, &tenant, &id, &body).expect_status(200).json();
    assert_eq!(
        (&changed["name"], &changed["scopes"]),
        (&json!("new"), &json!(["a", "c"]))
    );
    assert_eq!(changed["clientId"], id);
    assert_eq!(get(server, &tenant, &id).send().json(), changed);
    let answer = server
        .patch(&one(&tenant, &id))
        .bearer(&server.token())
        .body(MERGE_PATCH, r#"{"scopes":[]}"#)
        .send();
    assert_eq!(answer.expect_status(200).json()["scopes"], json!([]));
    let bad = json!({"name": null, "status": "deleted", "scopes": null, "clientId": "x"});
    let answer = patch(server, &tenant, &id, &bad);
    assert_faults(&answer, "body", &["name", "status", "scopes", "clientId"]);
    let answer = patch(server, &tenant, &id, &json!({"status": null}));
    assert_faults(&answer, "body", &["status"]);
    let answer = server
        .patch(&one(&tenant, &id))
        .bearer(&server.token())
        .body("text/plain", "{}")
        .send();
    assert_error(&answer, 415, "UnsupportedMediaType");
}

#[test]
fn a_disabled_client_is_dead_at_issue_and_at_introspection_until_it_is_enabled() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("client"));
    let (id, secret) = make(server, &tenant, &json!({"name": "x"}));
    let token = server.token_for(&id, &secret);
    let other = server.token_for(&tenant.client_id, &tenant.client_secret);
    assert_eq!(introspect(server, &token)["active"], true);
    let shown = patch(server, &tenant, &id, &json!({"status": "disabled"}));
    assert_eq!(shown.expect_status(200).json()["status"], "disabled");
    assert_eq!(introspect(server, &token), inactive());
    assert_oauth_error(&ask_token(server, &id, &secret), 401, "invalid_client");
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        let answer = server
            .post(path)
            .basic(&id, &secret)
            .form(&[("token", &other)])
            .send();
        assert_oauth_error(&answer, 401, "invalid_client");
    }
    assert_eq!(
        introspect(server, &other)["active"],
        true,
        "the other one is not"
    );
    patch(server, &tenant, &id, &json!({"status": "active"})).expect_status(200);
    assert_eq!(introspect(server, &token)["active"], true);
    ask_token(server, &id, &secret).expect_status(200);
}

#[test]
fn a_deleted_client_is_gone_and_its_tokens_with_it() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("client"));
    let (id, secret) = make(server, &tenant, &json!({"name": "x"}));
    let token = server.token_for(&id, &secret);
    let answer = delete(server, &tenant, &id).expect_status(204);
    assert!(answer.body.is_empty());
    assert_eq!(introspect(server, &token), inactive());
    assert_oauth_error(&ask_token(server, &id, &secret), 401, "invalid_client");
    for answer in [
        get(server, &tenant, &id).send(),
        patch(server, &tenant, &id, &json!({})),
        delete(server, &tenant, &id),
    ] {
        let body = assert_error(&answer, 404, "NotFound");
        assert_eq!(body["code"], "client_not_found");
    }
    delete(server, &tenant, &tenant.client_id).expect_status(204);
    let list = server.get(&all(&tenant)).bearer(&server.token()).send();
    assert_eq!(list.text(), r#"{"data":[]}"#, "the last one may go too");
}

#[test]
fn a_token_loses_what_its_client_loses() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("client"));
    let (id, secret) = make(
        server,
        &tenant,
        &json!({"name": "x", "scopes": ["a", "b", "c"]}),
    );
    let token = server.token_for(&id, &secret);
    assert_eq!(introspect(server, &token)["scope"], "a b c");
    let set = |scopes: Value| {
        patch(server, &tenant, &id, &json!({"scopes": scopes})).expect_status(200);
        introspect(server, &token)["scope"].clone()
    };
    assert_eq!(set(json!(["c", "a", "d"])), "a c", "and gains nothing");
    // RFC 6749 §3.3 knows no empty scope.
    assert_eq!(set(json!(["d"])), Value::Null);
    assert_eq!(introspect(server, &token)["active"], true);
    assert_eq!(set(json!(["a", "b", "c"])), "a b c");
}

#[test]
fn a_client_is_found_below_its_own_tenant_only() {
    let server = shared();
    let mine = create_tenant(server, &unique_label("client"));
    let yours = create_tenant(server, &unique_label("client"));
    let manager = server.credentials();
    for client in [&yours.client_id, &manager.client_id, "nobody"] {
        for answer in [
            get(server, &mine, client).send(),
            patch(server, &mine, client, &json!({"status": "disabled"})),
            delete(server, &mine, client),
        ] {
            let body = assert_error(&answer, 404, "NotFound");
            assert_eq!(body["code"], "client_not_found");
        }
    }
    let path = format!("/v1/tenants/{UNKNOWN_ID}/clients/{}", mine.client_id);
    let answer = server.get(&path).bearer(&server.token()).send();
    assert_eq!(
        assert_error(&answer, 404, "NotFound")["code"],
        "tenant_not_found"
    );
    for bad in ["a+b", "x".repeat(129).as_str()] {
        let answer = get(server, &mine, bad).send();
        let body = assert_faults(&answer, "params", &["clientId"]);
        assert_eq!(body["details"][0]["msg"], "Invalid value");
    }
    ask_token(server, &yours.client_id, &yours.client_secret).expect_status(200);
}

#[test]
fn no_entity_tag_is_a_clients() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("client"));
    let path = format!("{}/clients/{}", tenant.path(), tenant.client_id);
    let token = server.token();
    let change = || {
        server
            .patch(&path)
            .bearer(&token)
            .json(&json!({"name": "x"}))
    };
    let end = || server.delete(&path).bearer(&token);
    for request in [change(), end()] {
        let answer = request.header("If-Match", "\"1\"").send();
        let body = assert_error(&answer, 412, "PreconditionFailed");
        assert_eq!(body["code"], "precondition_failed");
    }
    change().header("If-Match", "*").send().expect_status(200);
    end().header("If-Match", "*").send().expect_status(204);
}

#[test]
fn null_is_refused_as_what_it_is() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("client"));
    let answer = patch(server, &tenant, &tenant.client_id, &json!({"name": null}));
    let body = assert_faults(&answer, "body", &["name"]);
    assert_eq!(body["details"][0]["msg"], "can't be null");
}
