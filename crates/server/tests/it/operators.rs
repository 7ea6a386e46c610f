//! `tenantry client` and `tenantry system-account` beside a running server: contract §1.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use serde_json::{Value, json};

use crate::harness::{Server, cli, cli_with_input};
use crate::key_rotation::{command, refused};
use crate::support::{ask_token, assert_oauth_error, keys, text};
use crate::system::TENANTS;

fn pair(made: &Value) -> (String, String) {
    (text(&made["clientId"]), text(&made["clientSecret"]))
}

fn sign_in(server: &Server, name: &str, password: &str) -> u16 {
    server.get(TENANTS).basic(name, password).send().status
}

/// The one JSON value in a file that nobody else can read.
#[track_caller]
fn secret_file(path: &std::path::Path) -> Value {
    assert_eq!(fs::metadata(path).unwrap().mode() & 0o7777, 0o600);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_management_client_lives_from_its_making_to_its_end() {
    let server = Server::start();
    let made = command(
        &server,
        &[
            "client",
            "create",
            "--name",
            "ci",
            "--scope",
            "tenants:read",
        ],
    );
    let (id, secret) = pair(&made);
    let token = server.token_for(&id, &secret);
    let use_it = || server.get("/v1/tenants").bearer(&token).send().status;
    assert_eq!(use_it(), 200);

    let listed = command(&server, &["client", "list"]);
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 2);
    let ours = &listed[1];
    assert_eq!(ours["clientId"], id.as_str());
    assert_eq!(
        (&ours["name"], &ours["status"], &ours["scopes"]),
        (&json!("ci"), &json!("active"), &json!(["tenants:read"]))
    );
    assert!(!listed.iter().any(|one| one.to_string().contains("ecret")));

    let disabled = command(&server, &["client", "disable", &id]);
    assert_eq!(disabled["status"], "disabled");
    assert_eq!(use_it(), 401, "at once");
    assert_oauth_error(&ask_token(&server, &id, &secret), 401, "invalid_client");
    command(&server, &["client", "enable", &id]);
    assert_eq!(use_it(), 200);
    ask_token(&server, &id, &secret).expect_status(200);

    let rotated = command(&server, &["client", "rotate", &id, "--overlap", "3600"]);
    assert_eq!(
        keys(&rotated),
        ["clientId", "clientSecret", "previousSecretExpiresAt"].into()
    );
    let (_, second) = pair(&rotated);
    ask_token(&server, &id, &secret).expect_status(200);
    ask_token(&server, &id, &second).expect_status(200);
    let (_, third) = pair(&command(
        &server,
        &["client", "rotate", &id, "--overlap", "0"],
    ));
    for old in [&secret, &second] {
        assert_oauth_error(&ask_token(&server, &id, old), 401, "invalid_client");
    }
    ask_token(&server, &id, &third).expect_status(200);

    command(&server, &["client", "delete", &id]);
    assert_eq!(use_it(), 401);
    assert_oauth_error(&ask_token(&server, &id, &third), 401, "invalid_client");
    for gone in ["disable", "enable", "rotate", "delete"] {
        refused(&server, &["client", gone, &id]);
    }
    let output = cli(&server, &["client", "rotate", &id, "--overlap", "604801"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn the_last_management_client_stays_unless_it_is_forced() {
    let server = Server::start();
    let id = server.credentials().client_id;
    for verb in ["disable", "delete"] {
        let refusal = refused(&server, &["client", verb, &id]);
        assert!(refusal.stderr.contains("--force"), "{refusal:?}");
    }
    server.token();
    command(&server, &["client", "disable", &id, "--force"]);
    // It is of no use any more, and another one is not there.
    command(&server, &["client", "delete", &id]);
    assert_eq!(command(&server, &["client", "list"]), json!([]));
    // The command line can make one, with the server running or without.
    let (id, secret) = pair(&command(&server, &["client", "create", "--name", "new"]));
    ask_token(&server, &id, &secret).expect_status(200);
}

#[test]
fn a_secret_can_go_to_a_file_and_is_not_shown_then() {
    let mut server = Server::builder()
        .env("TENANTRY_PUBLIC_URL", "https://manage.example.test")
        .start();
    server.stop();
    let file = |name: &str| server.directory().join(name);
    let made = file("made.json");
    let path = made.to_str().unwrap();
    let create = ["client", "create", "--name", "ci", "--secret-file", path];
    let shown = command(&server, &create);
    assert_eq!(shown, json!({"secretFile": path}));
    let (id, secret) = pair(&secret_file(&made));
    // A file that is there is not written over, and then nothing is made.
    refused(&server, &create);
    assert_eq!(pair(&secret_file(&made)).1, secret);
    assert_eq!(
        command(&server, &["client", "list"])
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let rotated = file("rotated.json");
    let path = rotated.to_str().unwrap();
    command(&server, &["client", "rotate", &id, "--secret-file", path]);
    let second = pair(&secret_file(&rotated)).1;
    // What is refused leaves no file.
    let none = file("none.json");
    let path = none.to_str().unwrap();
    refused(
        &server,
        &["client", "rotate", "nobody", "--secret-file", path],
    );
    refused(
        &server,
        &["system-account", "create", "system", "--secret-file", path],
    );
    assert!(!none.exists());

    command(
        &server,
        &["system-account", "create", "backup", "--secret-file", path],
    );
    let account = secret_file(&none);
    assert_eq!(account["username"], "backup");
    let password = text(&account["password"]);
    server.restart();
    for secret in [&secret, &second] {
        ask_token(&server, &id, secret).expect_status(200);
    }
    assert_eq!(sign_in(&server, "backup", &password), 200);
    for secret in [&secret, &second, &password] {
        assert!(!server.stderr().contains(secret.as_str()));
    }
}

#[test]
fn a_system_account_lives_from_its_making_to_its_end() {
    let server = Server::start();
    let made = command(&server, &["system-account", "create", "backup"]);
    let first = text(&made["password"]);
    assert_eq!(first.len(), 32);
    assert_eq!(sign_in(&server, "backup", &first), 200);
    refused(&server, &["system-account", "create", "backup"]);
    let listed = command(&server, &["system-account", "list"]);
    let names: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(&one["username"]))
        .collect();
    assert_eq!(names, ["backup", "system"]);
    assert!(!listed.to_string().contains("assword"));

    let second = text(&command(&server, &["system-account", "password", "backup"])["password"]);
    assert_eq!(sign_in(&server, "backup", &first), 401, "at once");
    assert_eq!(sign_in(&server, "backup", &second), 200);

    let from_input = ["system-account", "password", "backup", "--password-stdin"];
    let output = cli_with_input(&server, &from_input, "correct horse battery\n");
    assert!(output.status.success(), "{output:?}");
    assert!(!output.stdout.contains("correct"), "{output:?}");
    assert_eq!(sign_in(&server, "backup", "correct horse battery"), 200);
    let short = cli_with_input(&server, &from_input, "short\n");
    assert_eq!(short.status.code(), Some(1), "{short:?}");
    assert!(!short.stderr.contains("short"), "{short:?}");
    assert_eq!(sign_in(&server, "backup", "correct horse battery"), 200);

    command(&server, &["system-account", "delete", "system"]);
    let bootstrap = server.credentials();
    assert_eq!(sign_in(&server, "system", &bootstrap.system_password), 401);
    let refusal = refused(&server, &["system-account", "delete", "backup"]);
    assert!(refusal.stderr.contains("--force"), "{refusal:?}");
    command(&server, &["system-account", "delete", "backup", "--force"]);
    assert_eq!(sign_in(&server, "backup", "correct horse battery"), 401);
    refused(&server, &["system-account", "password", "backup"]);
}
