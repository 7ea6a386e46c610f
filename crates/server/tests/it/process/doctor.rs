//! `tenantry doctor`: what it finds, and that it changes nothing.

use serde_json::Value;

use crate::harness::{CliOutput, Server, cli, cli_with};
use crate::support::text;

const JSON: [&str; 3] = ["doctor", "--output", "json"];

/// The state of each check, by its name.
#[track_caller]
fn states(output: &CliOutput, status: i32) -> Vec<(String, String)> {
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    let report = output.json();
    let checks = report["checks"].as_array().unwrap().iter();
    checks
        .map(|one| {
            assert!(!text(&one["found"]).is_empty());
            let is_ok = one["state"] == "ok";
            assert_eq!(one["advice"].is_string(), !is_ok, "{one}");
            (text(&one["check"]), text(&one["state"]))
        })
        .collect()
}

#[track_caller]
fn assert_state(states: &[(String, String)], check: &str, state: &str) {
    let found = states.iter().find(|(name, _)| name == check);
    let found = found.unwrap_or_else(|| panic!("{check} is missing in {states:?}"));
    assert_eq!(found.1, state, "{check}");
}

#[test]
fn a_server_that_runs_has_no_problem_and_one_thing_to_do() {
    let server = Server::start();
    let listen = server.nth(0).address().to_string();
    let there = [
        ("TENANTRY_LISTEN", &*listen),
        ("TENANTRY_PUBLIC_URL", "http://127.0.0.1"),
    ];
    let found = states(&cli_with(&server, &there, &JSON), 0);
    for check in [
        "settings",
        "data directory",
        "database",
        "schema",
        "permissions",
        "clock",
        "master key",
        "signing keys",
        "listen",
        "public url",
    ] {
        assert_state(&found, check, "ok");
    }
    assert_state(&found, "first credentials", "warning");
    assert!(found.iter().any(|(check, _)| check == "disk"), "{found:?}");
    // For people the same, with what to do.
    let shown = cli_with(&server, &there, &["doctor"]);
    assert!(shown.stdout.contains("ok       schema "), "{shown:?}");
    assert!(shown.stdout.contains("-> put the credentials"), "{shown:?}");
    // What was written to see whether it can be, is not there.
    let secrets = "SELECT count(*) AS number FROM server_secrets WHERE name = 'doctor'";
    assert_eq!(server.database().numbers(secrets), [0]);
}

#[test]
fn before_the_first_start_nothing_is_wrong_and_nothing_is_made() {
    let mut server = Server::builder().on_an_empty_database().prepare();
    let data = server.data_directory();
    let found = states(&cli(&server, &JSON), 0);
    assert_state(&found, "data directory", "ok");
    assert_state(&found, "database", "ok");
    assert!(!data.exists());
    server.restart();
    assert!(data.join("bootstrap-credentials.json").exists());
}

#[test]
fn each_thing_that_keeps_a_server_from_working_is_a_problem() {
    let mut server = Server::builder()
        .env("TENANTRY_MASTER_KEY", crate::transfer::MASTER_KEY)
        .start();
    assert!(server.stop().success());
    let with = |name: &str, value: &str| states(&cli_with(&server, &[(name, value)], &JSON), 1);

    let other = "HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    assert_state(&with("TENANTRY_MASTER_KEY", other), "master key", "problem");
    let nobody = "postgres://nobody@127.0.0.1:1/nothing";
    let away = with("TENANTRY_DATABASE_URL", nobody);
    assert_state(&away, "database", "problem");
    assert_state(&away, "listen", "ok");
    let foreign = with("TENANTRY_LISTEN", "192.0.2.1:8080");
    assert_state(&foreign, "listen", "problem");
    let nowhere = with("TENANTRY_PUBLIC_URL", "http://0.0.0.0:8080");
    assert_state(&nowhere, "public url", "problem");

    let database = server.database();
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')";
    database.execute(newer);
    assert_state(&states(&cli(&server, &JSON), 1), "schema", "problem");
    database.execute("DELETE FROM __diesel_schema_migrations WHERE version = '9999'");
    let last = "DELETE FROM __diesel_schema_migrations WHERE version = \
                (SELECT max(version) FROM __diesel_schema_migrations)";
    database.execute(last);
    assert_state(&states(&cli(&server, &JSON), 0), "schema", "warning");
}

#[test]
fn a_setting_that_is_wrong_is_told_as_everywhere_and_in_the_report() {
    let server = Server::builder().prepare();
    let bad = [("TENANTRY_TOKEN_TTL", "soon")];
    let output = cli_with(&server, &bad, &JSON);
    let found = states(&output, 2);
    assert_eq!(found, [("settings".to_owned(), "problem".to_owned())]);
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    assert!(output.stderr.contains("TENANTRY_TOKEN_TTL"), "{output:?}");

    let odd = [("TENANTRY_LISTEM", "127.0.0.1:1")];
    let output = cli_with(&server, &odd, &JSON);
    let report = output.json();
    let found: Vec<&Value> = report["checks"].as_array().unwrap().iter().collect();
    assert!(
        text(&found[0]["found"]).contains("TENANTRY_LISTEM"),
        "{report}"
    );
    assert_eq!(found[0]["state"], "warning");
}
