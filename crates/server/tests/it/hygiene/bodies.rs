//! How large, deep and odd a body may be.

use serde_json::json;

use super::{Family, assert_management_error};
use crate::harness::{Response, raw, reference};
use crate::system::{SystemApi as _, TENANTS};

/// 1 MiB.
const LARGEST: usize = 1024 * 1024;
const ROUTES: &[&str] = &["/v1/tenants", TENANTS, "/oauth/token"];

/// Header lines that carry the family's credential and a JSON body.
fn headers(path: &str) -> String {
    let server = reference::shared();
    let authorization = match Family::of(path) {
        Family::Management => format!("Authorization: Bearer {}\r\n", server.token()),
        Family::System => {
            use base64::Engine as _;
            let account = server.credentials();
            let pair = format!("{}:{}", account.system_username, account.system_password);
            let pair = base64::engine::general_purpose::STANDARD.encode(pair);
            format!("Authorization: Basic {pair}\r\nAccept: application/json\r\n")
        }
        Family::OAuth => String::new(),
    };
    format!("Host: x\r\n{authorization}Content-Type: application/json\r\nConnection: close\r\n")
}

fn post(path: &str, framing: &str, body: &[u8]) -> Response {
    let mut bytes = format!("POST {path} HTTP/1.1\r\n{}{framing}\r\n", headers(path)).into_bytes();
    bytes.extend_from_slice(body);
    raw::parse(&raw::exchange(reference::shared().address(), bytes))
}

fn with_length(path: &str, body: &[u8]) -> Response {
    post(path, &format!("Content-Length: {}\r\n", body.len()), body)
}

fn chunked(path: &str, body: &[u8]) -> Response {
    let mut bytes = Vec::new();
    for chunk in body.chunks(64 * 1024) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    post(path, "Transfer-Encoding: chunked\r\n", &bytes)
}

#[test]
fn a_body_over_1_mib_is_413() {
    let body = vec![b' '; LARGEST + 1];
    for &path in ROUTES {
        Family::of(path).assert_error(&with_length(path, &body), 413);
        Family::of(path).assert_error(&chunked(path, &body), 413);
    }
}

#[test]
fn a_body_of_1_mib_is_read() {
    let body = vec![b' '; LARGEST];
    for &path in ROUTES {
        for answer in [with_length(path, &body), chunked(path, &body)] {
            assert!([400, 401].contains(&answer.status), "{path}: {answer}");
        }
    }
}

#[test]
fn a_length_that_promises_too_much_is_413_before_it_arrives() {
    for &path in ROUTES {
        let answer = post(path, "Content-Length: 4294967296\r\n", b"{}");
        Family::of(path).assert_error(&answer, 413);
    }
}

#[test]
fn a_chunked_body_is_a_body() {
    let server = reference::shared();
    let label = reference::unique_label("chunked");
    let body = json!({"subdomain": label, "environmentId": reference::ENVIRONMENT_ID});
    let answer = chunked("/v1/tenants", body.to_string().as_bytes());
    assert_eq!(answer.status, 201, "{answer}");
    let answer = chunked(TENANTS, br#"{"data":{"a":1},"version":1}"#);
    assert_eq!(answer.status, 200, "{answer}");
    let uuid = answer.json()["uuid"].as_str().unwrap().to_owned();
    assert_eq!(server.read(&uuid)["data"], json!({"a": 1}));
}

#[test]
fn json_that_cannot_be_kept_is_refused_by_the_management_api_and_the_token_endpoint() {
    let id = reference::ENVIRONMENT_ID;
    let management: &[&[u8]] = &[
        b"{",
        b"",
        b"nope",
        b"[]",
        b"null",
        b"\"x\"",
        br#"[{"subdomain":"x"}]"#,
        br#"{"name":"a\u0000b","subdomain":"nul-name","environmentId":"ID"}"#,
        br#"{"name":"\ud800","subdomain":"lone-name","environmentId":"ID"}"#,
        br#"{"name":"a","name":"b","subdomain":"twice","environmentId":"ID"}"#,
        br#"{"subdomain":"twice","subdomain":"twice","environmentId":"ID"}"#,
        br#"{"subdomain":"twice","environmentId":"ID","ignored":{"a":1,"\u0061":1}}"#,
        b"{\"name\":\"\xff\",\"subdomain\":\"bytes\",\"environmentId\":\"ID\"}",
        br#"{"subdomain":"nul-data","environmentId":"ID","data":{"a":"\u0000"}}"#,
        br#"{"subdomain":"dup-data","environmentId":"ID","data":{"a":1,"a":1}}"#,
    ];
    for body in management {
        let mut body = body.to_vec();
        if let Some(place) = body.windows(2).position(|pair| pair == b"ID") {
            body.splice(place..place + 2, id.bytes());
        }
        println!("{}", String::from_utf8_lossy(&body));
        assert_management_error(&with_length("/v1/tenants", &body), 400);
    }
    for body in [
        &b"{"[..],
        b"",
        b"[]",
        b"null",
        br#"{"grant_type":"a","grant_type":"a"}"#,
    ] {
        let answer = with_length("/oauth/token", body);
        assert_eq!(answer.status, 400, "{answer}");
        assert_eq!(answer.json()["error"], "invalid_request", "{answer}");
    }
}

#[test]
fn depth_is_counted_from_the_bodys_own_braces() {
    let body = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        format!(
            r#"{{"subdomain":"{}","environmentId":"{}","ignored":{open}{close}}}"#,
            reference::unique_label("deep"),
            reference::ENVIRONMENT_ID
        )
    };
    let taken = with_length("/v1/tenants", body(64).as_bytes());
    assert_eq!(taken.status, 201, "{taken}");
    for levels in [65, 10_000, 200_000] {
        let refused = with_length("/v1/tenants", body(levels).as_bytes());
        assert_management_error(&refused, 400);
    }
}

#[test]
fn nothing_is_coerced() {
    let server = reference::shared();
    let cases = [
        ("name", json!(5)),
        ("name", json!(true)),
        ("name", json!(["a"])),
        ("name", json!({})),
        ("subdomain", json!(5)),
        ("subdomain", json!(["a"])),
        ("subdomain", json!(null)),
        ("environmentId", json!(5)),
        ("environmentId", json!([reference::ENVIRONMENT_ID])),
        ("environmentId", json!({"id": reference::ENVIRONMENT_ID})),
        ("data", json!([])),
        ("data", json!("{}")),
        ("data", json!(1)),
    ];
    for (member, value) in cases {
        println!("{member}: {value}");
        let mut body = json!({
            "name": "Strict",
            "subdomain": reference::unique_label("strict"),
            "environmentId": reference::ENVIRONMENT_ID,
        });
        body[member] = value.clone();
        let answer = server
            .post("/v1/tenants")
            .bearer(&server.token())
            .json(&body)
            .send();
        assert_management_error(&answer, 400);
        let details = answer.json()["details"].clone();
        assert_eq!(details.as_array().unwrap().len(), 1, "{answer}");
        assert_eq!(details[0]["param"], member, "{answer}");
        assert_eq!(details[0]["location"], "body", "{answer}");
        assert_eq!(details[0]["value"], value, "{answer}");
    }
}
