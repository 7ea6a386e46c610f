//! The example in Python (`examples/http-python`), as a reader of it would run it.
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Request, Server};
use crate::support::{poll, text};

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/http-python/service.py"
);

/// The script with what it needs to know, in the server's directory.
fn script(server: &Server, arguments: &[&str]) -> Command {
    let credentials = server.credentials();
    let mut command = Command::new("python3");
    command
        .arg(SCRIPT)
        .args(arguments)
        .current_dir(server.directory())
        .env("TENANTRY_URL", server.url())
        .env("TENANTRY_CLIENT_ID", credentials.client_id)
        .env("TENANTRY_CLIENT_SECRET", credentials.client_secret)
        .env("NO_PROXY", "*")
        .stdin(Stdio::null());
    command
}

/// Runs it to its end: the lines that it has printed.
#[track_caller]
fn run(server: &Server, arguments: &[&str]) -> Vec<Value> {
    let output = script(server, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn has_python() -> bool {
    let found = Command::new("python3")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if found.is_ok_and(|status| status.success()) {
        return true;
    }
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!is_ci, "there is no python3");
    let _ = std::io::stderr().write_all(b"\nthe example in Python skipped: no python3\n");
    false
}

#[test]
fn the_example_in_python_creates_a_tenant_and_goes_on_in_the_feed_where_it_was() {
    if !has_python() {
        return;
    }
    let server = Server::start();
    let made = run(&server, &["create", "my-tenant"]).remove(0);
    let host = text(&made["subdomain"]);
    assert!(host.starts_with("my-tenant."), "{made}");
    let (id, client) = (text(&made["id"]), &made["client"]);
    server.token_for(&text(&client["clientId"]), &text(&client["clientSecret"]));

    let before = run(&server, &["follow", "--once"]);
    let created = json!("tenant.created");
    assert!(before.iter().any(|change| change["type"] == created));
    let last = before.last().unwrap()["sequence"].as_i64().unwrap();
    assert_eq!(run(&server, &["follow", "--once"]), Vec::<Value>::new());

    let path = format!("/v1/tenants/{id}");
    let renamed = server.patch(&path).bearer(&server.token());
    renamed
        .json(&json!({"name": "Other"}))
        .send()
        .expect_status(200);
    let after = run(&server, &["follow", "--once"]);
    let expected = json!([{"sequence": last + 1, "type": "tenant.updated"}]);
    assert_eq!(json!(after), expected, "behind {last} and nothing else");
    let kept = |server: &Server| {
        let state = server.directory().join("service-state.db");
        let code = "import sqlite3,sys,json; print(json.dumps(sqlite3.connect(sys.argv[1])\
                    .execute('SELECT * FROM tenants').fetchall()))";
        let output = Command::new("python3")
            .args(["-c", code])
            .arg(state)
            .output()
            .unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    assert_eq!(kept(&server), json!([[id, host, "Other", "active", 2]]));
    let delete = server.delete(&path).bearer(&server.token());
    delete.send().expect_status(204);
    run(&server, &["follow", "--once"]);
    assert_eq!(kept(&server), json!([]));

    // What is refused is told, and is no success.
    let refused = script(&server, &["create", "No Label"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("400"));
}

/// The receiver, gone when dropped.
struct Receiver {
    process: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Receiver {
    fn start(server: &Server, listen: &str) -> (Self, String) {
        let arguments = ["receive", "--listen", listen];
        let mut process = script(server, &arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        let mut receiver = Self { process, lines };
        let url = text(&receiver.line()["listening"]);
        (receiver, url)
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_example_in_python_takes_deliveries_that_are_genuine_and_no_others() {
    if !has_python() {
        return;
    }
    let server = Server::builder()
        .env("TENANTRY_WEBHOOK_ALLOW_PRIVATE", "true")
        .env("TENANTRY_WEBHOOK_RETRY_DELAYS", "1")
        .start();
    let (mut receiver, url) = Receiver::start(&server, "127.0.0.1:0");
    let forge = |signature: &str, stamp: &str| {
        let body = json!({"data": {"sequence": 1_000_000, "type": "tenant.deleted"}});
        let forged = Request::new("POST", format!("{url}/tenantry"))
            .header("webhook-id", "forged")
            .header("webhook-timestamp", stamp)
            .header("webhook-signature", signature);
        let answer = forged.json(&body).try_send().unwrap();
        answer.expect_status(401);
    };
    forge(
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
        "1767225600",
    );
    forge("", "soon");

    run(&server, &["create", "one"]);
    let mut told = Vec::new();
    while !told.contains(&json!("client.created")) {
        told.push(receiver.line()["type"].clone());
    }
    assert!(told.contains(&json!("tenant.created")), "{told:?}");

    // One that comes again is answered, and told once; a restart keeps the webhook and its secret.
    let hooks = server.get("/v1/webhooks").bearer(&server.token()).send();
    let hooks = hooks.expect_status(200).json();
    let id = text(&hooks["data"][0]["id"]);
    let deliveries = format!("/v1/webhooks/{id}/deliveries");
    let list = server.get(&deliveries).bearer(&server.token());
    let all_are = |status: &'static str| {
        move |answer: &crate::harness::Response| {
            let answer = answer.json();
            let list = answer["data"].as_array().unwrap();
            list.len() == 2 && list.iter().all(|one| one["status"] == status)
        }
    };
    let delivered = poll(&list, all_are("delivered")).json();
    let port = url.rsplit(':').next().unwrap();
    drop(receiver);
    let (mut receiver, _) = Receiver::start(&server, &format!("127.0.0.1:{port}"));
    let again = text(&delivered["data"][0]["id"]);
    let again = format!("{deliveries}/{again}/redeliver");
    let redeliver = server.post(&again).bearer(&server.token());
    redeliver.json(&json!({})).send().expect_status(202);
    poll(&list, |answer| answer.json()["data"][0]["attempts"] == 2);
    poll(&list, all_are("delivered"));
    run(&server, &["create", "two"]);
    let new = receiver.line();
    assert_eq!(new["type"], "tenant.created", "{new}");
    let hooks = server.get("/v1/webhooks").bearer(&server.token()).send();
    assert_eq!(hooks.json()["data"].as_array().unwrap().len(), 1);
}
