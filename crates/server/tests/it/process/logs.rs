//! What the logs say, and what they must never say.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Server, cli, reference};
use crate::system::{SystemApi as _, TENANTS, item, uuid_of};

fn said(server: &Server) -> String {
    format!("{}{}", server.stdout(), server.stderr())
}

/// Lines are written off the request's path: waits until one holds `text`.
pub(crate) fn wait_for_line(server: &Server, text: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let said = said(server);
        // Only whole lines count.
        let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
        if let Some(line) = whole.lines().find(|line| line.contains(text)) {
            return line.to_owned();
        }
        assert!(Instant::now() < deadline, "no line holds {text}: {said}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn no_secret_is_logged_however_much_is_logged() {
    use base64::Engine as _;
    let mut server = Server::builder()
        .environments_file(&reference::environments_file())
        .env("TENANTRY_LOG", "trace")
        .start();
    let account = server.credentials();
    let token = server.token();
    let made = server
        .post("/v1/tenants")
        .bearer(&token)
        .json(&json!({
            "subdomain": "logged",
            "environmentId": reference::ENVIRONMENT_ID,
            "data": {"hush": "a-word-of-the-tenants-data"},
        }))
        .send()
        .expect_status(201)
        .json();
    let secret = made["client"]["clientSecret"].as_str().unwrap().to_owned();
    let id = made["client"]["clientId"].as_str().unwrap().to_owned();
    let tenant_token = server.token_for(&id, &secret);
    server
        .post("/oauth/token")
        .basic(&account.client_id, &account.client_secret)
        .form(&[("grant_type", "client_credentials")])
        .send()
        .expect_status(200);
    // Bodies and headers that fail, too.
    let bad = format!(r#"{{"client_id":"{id}","client_secret":"{secret}","grant_type":"#);
    let malformed = server.post("/oauth/token").body("application/json", bad);
    malformed.send().expect_status(400);
    server
        .get("/v1/tenants")
        .bearer(&tenant_token)
        .send()
        .expect_status(401);
    server
        .get(&format!("{TENANTS}?access_token={token}"))
        .bearer(&token)
        .send()
        .expect_status(401);
    let record = server.make(&json!({"hush": "a-word-of-the-tenants-data"}));
    server
        .system("PUT", &item(uuid_of(&record)))
        .json(&json!({"version": 1, "data": {"hush": "a-word-of-the-tenants-data"}}))
        .send()
        .expect_status(200);
    let made = cli(
        &server,
        &["client", "create", "--name", "x", "--output", "json"],
    );
    let made_secret = made.json()["clientSecret"].as_str().unwrap().to_owned();
    let master_key = std::fs::read_to_string(server.data_directory().join("master.key")).unwrap();
    assert!(server.stop().success());

    let mut secrets = vec![
        account.client_secret.clone(),
        account.system_password.clone(),
        secret,
        made_secret,
        master_key.trim().to_owned(),
        token,
        tenant_token,
        "a-word-of-the-tenants-data".to_owned(),
        "$argon2id$".to_owned(),
        "PRIVATE KEY".to_owned(),
    ];
    for (user, password) in [
        (&account.client_id, &account.client_secret),
        (&account.system_username, &account.system_password),
    ] {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        secrets.push(pair);
    }
    let said = format!("{}{}", said(&server), made.stderr);
    for secret in secrets {
        let line = said.lines().find(|line| line.contains(&secret));
        assert!(line.is_none(), "{secret} in {line:?}");
    }
}

#[test]
fn every_request_leaves_a_line_with_its_request_id() {
    let server = Server::start();
    for (path, id) in [
        ("/v1/tenants", "logged-request-1"),
        ("/nope", "logged-request-2"),
        ("/v1/tenants/nope", "logged-request-3"),
    ] {
        let answer = server.get(path).header("X-Request-Id", id).send();
        assert_eq!(answer.header("x-request-id"), Some(id));
        wait_for_line(&server, id);
    }
}

#[test]
fn a_json_log_is_one_json_object_a_line() {
    let mut server = Server::builder()
        .env("TENANTRY_LOG_FORMAT", "json")
        .env("TENANTRY_AN_UNKNOWN_ONE", "x")
        .start();
    server
        .get("/v1/tenants?q=%22quoted%22%0Anext")
        .header("X-Request-Id", "jsonlog-\"quoted\"-1")
        .send();
    let line = wait_for_line(&server, "jsonlog-");
    let object: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
    assert!(
        object.to_string().contains(r#"jsonlog-\"quoted\"-1"#),
        "{line}"
    );
    assert!(server.stop().success());
    for line in server.stderr().lines() {
        let object = serde_json::from_str::<Value>(line);
        assert!(object.is_ok_and(|object| object.is_object()), "{line}");
    }
}

#[test]
fn nothing_that_a_caller_sends_makes_a_second_line() {
    let mut server = Server::start();
    for path in [
        "/nope%0A2026-01-01T00:00:00Z%20ERROR%20forged-line",
        "/v1/tenants/%0Aforged-line",
        "/v1/tenants?cursor=%0Aforged-line",
    ] {
        server.get(path).bearer(&server.token()).send();
    }
    assert!(server.stop().success());
    for line in said(&server).lines() {
        assert!(!line.starts_with("forged-line"), "{line}");
        assert!(!line.starts_with("2026-01-01T00:00:00Z ERROR"), "{line}");
    }
}

/// W3C Trace Context: a caller's trace is told of, and one that is malformed is as if it were none.
#[test]
fn a_line_names_the_trace_that_its_request_belongs_to() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";
    let server = Server::builder().env("TENANTRY_LOG_FORMAT", "json").start();
    let upper = TRACE.to_uppercase();
    for (number, (parent, is_told)) in [
        (format!("00-{TRACE}-{SPAN}-01"), true),
        (format!("00-{TRACE}-{SPAN}-00"), true),
        (format!("42-{TRACE}-{SPAN}-01-later"), true),
        (format!("00-{upper}-{SPAN}-01"), false),
        (format!("00-{TRACE}-{SPAN}-01-later"), false),
        (format!("00-{TRACE}-0000000000000000-01"), false),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("traced-{number}");
        server
            .get("/livez")
            .header("traceparent", &parent)
            .header("X-Request-Id", &id)
            .send()
            .expect_status(200);
        let line = wait_for_line(&server, &id);
        let line: Value = serde_json::from_str(&line).unwrap();
        let told = is_told.then_some((TRACE, SPAN));
        let found = line["trace_id"].as_str().zip(line["span_id"].as_str());
        assert_eq!(found, told, "{parent}: {line}");
    }
}
