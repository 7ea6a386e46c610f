//! CORS is off unless origins are listed, and then it is on for those alone.

use crate::harness::{Request, Server, reference};
use crate::system::TENANTS;

const LISTED: &[&str] = &["https://console.example", "https://admin.example:8443"];
const OTHERS: &[&str] = &[
    "https://evil.example",
    "http://console.example",
    "https://console.example:444",
    "https://console.example.evil.example",
    "https://sub.console.example",
    "null",
];

fn preflight(server: &Server, path: &str, origin: &str) -> Request {
    server
        .request("OPTIONS", path)
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "POST")
        .header(
            "Access-Control-Request-Headers",
            "authorization, content-type",
        )
}

#[test]
fn listed_origins_and_no_others_may_call_from_a_browser() {
    let server = Server::builder()
        .env("TENANTRY_CORS_ORIGINS", &LISTED.join(","))
        .start();
    let token = server.token();
    for path in ["/v1/tenants", TENANTS, "/oauth/token"] {
        for &origin in LISTED {
            let answer = preflight(&server, path, origin).send();
            assert!([200, 204].contains(&answer.status), "{path}: {answer}");
            assert_eq!(
                answer.header("access-control-allow-origin"),
                Some(origin),
                "{answer}"
            );
            let methods = answer.header_all("access-control-allow-methods").join(",");
            assert!(methods.contains("POST"), "{answer}");
            let headers = answer.header_all("access-control-allow-headers").join(",");
            let headers = headers.to_ascii_lowercase();
            assert!(headers.contains("authorization"), "{answer}");
            assert!(headers.contains("content-type"), "{answer}");
        }
        for &origin in OTHERS {
            let answer = preflight(&server, path, origin).send();
            assert_eq!(
                answer.header("access-control-allow-origin"),
                None,
                "{path}: {answer}"
            );
        }
    }
    let get = |origin: &str| {
        server
            .get("/v1/tenants")
            .bearer(&token)
            .header("Origin", origin)
            .send()
    };
    for &origin in LISTED {
        let answer = get(origin).expect_status(200);
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        let varies = answer.header_all("vary").join(",").to_ascii_lowercase();
        assert!(varies.contains("origin"), "{answer}");
    }
    for &origin in OTHERS {
        assert_eq!(
            get(origin).header("access-control-allow-origin"),
            None,
            "{origin}"
        );
    }
    // A browser has to be able to read the error as well.
    let answer = server
        .get("/v1/tenants")
        .header("Origin", LISTED[0])
        .send()
        .expect_status(401);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some(LISTED[0])
    );
}

#[test]
fn options_without_an_origin_still_answers_with_allow() {
    let server = Server::builder()
        .env("TENANTRY_CORS_ORIGINS", LISTED[0])
        .start();
    let answer = server.request("OPTIONS", "/v1/tenants").send();
    assert_eq!(answer.status, 204, "{answer}");
    assert!(answer.header("allow").is_some());
}

#[test]
fn by_default_no_origin_is_spoken_to() {
    let server = reference::shared();
    for origin in LISTED.iter().chain(OTHERS) {
        let answer = server.get("/livez").header("Origin", origin).send();
        let spoken = answer
            .headers
            .keys()
            .any(|name| name.as_str().starts_with("access-control-"));
        assert!(!spoken, "{answer}");
    }
}
