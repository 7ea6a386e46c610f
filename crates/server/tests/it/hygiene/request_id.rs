//! `X-Request-Id`, and the headers that are always there.

use serde_json::json;

use super::{Family, readable};
use crate::harness::{Request, Response, Server, raw, reference};
use crate::system::{SystemApi as _, TENANTS};

const HEADER: &str = "X-Request-Id";

#[track_caller]
fn assert_sane(answer: &Response) -> String {
    let id = answer.header(HEADER).expect("X-Request-Id is there");
    assert!((1..=128).contains(&id.len()), "{id}");
    assert!(id.bytes().all(|byte| byte.is_ascii_graphic()), "{id}");
    id.to_owned()
}

#[test]
fn a_sane_request_id_is_kept() {
    let server = reference::shared();
    let all: String = (b'!'..=b'~').map(char::from).collect();
    let longest = "x".repeat(128);
    for id in [
        "a",
        "0",
        "abc-123",
        "b5c5f1c8-24a0-4e4c-8d7d-2f6f1b0f5f5e",
        &all,
        &longest,
    ] {
        for path in ["/livez", "/v1/tenants", TENANTS, "/nope"] {
            let answer = server.get(path).header(HEADER, id).send();
            assert_eq!(answer.header(HEADER), Some(id), "{path}");
        }
    }
}

#[test]
fn any_other_request_id_is_replaced() {
    let server = reference::shared();
    let too_long = "x".repeat(129);
    let values: &[&[u8]] = &[
        b"",
        too_long.as_bytes(),
        b"with space",
        b"with\ttab",
        "é".as_bytes(),
        b"\xff\xfe",
    ];
    for value in values {
        let mut request = b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: ".to_vec();
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\nConnection: close\r\n\r\n");
        let answer = raw::parse(&raw::exchange(server.address(), request));
        assert_eq!(answer.status, 200, "{value:?}: {answer}");
        let id = assert_sane(&answer);
        assert_ne!(id.as_bytes(), *value);
    }
}

#[test]
fn a_made_request_id_is_another_one_each_time() {
    let server = reference::shared();
    let mut ids: Vec<String> = (0..20)
        .map(|_| assert_sane(&server.get("/livez").send()))
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20);
}

/// One request for every status that a client can bring about.
fn errors(server: &Server) -> Vec<(u16, Request)> {
    let token = server.token();
    let account = server.credentials();
    let record = server.make_any();
    let path = format!("{TENANTS}/{}", record["uuid"].as_str().unwrap());
    let huge = vec![b' '; 1024 * 1024 + 1];
    let create = || server.post("/v1/tenants").bearer(&token);
    vec![
        (400, create().json(&json!({}))),
        (400, create().body("application/json", "{")),
        (400, server.get("/v1/tenants?limit=0").bearer(&token)),
        (400, server.get("/v1/tenants/nope").bearer(&token)),
        (
            400,
            // No grant type.
            server
                .post("/oauth/token")
                .form(&[])
                .basic(&account.client_id, &account.client_secret),
        ),
        (400, server.system("POST", TENANTS).json(&json!({}))),
        (401, server.get("/v1/tenants")),
        (401, server.get("/v1/tenants").bearer("nope")),
        (401, server.get("/v1/tenants").bearer(&token).bearer(&token)),
        (401, server.get(TENANTS)),
        (403, {
            let narrow = server.token_with_scopes(&["environments:read"]);
            server.get("/v1/tenants").bearer(&narrow)
        }),
        (404, server.get("/nope")),
        (404, server.get("/v1/nope")),
        (404, server.get("/system/nope")),
        (404, server.get("/oauth/nope")),
        (405, server.delete("/v1/tenants")),
        (405, server.delete(TENANTS)),
        (405, server.get("/oauth/token")),
        (405, server.post("/livez")),
        (
            406,
            server
                .get("/v1/tenants")
                .bearer(&token)
                .header("Accept", "text/html"),
        ),
        (
            409,
            server.system("PUT", &path).json(&json!({"version": 9})),
        ),
        (413, create().body("application/json", huge.clone())),
        (
            413,
            server.post("/oauth/token").body("application/json", huge),
        ),
        (415, create().body("text/plain", "{}")),
        (415, server.post("/oauth/token").body("text/plain", "{}")),
    ]
}

#[test]
fn errors_have_a_request_id_and_nosniff() {
    let server = Server::reference();
    for (status, request) in errors(&server) {
        let shown: String = format!("{request:?}").chars().take(300).collect();
        println!("{status} {shown}");
        let answer = request.header(HEADER, "mine-1").send();
        assert_eq!(answer.status, status, "{answer}");
        assert_eq!(answer.header(HEADER), Some("mine-1"), "{answer}");
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{answer}"
        );
    }
}

#[test]
fn every_readable_path_has_a_request_id_and_nosniff() {
    let server = Server::reference();
    for (path, family) in readable(&server) {
        let answer = family.signed(&server, "GET", &path).send();
        assert_sane(&answer);
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
    }
}

#[test]
fn what_depends_on_a_credential_is_not_stored() {
    let server = Server::reference();
    for (path, family) in readable(&server) {
        if family == Family::OAuth {
            continue;
        }
        let signed = family.signed(&server, "GET", &path).send();
        let expected = match signed.header("etag") {
            Some(_) => "private, no-cache",
            None => "no-store",
        };
        assert_eq!(
            signed.header("cache-control"),
            Some(expected),
            "{path}: {signed}"
        );
        let unsigned = server.get(&path).send().expect_status(401);
        assert_eq!(unsigned.header("cache-control"), Some("no-store"), "{path}");
    }
    let made = server
        .post("/v1/tenants")
        .bearer(&server.token())
        .json(&json!({"subdomain": "kept-secret", "environmentId": reference::ENVIRONMENT_ID}))
        .send()
        .expect_status(201);
    // It has an ETag, but also a secret.
    assert_eq!(made.header("cache-control"), Some("no-store"));
}

#[test]
fn the_token_endpoint_forbids_keeping_also_to_old_caches() {
    let server = Server::start();
    let account = server.credentials();
    let grant = |secret: &str, grant: &str| {
        server
            .post("/oauth/token")
            .basic(&account.client_id, secret)
            .form(&[("grant_type", grant)])
            .send()
    };
    for (status, answer) in [
        (200, grant(&account.client_secret, "client_credentials")),
        (400, grant(&account.client_secret, "password")),
        (401, grant("wrong", "client_credentials")),
    ] {
        assert_eq!(answer.status, status, "{answer}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer}");
        assert_eq!(answer.header("pragma"), Some("no-cache"), "{answer}");
    }
}

#[test]
fn public_keys_may_be_cached_for_five_minutes() {
    let answer = reference::shared()
        .get("/.well-known/jwks.json")
        .send()
        .expect_status(200);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
}
