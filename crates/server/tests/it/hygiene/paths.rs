//! Paths are matched after decoding exactly once; ids are hyphenated UUIDs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Family, assert_management_error};
use crate::harness::{Response, Server, raw, reference};
use crate::system::{JSON, SystemApi as _, TENANTS, assert_problem, item};

fn get(server: &Server, path: &str) -> Response {
    let authorization = format!("Bearer {}", server.token());
    raw::request(
        server.address(),
        "GET",
        path,
        &[("Authorization", &authorization), ("Accept", JSON)],
        b"",
    )
}

#[track_caller]
fn assert_bad_id(answer: &Response) {
    assert_management_error(answer, 400);
    let details = answer.json()["details"].clone();
    assert_eq!(details.as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(details[0]["param"], "id", "{answer}");
    assert_eq!(details[0]["msg"], "Invalid value", "{answer}");
    assert_eq!(details[0]["location"], "params", "{answer}");
}

#[test]
fn an_unknown_path_is_not_found_in_the_familys_shape_without_a_credential() {
    let server = reference::shared();
    for path in [
        "/v1",
        "/v1/nope",
        "/v1/Tenants",
        "/V1/tenants",
        "/v1/tenants/a/b/c",
        "/v1/tenants/00000000-0000-4000-8000-000000000000/nope",
        "/v2/tenants",
        "/system/nope",
        "/oauth/nope",
        "/nope",
        "/index.html",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            println!("{method} {path}");
            let answer = server.request(method, path).send();
            assert_eq!(answer.status, 404, "{answer}");
            assert!(answer.json().is_object(), "{answer}");
            if path.starts_with("/v1") || path.starts_with("/system") {
                Family::of(path).assert_error(&answer, 404);
            }
        }
    }
}

#[test]
fn a_path_is_decoded_exactly_once() {
    let server = reference::shared();
    for path in ["/v1/%74enants", "/%76%31/tenants", "/v1/tenant%73?limit=1"] {
        assert_eq!(get(server, path).status, 200, "{path}");
    }
    for path in [
        "/v1/%2574enants",
        "/v1%2Ftenants",
        "/v1%2ftenants",
        "/v1/tenants%2F",
        "/v1/tenants%00",
        "/v1/%00tenants",
        "/v1/tenants%FF",
        "/v1/%C3%28",
        "/v1/tenants%3Flimit=1",
        "/v1/%E2%80%8Btenants",
    ] {
        let answer = get(server, path);
        assert_management_or_plain_404(path, &answer);
    }
}

#[track_caller]
fn assert_management_or_plain_404(path: &str, answer: &Response) {
    assert_eq!(answer.status, 404, "{path}: {answer}");
    if path.starts_with("/v1/") {
        assert_management_error(answer, 404);
    }
}

#[test]
fn an_id_of_the_management_api_that_is_no_hyphenated_uuid_is_400() {
    let server = reference::shared();
    let tenant = server.make_any();
    let uuid = tenant["uuid"].as_str().unwrap();
    let ids = [
        "nope".to_owned(),
        "1".to_owned(),
        "a%2Fb".to_owned(),
        "%2F".to_owned(),
        "%00".to_owned(),
        "%FF".to_owned(),
        "%C3%28".to_owned(),
        "%ED%A0%80".to_owned(),
        format!("urn:uuid:{uuid}"),
        format!("%7B{uuid}%7D"),
        uuid.replace('-', ""),
        uuid.replace('-', "%252D"),
        format!("{uuid}%00"),
        format!("{uuid}%2F"),
        format!("{uuid}%20"),
        format!("{uuid}0"),
        uuid[1..].to_owned(),
    ];
    for id in &ids {
        for path in [
            format!("/v1/tenants/{id}"),
            format!("/v1/tenants/{id}/clients"),
            format!("/v1/environments/{id}"),
        ] {
            println!("{path}");
            assert_bad_id(&get(server, &path));
        }
        let answer = server
            .delete(&format!("/v1/tenants/{id}"))
            .bearer(&server.token())
            .send();
        assert_bad_id(&answer);
        // The same text on the system API is just no tenant.
        let answer = server.system("GET", &item(id)).send();
        assert_problem(&answer, 404, "Not Found");
    }
    assert_eq!(server.read(uuid), tenant);
}

