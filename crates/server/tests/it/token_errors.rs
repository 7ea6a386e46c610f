//! §3.1, the table of errors, row by row.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::reference::{shared, unique_label};
use crate::harness::{Request, Response, Server, raw};
use crate::support::{
    ask_token, assert_oauth_error, create_tenant, management_client, sql, token_body,
};

const CHALLENGE: &str = r#"Basic realm="tenantry""#;
const GRANT: [(&str, &str); 1] = [("grant_type", "client_credentials")];

/// All that a client can see and that may not depend on why it was refused.
fn visible(answer: &Response) -> (u16, Vec<(String, String)>, String) {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .filter(|(name, _)| name != "x-request-id" && name != "date")
        .collect();
    headers.sort();
    (answer.status, headers, answer.text())
}

/// Asks in the three ways in which a client may authenticate.
fn three_ways(server: &Server, id: &str, secret: &str) -> [Response; 3] {
    let form = [GRANT[0], ("client_id", id), ("client_secret", secret)];
    [
        server
            .post("/oauth/token")
            .json(&token_body(id, secret))
            .send(),
        server.post("/oauth/token").form(&form).send(),
        server
            .post("/oauth/token")
            .basic(id, secret)
            .form(&GRANT)
            .send(),
    ]
}

/// Each refused client looks like an unknown one, whichever way it authenticates.
#[track_caller]
fn assert_indistinguishable(server: &Server, refused: &[(&str, &str)]) {
    let unknown = three_ways(server, "nobodynobodynobodynobodynobody12", &"s".repeat(43));
    for (way, answer) in unknown.iter().enumerate() {
        assert_oauth_error(answer, 401, "invalid_client");
        let challenge = (way == 2).then_some(CHALLENGE);
        assert_eq!(answer.header("www-authenticate"), challenge, "{answer}");
    }
    for (id, secret) in refused {
        for (answer, expected) in three_ways(server, id, secret).iter().zip(&unknown) {
            assert_eq!(visible(answer), visible(expected));
        }
    }
}

#[test]
fn an_unknown_client_a_wrong_secret_and_a_deleted_tenants_client_look_the_same() {
    let server = Server::reference();
    let (id, secret) = management_client(&server, &["tenants:read"], &[]);
    let tenant = create_tenant(&server, &unique_label("gone"));
    ask_token(&server, &tenant.client_id, &tenant.client_secret).expect_status(200);
    server
        .delete(&tenant.path())
        .bearer(&server.token())
        .send()
        .expect_status(204);
    let nearly = format!(
        "{}{}",
        &secret[..secret.len() - 1],
        if secret.ends_with('A') { 'B' } else { 'A' }
    );
    assert_indistinguishable(
        &server,
        &[
            (&id, &"x".repeat(43)),
            (&id, &nearly),
            (&id.to_lowercase(), "short"),
            (&tenant.client_id, &tenant.client_secret),
            (&tenant.client_id, "wrong"),
        ],
    );
    ask_token(&server, &id, &secret).expect_status(200);
}

#[test]
fn a_disabled_client_looks_like_an_unknown_one() {
    let server = Server::reference();
    let (id, secret) = management_client(&server, &["tenants:read"], &[]);
    let set = |status| {
        let client = format!("WHERE client_id = '{id}'");
        sql(
            &server,
            &format!("UPDATE clients SET status = '{status}' {client}"),
        );
    };
    set("disabled");
    assert_indistinguishable(&server, &[(&id, &secret)]);
    set("active");
    ask_token(&server, &id, &secret).expect_status(200);
}

#[test]
fn the_client_of_a_suspended_tenant_looks_like_an_unknown_one() {
    let server = Server::reference();
    let tenant = create_tenant(&server, "suspended");
    sql(&server, "UPDATE tenants SET status = 'suspended'");
    assert_indistinguishable(&server, &[(&tenant.client_id, &tenant.client_secret)]);
    sql(&server, "UPDATE tenants SET status = 'active'");
    ask_token(&server, &tenant.client_id, &tenant.client_secret).expect_status(200);
}

#[test]
fn no_client_authentication_at_all_is_invalid_client() {
    let server = shared();
    let ways: [fn(Request) -> Request; 3] = [
        |request| request.form(&GRANT),
        |request| request.json(&json!({"grant_type": "client_credentials"})),
        |request| request.form(&GRANT).header("Authorization", "Bearer abc"),
    ];
    for way in ways {
        let answer = way(server.post("/oauth/token")).send();
        assert_oauth_error(&answer, 401, "invalid_client");
    }
}

