//! `/livez`, `/readyz`, `/metrics`.

use serde_json::json;

use crate::harness::{Server, reference};

#[test]
fn livez_and_readyz_answer_without_a_credential() {
    let server = reference::shared();
    let live = server.get("/livez").send().expect_status(200);
    assert_eq!(live.text(), r#"{"status":"ok"}"#);
    let ready = server.get("/readyz").send().expect_status(200);
    assert!(ready.json().is_object(), "{ready}");
}

#[test]
fn metrics_are_prometheus_text() {
    // Each process counts for itself.
    let server = Server::start().nth(0);
    server.get("/v1/tenants").send().expect_status(401);
    let answer = server.get("/metrics").send().expect_status(200);
    let content_type = answer.header("content-type").unwrap();
    assert!(content_type.starts_with("text/plain"), "{content_type}");
    let text = answer.text();
    assert!(text.ends_with('\n'));
    assert!(text.contains("# TYPE "), "{text}");
    for line in text.lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let number = value.parse::<f64>();
        assert!(number.is_ok(), "{line}");
        let first = name.chars().next().unwrap();
        assert!(first.is_ascii_alphabetic() || first == '_', "{line}");
    }
}

#[test]
fn metrics_have_no_series_for_each_path_or_secret() {
    let server = Server::start().nth(0);
    let token = server.token();
    for number in 0..20 {
        let path = format!("/v1/tenants/00000000-0000-4000-8000-0000000000{number:02}");
        server.get(&path).bearer(&token).send().expect_status(404);
        server
            .get(&format!("/nope/{number}"))
            .send()
            .expect_status(404);
    }
    let text = server.get("/metrics").send().expect_status(200).text();
    assert!(!text.contains("00000000-0000-4000"), "{text}");
    assert!(!text.contains("/nope/"), "{text}");
    assert!(!text.contains(&token));
}

#[test]
fn readyz_answers_again_after_a_restart() {
    let mut server = Server::start();
    server.restart();
    server.get("/readyz").send().expect_status(200);
    assert_eq!(server.get("/livez").send().json(), json!({"status": "ok"}));
}

#[test]
fn readyz_names_the_migration_that_the_database_lacks() {
    let server = Server::start();
    crate::support::sql(
        &server,
        "DELETE FROM __diesel_schema_migrations WHERE version = '0004'",
    );
    for process in server.each() {
        let answer = process.get("/readyz").send().expect_status(503);
        assert_eq!(answer.json()["status"], "unavailable");
        let reason = crate::support::text(&answer.json()["reason"]);
        assert!(reason.contains("0004_keys"), "{reason}");
        process.get("/livez").send().expect_status(200);
    }
}
