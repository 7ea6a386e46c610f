//! Where settings come from, and which of them wins.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::harness::Server;
use crate::process::environments;

/// Seconds that a token lives: what makes a setting's value visible from outside.
fn token_ttl(server: &Server) -> Value {
    let account = server.credentials();
    server
        .post("/oauth/token")
        .json(&json!({
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "grant_type": "client_credentials",
        }))
        .send()
        .expect_status(200)
        .json()["expires_in"]
        .clone()
}

/// With no setting at all it listens on 127.0.0.1:8080 and keeps its data in
/// `./tenantry-data`; where the port is taken, that is what it says.
#[test]
fn without_configuration_it_uses_port_8080_and_a_directory_beside_it() {
    let is_free = TcpListener::bind("127.0.0.1:8080").is_ok();
    let builder = Server::builder().bare();
    if is_free {
        let server = builder.start();
        assert_eq!(server.url(), "http://127.0.0.1:8080");
        let data = server.directory().join("tenantry-data");
        for name in ["tenantry.db", "master.key", "bootstrap-credentials.json"] {
            assert!(data.join(name).is_file(), "{name}");
        }
    } else {
        let output = builder.run_to_exit(&["serve"]);
        assert_eq!(output.status.code(), Some(2), "{}", output.stderr);
        assert!(
            output.stderr.contains("TENANTRY_LISTEN"),
            "{}",
            output.stderr
        );
        assert!(
            output.stderr.contains("127.0.0.1:8080"),
            "{}",
            output.stderr
        );
    }
}

#[test]
fn the_public_url_is_where_it_listens_unless_told_otherwise() {
    let metadata = |server: &Server| {
        server
            .get("/.well-known/oauth-authorization-server")
            .send()
            .expect_status(200)
            .json()
    };
    let server = Server::start();
    assert_eq!(metadata(&server)["issuer"], server.url());
    let url = "https://tenants.example.org/base";
    let server = Server::builder().env("TENANTRY_PUBLIC_URL", url).start();
    let metadata = metadata(&server);
    assert_eq!(metadata["issuer"], url);
    assert_eq!(metadata["jwks_uri"], format!("{url}/.well-known/jwks.json"));
    assert_eq!(metadata["token_endpoint"], format!("{url}/oauth/token"));
}

#[test]
fn without_an_environments_file_there_is_one_environment_named_local() {
    let server = Server::start();
    let environments = environments(&server);
    assert_eq!(environments.len(), 1);
    let local = &environments[0];
    assert_eq!(local["name"], "Local");
    assert_eq!(local["domain"], ".tenants.localhost");
    assert_eq!(local["tenantDomain"], "tenants.localhost");
    assert_eq!(local["deploymentModel"], "public");
    assert_eq!(local["region"]["name"], "LOCAL");
}

#[test]
fn a_token_lives_a_day_by_default() {
    assert_eq!(token_ttl(&Server::start()), 86_400);
}

#[test]
fn the_environment_wins_over_the_file_and_a_flag_over_both() {
    let file = || Server::builder().file("tenantry.toml", "token_ttl = 100\n");
    assert_eq!(token_ttl(&file().start()), 100);
    let environment = || file().env("TENANTRY_TOKEN_TTL", "200");
    assert_eq!(token_ttl(&environment().start()), 200);
    let flag = environment().flags(&["--token-ttl", "300"]);
    assert_eq!(token_ttl(&flag.start()), 300);
    let flag_over_file = file().flags(&["--token-ttl", "300"]);
    assert_eq!(token_ttl(&flag_over_file.start()), 300);
}

#[test]
fn config_names_the_file_and_the_one_in_the_working_directory_is_left_alone() {
    let server = Server::builder()
        .file("tenantry.toml", "token_ttl = 100\n")
        .file("other.toml", "token_ttl = 400\nlog_format = \"json\"\n")
        .flags(&["--config", "other.toml"])
        .start();
    assert_eq!(token_ttl(&server), 400);
}

#[test]
fn every_setting_may_stand_in_the_file() {
    let server = Server::builder()
        .file(
            "tenantry.toml",
            r#"
            public_url = "https://tenants.example.org"
            bootstrap_client_id = "first-client"
            bootstrap_client_secret = "abcdefghijklmnopqrstuvwxyz-0123456789"
            system_username = "root"
            system_password = "a-password-of-some-length"
            token_ttl = 60
            log = "debug"
            log_format = "text"
            system_create_status = 201
            master_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
            "#,
        )
        .start();
    server
        .get("/system/tenants")
        .basic("root", "a-password-of-some-length")
        .send()
        .expect_status(200);
    server
        .post("/system/tenants")
        .basic("root", "a-password-of-some-length")
        .json(&json!({"data": {}, "version": 1}))
        .send()
        .expect_status(201);
    let token = server.token_for("first-client", "abcdefghijklmnopqrstuvwxyz-0123456789");
    server
        .get("/v1/tenants")
        .bearer(&token)
        .send()
        .expect_status(200);
    let key_file = server.data_directory().join("master.key");
    assert!(!key_file.exists(), "a key given inline is not written");
}

#[test]
fn the_listen_flag_wins_too() {
    // A port that was free a moment ago; should another process be quicker, the start
    // fails loudly rather than passing by accident.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let server = Server::builder()
        .env("TENANTRY_LISTEN", "127.0.0.1:0")
        .flags(&["--listen", &address.to_string()])
        .start();
    assert_eq!(server.address(), address);
}

#[test]
fn the_data_directory_flag_wins_too() {
    let server = Server::builder()
        .flags(&["--data-dir", "elsewhere/deeper"])
        .start();
    let elsewhere = server.directory().join("elsewhere/deeper");
    assert!(elsewhere.join("tenantry.db").is_file());
    assert!(!server.data_directory().exists());
}

#[test]
fn the_database_may_lie_outside_the_data_directory() {
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("my.db");
    let server = Server::builder()
        .env(
            "TENANTRY_DATABASE_URL",
            &format!("sqlite://{}", path.display()),
        )
        .start();
    assert!(path.is_file());
    assert!(!server.data_directory().join("tenantry.db").exists());
}

#[test]
fn an_unknown_tenantry_variable_is_a_warning_that_names_it() {
    let server = Server::builder()
        .env("TENANTRY_PORT_8080_TCP_ADDR", "10.0.0.1")
        .start();
    server.get("/livez").send().expect_status(200);
    let said = format!("{}{}", server.stdout(), server.stderr());
    let warning = said
        .lines()
        .find(|line| line.contains("TENANTRY_PORT_8080_TCP_ADDR"))
        .unwrap_or_else(|| panic!("no warning in {said}"));
    assert!(warning.to_lowercase().contains("warn"), "{warning}");
}
