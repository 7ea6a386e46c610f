//! Which events each operation leaves.

use serde_json::json;

use super::{assert_told, events_in, fresh, list, named, told};
use crate::harness::reference::{ENVIRONMENT_ID, shared, unique_label};
use crate::harness::{Request, Response, Server};
use crate::support::{ask_token, create_body, create_tenant, management_client, poll, text};

/// The operations of the management API's reference, with the names that it gives their
/// events, as the requests that ask for them and succeed.
fn of_the_reference(server: &Server) -> Vec<(&'static str, Request)> {
    let tenant = create_tenant(server, &unique_label("ev"));
    let doomed = create_tenant(server, &unique_label("ev"));
    vec![
        ("ENVIRONMENT_RETRIEVE_LIST", server.get("/v1/environments")),
        ("TENANT_RETRIEVE_LIST", server.get("/v1/tenants")),
        (
            "TENANT_CREATE",
            server
                .post("/v1/tenants")
                .json(&create_body(&unique_label("ev"))),
        ),
        ("TENANT_RETRIEVE", server.get(&tenant.path())),
        ("TENANT_DELETE", server.delete(&doomed.path())),
        (
            "TENANT_CLIENT_RETRIEVE_LIST",
            server.get(&format!("{}/clients", tenant.path())),
        ),
    ]
}

#[test]
fn every_operation_of_the_reference_tells_of_its_start_and_its_end() {
    let server = shared();
    let mut sent = Vec::new();
    for (name, request) in of_the_reference(server) {
        let refused = fresh();
        named(request.clone(), &refused).send().expect_status(401);
        sent.push((name, "FAIL", refused));
        let done = fresh();
        let answer = named(request, &done).bearer(&server.token()).send();
        assert!(answer.status < 300, "{answer}");
        sent.push((name, "SUCCESS", done));
    }
    for (name, end, id) in &sent {
        let events = assert_told(server, id, name, end);
        let category = if name.contains("CLIENT") {
            "client"
        } else {
            name.split('_').next().unwrap()
        };
        for event in events {
            assert_eq!(event["category"], category.to_lowercase());
            assert_eq!(event["requestId"], id.as_str());
        }
    }
}

#[test]
fn every_refusal_is_a_fail_whatever_it_is_for() {
    let server = shared();
    let token = server.token();
    let reader = server.token_with_scopes(&["tenants:read"]);
    let post = || server.post("/v1/tenants");
    let body = create_body(&unique_label("ev"));
    let big = vec![b' '; 1024 * 1024 + 1];
    let cases = [
        ("scope", post().bearer(&reader).json(&body), 403),
        ("form", post().bearer(&token).json(&json!({})), 400),
        (
            "syntax",
            post().bearer(&token).body("application/json", "{"),
            400,
        ),
        (
            "size",
            post().bearer(&token).body("application/json", big),
            413,
        ),
        (
            "media type",
            post().bearer(&token).body("text/plain", "x"),
            415,
        ),
        (
            "accept",
            post()
                .bearer(&token)
                .header("Accept", "image/png")
                .json(&body),
            406,
        ),
    ];
    let sent = cases.map(|(what, request, status)| {
        let id = fresh();
        let answer = named(request, &id).send();
        assert_eq!(answer.status, status, "{what}: {answer}");
        (id, status)
    });
    for (id, status) in sent {
        let events = assert_told(server, &id, "TENANT_CREATE", "FAIL");
        assert_eq!(events[0]["metadata"]["status"], status);
        assert_eq!(events[0]["clientId"], server.credentials().client_id);
    }
}

#[test]
fn what_is_no_operation_tells_of_nothing() {
    let server = shared();
    let (silent, last) = (fresh(), fresh());
    for path in [
        "/livez",
        "/metrics",
        "/docs.jsonld",
        "/.well-known/jwks.json",
        "/nowhere",
        "/favicon.ico",
    ] {
        named(server.get(path), &silent).send();
    }
    let put = named(server.put("/v1/tenants"), &silent).send();
    put.expect_status(405);
    for process in server.each() {
        let request = named(process.get("/v1/tenants"), &last);
        request.send().expect_status(401);
    }
    // What comes later is there, so what came earlier would be.
    told(server, &[&last], 2 * server.each().count());
    let none = list(server, &format!("requestIds={silent}")).send();
    assert_eq!(events_in(&none), [] as [serde_json::Value; 0]);
}

