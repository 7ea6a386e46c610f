//! The harness itself: a server starts, answers, stops and comes back.

use crate::harness::{Server, cli, raw};

#[test]
fn a_server_starts_answers_and_ends_with_status_0_on_sigterm() {
    let mut server = Server::start();
    let live = server.get("/livez").send().expect_status(200);
    assert_eq!(live.json(), serde_json::json!({"status": "ok"}));

    let token = server.token();
    server
        .get("/v1/tenants")
        .bearer(&token)
        .send()
        .expect_status(200);

    let answer = raw::exchange(
        server.address(),
        b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(raw::parse(&answer).status, 200);

    server.restart();
    let token = server.token();
    server
        .get("/v1/tenants")
        .bearer(&token)
        .send()
        .expect_status(200);
    assert!(server.database_path().is_file());
    assert!(server.stop().success(), "{}", server.stderr());
}

#[test]
fn the_command_line_works_beside_a_running_server() {
    let server = Server::start();
    let made = cli(
        &server,
        &[
            "client",
            "create",
            "--name",
            "reader",
            "--scope",
            "tenants:read",
            "--output",
            "json",
        ],
    );
    assert!(made.status.success(), "{}", made.stderr);
    let client = made.json();
    let token = server.token_for(
        client["clientId"].as_str().unwrap(),
        client["clientSecret"].as_str().unwrap(),
    );
    server
        .get("/v1/tenants")
        .bearer(&token)
        .send()
        .expect_status(200);
}
