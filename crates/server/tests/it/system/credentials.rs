//! HTTP Basic, and nothing else, opens the system API.

use serde_json::json;

use super::{CHALLENGE, NO_TENANT, SystemApi, TENANTS, assert_problem_shape};
use crate::harness::{Request, Server, raw};

const OPERATIONS: &[(&str, &str)] = &[
    ("GET", TENANTS),
    ("HEAD", TENANTS),
    ("POST", TENANTS),
    ("GET", NO_TENANT),
    ("HEAD", NO_TENANT),
    ("PUT", NO_TENANT),
    ("DELETE", NO_TENANT),
];

#[track_caller]
fn assert_refused(method: &str, request: Request) {
    let answer = request.header("Accept", "application/json").send();
    assert_eq!(answer.status, 401, "{answer}");
    assert_eq!(
        answer.header("www-authenticate"),
        Some(CHALLENGE),
        "{answer}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer}");
    if method == "HEAD" {
        assert!(answer.body.is_empty());
    } else {
        assert_problem_shape(&answer, 401);
    }
}

#[test]
fn every_operation_refuses_no_or_wrong_credentials() {
    for &(method, path) in OPERATIONS {
        println!("{method} {path}");
        // Each on a server of its own: many failures in a row may be slowed down.
        let server = Server::start();
        let account = server.credentials();
        let (user, password) = (&account.system_username, &account.system_password);
        let bearer = format!("Bearer {}", server.token());
        // Well formed apart from the credential, so that nothing else can be the cause.
        let request = || {
            let request = server.request(method, path);
            match method {
                "POST" | "PUT" => request.json(&json!({"data": {}, "version": 1})),
                _ => request,
            }
        };
        assert_refused(method, request());
        assert_refused(method, request().basic(user, "wrong"));
        assert_refused(method, request().basic(user, ""));
        assert_refused(method, request().basic("nobody", password));
        assert_refused(method, request().basic("", ""));
        assert_refused(
            method,
            request().basic(&account.client_id, &account.client_secret),
        );
        assert_refused(method, request().header("Authorization", &bearer));
        let twice = request().basic(user, password).basic(user, password);
        assert_refused(method, twice);
        let both = request()
            .basic(user, password)
            .header("Authorization", &bearer);
        assert_refused(method, both);
        let list = server.system("GET", TENANTS).send().expect_status(200);
        assert_eq!(list.text(), "[]", "nothing was made");
    }
}

#[test]
fn a_malformed_authorization_header_is_refused() {
    let server = Server::start();
    for value in [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic c3lzdGVt",
        "Basic c3lzdGVtOn", // cut off
        "Basic /////w==",   // no UTF-8
        "Digest username=\"system\"",
        "c3lzdGVtOnN5c3RlbQ==",
        "BasicOnce c3lzdGVtOnN5c3RlbQ==",
    ] {
        println!("{value}");
        assert_refused("GET", server.get(TENANTS).header("Authorization", value));
    }
}

#[test]
fn the_name_of_the_scheme_has_any_letter_case() {
    let server = Server::builder()
        .env("TENANTRY_SYSTEM_USERNAME", "system")
        .env("TENANTRY_SYSTEM_PASSWORD", "a-password-of-some-length")
        .start();
    for scheme in ["Basic", "basic", "BASIC"] {
        server
            .get(TENANTS)
            .header(
                "Authorization",
                &format!("{scheme} c3lzdGVtOmEtcGFzc3dvcmQtb2Ytc29tZS1sZW5ndGg="),
            )
            .send()
            .expect_status(200);
    }
}

#[test]
fn user_and_password_are_utf_8_and_a_password_may_hold_colons() {
    let (user, password) = ("système", "pä:ß:wörd 😀 of some length");
    let server = Server::builder()
        .env("TENANTRY_SYSTEM_USERNAME", user)
        .env("TENANTRY_SYSTEM_PASSWORD", password)
        .start();
    let get = |password: &str| server.get(TENANTS).basic(user, password).send().status;
    assert_eq!(get(password), 200);
    assert_eq!(get("pä"), 401);
    assert_eq!(get("pä:ß:wörd 😀 of some Length"), 401);
}

#[test]
fn a_credential_in_the_url_opens_nothing() {
    let server = Server::start();
    let account = server.credentials();
    let target = format!(
        "{TENANTS}?username={}&password={}&access_token={}",
        account.system_username,
        account.system_password,
        server.token()
    );
    let answer = raw::request(server.address(), "GET", &target, &[], b"");
    assert_eq!(answer.status, 401, "{answer}");
}

#[test]
fn a_system_account_opens_nothing_of_the_management_api() {
    let server = Server::start();
    let account = server.credentials();
    let answer = server
        .get("/v1/tenants")
        .basic(&account.system_username, &account.system_password)
        .send()
        .expect_status(401);
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert!(
        challenge.starts_with("Bearer realm=\"tenantry\""),
        "{challenge}"
    );
}
