//! §4.1, the writing half: making, changing and deleting environments.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::harness::reference::unique_label;
use crate::harness::{Request, Response, Server, cli};
use crate::support::{
    SCOPES, UNKNOWN_ID, assert_error, assert_faults, created, keys, management_client, text,
};

/// A server of this file's own: others count the environments of theirs.
fn server() -> &'static Server {
    static SERVER: LazyLock<Server> = LazyLock::new(|| {
        Server::builder()
            .env(
                "TENANTRY_PUBLIC_URL",
                "https://manage.example.test:8443/base",
            )
            .environments_file(&crate::harness::reference::environments_file())
            .start()
    });
    &SERVER
}

fn post(body: &Value) -> Response {
    let request = server().post("/v1/environments").bearer(&server().token());
    request.json(body).send()
}

fn one(id: &str) -> String {
    format!("/v1/environments/{id}")
}

fn patch(id: &str) -> Request {
    server().patch(&one(id)).bearer(&server().token())
}

fn patched(id: &str, body: &Value) -> Response {
    patch(id).json(body).send()
}

fn get(id: &str) -> Response {
    let answer = server().get(&one(id)).bearer(&server().token()).send();
    answer.expect_status(200)
}

fn delete(id: &str) -> Response {
    server().delete(&one(id)).bearer(&server().token()).send()
}

fn unique_domain() -> String {
    format!(".{}.example", unique_label("env"))
}

fn smallest(domain: &str) -> Value {
    json!({
        "name": "Frankfurt", "domain": domain,
        "region": {"name": "EU01", "displayName": "Frankfurt, Germany"},
    })
}

/// A new environment's id and domain.
fn make() -> (String, String) {
    let domain = unique_domain();
    let answer = post(&smallest(&domain)).expect_status(201);
    (text(&answer.json()["id"]), domain)
}

fn put_tenant_into(environment: &str) -> crate::support::Tenant {
    let body = json!({"subdomain": unique_label("in"), "environmentId": environment});
    created(&crate::support::post_tenant(server(), &body))
}

#[test]
fn the_smallest_environment_gets_the_defaults() {
    let domain = unique_domain();
    let answer = post(&smallest(&domain)).expect_status(201);
    let body = answer.json();
    assert_eq!(body["name"], "Frankfurt");
    assert_eq!(body["domain"], domain.as_str());
    assert_eq!(body["tenantDomain"], &domain[1..]);
    assert_eq!(body["authorizationServerDomain"], "manage.example.test");
    assert_eq!(body["deploymentModel"], "public");
    assert_eq!(body["region"]["name"], "EU01");
    assert_eq!(body["region"]["displayName"], "Frankfurt, Germany");
    let members = [
        "id",
        "name",
        "domain",
        "tenantDomain",
        "authorizationServerDomain",
        "deploymentModel",
        "region",
    ];
    assert_eq!(keys(&body), members.into());
    let id = text(&body["id"]);
    assert_eq!(answer.header("location"), Some(one(&id).as_str()));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let got = get(&id);
    assert_eq!(got.json(), body);
    assert_eq!(got.header("etag"), answer.header("etag"));
    assert!(got.header("etag").is_some());
    assert_eq!(got.header("cache-control"), Some("private, no-cache"));
    let tenant = put_tenant_into(&id);
    let host = format!("{}{domain}", tenant.label);
    assert_eq!(tenant.body["subdomain"], host.as_str());
    let list = server()
        .get("/v1/environments?limit=1000")
        .bearer(&server().token())
        .send();
    let list = list.expect_status(200).json();
    assert!(list["data"].as_array().unwrap().contains(&body), "{list}");
}

#[test]
fn every_member_can_be_given() {
    let domain = unique_domain();
    let tenants = format!("t{domain}");
    let mut body = smallest(&domain);
    body["tenantDomain"] = json!(tenants);
    body["authorizationServerDomain"] = json!("auth.example:444");
    body["deploymentModel"] = json!("private");
    let made = post(&body).expect_status(201).json();
    assert_eq!(made["tenantDomain"], tenants.as_str());
    assert_eq!(made["authorizationServerDomain"], "auth.example:444");
    assert_eq!(made["deploymentModel"], "private");
    // The region is known by its name, or by its id.
    let again = post(&smallest(&unique_domain())).expect_status(201).json();
    assert_eq!(again["region"], made["region"]);
    let mut by_id = smallest(&unique_domain());
    by_id["region"] = json!({"id": made["region"]["id"]});
    let by_id = post(&by_id).expect_status(201).json();
    assert_eq!(by_id["region"], made["region"]);
}

