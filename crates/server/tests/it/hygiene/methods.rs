//! `HEAD`, `OPTIONS`, 405 with `Allow`, and methods that nobody knows.

use std::collections::BTreeSet;

use super::{Family, readable};
use crate::harness::{Request, Response, Server, raw, reference};
use crate::system::{NO_TENANT, TENANTS};

const SOME_TENANT: &str = "/v1/tenants/00000000-0000-4000-8000-000000000000";

/// Each path with methods that it certainly has and some that it certainly hasn't.
const METHODS: &[(&str, &[&str], &[&str])] = &[
    (
        "/v1/environments",
        &["GET", "HEAD"],
        &["PUT", "DELETE", "PATCH"],
    ),
    (
        "/v1/tenants",
        &["GET", "HEAD", "POST"],
        &["PUT", "DELETE", "PATCH"],
    ),
    (SOME_TENANT, &["GET", "HEAD", "DELETE"], &["PUT", "POST"]),
    (
        "/v1/tenants/00000000-0000-4000-8000-000000000000/clients",
        &["GET", "HEAD"],
        &["PUT", "DELETE", "PATCH"],
    ),
    (
        TENANTS,
        &["GET", "HEAD", "POST"],
        &["PUT", "DELETE", "PATCH"],
    ),
    (
        NO_TENANT,
        &["GET", "HEAD", "PUT", "DELETE"],
        &["POST", "PATCH"],
    ),
    (
        "/oauth/token",
        &["POST"],
        &["GET", "HEAD", "PUT", "DELETE", "PATCH"],
    ),
    (
        "/.well-known/jwks.json",
        &["GET", "HEAD"],
        &["POST", "PUT", "DELETE"],
    ),
    (
        "/.well-known/oauth-authorization-server",
        &["GET", "HEAD"],
        &["POST", "PUT", "DELETE"],
    ),
    ("/livez", &["GET", "HEAD"], &["POST", "PUT", "DELETE"]),
    ("/readyz", &["GET", "HEAD"], &["POST"]),
    ("/metrics", &["GET", "HEAD"], &["POST"]),
];

fn allowed(answer: &Response) -> BTreeSet<String> {
    let values = answer.header_all("allow");
    assert!(!values.is_empty(), "no Allow: {answer}");
    values
        .iter()
        .flat_map(|value| value.split(','))
        .map(|method| method.trim().to_owned())
        .collect()
}

#[track_caller]
fn assert_allow(answer: &Response, has: &[&str], has_not: &[&str]) {
    let allowed = allowed(answer);
    for &method in has {
        assert!(allowed.contains(method), "{method} in {allowed:?}");
    }
    for &method in has_not {
        assert!(!allowed.contains(method), "no {method} in {allowed:?}");
    }
}

#[test]
fn a_known_path_with_another_method_is_405_with_allow_and_without_a_credential() {
    let server = reference::shared();
    for &(path, has, has_not) in METHODS {
        for &method in has_not.iter().chain(&["TRACE", "BREW", "PROPFIND"]) {
            println!("{method} {path}");
            let answer = raw::request(
                server.address(),
                method,
                path,
                &[("Accept", "application/json")],
                b"",
            );
            assert_eq!(answer.status, 405, "{answer}");
            assert_allow(&answer, has, has_not);
            if method == "HEAD" {
                assert!(answer.body.is_empty(), "{answer}");
            } else if path.starts_with("/v1") || path.starts_with("/system") {
                Family::of(path).assert_error(&answer, 405);
            }
        }
    }
}

#[test]
fn options_answers_204_with_allow_and_no_word_on_origins() {
    let server = reference::shared();
    for &(path, has, has_not) in METHODS {
        let answers = [
            server.request("OPTIONS", path).send(),
            server
                .request("OPTIONS", path)
                .header("Origin", "https://console.example")
                .header("Access-Control-Request-Method", "GET")
                .send(),
        ];
        for answer in answers {
            assert_eq!(answer.status, 204, "{path}: {answer}");
            assert!(answer.body.is_empty());
            assert_allow(&answer, has, has_not);
            let spoken = answer
                .headers
                .keys()
                .any(|name| name.as_str().starts_with("access-control-"));
            assert!(!spoken, "{answer}");
        }
    }
}

#[test]
fn options_on_an_unknown_path_is_not_found() {
    for path in ["/nope", "/v1/nope", "/system/nope"] {
        let answer = reference::shared().request("OPTIONS", path).send();
        assert_eq!(answer.status, 404, "{path}: {answer}");
    }
}

#[test]
fn head_answers_as_get_does_without_the_body() {
    let server = Server::reference();
    for (path, family) in readable(&server) {
        let signed = |method: &str| -> Request {
            family
                .signed(&server, method, &path)
                .header("X-Request-Id", "same")
        };
        let head = signed("HEAD").send();
        let get = signed("GET").send();
        println!("{path}\n{head}\n{get}");
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty(), "{path}");
        assert!(!get.body.is_empty(), "{path}");
        let names = |answer: &Response| -> BTreeSet<String> {
            let names = answer.headers.keys().map(|name| name.as_str().to_owned());
            names.collect()
        };
        assert_eq!(names(&head), names(&get), "{path}");
        for name in names(&get) {
            // The metrics change with each request, and the date with each second.
            if name != "date" && (path != "/metrics" || name != "content-length") {
                assert_eq!(
                    head.header_all(&name),
                    get.header_all(&name),
                    "{path}: {name}"
                );
            }
        }
    }
}

#[test]
fn head_sends_no_byte_after_the_headers_and_the_connection_lives_on() {
    let server = reference::shared();
    for path in ["/livez", "/v1/tenants", TENANTS, "/nope"] {
        let request = format!(
            "HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        );
        let answer = raw::exchange(server.address(), request);
        let text = String::from_utf8(answer).unwrap();
        let (_, rest) = text.split_once("\r\n\r\n").unwrap();
        assert!(rest.starts_with("HTTP/1.1 200"), "{path}: {text}");
    }
}
