//! §3.1, the successes: who gets a token, in which ways, and how it may be narrowed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::reference::{shared, unique_label};
use crate::harness::{Response, Server};
use crate::support::{
    SCOPES, assert_oauth_error, create_tenant, keys, management_client, text, token_body,
};

/// A 200 as the contract shows it; gives the body back.
#[track_caller]
fn assert_token(answer: &Response) -> Value {
    assert_eq!(answer.status, 200, "{answer}");
    let body = answer.json();
    let members = BTreeSet::from(["access_token", "expires_in", "scope", "token_type"]);
    assert_eq!(keys(&body), members, "{answer}");
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 86400);
    assert_eq!(text(&body["access_token"]).split('.').count(), 3);
    assert!(
        answer
            .header("content-type")
            .unwrap()
            .starts_with("application/json"),
        "{answer}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("x-request-id").is_some());
    body
}

fn scopes(body: &Value) -> BTreeSet<String> {
    text(&body["scope"]).split(' ').map(str::to_owned).collect()
}

#[test]
fn a_json_body_gets_a_token_with_every_scope_of_the_client() {
    let server = shared();
    let bootstrap = server.credentials();
    let body = token_body(&bootstrap.client_id, &bootstrap.client_secret);
    let answer = assert_token(&server.post("/oauth/token").json(&body).send());
    assert_eq!(scopes(&answer), SCOPES.map(str::to_owned).into());
}

#[test]
fn a_form_body_gets_a_token() {
    let server = shared();
    let bootstrap = server.credentials();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &bootstrap.client_id),
        ("client_secret", &bootstrap.client_secret),
    ];
    assert_token(&server.post("/oauth/token").form(&form).send());
}

#[test]
fn basic_authentication_gets_a_token_with_either_body() {
    let server = shared();
    let bootstrap = server.credentials();
    let request = server
        .post("/oauth/token")
        .basic(&bootstrap.client_id, &bootstrap.client_secret);
    assert_token(
        &request
            .clone()
            .form(&[("grant_type", "client_credentials")])
            .send(),
    );
    assert_token(
        &request
            .json(&json!({"grant_type": "client_credentials"}))
            .send(),
    );
}

#[test]
fn basic_credentials_are_form_decoded() {
    let server = shared();
    let bootstrap = server.credentials();
    let encode = |text: &str| {
        text.bytes()
            .fold(String::new(), |all, b| format!("{all}%{b:02X}"))
    };
    let answer = server
        .post("/oauth/token")
        .basic(
            &encode(&bootstrap.client_id),
            &encode(&bootstrap.client_secret),
        )
        .form(&[("grant_type", "client_credentials")])
        .send();
    assert_token(&answer);
}

#[test]
fn names_of_schemes_and_content_types_have_no_letter_case() {
    let server = shared();
    let bootstrap = server.credentials();
    let body = token_body(&bootstrap.client_id, &bootstrap.client_secret).to_string();
    for content_type in [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json;charset=UTF-8",
    ] {
        assert_token(
            &server
                .post("/oauth/token")
                .body(content_type, body.clone())
                .send(),
        );
    }
    let pair = format!("{}:{}", bootstrap.client_id, bootstrap.client_secret);
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pair);
    for scheme in ["basic", "BASIC"] {
        let answer = server
            .post("/oauth/token")
            .header("Authorization", &format!("{scheme} {encoded}"))
            .body(
                "Application/X-WWW-Form-Urlencoded",
                "grant_type=client_credentials",
            )
            .send();
        assert_token(&answer);
    }
}

#[test]
fn parameters_that_the_endpoint_does_not_know_are_ignored() {
    let server = shared();
    let bootstrap = server.credentials();
    let mut body = token_body(&bootstrap.client_id, &bootstrap.client_secret);
    body["resource_owner"] = json!({"any": ["thing"]});
    assert_token(&server.post("/oauth/token").json(&body).send());
    let form = [
        ("grant_type", "client_credentials"),
        ("x", "1"),
        ("username", "u"),
    ];
    let answer = server
        .post("/oauth/token")
        .basic(&bootstrap.client_id, &bootstrap.client_secret)
        .form(&form)
        .send();
    assert_token(&answer);
}

#[test]
fn parameters_without_a_value_count_as_omitted() {
    // RFC 6749 §3.2.
    let server = shared();
    let bootstrap = server.credentials();
    let answer = server
        .post("/oauth/token")
        .basic(&bootstrap.client_id, &bootstrap.client_secret)
        .form(&[
            ("grant_type", "client_credentials"),
            ("scope", ""),
            ("audience", ""),
        ])
        .send();
    assert_eq!(scopes(&assert_token(&answer)).len(), SCOPES.len());
}

#[test]
fn a_scope_narrows_the_token_to_what_was_asked_for() {
    let server = shared();
    let bootstrap = server.credentials();
    for asked in [
        "tenants:read",
        "tenants:read clients:read",
        "webhooks:write events:read",
    ] {
        let mut body = token_body(&bootstrap.client_id, &bootstrap.client_secret);
        body["scope"] = Value::from(asked);
        let answer = assert_token(&server.post("/oauth/token").json(&body).send());
        assert_eq!(
            scopes(&answer),
            asked.split(' ').map(str::to_owned).collect()
        );
    }
    let reader = server.token_with_scopes(&["tenants:read"]);
    server
        .get("/v1/tenants")
        .bearer(&reader)
        .send()
        .expect_status(200);
    server
        .get("/v1/environments")
        .bearer(&reader)
        .send()
        .expect_status(403);
}

