//! Connections that are odd, slow, idle or in a hurry.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use super::{Family, read_to_close};
use crate::harness::{Server, raw, reference};
use crate::system::TENANTS;

/// Longer than the 30 s that a body may take.
const OVERDUE: Duration = Duration::from_secs(50);
const ROUTES: &[&str] = &["/v1/tenants", TENANTS, "/oauth/token"];

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address()).unwrap()
}

/// A request that is fine but for its body, which is up to the caller.
fn head(server: &Server, path: &str, framing: &str) -> String {
    use base64::Engine as _;
    let account = server.credentials();
    let pair = format!("{}:{}", account.system_username, account.system_password);
    let authorization = match Family::of(path) {
        Family::Management => format!("Authorization: Bearer {}\r\n", server.token()),
        Family::System => format!(
            "Authorization: Basic {}\r\nAccept: application/json\r\n",
            base64::engine::general_purpose::STANDARD.encode(pair)
        ),
        Family::OAuth => String::new(),
    };
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: application/json\r\n{framing}\r\n"
    )
}

#[test]
fn both_content_length_and_transfer_encoding_are_400_and_close() {
    let server = reference::shared();
    for &path in ROUTES {
        for framing in [
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        ] {
            let mut stream = connect(server);
            let request = format!(
                "{}2\r\n{{}}\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
                head(server, path, framing)
            );
            stream.write_all(request.as_bytes()).unwrap();
            let (answer, closed) = read_to_close(&mut stream, Duration::from_secs(10));
            let text = String::from_utf8_lossy(&answer);
            assert!(text.starts_with("HTTP/1.1 400"), "{text}");
            assert!(closed, "the connection stays open: {text}");
            assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{text}");
        }
    }
}

#[test]
fn two_different_lengths_are_400_and_close() {
    let server = reference::shared();
    let mut stream = connect(server);
    let request = head(
        server,
        "/v1/tenants",
        "Content-Length: 2\r\nContent-Length: 3\r\n",
    );
    stream
        .write_all(format!("{request}{{}}").as_bytes())
        .unwrap();
    let (answer, closed) = read_to_close(&mut stream, Duration::from_secs(10));
    assert!(answer.starts_with(b"HTTP/1.1 400"));
    assert!(closed);
}

/// This one takes the 30 s that the contract grants.
#[test]
fn a_body_that_does_not_arrive_is_408() {
    let server = Server::reference();
    let framings = ["Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"];
    std::thread::scope(|scope| {
        for &path in ROUTES {
            for framing in framings {
                let server = &server;
                scope.spawn(move || {
                    let mut stream = connect(server);
                    let begun = if framing.starts_with('C') {
                        "{"
                    } else {
                        "1\r\n{\r\n"
                    };
                    let request = format!("{}{begun}", head(server, path, framing));
                    stream.write_all(request.as_bytes()).unwrap();
                    let (answer, _) = read_to_close(&mut stream, OVERDUE);
                    Family::of(path).assert_error(&raw::parse(&answer), 408);
                });
            }
        }
        scope.spawn(|| {
            // One that is busy but never done: every byte comes, in its own good time.
            let mut stream = connect(&server);
            let mut reader = stream.try_clone().unwrap();
            let head = head(&server, "/v1/tenants", "Content-Length: 1000\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            let writer = scope.spawn(move || {
                for _ in 0..1000 {
                    if stream.write_all(b" ").is_err() {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(200));
                }
            });
            let (answer, _) = read_to_close(&mut reader, OVERDUE);
            Family::Management.assert_error(&raw::parse(&answer), 408);
            let _ = reader.shutdown(std::net::Shutdown::Both);
            writer.join().unwrap();
        });
    });
    server.get("/livez").send().expect_status(200);
}

#[test]
fn idle_and_slow_connections_keep_nobody_waiting() {
    let server = Server::reference();
    let token = server.token();
    let slow_body = head(&server, "/v1/tenants", "Content-Length: 100\r\n");
    let idle: Vec<TcpStream> = (0..200)
        .map(|number| {
            let mut stream = connect(&server);
            let said = match number % 4 {
                0 => "",
                1 => "GET /livez HT",
                2 => "GET /v1/tenants HTTP/1.1\r\nHost: x\r\nX-Slow: ",
                _ => slow_body.as_str(),
            };
            stream.write_all(said.as_bytes()).unwrap();
            stream
        })
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                for _ in 0..10 {
                    server.get("/livez").send().expect_status(200);
                    let tenants = server.get("/v1/tenants").bearer(&token);
                    tenants.send().expect_status(200);
                }
            });
        }
    });
    drop(idle);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = reference::shared();
    let authorization = format!("Authorization: Bearer {}\r\n", server.token());
    let body = r#"{"subdomain":"Nope!"}"#;
    let requests = format!(
        "GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: first\r\n\r\n\
         POST /v1/tenants HTTP/1.1\r\nHost: x\r\nX-Request-Id: second\r\n{authorization}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}\
         GET /v1/tenants?limit=1 HTTP/1.1\r\nHost: x\r\nX-Request-Id: third\r\n{authorization}\r\n\
         GET /nope HTTP/1.1\r\nHost: x\r\nX-Request-Id: fourth\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let answer = String::from_utf8(raw::exchange(server.address(), requests)).unwrap();
    let statuses: Vec<&str> = answer
        .match_indices("HTTP/1.1 ")
        .map(|(place, found)| &answer[place + found.len()..place + found.len() + 3])
        .collect();
    assert_eq!(statuses, ["200", "400", "200", "404"], "{answer}");
    let places: Vec<usize> = ["first", "second", "third", "fourth"]
        .iter()
        .map(|id| answer.find(&format!(": {id}\r\n")).unwrap())
        .collect();
    assert!(places.is_sorted(), "{answer}");
}

#[test]
fn an_error_leaves_the_connection_usable() {
    let server = reference::shared();
    let requests = "GET /v1/tenants HTTP/1.1\r\nHost: x\r\n\r\n\
                    GET /v1/nope HTTP/1.1\r\nHost: x\r\n\r\n\
                    DELETE /v1/tenants HTTP/1.1\r\nHost: x\r\n\r\n\
                    GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = String::from_utf8(raw::exchange(server.address(), requests)).unwrap();
    for status in ["401", "404", "405", "200"] {
        assert!(
            answer.contains(&format!("HTTP/1.1 {status}")),
            "{status} in {answer}"
        );
    }
}

#[test]
fn two_authorization_headers_are_401() {
    let server = reference::shared();
    let token = server.token();
    let answer = server
        .get("/v1/tenants")
        .bearer(&token)
        .bearer(&token)
        .send();
    Family::Management.assert_error(&answer, 401);
    let account = server.credentials();
    let (user, password) = (&account.client_id, &account.client_secret);
    let answer = server
        .post("/oauth/token")
        .basic(user, password)
        .basic(user, password)
        .form(&[("grant_type", "client_credentials")])
        .send();
    Family::OAuth.assert_error(&answer, 401);
}
