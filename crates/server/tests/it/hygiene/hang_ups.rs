//! Callers that go away, or send what nobody will read.

use std::{io::Write as _, net::TcpStream, time::Duration};

use super::read_to_close;
use crate::{
    harness::{Server, reference},
    support::poll,
};

const PATIENCE: Duration = Duration::from_secs(10);

fn send(server: &Server, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Otherwise anybody could keep a connection for ever, and send without end.
#[test]
fn a_body_that_nobody_reads_and_that_does_not_end_closes_the_connection() {
    let server = reference::shared();
    for line in [
        "GET /livez",
        "POST /nothing",
        "POST /v1/tenants",
        "POST /oauth/token",
    ] {
        for body in [
            "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
            "Content-Length: 5\r\n\r\nab",
        ] {
            let request = format!("{line} HTTP/1.1\r\nHost: x\r\n{body}");
            let mut stream = send(server, &request);
            let (answer, closed) = read_to_close(&mut stream, PATIENCE);
            assert!(answer.starts_with(b"HTTP/1.1 "), "{line}: no answer");
            assert!(closed, "{line} with {body:?} stays open");
        }
    }
}

#[test]
fn a_body_that_nobody_reads_but_that_ends_leaves_the_connection_alone() {
    let server = reference::shared();
    for body in [
        "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "Content-Length: 2\r\n\r\nab",
    ] {
        let first = format!("POST /v1/tenants HTTP/1.1\r\nHost: x\r\n{body}");
        let last = "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let mut stream = send(server, &format!("{first}{last}"));
        let (answer, closed) = read_to_close(&mut stream, PATIENCE);
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with("HTTP/1.1 401"), "{text}");
        assert!(closed && text.contains("HTTP/1.1 200"), "{text}");
    }
}

/// The caller will not hear of it, and ask again (RFC 9112 §9.6).
#[test]
fn nothing_is_done_behind_the_last_request_of_a_connection() {
    let server = Server::reference();
    let token = server.token();
    let label = "behind-the-last";
    let body = format!(
        r#"{{"subdomain":"{label}","environmentId":"{}"}}"#,
        reference::ENVIRONMENT_ID
    );
    let create = format!(
        "POST /v1/tenants HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for last in [
        "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nab",
    ] {
        let mut stream = send(&server, &format!("{last}{create}"));
        let (_, closed) = read_to_close(&mut stream, PATIENCE);
        assert!(closed);
        let tenants = server.get("/v1/tenants").bearer(&token).send();
        assert!(!tenants.text().contains(label), "{tenants}");
    }
}

#[test]
fn a_write_whose_caller_goes_away_is_done_and_recorded() {
    // Each process counts for itself.
    let server = Server::reference().nth(0);
    let token = server.token();
    let body = format!(
        r#"{{"subdomain":"gone","environmentId":"{}"}}"#,
        reference::ENVIRONMENT_ID
    );
    let request = format!(
        "POST /v1/tenants HTTP/1.1\r\nHost: x\r\nX-Request-Id: the-one-that-left\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    drop(send(&server, &request));
    poll(&server.get("/v1/tenants").bearer(&token), |answer| {
        answer.text().contains("gone.vii.mattr.global")
    });
    poll(&server.get("/metrics"), |answer| {
        // The request that asks is in flight itself.
        answer
            .text()
            .contains("tenantry_http_requests_in_flight 1\n")
            && server.stderr().contains("the-one-that-left")
    });
}
