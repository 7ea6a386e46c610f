//! A Unix socket in place of an address.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::harness::tls::{exchange, get};
use crate::harness::{Builder, Response, Server, cli, raw};
use crate::process::assert_refused;

fn builder() -> Builder {
    Server::builder()
        .env("TENANTRY_LISTEN", "unix:tenantry.sock")
        .env("TENANTRY_PUBLIC_URL", "https://tenants.example.com")
}

fn socket(server: &Server) -> PathBuf {
    server.directory().join("tenantry.sock")
}

fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).unwrap();
    stream
}

fn ask(path: &Path, target: &str) -> Response {
    exchange(&mut connect(path), &get(target))
}

#[test]
fn it_is_served_for_its_owner_and_group_and_gone_after_the_stop() {
    let mut server = builder().start();
    let path = socket(&server);
    let told = format!("listening on unix:{}", path.display());
    assert!(server.stdout().contains(&told), "{}", server.stdout());
    assert_eq!(ask(&path, "/readyz").status, 200);
    let issuer = ask(&path, "/.well-known/oauth-authorization-server").json();
    assert_eq!(issuer["issuer"], "https://tenants.example.com");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660, "{mode:o}");
    for args in [&["health", "--ready"][..], &["doctor"]] {
        let output = cli(&server, args);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    // A connection that is only kept open does not keep the server from ending.
    let idle = connect(&path);
    assert!(server.stop().success(), "{}", server.stderr());
    drop(idle);
    assert!(!path.exists());
    assert_eq!(cli(&server, &["health"]).status.code(), Some(1));
}

#[test]
fn what_a_killed_server_has_left_is_taken_over_and_what_is_in_use_is_not() {
    let mut server = builder().start();
    let path = socket(&server);
    let beside = builder()
        .env("TENANTRY_LISTEN", &format!("unix:{}", path.display()))
        .run_to_exit(&["serve"]);
    assert_refused(&beside, "TENANTRY_LISTEN");
    assert!(
        beside.stderr.contains("listens there already"),
        "{beside:?}"
    );
    assert_eq!(ask(&path, "/livez").status, 200, "it was left alone");
    server.kill();
    assert!(path.exists());
    server.restart();
    assert_eq!(ask(&path, "/livez").status, 200);
    assert!(server.stop().success());

    let other = UnixListener::bind(&path).unwrap();
    let refused = cli(&server, &["serve"]);
    assert_refused(&refused, "TENANTRY_LISTEN");
    drop(other);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "precious").unwrap();
    let refused = cli(&server, &["serve"]);
    assert_refused(&refused, "TENANTRY_LISTEN");
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
}

/// There is no address to tell callers apart by: they share one limit.
#[test]
fn all_who_come_by_it_share_the_limit_of_one_address() {
    let server = builder()
        .env("TENANTRY_FAILED_LOGINS_PER_ADDRESS", "3")
        .start();
    let path = socket(&server);
    let statuses: Vec<u16> = (0..6)
        .map(|number| {
            let mut stream = connect(&path);
            let request = format!(
                "GET /system/tenants HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                 X-Forwarded-For: 192.0.2.{number}\r\nAuthorization: Basic {}\r\n\r\n",
                // Another account each time.
                ["YTp4", "Yjp4", "Yzp4", "ZDp4", "ZTp4", "Zjp4"][number]
            );
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            raw::parse(&answer).status
        })
        .collect();
    assert_eq!(statuses, [401, 401, 401, 429, 429, 429]);
}
