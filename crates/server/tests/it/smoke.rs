//! The harness itself: a server starts, answers, stops and comes back.

use std::io::Write as _;
use std::net::TcpListener;

use crate::harness::{Request, Server, cli, raw};

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
    assert!(server.stop().success(), "{}", server.stderr());
    // Whoever copies the file of a server that has stopped has all of it.
    if let Some(file) = server.database().file() {
        assert!(!file.with_extension("db-wal").exists());
    }
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

#[test]
fn the_client_sends_what_it_is_told_and_nothing_else() {
    let sent = |request: fn(Request) -> Request, method: &str| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let far_side = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream
                .write_all(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")
                .unwrap();
            String::from_utf8(raw::read_all(&mut stream)).unwrap()
        });
        let answer = request(Request::new(method, format!("http://{address}/p?q=1"))).send();
        assert_eq!(answer.status, 302);
        let text = far_side
            .join()
            .unwrap()
            .replace(&address.to_string(), "HOST")
            .to_lowercase();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines: Vec<_> = head.split("\r\n").map(str::to_owned).collect();
        lines[1..].sort();
        lines.push(body.to_owned());
        lines
    };
    assert_eq!(
        sent(|request| request, "GET"),
        ["get /p?q=1 http/1.1", "host: host", ""]
    );
    assert_eq!(
        sent(|request| request, "POST"),
        [
            "post /p?q=1 http/1.1",
            "content-length: 0",
            "host: host",
            ""
        ]
    );
    assert_eq!(
        sent(
            |request| request.header("X-A", "1").header("X-A", "2").bytes("hi"),
            "DELETE"
        ),
        [
            "delete /p?q=1 http/1.1",
            "content-length: 2",
            "host: host",
            "x-a: 1",
            "x-a: 2",
            "hi"
        ]
    );
    assert_eq!(
        sent(|request| request, "BREW"),
        ["brew /p?q=1 http/1.1", "host: host", ""]
    );
}
