//! The dashboard and the alert rules that come with the program name nothing that is not there.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Server, reference};
use crate::support::poll;

/// Every word that names a metric of this program.
fn metrics_in(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("tenantry_"))
        .map(str::to_owned)
        .collect()
}

/// What a server tells of, by the names that queries may use: a histogram has three.
fn metrics_of(server: &Server) -> BTreeSet<String> {
    let text = server.get("/metrics").send().text();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .flat_map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            let ends: &[&str] = match kind {
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            ends.iter().map(move |end| format!("{name}{end}"))
        })
        .collect()
}

fn deploy(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/observability");
    std::fs::read_to_string(path.join(file)).unwrap()
}

#[test]
fn what_is_drawn_and_watched_is_told_by_a_running_server() {
    let all = Server::start();
    // Each process tells of what it has counted itself.
    let server = all.nth(0);
    // Some are told of only once there was something to count.
    server.token();
    server.get("/v1/tenants").send().expect_status(401);
    let grant = [("grant_type", "password")];
    let refused = server
        .post("/oauth/token")
        .basic("nobody", "x")
        .form(&grant);
    refused.send().expect_status(400);
    let told = metrics_of(&server);
    let dashboard = deploy("grafana.json");
    let parsed: Value = serde_json::from_str(&dashboard).unwrap();
    assert!(parsed["panels"].as_array().unwrap().len() > 10);
    // Attempts are counted when there was one; the certificate is told of where there is one, and
    // looked at there (`alone/tls.rs`).
    let known = |name: &String| {
        told.contains(name)
            || name == "tenantry_webhook_attempts_total"
            || name.starts_with("tenantry_tls_certificate_")
    };
    for (file, text) in [
        ("grafana.json", dashboard),
        ("alerts.yaml", deploy("alerts.yaml")),
    ] {
        let named = metrics_in(&text);
        assert!(named.len() >= 8, "{file}: {named:?}");
        let missing: Vec<_> = named.iter().filter(|name| !known(name)).collect();
        assert!(missing.is_empty(), "{file}: {missing:?} of {told:?}");
    }
}

/// The value of a metric with exactly these labels.
#[track_caller]
fn value(text: &str, series: &str) -> f64 {
    let found = text.lines().find_map(|line| {
        let (name, value) = line.rsplit_once(' ')?;
        (name == series).then(|| value.parse().unwrap())
    });
    found.unwrap_or_else(|| panic!("no {series} in {text}"))
}

#[test]
fn metrics_tell_of_tokens_hashes_connections_and_the_feed() {
    let all = Server::reference();
    let server = all.nth(0);
    server.token();
    let account = server.credentials();
    let ask = |grant: &str, secret: &str| {
        let form = [("grant_type", grant)];
        let request = server
            .post("/oauth/token")
            .basic(&account.client_id, secret);
        request.form(&form).send();
    };
    ask("password", &account.client_secret);
    ask("client_credentials", "wrong");
    ask("client_credentials", "wrong");
    let tenants = server.get("/system/tenants");
    let (user, password) = (&account.system_username, &account.system_password);
    tenants.basic(user, password).send().expect_status(200);
    let body = json!({"subdomain": "measured", "environmentId": reference::ENVIRONMENT_ID});
    let made = server.post("/v1/tenants").bearer(&server.token());
    made.json(&body).send().expect_status(201);
    // The end of the feed is looked at beside the requests.
    let has_feed = |text: &str| value(text, "tenantry_change_latest_sequence") >= 1.0;
    let answer = poll(&server.get("/metrics"), |answer| has_feed(&answer.text()));
    let text = answer.text();
    for (series, least) in [
        (
            r#"tenantry_tokens_issued_total{grant="client_credentials"}"#,
            1.0,
        ),
        (
            r#"tenantry_token_requests_refused_total{error="unsupported_grant_type",grant="other"}"#,
            1.0,
        ),
        (
            r#"tenantry_token_requests_refused_total{error="invalid_client",grant="client_credentials"}"#,
            2.0,
        ),
        ("tenantry_password_hash_duration_seconds_count", 1.0),
        (r#"tenantry_database_connections_max{pool="read"}"#, 1.0),
        (r#"tenantry_database_connections_max{pool="write"}"#, 1.0),
        (
            r#"tenantry_database_connections{pool="read",state="idle"}"#,
            0.0,
        ),
        (r#"tenantry_turns_waiting{at="read"}"#, 0.0),
        (r#"tenantry_turns_waited_total{at="password_hash"}"#, 0.0),
        ("tenantry_changes_waiting", 0.0),
        ("tenantry_events_waiting", 0.0),
        ("tenantry_webhook_changes_behind", 0.0),
    ] {
        assert!(value(&text, series) >= least, "{series}: {text}");
    }
    // Nobody is told of, so nobody is behind.
    assert!(value(&text, "tenantry_webhook_changes_behind") < 1.0);
}