#[test]
fn every_fault_of_a_new_environment_is_told() {
    assert_faults(&post(&json!({})), "body", &["name", "domain", "region"]);
    let answer = post(&json!({
        "id": UNKNOWN_ID, "name": " ", "domain": "Upper.example", "tenantDomain": null,
        "authorizationServerDomain": "", "deploymentModel": "shared", "version": 1,
        "region": {"name": 1, "color": "red"},
    }));
    let params = [
        "id",
        "name",
        "domain",
        "tenantDomain",
        "authorizationServerDomain",
        "deploymentModel",
        "version",
        "region.name",
        "region.displayName",
        "region.color",
    ];
    assert_faults(&answer, "body", &params);
    for (region, params) in [
        (json!(null), &["region"][..]),
        (json!("EU01"), &["region"]),
        (json!([]), &["region"]),
        (json!({}), &["region.name", "region.displayName"]),
        (json!({"id": "x"}), &["region.id"]),
        (json!({"id": UNKNOWN_ID}), &["region.id"]),
        (json!({"id": UNKNOWN_ID, "name": "EU01"}), &["region.name"]),
    ] {
        let mut body = smallest(&unique_domain());
        body["region"] = region;
        assert_faults(&post(&body), "body", params);
    }
}

#[test]
fn a_domain_in_use_is_taken() {
    let (_, domain) = make();
    let answer = post(&smallest(&domain));
    let body = assert_faults(&answer, "body", &["domain"]);
    assert_eq!(body["code"], "domain_taken");
    let mut other = smallest(&unique_domain());
    other["tenantDomain"] = json!(domain);
    let body = assert_faults(&post(&other), "body", &["tenantDomain"]);
    assert_eq!(body["code"], "domain_taken");
    let (id, own) = make();
    let body = assert_faults(
        &patched(&id, &json!({"domain": domain})),
        "body",
        &["domain"],
    );
    assert_eq!(body["code"], "domain_taken");
    assert_eq!(get(&id).json()["domain"], own.as_str());
}

