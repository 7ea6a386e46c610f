//! TLS: what clients meet, what files are refused, and how new ones take the place of old ones.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::tls::{Authority, Certificate, exchange, get};
use crate::harness::{Builder, Server, cli_with, raw};
use crate::process::assert_refused;
use crate::support::text;

fn builder(certificate: &Certificate) -> Builder {
    Server::builder()
        .file("cert.pem", &certificate.pem)
        .file("key.pem", &certificate.key)
        .env("TENANTRY_TLS_CERT", "cert.pem")
        .env("TENANTRY_TLS_KEY", "key.pem")
}

fn write(directory: &Path, certificate: &Certificate) {
    std::fs::write(directory.join("key.pem"), &certificate.key).unwrap();
    std::fs::write(directory.join("cert.pem"), &certificate.pem).unwrap();
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn metric(authority: &Authority, server: &Server, name: &str) -> i64 {
    let text = authority.get(server.address(), "/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.unwrap_or_else(|| panic!("no {name} in {text}"));
    value.trim().parse().unwrap()
}

#[test]
fn clients_come_by_tls_1_2_or_1_3_and_by_nothing_else() {
    let authority = Authority::new();
    let server = builder(&authority.certificate(-1, 90)).start();
    let address = server.address();
    for version in rustls::ALL_VERSIONS {
        let mut stream = authority.connect(address, &[version]).unwrap();
        assert_eq!(stream.conn.protocol_version(), Some(version.version));
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        let answer = exchange(&mut stream, &get("/livez"));
        assert_eq!(answer.text(), r#"{"status":"ok"}"#);
    }
    let issuer = authority.get(address, "/.well-known/oauth-authorization-server");
    assert_eq!(issuer.json()["issuer"], json!(format!("https://{address}")));
    let plain = raw::exchange(address, get("/livez"));
    assert!(!plain.starts_with(b"HTTP/1.1 2"), "{plain:?}");
    let stranger = Authority::new().connect(address, rustls::ALL_VERSIONS);
    assert!(stranger.is_err(), "the certificate is this authority's");
}

#[test]
fn files_that_can_t_be_used_are_refused_at_the_start() {
    let authority = Authority::new();
    let good = authority.certificate(-1, 90);
    let other = authority.certificate(-1, 90);
    let with = |pem: &str, key: &str| Certificate {
        pem: pem.to_owned(),
        key: key.to_owned(),
        ..good.clone()
    };
    for (certificate, variable, says) in [
        (with("x", &good.key), "TENANTRY_TLS_CERT", "no certificate"),
        (with(&good.pem, "x"), "TENANTRY_TLS_KEY", "no private key"),
        (
            with(&good.pem, &other.key),
            "TENANTRY_TLS_KEY",
            "not the key",
        ),
        (
            authority.certificate(-9, -1),
            "TENANTRY_TLS_CERT",
            "has expired",
        ),
        (
            authority.certificate(1, 90),
            "TENANTRY_TLS_CERT",
            "good only from",
        ),
    ] {
        let output = builder(&certificate).run_to_exit(&["serve"]);
        assert_refused(&output, variable);
        assert!(output.stderr.contains(says), "{says}: {output:?}");
        assert!(output.stderr.contains(".pem"), "{output:?}");
        let shown = output.stderr.contains("PRIVATE KEY");
        assert!(!shown, "{output:?}");
    }
    let output = builder(&good)
        .env("TENANTRY_TLS_KEY", "missing.pem")
        .run_to_exit(&["serve"]);
    assert_refused(&output, "TENANTRY_TLS_KEY");
    assert!(
        output.stderr.contains("missing.pem can't be read"),
        "{output:?}"
    );
}

#[test]
fn a_new_certificate_is_shown_and_one_that_can_t_be_used_is_not() {
    const EXPIRY: &str = "tenantry_tls_certificate_expiry_timestamp_seconds";
    const REFUSED: &str = r#"tenantry_tls_certificate_reloads_total{outcome="refused"}"#;
    const LOADED: &str = r#"tenantry_tls_certificate_reloads_total{outcome="loaded"}"#;
    let authority = Authority::new();
    let first = authority.certificate(-1, 30);
    let server = builder(&first).start();
    let address = server.address();
    assert_eq!(authority.shown(address), first.der);
    let expiry = metric(&authority, &server, EXPIRY);

    let second = authority.certificate(-1, 90);
    let mut open = authority.connect(address, rustls::ALL_VERSIONS).unwrap();
    write(server.directory(), &second);
    server.nth(0).signal("HUP");
    until("the second", || authority.shown(address) == second.der);
    let later = metric(&authority, &server, EXPIRY) - expiry;
    assert!((later - 60 * 86_400).abs() < 60, "{later}");
    assert_eq!(exchange(&mut open, &get("/livez")).status, 200, "it lasts");

    let mut broken = authority.certificate(-1, 90);
    broken.key.clone_from(&second.key);
    write(server.directory(), &broken);
    server.nth(0).signal("HUP");
    until("a refusal", || metric(&authority, &server, REFUSED) == 1);
    assert_eq!(authority.shown(address), second.der);
    until("a line", || {
        server.stderr().contains("is not the key of the")
    });

    // Without a signal the files are looked at every few seconds.
    let third = authority.certificate(-1, 90);
    write(server.directory(), &third);
    until("the third", || authority.shown(address) == third.der);
    assert_eq!(metric(&authority, &server, LOADED), 2);
    assert_eq!(metric(&authority, &server, REFUSED), 1);
}

#[test]
fn health_and_doctor_look_at_a_server_with_tls() {
    let authority = Authority::new();
    let mut server = builder(&authority.certificate(-1, 90)).start();
    let listen = server.address().to_string();
    let found = |others: &[(&str, &str)], check: &str| {
        let mut settings = vec![
            ("TENANTRY_LISTEN", &*listen),
            ("TENANTRY_PUBLIC_URL", "https://localhost"),
        ];
        settings.extend_from_slice(others);
        let output = cli_with(&server, &settings, &["doctor", "--output", "json"]);
        let report = output.json();
        let mut checks = report["checks"].as_array().unwrap().iter();
        let found = checks.find(|one| one["check"] == check);
        text(&found.unwrap_or_else(|| panic!("{check}: {report}"))["state"])
    };
    let there = [("TENANTRY_LISTEN", &*listen)];
    let health = |server: &Server| {
        cli_with(server, &there, &["health", "--ready"])
            .status
            .code()
    };
    assert_eq!(health(&server), Some(0));
    assert_eq!(found(&[], "certificate"), "ok");
    assert_eq!(found(&[], "listen"), "ok");
    let elsewhere = [("TENANTRY_PUBLIC_URL", "https://example.com")];
    assert_eq!(found(&elsewhere, "certificate"), "problem");
    let address = [("TENANTRY_PUBLIC_URL", "https://127.0.0.1")];
    assert_eq!(found(&address, "certificate"), "ok");
    // A server that does not show what the files hold.
    let directory = server.directory().to_owned();
    write(&directory.join("data"), &authority.certificate(-1, 3));
    let others = [
        ("TENANTRY_TLS_CERT", "data/cert.pem"),
        ("TENANTRY_TLS_KEY", "data/key.pem"),
    ];
    assert_eq!(found(&others, "listen"), "warning");
    assert_eq!(found(&others, "certificate"), "warning", "it expires soon");
    let mixed = [("TENANTRY_TLS_CERT", "data/cert.pem")];
    assert_eq!(found(&mixed, "certificate"), "problem");
    assert!(server.stop().success());
    assert_eq!(health(&server), Some(1));
}

#[test]
fn who_connects_and_never_finishes_the_handshake_is_dropped() {
    let authority = Authority::new();
    let server = builder(&authority.certificate(-1, 90)).start();
    let mut silent = TcpStream::connect(server.address()).unwrap();
    let mut slow = TcpStream::connect(server.address()).unwrap();
    // The beginning of a ClientHello.
    slow.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3])
        .unwrap();
    for stream in [&mut silent, &mut slow] {
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut rest = Vec::new();
        // Closed, with or without a last word, and not only silent.
        match stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
    assert_eq!(authority.get(server.address(), "/livez").status, 200);
}

#[test]
fn a_server_that_stops_finishes_what_is_in_flight() {
    let authority = Authority::new();
    let mut server = builder(&authority.certificate(-1, 90)).start();
    let address = server.address();
    let account = server.credentials();
    let body = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        account.client_id, account.client_secret
    );
    let head = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n",
        body.len()
    );
    let connect = || authority.connect(address, rustls::ALL_VERSIONS).unwrap();
    let (mut stream, idle) = (connect(), connect());
    stream.write_all(head.as_bytes()).unwrap();
    let mut interim = [0; 64];
    let read = stream.read(&mut interim).unwrap();
    assert!(interim[..read].starts_with(b"HTTP/1.1 100"));
    server.signal("TERM");
    until("no more connections", || {
        TcpStream::connect(address).is_err()
    });
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(raw::parse(&answer).status, 200);
    assert!(server.wait_for_end().success(), "{}", server.stderr());
    drop(idle);
}