#[test]
fn the_system_api_and_the_token_endpoint_tell_too() {
    let server = shared();
    let account = server.credentials();
    // Used nowhere else.
    let uuid = "5a0f0d0e-7f0c-4b57-9a55-6f1f6a0a4e01";
    let one = format!("/system/tenants/{uuid}");
    let body = json!({"uuid": uuid, "data": {}, "version": 1});
    let change = json!({"data": {"secret": "data"}, "version": 1});
    let system = [
        (
            "SYSTEM_TENANT_CREATE",
            server.post("/system/tenants").json(&body),
        ),
        ("SYSTEM_TENANT_RETRIEVE", server.get(&one)),
        (
            "SYSTEM_TENANT_RETRIEVE_LIST",
            server.get("/system/tenants?limit=1"),
        ),
        ("SYSTEM_TENANT_UPDATE", server.put(&one).json(&change)),
        ("SYSTEM_TENANT_DELETE", server.delete(&one)),
    ];
    let mut sent = Vec::new();
    for (name, request) in system {
        let (refused, done) = (fresh(), fresh());
        named(request.clone(), &refused).send().expect_status(401);
        let signed = request.basic(&account.system_username, &account.system_password);
        let answer = named(signed, &done).send();
        assert!(answer.status < 300, "{answer}");
        sent.push((name, refused, done));
    }
    // Only now, so that all of them are waited for together.
    for (name, refused, done) in sent {
        assert_told(server, &refused, name, "FAIL");
        for event in assert_told(server, &done, name, "SUCCESS") {
            assert_eq!(event["clientId"], json!(null), "an account is no client");
            if !name.ends_with("LIST") {
                assert_eq!(event["tenantId"], uuid);
            }
        }
    }
    token_endpoints(server);
}

fn token_endpoints(server: &Server) {
    let tenant = create_tenant(server, &unique_label("ev"));
    let (id, secret) = (&tenant.client_id, &tenant.client_secret);
    let token = server.token_for(id, secret);
    let form = |path: &str, pairs: &[(&str, &str)]| server.post(path).form(pairs);
    let grant = [("grant_type", "client_credentials")];
    let cases = [
        ("ACCESS_TOKEN_CREATE", form("/oauth/token", &grant)),
        (
            "ACCESS_TOKEN_INTROSPECT",
            form("/oauth/introspect", &[("token", &token)]),
        ),
        (
            "ACCESS_TOKEN_REVOKE",
            form("/oauth/revoke", &[("token", &token)]),
        ),
    ];
    let mut sent = Vec::new();
    for (name, request) in cases {
        let [wrong, stranger, done] = [(); 3].map(|()| fresh());
        let by = |user: &str, password: &str, id: &str| {
            named(request.clone().basic(user, password), id).send()
        };
        by(id, "wrong", &wrong).expect_status(401);
        by("a-made-up-client", "wrong", &stranger).expect_status(401);
        by(id, secret, &done).expect_status(200);
        sent.push((name, wrong, stranger, done));
    }
    for (name, wrong, stranger, done) in sent {
        for event in assert_told(server, &wrong, name, "FAIL") {
            assert_eq!(event["clientId"], id.as_str(), "one that is known here");
            assert_eq!(event["tenantId"], tenant.id.as_str());
        }
        for event in assert_told(server, &stranger, name, "FAIL") {
            assert_eq!(event["clientId"], json!(null), "nobody's claim is told");
        }
        for event in assert_told(server, &done, name, "SUCCESS") {
            assert_eq!(event["clientId"], id.as_str());
            assert_eq!(event["environmentId"], ENVIRONMENT_ID);
        }
    }
}

#[test]
fn a_repeat_is_a_request_too_and_no_change() {
    let server = shared();
    let body = create_body(&unique_label("ev"));
    let sent = [(); 2].map(|()| {
        let id = fresh();
        let request = server.post("/v1/tenants").bearer(&server.token());
        let request = request.header("Idempotency-Key", &body.to_string());
        let answer = named(request.json(&body), &id).send();
        (id, text(&answer.expect_status(201).json()["id"]))
    });
    assert_eq!(sent[0].1, sent[1].1);
    for (id, _) in &sent {
        assert_told(server, id, "TENANT_CREATE", "SUCCESS");
    }
}

#[test]
fn a_bound_client_sees_only_what_concerns_its_environments() {
    let server = shared();
    let environment = json!({
        "name": "events",
        "domain": format!("{}.example", unique_label("ev")),
        "region": {"name": "X", "displayName": "X"},
    });
    let environment = server
        .post("/v1/environments")
        .bearer(&server.token())
        .json(&environment)
        .send();
    let environment = text(&environment.expect_status(201).json()["id"]);
    let mine = json!({"subdomain": unique_label("ev"), "environmentId": environment});
    let mine = crate::support::created(&crate::support::post_tenant(server, &mine));
    let other = create_tenant(server, &unique_label("ev"));
    let (client, secret) = management_client(server, &["events:read"], &[&environment]);
    let token = server.token_for(&client, &secret);
    for path in [
        mine.path(),
        other.path(),
        format!("{}/clients", mine.path()),
    ] {
        let request = server.get(&path).bearer(&server.token());
        request.send().expect_status(200);
    }
    ask_token(server, &mine.client_id, "wrong").expect_status(401);
    let request = server.get("/v1/events?limit=1000").bearer(&token);
    let wanted = [
        "ENVIRONMENT_CREATE_SUCCESS",
        "TENANT_CREATE_SUCCESS",
        "TENANT_RETRIEVE_SUCCESS",
        "TENANT_CLIENT_RETRIEVE_LIST_SUCCESS",
        "ACCESS_TOKEN_CREATE_FAIL",
    ];
    let answer = poll(&request, |answer: &Response| {
        let types = super::types_in(answer);
        wanted
            .iter()
            .all(|wanted| types.iter().any(|one| one == wanted))
    });
    for event in events_in(&answer) {
        assert_eq!(event["environmentId"], environment.as_str(), "{event}");
    }
}
