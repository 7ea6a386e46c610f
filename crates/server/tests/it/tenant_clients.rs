//! §4.4, the reading half: which clients a tenant has, never their secrets.

use serde_json::{Value, json};

use crate::harness::Server;
use crate::harness::reference::{shared, unique_label};
use crate::support::{assert_error, create_tenant, keys, text, utc};

fn clients(server: &Server, tenant: &str, query: &str) -> crate::harness::Request {
    server
        .get(&format!("/v1/tenants/{tenant}/clients{query}"))
        .bearer(&server.token())
}

#[test]
fn the_list_has_the_client_that_was_made_with_the_tenant() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("clients"));
    let answer = clients(server, &tenant.id, "").send().expect_status(200);
    let body = answer.json();
    assert_eq!(keys(&body), ["data", "nextCursor"].into());
    let [client] = body["data"].as_array().unwrap().as_slice() else {
        panic!("{body}")
    };
    let members = ["clientId", "createdAt", "lastUsedAt", "name", "status"];
    assert_eq!(keys(client), members.into());
    assert_eq!(client["clientId"], tenant.client_id);
    assert_eq!(client["status"], "active");
    assert_eq!(client["lastUsedAt"], Value::Null);
    assert!(!text(&client["name"]).is_empty());
    utc(&client["createdAt"]);
    assert!(!answer.text().contains(&tenant.client_secret));
    let cache = answer.header("cache-control").unwrap();
    assert!(
        ["no-store", "private, no-cache"].contains(&cache),
        "{answer}"
    );
}

#[test]
fn the_list_is_paged_as_every_list_is() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("paged"));
    let first = clients(server, &tenant.id, "?limit=1")
        .send()
        .expect_status(200)
        .json();
    assert_eq!(first["data"].as_array().unwrap().len(), 1);
    let query = format!("?limit=1&cursor={}", text(&first["nextCursor"]));
    let after = clients(server, &tenant.id, &query)
        .send()
        .expect_status(200);
    assert_eq!(after.text(), r#"{"data":[]}"#);
    for query in [
        "?limit=0",
        "?limit=1001",
        "?limit=x",
        "?limit=1&limit=1",
        "?cursor=!",
        "?cursor=",
    ] {
        let answer = clients(server, &tenant.id, query).send();
        assert_error(&answer, 400, "BadRequest");
    }
}

#[test]
fn a_tenants_list_shows_no_other_tenants_clients() {
    let server = shared();
    let one = create_tenant(server, &unique_label("mine"));
    let other = create_tenant(server, &unique_label("yours"));
    let list = |tenant: &str| clients(server, tenant, "").send().expect_status(200).json();
    assert_eq!(list(&one.id)["data"][0]["clientId"], one.client_id);
    assert_eq!(list(&other.id)["data"][0]["clientId"], other.client_id);
    assert_eq!(list(&other.id)["data"].as_array().unwrap().len(), 1);
}

#[test]
fn a_tenant_made_through_the_system_api_has_no_client() {
    let server = shared();
    let credentials = server.credentials();
    let made = server
        .post("/system/tenants")
        .basic(&credentials.system_username, &credentials.system_password)
        .json(&json!({"data": {}, "version": 1}))
        .send()
        .expect_status(200);
    let id = text(&made.json()["uuid"]);
    let answer = clients(server, &id, "").send().expect_status(200);
    assert_eq!(answer.text(), r#"{"data":[]}"#);
    let tenant = server
        .get(&format!("/v1/tenants/{id}"))
        .bearer(&server.token())
        .send();
    let tenant = tenant.expect_status(200).json();
    let label = format!("t-{}", id.replace('-', ""));
    assert_eq!(tenant["name"], label);
    assert_eq!(tenant["subdomain"], format!("{label}.vii.mattr.global"));
    assert_eq!(tenant["data"], json!({}));
}

#[test]
fn neither_an_unknown_tenant_nor_no_id_has_a_list() {
    let server = shared();
    assert_error(
        &clients(server, crate::support::UNKNOWN_ID, "").send(),
        404,
        "NotFound",
    );
    let body = assert_error(&clients(server, "x", "").send(), 400, "BadRequest");
    let expected =
        json!([{"value": "x", "msg": "Invalid value", "param": "id", "location": "params"}]);
    assert_eq!(body["details"], expected);
}
