//! `tenantry master-key rotate`: everything is sealed anew, and nobody has to stop for it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::harness::{Server, cli};
use crate::key_rotation::{command, refused};
use crate::support::{poll, poll_each, text};

fn key_file(server: &Server) -> std::path::PathBuf {
    server.data_directory().join("master.key")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[track_caller]
fn assert_key_file(path: &Path) {
    let key = STANDARD.decode(read(path).trim_end()).unwrap();
    assert_eq!(key.len(), 32);
    assert_eq!(fs::metadata(path).unwrap().mode() & 0o7777, 0o600);
}

fn works(server: &Server, token: &str) {
    let environments = server.get("/v1/environments").bearer(token).send();
    environments.expect_status(200);
    let bootstrap = server.credentials();
    server.token_for(&bootstrap.client_id, &bootstrap.client_secret);
}

fn server() -> Server {
    Server::builder()
        .env("TENANTRY_PUBLIC_URL", "https://manage.example.test")
        .start()
}

#[test]
fn a_running_server_goes_on_and_a_new_one_starts() {
    let mut server = server();
    let (token, old) = (server.token(), read(&key_file(&server)));
    let rotated = command(&server, &["master-key", "rotate"]);
    let previous = server.data_directory().join("master.key.previous");
    assert_eq!(rotated["file"], key_file(&server).to_str().unwrap());
    assert_eq!(rotated["previousFile"], previous.to_str().unwrap());
    assert_eq!(rotated["resealed"], 1);
    assert_key_file(&key_file(&server));
    assert_key_file(&previous);
    assert_ne!(read(&key_file(&server)), old);
    assert_eq!(read(&previous), old);
    works(&server, &token);

    // A key that is sealed under the new one reaches the running server all the same.
    let made = command(&server, &["key", "rotate", "--algorithm", "ES256"]);
    let kid = text(&made["kid"]);
    poll_each(&server, "/.well-known/jwks.json", |answer| {
        answer.text().contains(&kid)
    });
    assert_eq!(command(&server, &["master-key", "rotate"])["resealed"], 2);
    works(&server, &token);

    fs::remove_file(&previous).unwrap();
    server.restart();
    works(&server, &token);
}

#[test]
fn a_rotation_that_was_cut_short_leaves_a_server_that_starts() {
    let mut server = server();
    let token = server.token();
    let (file, next) = (
        key_file(&server),
        server.data_directory().join("master.key.next"),
    );
    let old = read(&file);
    command(&server, &["master-key", "rotate"]);
    let new = read(&file);
    fs::remove_file(server.data_directory().join("master.key.previous")).unwrap();

    // Committed, and not yet put in its place.
    fs::write(&file, &old).unwrap();
    fs::write(&next, &new).unwrap();
    server.restart();
    works(&server, &token);
    assert!(server.stderr().contains("master.key.next"));
    // The next rotation mends it.
    command(&server, &["master-key", "rotate"]);
    assert!(!next.exists());
    server.restart();
    works(&server, &token);

    // Written, and not committed.
    fs::write(&next, &old).unwrap();
    server.restart();
    works(&server, &token);
    command(&server, &["master-key", "rotate"]);
    assert!(!next.exists());
    server.restart();
    works(&server, &token);
}

#[test]
fn a_key_that_is_given_inline_is_replaced_by_hand() {
    let first = STANDARD.encode([7; 32]);
    let mut server = Server::builder()
        .env("TENANTRY_PUBLIC_URL", "https://manage.example.test")
        .env("TENANTRY_MASTER_KEY", &first)
        .start();
    let token = server.token();
    let refusal = cli(&server, &["master-key", "rotate"]);
    assert_eq!(refusal.status.code(), Some(2), "{refusal:?}");
    assert!(refusal.stderr.contains("--to"), "{refusal:?}");

    let file = server.directory().join("new.key");
    let path = file.to_str().unwrap();
    command(&server, &["master-key", "rotate", "--to", path]);
    assert_key_file(&file);
    works(&server, &token);
    // The old one opens nothing any more, and a file that is there is not written over.
    let refusal = cli(&server, &["key", "rotate"]);
    assert_eq!(refusal.status.code(), Some(2), "{refusal:?}");
    let new = read(&file);
    server.set_env("TENANTRY_MASTER_KEY", new.trim_end());
    refused(&server, &["master-key", "rotate", "--to", path]);
    assert_eq!(read(&file), new);

    // A key that the server can't open may be the one that a token is signed with: the
    // server says so of itself, and nothing of the token.
    command(&server, &["key", "rotate", "--now"]);
    poll(&server.nth(0).get("/readyz"), |answer| answer.status == 503);
    let mut header = crate::jwt::part(&token, 0);
    header["kid"] = "a-key-it-has-not-heard-of".into();
    let (_, rest) = token.split_once('.').unwrap();
    let strange = format!("{}.{rest}", crate::jwt::encode(&header));
    let used = server.get("/v1/environments").bearer(&strange).send();
    used.expect_status(503);
    let bootstrap = server.credentials();
    let (id, secret) = (bootstrap.client_id, bootstrap.client_secret);
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        let asked = server.post(path).basic(&id, &secret);
        asked.form(&[("token", &strange)]).send().expect_status(503);
    }
    server.restart();
    works(&server, &token);
    let used = server.get("/v1/environments").bearer(&strange).send();
    used.expect_status(401);
}
