//! The dashboard and the alert rules that come with the program name nothing that is not there.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::harness::Server;

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