#[test]
fn half_a_client_authentication_is_refused() {
    let server = shared();
    let (id, secret) = management_client(server, &["tenants:read"], &[]);
    let halves = [
        ("client_id", id.as_str()),
        ("client_secret", secret.as_str()),
    ];
    for half in halves {
        let answer = server.post("/oauth/token").form(&[GRANT[0], half]).send();
        let expected = if answer.status == 401 {
            "invalid_client"
        } else {
            "invalid_request"
        };
        assert_oauth_error(
            &answer,
            if answer.status == 401 { 401 } else { 400 },
            expected,
        );
    }
}

#[test]
fn basic_credentials_that_cannot_be_read_are_invalid_client_with_a_challenge() {
    let server = shared();
    let no_colon = STANDARD.encode("no-colon-in-here");
    let not_text = STANDARD.encode([0xff, 0xfe, b':', 0xff]);
    for credentials in ["", "!!!!", &no_colon, &not_text] {
        let header = format!("Basic {credentials}");
        let answer = server
            .post("/oauth/token")
            .header("Authorization", &header)
            .form(&GRANT)
            .send();
        assert_oauth_error(&answer, 401, "invalid_client");
        assert_eq!(
            answer.header("www-authenticate"),
            Some(CHALLENGE),
            "{header:?}: {answer}"
        );
    }
}

#[test]
fn two_authorization_headers_are_401() {
    let server = shared();
    let bootstrap = server.credentials();
    let answer = server
        .post("/oauth/token")
        .basic(&bootstrap.client_id, &bootstrap.client_secret)
        .basic(&bootstrap.client_id, &bootstrap.client_secret)
        .form(&GRANT)
        .send();
    assert_oauth_error(&answer, 401, "invalid_client");
}

#[test]
fn both_authentication_methods_at_once_are_invalid_request() {
    let server = shared();
    let bootstrap = server.credentials();
    let (id, secret) = (
        bootstrap.client_id.as_str(),
        bootstrap.client_secret.as_str(),
    );
    let request = server.post("/oauth/token").basic(id, secret);
    let form = [GRANT[0], ("client_id", id), ("client_secret", secret)];
    assert_oauth_error(&request.clone().form(&form).send(), 400, "invalid_request");
    assert_oauth_error(
        &request.json(&token_body(id, secret)).send(),
        400,
        "invalid_request",
    );
}

#[test]
fn a_missing_grant_type_is_invalid_request() {
    let server = shared();
    let bootstrap = server.credentials();
    let request = server
        .post("/oauth/token")
        .basic(&bootstrap.client_id, &bootstrap.client_secret);
    let bodies = [
        request.clone().form(&[("scope", "tenants:read")]),
        request.clone().form(&[]),
        request.clone().form(&[("grant_type", "")]),
        request.json(&json!({})),
    ];
    for request in bodies {
        assert_oauth_error(&request.send(), 400, "invalid_request");
    }
}

#[test]
fn a_grant_type_other_than_client_credentials_is_unsupported() {
    let server = shared();
    let bootstrap = server.credentials();
    let others = [
        "authorization_code",
        "password",
        "refresh_token",
        "CLIENT_CREDENTIALS",
        "client_credentials ",
        "urn:ietf:params:oauth:grant-type:device_code",
    ];
    for grant_type in others {
        let mut body = token_body(&bootstrap.client_id, &bootstrap.client_secret);
        body["grant_type"] = Value::from(grant_type);
        let answer = server.post("/oauth/token").json(&body).send();
        assert_oauth_error(&answer, 400, "unsupported_grant_type");
    }
}

#[test]
fn a_repeated_parameter_is_invalid_request_in_either_body() {
    let server = shared();
    let bootstrap = server.credentials();
    let pairs = [
        ("grant_type", "client_credentials"),
        ("client_id", bootstrap.client_id.as_str()),
        ("client_secret", bootstrap.client_secret.as_str()),
        ("scope", "tenants:read"),
        ("audience", "https://x.example"),
    ];
    for repeated in pairs {
        let mut all = pairs[..4].to_vec();
        all.push(repeated);
        if repeated.0 == "audience" {
            all.push(repeated);
        }
        let answer = server.post("/oauth/token").form(&all).send();
        assert_oauth_error(&answer, 400, "invalid_request");
        let members: Vec<_> = all
            .iter()
            .map(|(name, value)| format!("{name:?}:{value:?}"))
            .collect();
        let body = format!("{{{}}}", members.join(","));
        let answer = server
            .post("/oauth/token")
            .body("application/json", body)
            .send();
        assert_oauth_error(&answer, 400, "invalid_request");
    }
}

