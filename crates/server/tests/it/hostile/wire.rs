//! Messages that are no decent HTTP: two requests in one, heads without end, crowds of connections.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use super::scene;
use crate::harness::raw;

/// How many connections that say nothing there are at once.
const CROWD: usize = 2000;

/// How a body may be delimited so that two readers might disagree about its end. Behind it stands
/// another request.
const FRAMINGS: &[(&str, &str)] = &[
    (
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "0\r\n\r\n",
    ),
    (
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "0\r\n\r\n",
    ),
    ("Content-Length: 0\r\nContent-Length: 5", ""),
    ("Content-Length: 0, 5", ""),
    ("Content-Length: +0", ""),
    ("Content-Length: -1", ""),
    ("Content-Length: 0x0", ""),
    ("Content-Length: ", ""),
    ("Content-Length: 18446744073709551616", ""),
    ("Transfer-Encoding: xchunked", "0\r\n\r\n"),
    ("Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
    (
        "Transfer-Encoding: identity, chunked, identity",
        "0\r\n\r\n",
    ),
    (
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "0\r\n\r\n",
    ),
    ("Transfer-Encoding : chunked", "0\r\n\r\n"),
    ("Transfer-Encoding:\x0bchunked", "0\r\n\r\n"),
    (" Transfer-Encoding: chunked", "0\r\n\r\n"),
    ("Transfer-Encoding: chunked", "-1\r\n\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked", "0x0\r\n\r\n"),
    (
        "Transfer-Encoding: chunked",
        "ffffffffffffffffff\r\n\r\n0\r\n\r\n",
    ),
    ("Transfer-Encoding: chunked", "1\r\nab\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked", "2\nab\n0\n\n"),
];

fn connect() -> TcpStream {
    TcpStream::connect(scene().server.address()).unwrap()
}

fn statuses(answer: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(answer).into_owned();
    let starts = text.match_indices("HTTP/1.1 ");
    starts
        .filter_map(|(at, found)| Some(text.get(at + found.len()..)?.get(..3)?.to_owned()))
        .collect()
}

#[test]
fn no_request_hides_in_the_body_of_another() {
    let scene = scene();
    let before = scene.fingerprint();
    let authorization = format!("Authorization: Bearer {}\r\n", scene.server.token());
    let hidden = format!(
        "DELETE /v1/tenants/{} HTTP/1.1\r\nHost: x\r\n{authorization}Connection: close\r\n\r\n",
        scene.tenant
    );
    for (framing, body) in FRAMINGS {
        let outer = format!(
            "POST /v1/tenants HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: application/json\r\n\
             {framing}\r\n\r\n{body}"
        );
        let answer = raw::exchange(scene.server.address(), format!("{outer}{hidden}"));
        let statuses = statuses(&answer);
        println!("{framing:?} {body:?}: {statuses:?}");
        assert!(statuses.len() <= 1, "{}", String::from_utf8_lossy(&answer));
        for status in statuses {
            assert!(status.starts_with('4'), "{status} to {framing:?} {body:?}");
        }
    }
    assert_eq!(scene.fingerprint(), before);
}

#[test]
fn heads_without_end_are_refused_and_nobody_else_notices() {
    let lines = |number: usize| "X-Bomb: x\r\n".repeat(number);
    let heads = [
        format!(
            "GET /livez HTTP/1.1\r\nHost: x\r\nX-Bomb: {}\r\n\r\n",
            "x".repeat(1 << 20)
        ),
        format!("GET /livez HTTP/1.1\r\nHost: x\r\n{}\r\n", lines(10_000)),
        format!("GET /livez HTTP/1.1\r\nHost: x\r\n{}\r\n", lines(300)),
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(1 << 20)),
        format!(
            "GET /livez?{} HTTP/1.1\r\nHost: x\r\n\r\n",
            "a&".repeat(1 << 19)
        ),
        format!("{} /livez HTTP/1.1\r\nHost: x\r\n\r\n", "G".repeat(1 << 20)),
    ];
    for head in heads {
        let answer = raw::exchange(scene().server.address(), &head);
        // A server that closes while bytes are on their way may be heard to say nothing.
        for status in statuses(&answer) {
            assert!(status.starts_with('4'), "{status} to {}", &head[..60]);
        }
        scene().server.get("/livez").send().expect_status(200);
    }
}

#[test]
fn what_is_no_http_at_all_is_a_400_or_the_end() {
    let messages: [&[u8]; 8] = [
        b"\r\n\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET http://evil.example/livez\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n",
    ];
    for message in messages {
        let mut stream = connect();
        stream.write_all(message).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        for status in statuses(&raw::read_all(&mut stream)) {
            assert!(
                status.starts_with('4'),
                "{status} to {}",
                message.escape_ascii()
            );
        }
    }
    scene().server.get("/livez").send().expect_status(200);
}

#[test]
fn a_crowd_that_says_nothing_keeps_nobody_waiting() {
    let crowd: Vec<_> = (0..CROWD).map(|_| connect()).collect();
    for _ in 0..20 {
        let server = &scene().server;
        server.get("/livez").send().expect_status(200);
        let list = server.get("/v1/tenants?limit=1").bearer(&server.token());
        list.send().expect_status(200);
    }
    drop(crowd);
}
