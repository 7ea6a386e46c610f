//! SIGTERM and SIGINT: stop accepting, finish what is in flight, exit 0.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Server, raw, reference};

const PATIENCE: Duration = Duration::from_secs(20);

/// A create whose body is still to come, and which the server is known to have taken up.
fn begin_create(server: &Server, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /v1/tenants HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        server.token(),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut interim = [0; 64];
    let read = stream.read(&mut interim).unwrap();
    let interim = String::from_utf8_lossy(&interim[..read]);
    assert!(interim.starts_with("HTTP/1.1 100"), "{interim}");
    stream
}

fn refuses_connections(server: &Server) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if TcpStream::connect(server.address()).is_err() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

fn finishes_what_is_in_flight(signal: &str) {
    let mut server = Server::reference();
    let body = json!({"subdomain": "in-flight", "environmentId": reference::ENVIRONMENT_ID});
    let body = body.to_string();
    let (first, last) = body.split_at(10);
    let mut stream = begin_create(&server, &body);
    stream.write_all(first.as_bytes()).unwrap();
    server.signal(signal);
    assert!(refuses_connections(&server), "it goes on accepting");
    stream.write_all(last.as_bytes()).unwrap();
    let answer = raw::parse(&raw::read_all(&mut stream));
    assert_eq!(answer.status, 201, "{answer}");
    let status = server.wait_for_end();
    assert_eq!(status.code(), Some(0), "{}", server.stderr());

    server.restart();
    let tenants = server
        .get("/v1/tenants?limit=10")
        .bearer(&server.token())
        .send()
        .expect_status(200)
        .json();
    assert_eq!(tenants["data"][0]["id"], answer.json()["id"]);
}

#[test]
fn sigterm_finishes_requests_in_flight_and_exits_0() {
    finishes_what_is_in_flight("TERM");
}

#[test]
fn sigint_finishes_requests_in_flight_and_exits_0() {
    finishes_what_is_in_flight("INT");
}

#[test]
fn idle_connections_do_not_hold_up_the_end() {
    let mut server = Server::start();
    let idle: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(server.address()).unwrap())
        .collect();
    let mut kept_alive = TcpStream::connect(server.address()).unwrap();
    kept_alive
        .write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut first = [0; 12];
    kept_alive.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    assert_eq!(server.stop().code(), Some(0), "{}", server.stderr());
    drop(idle);
}

#[test]
fn an_end_right_after_the_start_is_clean() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start();
        server.signal(signal);
        let status = server.wait_for_end();
        assert_eq!(status.code(), Some(0), "{}", server.stderr());
    }
}