#[test]
fn a_malformed_json_body_is_invalid_request() {
    let server = shared();
    let bootstrap = server.credentials();
    let whole = token_body(&bootstrap.client_id, &bootstrap.client_secret);
    let with = |name: &str, value: Value| {
        let mut body = whole.clone();
        body[name] = value;
        body.to_string().into_bytes()
    };
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(64), "]".repeat(64));
    let table: Vec<Vec<u8>> = vec![
        b"".into(),
        b"{".into(),
        b"[]".into(),
        b"null".into(),
        br#""text""#.into(),
        format!("{whole} x").into_bytes(),
        b"{\"grant_type\":\"\xff\"}".into(),
        deep.into_bytes(),
        with("client_id", json!(5)),
        with("client_id", Value::Null),
        with("client_secret", json!(["x"])),
        with("grant_type", json!({})),
        with("grant_type", json!(true)),
        with("scope", json!(["tenants:read"])),
        with("audience", json!(7)),
    ];
    for body in table {
        let shown = String::from_utf8_lossy(&body).into_owned();
        let answer = server
            .post("/oauth/token")
            .body("application/json", body)
            .send();
        assert_eq!(answer.status, 400, "{shown}: {answer}");
        assert_oauth_error(&answer, 400, "invalid_request");
    }
}

#[test]
fn credentials_in_the_query_are_not_read() {
    let server = shared();
    let bootstrap = server.credentials();
    let path = format!(
        "/oauth/token?grant_type=client_credentials&client_id={}&client_secret={}",
        bootstrap.client_id, bootstrap.client_secret
    );
    assert_oauth_error(
        &server.post(&path).form(&GRANT).send(),
        401,
        "invalid_client",
    );
}

#[test]
fn a_content_type_that_the_endpoint_does_not_take_is_415() {
    let server = shared();
    let bootstrap = server.credentials();
    let body = token_body(&bootstrap.client_id, &bootstrap.client_secret).to_string();
    for content_type in [
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "json",
        "",
    ] {
        let answer = server
            .post("/oauth/token")
            .body(content_type, body.clone())
            .send();
        assert_eq!(answer.status, 415, "{content_type}: {answer}");
        assert!(answer.json()["error"].is_string(), "{answer}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let missing = server.post("/oauth/token").bytes(body).send();
    assert_eq!(missing.status, 415, "{missing}");
    assert!(missing.json()["error"].is_string(), "{missing}");
}

#[test]
fn another_method_is_405_with_allow() {
    let server = shared();
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let answer = server
            .request(method, "/oauth/token")
            .send()
            .expect_status(405);
        assert!(answer.header("allow").unwrap().contains("POST"), "{answer}");
        assert!(answer.json()["error"].is_string(), "{answer}");
    }
    let raw = raw::request(server.address(), "OPTIONS", "/oauth/token", &[], b"");
    assert_eq!(raw.status, 204, "{raw}");
    assert!(raw.header("allow").unwrap().contains("POST"));
}

/// Sends wrong requests until one is refused with 429; gives that answer and how many came before.
fn until_limited(most: usize, mut wrong: impl FnMut(usize) -> Response) -> (usize, Response) {
    for sent in 0..most {
        let answer = wrong(sent);
        if answer.status == 429 {
            return (sent, answer);
        }
        assert_oauth_error(&answer, 401, "invalid_client");
    }
    panic!("no 429 after {most} failures");
}

#[track_caller]
fn assert_limited(answer: &Response) {
    let seconds: u32 = answer
        .header("retry-after")
        .expect("Retry-After")
        .parse()
        .unwrap();
    assert!((1..=60).contains(&seconds), "{answer}");
    assert!(answer.json()["error"].is_string(), "{answer}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer}");
}

#[test]
fn too_many_failures_of_one_client_are_429_and_lock_nobody_out() {
    let server = Server::reference();
    let (id, secret) = management_client(&server, &["tenants:read"], &[]);
    let (other_id, other_secret) = management_client(&server, &["tenants:read"], &[]);
    let (before, answer) = until_limited(40, |_| ask_token(&server, &id, "wrong"));
    assert!(before >= 10, "limited after {before} failures");
    assert_limited(&answer);
    assert_limited(
        &server
            .post("/oauth/token")
            .basic(&id, "wrong")
            .form(&GRANT)
            .send(),
    );

    assert_oauth_error(
        &ask_token(&server, &other_id, "wrong"),
        401,
        "invalid_client",
    );
    ask_token(&server, &other_id, &other_secret).expect_status(200);
    ask_token(&server, &id, &secret).expect_status(200);
}

#[test]
fn too_many_failures_of_one_address_are_429_whatever_the_client() {
    let server = Server::reference();
    let (id, secret) = management_client(&server, &["tenants:read"], &[]);
    let (before, answer) = until_limited(400, |n| {
        ask_token(&server, &format!("stranger{n}"), "wrong")
    });
    assert!(before >= 100, "limited after {before} failures");
    assert_limited(&answer);
    ask_token(&server, &id, &secret).expect_status(200);
}
