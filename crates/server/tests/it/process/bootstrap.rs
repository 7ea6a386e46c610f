//! The first start: what it makes, where it keeps it, and that no later one changes it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Server, World, cli};
use crate::support::kept;
use crate::system::TENANTS;

const CLIENT_ID: &str = "given-client";
const CLIENT_SECRET: &str = "given-secret-of-more-than-32-characters";
const PASSWORD: &str = "given-password-of-some-length";
const FILE: &str = "bootstrap-credentials.json";

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn said(server: &Server) -> String {
    format!("{}{}", server.stdout(), server.stderr())
}

/// Neither in the database nor in any file but the one for generated credentials.
fn assert_kept_nowhere(server: &Server, secret: &str) {
    for (place, content) in kept(server) {
        let found = content
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "{place} holds a secret");
    }
}

#[test]
fn the_data_directory_and_its_files_are_the_owners_alone() {
    let server = Server::start();
    server.token();
    let data = server.data_directory();
    assert_eq!(mode(&data), 0o700);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&data).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(&entry.path()), 0o600, "{}", entry.path().display());
        names.push(entry.file_name().into_string().unwrap());
    }
    let mut expected = vec!["master.key", FILE];
    if crate::WORLD == World::Sqlite {
        expected.push("tenantry.db");
    }
    for name in expected {
        assert!(
            names.iter().any(|found| found == name),
            "{name} in {names:?}"
        );
    }
}

#[test]
fn the_command_makes_ready_what_the_first_start_would_and_does_it_once() {
    let mut server = Server::builder().on_an_empty_database().prepare();
    let bootstrap = ["bootstrap", "--output", "json"];
    let done = cli(&server, &bootstrap).json();
    assert_eq!(done["filled"], true, "{done}");
    assert!(!done["applied"].as_array().unwrap().is_empty(), "{done}");
    let file = server.data_directory().join(FILE);
    assert_eq!(done["credentialsFile"], file.to_str().unwrap());
    let written = std::fs::read(&file).unwrap();
    let again = cli(&server, &bootstrap).json();
    let nothing = serde_json::json!({"applied": [], "filled": false, "credentialsFile": null});
    assert_eq!(again, nothing);
    server.restart();
    server.token();
    assert_eq!(std::fs::read(&file).unwrap(), written);
}

#[test]
fn the_master_key_is_32_bytes_in_base64() {
    use base64::Engine as _;
    let server = Server::start();
    let text = std::fs::read_to_string(server.data_directory().join("master.key")).unwrap();
    let key = base64::engine::general_purpose::STANDARD
        .decode(text.trim())
        .unwrap();
    assert_eq!(key.len(), 32);
}

#[test]
fn generated_credentials_are_written_and_work() {
    let server = Server::start();
    let path = server.data_directory().join(FILE);
    let content: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let mut members: Vec<&str> = content
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    members.sort_unstable();
    assert_eq!(
        members,
        [
            "clientId",
            "clientSecret",
            "systemPassword",
            "systemUsername"
        ]
    );
    let account = server.credentials();
    assert_eq!(account.system_username, "system");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    assert!(account.client_secret.len() >= 43, "256 random bits");
    assert!(account.client_secret.chars().all(is_plain));
    let said = said(&server);
    assert!(said.contains(path.to_str().unwrap()), "the path is printed");
    assert!(!said.contains(&account.client_secret));
    assert!(!said.contains(&account.system_password));
    let token = server.token_for(&account.client_id, &account.client_secret);
    for path in ["/v1/tenants", "/v1/environments"] {
        server.get(path).bearer(&token).send().expect_status(200);
    }
    server
        .get(TENANTS)
        .basic(&account.system_username, &account.system_password)
        .send()
        .expect_status(200);
}

#[test]
fn two_servers_generate_different_credentials() {
    let (one, other) = (Server::start().credentials(), Server::start().credentials());
    assert_ne!(one.client_id, other.client_id);
    assert_ne!(one.client_secret, other.client_secret);
    assert_ne!(one.system_password, other.system_password);
}