#[test]
fn the_offending_id_is_shown_as_it_was_received() {
    let server = reference::shared();
    let answer = get(server, "/v1/tenants/My%20Tenant");
    assert_bad_id(&answer);
    assert_eq!(
        answer.json()["details"][0]["value"],
        "My Tenant",
        "{answer}"
    );
}

#[test]
fn an_id_may_have_any_letter_case_and_encoded_hyphens() {
    let server = reference::shared();
    let tenant = server.make_any();
    let uuid = tenant["uuid"].as_str().unwrap();
    for id in [
        uuid.to_owned(),
        uuid.to_uppercase(),
        uuid.replace('-', "%2D"),
        uuid.replace('-', "%2d"),
    ] {
        let answer = get(server, &format!("/v1/tenants/{id}"));
        assert_eq!(answer.status, 200, "{id}: {answer}");
        assert_eq!(answer.json()["id"], uuid);
    }
    let environment = reference::ENVIRONMENT_ID.to_uppercase();
    let answer = get(server, &format!("/v1/environments/{environment}"));
    assert_eq!(answer.json(), reference::environment());
}

#[test]
fn an_id_in_a_body_is_a_hyphenated_uuid_too() {
    let server = reference::shared();
    let create = |environment: Value| {
        server
            .post("/v1/tenants")
            .bearer(&server.token())
            .json(&json!({
                "subdomain": reference::unique_label("spelt"),
                "environmentId": environment,
            }))
            .send()
    };
    let id = reference::ENVIRONMENT_ID;
    for spelling in [
        format!("urn:uuid:{id}"),
        format!("{{{id}}}"),
        id.replace('-', ""),
        format!(" {id}"),
        String::new(),
    ] {
        let answer = create(json!(spelling));
        assert_management_error(&answer, 400);
        assert_eq!(
            answer.json()["details"][0]["param"],
            "environmentId",
            "{answer}"
        );
        assert_eq!(answer.json()["details"][0]["location"], "body", "{answer}");
        assert_eq!(answer.json()["details"][0]["value"], spelling, "{answer}");
    }
    create(json!(id.to_uppercase())).expect_status(201);
}

#[test]
fn issuer_and_links_never_come_from_the_request() {
    let server = reference::shared();
    let forged: &[(&str, &str)] = &[
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("X-Forwarded-Prefix", "/evil.example"),
        ("Forwarded", "host=evil.example;proto=https"),
        ("X-Original-URL", "/evil.example"),
    ];
    let mut headers = forged.to_vec();
    let account = server.credentials();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        account.client_id, account.client_secret
    );
    let ask = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: evil.example\r\n");
        for (name, value) in headers {
            write!(bytes, "{name}: {value}\r\n").unwrap();
        }
        if !body.is_empty() {
            write!(bytes, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        bytes.push_str("Connection: close\r\n\r\n");
        bytes.push_str(body);
        let answer = raw::parse(&raw::exchange(server.address(), bytes));
        let shown = answer.to_string();
        assert!(!shown.contains("evil.example"), "{path}: {shown}");
        answer
    };
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
    ] {
        let metadata = ask("GET", path, &headers, "").json();
        assert_eq!(metadata["issuer"], server.public_url());
        for member in ["token_endpoint", "jwks_uri"] {
            let url = metadata[member].as_str().unwrap();
            assert!(url.starts_with(&server.public_url()), "{url}");
        }
    }
    for path in [TENANTS, "/system/nope", "/v1/tenants", "/nope"] {
        ask("GET", path, &headers, "");
    }
    headers.push(("Content-Type", "application/x-www-form-urlencoded"));
    let token = ask("POST", "/oauth/token", &headers, &form)
        .expect_status(200)
        .json();
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    headers.retain(|(name, _)| *name != "Content-Type");
    headers.push(("Authorization", &bearer));
    headers.push(("Content-Type", "application/json"));
    let body = json!({
        "subdomain": reference::unique_label("linked"),
        "environmentId": reference::ENVIRONMENT_ID,
    });
    let made = ask("POST", "/v1/tenants", &headers, &body.to_string()).expect_status(201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        made.header("location"),
        Some(format!("/v1/tenants/{id}").as_str())
    );
}