#[test]
fn without_a_scope_a_client_gets_its_own_and_no_more() {
    let server = shared();
    let (id, secret) = management_client(server, &["tenants:read", "clients:read"], &[]);
    let answer = server
        .post("/oauth/token")
        .json(&token_body(&id, &secret))
        .send();
    let expected = BTreeSet::from(["tenants:read".to_owned(), "clients:read".to_owned()]);
    assert_eq!(scopes(&assert_token(&answer)), expected);
}

#[test]
fn a_scope_that_the_client_does_not_have_is_invalid_scope() {
    let server = shared();
    let (id, secret) = management_client(server, &["tenants:read"], &[]);
    let unheld = [
        "tenants:write",
        "tenants:read tenants:write",
        "no:such",
        "TENANTS:READ",
        "tenants:read\u{7}",
        "\"tenants:read\"",
        "tenants:rëad",
    ];
    for scope in unheld {
        let mut body = token_body(&id, &secret);
        body["scope"] = Value::from(scope);
        let answer = server.post("/oauth/token").json(&body).send();
        assert_oauth_error(&answer, 400, "invalid_scope");
    }
}

#[test]
fn an_audience_must_be_the_clients_own() {
    let server = Server::builder()
        .env("TENANTRY_PUBLIC_URL", "https://manage.example.test")
        .environments_file(&crate::harness::reference::environments_file());
    let server = server.start();
    let bootstrap = server.credentials();
    let tenant = create_tenant(&server, &unique_label("audience"));
    let tenant_audience = format!("https://{}", tenant.host());
    let management = (
        bootstrap.client_id.as_str(),
        bootstrap.client_secret.as_str(),
    );
    let of_tenant = (tenant.client_id.as_str(), tenant.client_secret.as_str());
    let public_url = "https://manage.example.test";
    let table = [
        (management, public_url, true),
        (management, "https://manage.example.test.evil", false),
        (management, "https://elsewhere.example", false),
        (management, tenant_audience.as_str(), false),
        (of_tenant, tenant_audience.as_str(), true),
        (of_tenant, public_url, false),
        (of_tenant, "https://other.vii.mattr.global", false),
    ];
    for ((id, secret), audience, right) in table {
        let mut body = token_body(id, secret);
        body["audience"] = Value::from(audience);
        let answer = server.post("/oauth/token").json(&body).send();
        if right {
            answer.expect_status(200);
        } else {
            assert_oauth_error(&answer, 400, "invalid_target");
        }
    }
}

#[test]
fn a_resource_must_be_the_clients_own_audience() {
    let public_url = "https://manage.example.test";
    let server = Server::builder()
        .env("TENANTRY_PUBLIC_URL", public_url)
        .start();
    let bootstrap = server.credentials();
    let form = |resources: &[&str]| {
        let mut pairs = vec![
            ("grant_type", "client_credentials"),
            ("client_id", bootstrap.client_id.as_str()),
            ("client_secret", bootstrap.client_secret.as_str()),
        ];
        pairs.extend(resources.iter().map(|&resource| ("resource", resource)));
        server.post("/oauth/token").form(&pairs).send()
    };
    let with_slash = format!("{public_url}/");
    let elsewhere = "https://elsewhere.example";
    for right in [&[][..], &[""], &[public_url], &[&with_slash, public_url]] {
        let answer = form(right).expect_status(200);
        let token = text(&answer.json()["access_token"]);
        assert_eq!(crate::jwt::claims(&token)["aud"], public_url, "{right:?}");
    }
    for wrong in [&[elsewhere][..], &[public_url, elsewhere], &["manage"]] {
        assert_oauth_error(&form(wrong), 400, "invalid_target");
    }
    let json = |resource: Value| {
        let mut body = token_body(&bootstrap.client_id, &bootstrap.client_secret);
        body["resource"] = resource;
        server.post("/oauth/token").json(&body).send()
    };
    for right in [
        json!(public_url),
        json!([public_url, public_url]),
        json!([]),
    ] {
        json(right).expect_status(200);
    }
    assert_oauth_error(&json(json!([public_url, elsewhere])), 400, "invalid_target");
    for malformed in [json!(7), json!([7]), json!({}), json!([[public_url]])] {
        assert_oauth_error(&json(malformed), 400, "invalid_request");
    }
}

#[test]
fn a_body_of_one_mebibyte_is_read_and_one_more_byte_is_413() {
    let server = shared();
    let bootstrap = server.credentials();
    let body = token_body(&bootstrap.client_id, &bootstrap.client_secret).to_string();
    let padded = |size: usize| format!("{body}{}", " ".repeat(size - body.len()));
    assert_token(
        &server
            .post("/oauth/token")
            .body("application/json", padded(1024 * 1024))
            .send(),
    );
    let answer = server
        .post("/oauth/token")
        .body("application/json", padded(1024 * 1024 + 1))
        .send();
    assert_eq!(answer.status, 413, "{answer}");
    assert!(answer.json()["error"].is_string(), "{answer}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}