#[test]
fn given_credentials_work_and_are_never_written() {
    let server = Server::builder()
        .env("TENANTRY_BOOTSTRAP_CLIENT_ID", CLIENT_ID)
        .env("TENANTRY_BOOTSTRAP_CLIENT_SECRET", CLIENT_SECRET)
        .env("TENANTRY_SYSTEM_USERNAME", "root")
        .env("TENANTRY_SYSTEM_PASSWORD", PASSWORD)
        .start();
    let token = server.token_for(CLIENT_ID, CLIENT_SECRET);
    server
        .get("/v1/tenants")
        .bearer(&token)
        .send()
        .expect_status(200);
    server
        .get(TENANTS)
        .basic("root", PASSWORD)
        .send()
        .expect_status(200);
    assert!(!server.data_directory().join(FILE).exists());
    for secret in [CLIENT_SECRET, PASSWORD] {
        assert!(!said(&server).contains(secret));
        assert_kept_nowhere(&server, secret);
    }
}

#[test]
fn of_credentials_only_some_of_which_are_given_the_others_are_written() {
    let server = Server::builder()
        .env("TENANTRY_SYSTEM_PASSWORD", PASSWORD)
        .start();
    let path = server.data_directory().join(FILE);
    let content = std::fs::read_to_string(path).unwrap();
    assert!(!content.contains(PASSWORD), "{content}");
    let content: Value = serde_json::from_str(&content).unwrap();
    let token = server.token_for(
        content["clientId"].as_str().unwrap(),
        content["clientSecret"].as_str().unwrap(),
    );
    server
        .get("/v1/tenants")
        .bearer(&token)
        .send()
        .expect_status(200);
    server
        .get(TENANTS)
        .basic("system", PASSWORD)
        .send()
        .expect_status(200);
}

#[test]
fn generated_secrets_lie_in_no_other_file() {
    let mut server = Server::start();
    let account = server.credentials();
    server.token();
    assert!(server.stop().success());
    for secret in [&account.client_secret, &account.system_password] {
        assert_kept_nowhere(&server, secret);
    }
}

#[test]
fn a_later_start_neither_changes_nor_prints_credentials() {
    let mut server = Server::start();
    let before = server.credentials();
    let path = server.data_directory().join(FILE);
    let content = std::fs::read(&path).unwrap();
    let first_words = said(&server).len();
    server.set_env("TENANTRY_BOOTSTRAP_CLIENT_ID", CLIENT_ID);
    server.set_env("TENANTRY_BOOTSTRAP_CLIENT_SECRET", CLIENT_SECRET);
    server.set_env("TENANTRY_SYSTEM_PASSWORD", PASSWORD);
    server.restart();
    assert_eq!(std::fs::read(&path).unwrap(), content);
    assert!(
        said(&server).len() > first_words,
        "the second start said something"
    );
    for secret in [&before.client_secret, &before.system_password] {
        assert!(!said(&server).contains(secret.as_str()));
    }
    server.token_for(&before.client_id, &before.client_secret);
    server
        .get(TENANTS)
        .basic("system", PASSWORD)
        .send()
        .expect_status(401);
    server
        .get(TENANTS)
        .basic(&before.system_username, &before.system_password)
        .send()
        .expect_status(200);
    server
        .post("/oauth/token")
        .basic(CLIENT_ID, CLIENT_SECRET)
        .form(&[("grant_type", "client_credentials")])
        .send()
        .expect_status(401);
    // Who has put the file away doesn't find it again.
    std::fs::remove_file(&path).unwrap();
    server.restart();
    assert!(!path.exists());
}

#[test]
fn a_command_between_two_starts_makes_no_second_bootstrap() {
    let mut server = Server::start();
    let before = server.credentials();
    assert!(server.stop().success());
    let listed = cli(&server, &["environment", "list", "--output", "json"]);
    assert!(listed.status.success(), "{}", listed.stderr);
    server.restart();
    let after = server.credentials();
    assert_eq!(before.client_id, after.client_id);
    server.token_for(&before.client_id, &before.client_secret);
}