#[test]
fn a_patch_renames_and_tenants_show_it() {
    let (id, domain) = make();
    let tenant = put_tenant_into(&id);
    let before = get(&id);
    let answer = patch(&id)
        .body("application/merge-patch+json", r#"{"name":" New "}"#)
        .send()
        .expect_status(200);
    assert_eq!(answer.json()["name"], "New");
    assert_eq!(answer.json()["domain"], domain.as_str());
    assert_ne!(answer.header("etag"), before.header("etag"));
    assert_eq!(get(&id).text(), answer.text());
    let shown = server()
        .get(&tenant.path())
        .bearer(&server().token())
        .send();
    assert_eq!(shown.json()["environment"]["name"], "New");
    assert_ne!(shown.header("etag"), Some(tenant.etag.as_str()));
    assert_eq!(
        shown.json()["version"],
        1,
        "the tenant itself did not change"
    );
    let again = patched(&id, &json!({})).expect_status(200);
    assert_ne!(
        again.header("etag"),
        answer.header("etag"),
        "even `{{}}` counts"
    );
}

#[test]
fn domains_change_only_while_there_is_no_tenant() {
    let (id, _) = make();
    let (domain, other) = (unique_domain(), unique_domain());
    let shown = patched(&id, &json!({"domain": domain}))
        .expect_status(200)
        .json();
    assert_eq!(
        shown["tenantDomain"],
        &domain[1..],
        "it was the same, and goes along"
    );
    let tenants = format!("t{domain}");
    let shown = patched(&id, &json!({"tenantDomain": tenants}))
        .expect_status(200)
        .json();
    assert_eq!(shown["domain"], domain.as_str());
    let shown = patched(&id, &json!({"domain": other}))
        .expect_status(200)
        .json();
    assert_eq!(
        shown["tenantDomain"],
        tenants.as_str(),
        "it was another one, and stays"
    );

    let tenant = put_tenant_into(&id);
    let new =
        json!({"domain": unique_domain(), "tenantDomain": &unique_domain()[1..], "name": "x"});
    let body = assert_faults(&patched(&id, &new), "body", &["domain", "tenantDomain"]);
    assert_eq!(body["code"], "validation_error");
    assert_eq!(get(&id).json()["name"], "Frankfurt", "nothing was changed");
    // What does not change may be said.
    patched(&id, &json!({"domain": other, "tenantDomain": tenants})).expect_status(200);
    server()
        .delete(&tenant.path())
        .bearer(&server().token())
        .send()
        .expect_status(204);
    patched(&id, &new).expect_status(200);
}

#[test]
fn every_fault_of_a_patch_is_told() {
    let (id, _) = make();
    let body = json!({
        "name": null, "domain": "a b", "tenantDomain": 1, "region": {}, "deploymentModel": "public",
    });
    let params = [
        "name",
        "domain",
        "tenantDomain",
        "region",
        "deploymentModel",
    ];
    assert_faults(&patched(&id, &body), "body", &params);
    let answer = patch(&id).body("text/plain", "{}").send();
    assert_error(&answer, 415, "UnsupportedMediaType");
    let answer = patched(UNKNOWN_ID, &json!({}));
    assert_eq!(
        assert_error(&answer, 404, "NotFound")["code"],
        "environment_not_found"
    );
    assert_faults(&patched("x", &json!({})), "params", &["id"]);
}

#[test]
fn conditions_are_honoured() {
    let (id, _) = make();
    let (first, other) = (get(&id), get(&make().0));
    let tag = |answer: &Response| answer.header("etag").unwrap().to_owned();
    let known = server()
        .get(&one(&id))
        .bearer(&server().token())
        .header("If-None-Match", &tag(&first))
        .send();
    assert_eq!((known.status, known.body.len()), (304, 0), "{known}");
    let with = |condition: &str| {
        patch(&id)
            .header("If-Match", condition)
            .json(&json!({}))
            .send()
    };
    for stale in ["\"stale\"".to_owned(), tag(&other)] {
        assert_error(&with(&stale), 412, "PreconditionFailed");
    }
    let second = with(&tag(&first)).expect_status(200);
    assert_error(&with(&tag(&first)), 412, "PreconditionFailed");
    let delete = |condition: &str| {
        let request = server().delete(&one(&id)).bearer(&server().token());
        request.header("If-Match", condition).send()
    };
    assert_error(&delete(&tag(&first)), 412, "PreconditionFailed");
    delete(&tag(&second)).expect_status(204);
}

#[test]
fn an_empty_environment_can_be_deleted_and_its_domain_is_free_again() {
    let (id, domain) = make();
    let tenant = put_tenant_into(&id);
    let body = assert_error(&delete(&id), 409, "Conflict");
    assert_eq!(body["code"], "environment_not_empty");
    server()
        .delete(&tenant.path())
        .bearer(&server().token())
        .send()
        .expect_status(204);
    assert!(delete(&id).expect_status(204).body.is_empty());
    assert_error(&delete(&id), 404, "NotFound");
    let gone = server().get(&one(&id)).bearer(&server().token()).send();
    assert_error(&gone, 404, "NotFound");
    let into = json!({"subdomain": unique_label("in"), "environmentId": id});
    assert_faults(
        &crate::support::post_tenant(server(), &into),
        "body",
        &["environmentId"],
    );
    post(&smallest(&domain)).expect_status(201);
}

#[test]
fn the_default_environment_stays_until_another_one_is_the_default() {
    let server = Server::reference();
    let token = server.token();
    let answer = server
        .post("/v1/environments")
        .bearer(&token)
        .json(&smallest(".second.example"))
        .send();
    let second = text(&answer.expect_status(201).json()["id"]);
    let default = one(crate::harness::reference::ENVIRONMENT_ID);
    let delete = || server.delete(&default).bearer(&token).send();
    let body = assert_error(&delete(), 409, "Conflict");
    assert_eq!(body["code"], "environment_is_default");
    let output = cli(&server, &["environment", "default", &second]);
    assert!(output.status.success(), "{output:?}");
    delete().expect_status(204);
}

#[test]
fn a_bound_client_changes_its_own_environments_and_makes_none() {
    let (mine, _) = make();
    let (other, _) = make();
    let (id, secret) = management_client(server(), &SCOPES, &[&mine]);
    let token = server().token_for(&id, &secret);
    let answer = server()
        .post("/v1/environments")
        .bearer(&token)
        .json(&smallest(&unique_domain()))
        .send();
    let body = assert_error(&answer, 403, "Forbidden");
    assert_eq!(body["code"], "environment_forbidden");
    let patch = |id: &str| {
        let request = server().patch(&one(id)).bearer(&token);
        request.json(&json!({"name": "Mine"})).send()
    };
    assert_error(&patch(&other), 404, "NotFound");
    patch(&mine).expect_status(200);
    let delete = |id: &str| server().delete(&one(id)).bearer(&token).send();
    assert_error(&delete(&other), 404, "NotFound");
    delete(&mine).expect_status(204);
    let left = server().get("/v1/environments").bearer(&token).send();
    assert_eq!(left.text(), r#"{"data":[]}"#, "it stays bound, to nothing");
}
