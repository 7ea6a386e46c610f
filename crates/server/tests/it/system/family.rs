//! What every response of the family carries, errors too.

use serde_json::json;

use super::{JSON, NO_TENANT, SystemApi, TENANTS, assert_problem_shape, item, uuid_of};
use crate::harness::{Request, Response, Server};

const PUBLIC: &str = "https://tenants.example.org";

#[track_caller]
fn assert_family(answer: &Response) {
    let link = format!(
        r#"<{PUBLIC}/docs.jsonld>; rel="http://www.w3.org/ns/hydra/core#apiDocumentation""#
    );
    assert_eq!(answer.header("link"), Some(link.as_str()), "{answer}");
    let varies = answer
        .header_all("vary")
        .iter()
        .flat_map(|value| value.split(','))
        .any(|name| name.trim().eq_ignore_ascii_case("accept"));
    // What has no representation doesn't vary with it.
    assert!(
        varies || answer.status == 204,
        "Vary: Accept is missing: {answer}"
    );
    assert_eq!(
        answer.header("x-content-type-options"),
        Some("nosniff"),
        "{answer}"
    );
    if !answer.body.is_empty() {
        let content_type = answer.header("content-type").unwrap_or_default();
        assert!(content_type.ends_with("; charset=utf-8"), "{answer}");
    }
}

#[test]
fn every_response_has_the_link_vary_and_a_charset() {
    let server = Server::builder().env("TENANTRY_PUBLIC_URL", PUBLIC).start();
    let record = server.make_any();
    let path = item(uuid_of(&record));
    let tag = server
        .system("GET", &path)
        .send()
        .header("etag")
        .unwrap()
        .to_owned();
    let good = json!({"data": {}, "version": 1});
    let huge = vec![b' '; 1024 * 1024 + 1];
    let post = || server.system("POST", TENANTS);
    let put = || server.system("PUT", &path);
    let cases: Vec<(u16, Request)> = vec![
        (200, server.system("GET", TENANTS)),
        (200, server.system_default("GET", TENANTS)),
        (200, server.system("HEAD", TENANTS)),
        (200, server.system("GET", &path)),
        (200, server.system_default("GET", &path)),
        (200, server.system("HEAD", &path)),
        (
            304,
            server.system("GET", &path).header("If-None-Match", &tag),
        ),
        (200, post().json(&good)),
        (204, server.request("OPTIONS", TENANTS)),
        (204, server.request("OPTIONS", &path)),
        (400, post().json(&json!({}))),
        (400, post().body(JSON, "{")),
        (400, server.system("GET", "/system/tenants?page=0")),
        (401, server.get(TENANTS)),
        (401, server.get(TENANTS).header("Accept", JSON)),
        (401, server.get(NO_TENANT).basic("system", "wrong")),
        (404, server.system("GET", NO_TENANT)),
        (404, server.system_default("GET", NO_TENANT)),
        (404, server.system("GET", "/system/tenants/nope")),
        (404, server.get("/system/nope")),
        (405, server.request("PATCH", TENANTS)),
        (405, server.request("POST", &path)),
        (
            406,
            server
                .system_default("GET", TENANTS)
                .header("Accept", "text/html"),
        ),
        (409, put().json(&json!({"version": 9}))),
        (412, put().header("If-Match", "\"nope\"").json(&good)),
        (413, post().body(JSON, huge)),
        (415, post().body("text/plain", "{}")),
        (415, post().bytes("{}")),
        (200, put().json(&good)),
        (204, server.system("DELETE", &path)),
    ];
    for (status, request) in cases {
        let shown = format!("{request:?}");
        println!("{status} {shown:.300}");
        let answer = request.send();
        assert_eq!(answer.status, status, "{answer}");
        assert_family(&answer);
    }
}

#[test]
fn every_response_that_depends_on_the_credential_says_how_it_may_be_kept() {
    let server = Server::start();
    let record = server.make_any();
    let path = item(uuid_of(&record));
    for (method, path, body) in [
        ("GET", TENANTS, None),
        ("HEAD", TENANTS, None),
        ("GET", &path, None),
        ("HEAD", &path, None),
        ("GET", NO_TENANT, None),
        ("GET", "/system/tenants?page=0", None),
        ("POST", TENANTS, Some(json!({"data": {}, "version": 1}))),
        ("POST", TENANTS, Some(json!({}))),
        ("PUT", &path, Some(json!({"version": 9}))),
        ("PUT", &path, Some(json!({"version": 1}))),
        ("DELETE", &path, None),
    ] {
        let request = server.system(method, path);
        let answer = match body {
            Some(body) => request.json(&body).send(),
            None => request.send(),
        };
        let expected = if answer.header("etag").is_some() {
            "private, no-cache"
        } else {
            "no-store"
        };
        assert_eq!(
            answer.header("cache-control"),
            Some(expected),
            "{method} {path}: {answer}"
        );
    }
}

#[test]
fn an_unknown_path_of_the_family_is_not_found_without_a_credential() {
    let server = Server::start();
    for path in [
        "/system",
        "/system/nope",
        "/system/tenants/a/b",
        "/system/tenants/00000000-0000-4000-8000-000000000000/clients",
        "/system/Tenants",
        "/system/%2574enants",
    ] {
        println!("{path}");
        let answer = server.get(path).header("Accept", JSON).send();
        assert_problem_shape(&answer, 404);
        assert_eq!(answer.json()["detail"], "Not Found", "{answer}");
    }
}

#[test]
fn a_path_is_matched_after_decoding_once() {
    let server = Server::start();
    let record = server.make_any();
    let encoded = uuid_of(&record).replace('-', "%2D");
    for path in [
        format!("/%73ystem/tenants/{encoded}"),
        format!("/system/t%65nants/{}", uuid_of(&record)),
    ] {
        let answer = server.system("GET", &path).send().expect_status(200);
        assert_eq!(answer.json(), record);
    }
    let twice = encoded.replace('%', "%25");
    server
        .system("GET", &item(&twice))
        .send()
        .expect_status(404);
}
