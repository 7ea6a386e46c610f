//! The change feed (contract §7): pages, long poll, streams, and `tenantry feed tail`.

mod bound;
mod list;
mod poll;
mod stream;
mod tail;

use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::harness::reference::unique_label;
use crate::harness::{EventStream, Request, Response, Server, cli};
use crate::support::{Tenant, create_tenant};

pub(crate) fn changes(server: &Server, query: &str) -> Request {
    server
        .get(&format!("/v1/changes?{query}"))
        .bearer(&server.token())
}

/// The end of the feed.
pub(crate) fn latest(server: &Server) -> i64 {
    let sequences = "SELECT max(sequence) AS number FROM changes";
    server.database().numbers(sequences)[0]
}

/// All changes behind that one, from as many pages as it takes.
pub(crate) fn all_after(server: &Server, after: i64) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = after;
    loop {
        let page = changes(server, &format!("after={after}&limit=7")).send();
        let page = page.expect_status(200).json();
        let data = page["data"].as_array().unwrap();
        if data.is_empty() {
            assert_eq!(page["next"], after);
            return all;
        }
        all.extend(data.iter().cloned());
        after = page["next"].as_i64().unwrap();
        assert_eq!(all.last().unwrap()["sequence"], after);
    }
}

fn sequence(change: &Value) -> i64 {
    change["sequence"].as_i64().unwrap()
}

fn new_tenant(server: &Server) -> Tenant {
    create_tenant(server, &unique_label("feed"))
}

/// Sends a request that waits, and goes on meanwhile.
fn begin(request: Request) -> JoinHandle<Response> {
    std::thread::spawn(move || request.send())
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// A stream of one process with the bootstrap client's token.
fn open(server: &Server, query: &str) -> EventStream {
    open_with(server, query, &server.token())
}

fn open_with(server: &Server, query: &str, token: &str) -> EventStream {
    let path = format!("/v1/changes/stream?{query}");
    let headers = [("Authorization", &*bearer(token))];
    EventStream::open(server.address(), &path, &headers)
}

/// Waits until that many readers wait on the server, all its processes together.
fn wait_for_readers(server: &Server, number: usize) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let waiting: usize = server.each().map(|process| readers(&process)).sum();
        if waiting == number {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{waiting} wait");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn readers(process: &Server) -> usize {
    metric(process, "tenantry_change_readers ")
}

fn metric(process: &Server, name: &str) -> usize {
    let metrics = process.get("/metrics").send().text();
    let value = metrics.lines().find_map(|line| line.strip_prefix(name));
    value.unwrap().parse().unwrap()
}

/// Makes a change at the command line, beside the server.
fn change_by_command(server: &Server) -> String {
    let label = unique_label("by-command");
    let domain = format!("{label}.example");
    let args = [
        "environment",
        "create",
        "--name",
        &label,
        "--domain",
        &domain,
        "--region",
        "R9",
        "--output",
        "json",
    ];
    let output = cli(server, &args);
    assert!(output.status.success(), "{output:?}");
    output.json()["id"].as_str().unwrap().to_owned()
}

fn put_record(server: &Server, id: &str, body: &Value) -> Value {
    let credentials = server.credentials();
    let put = server
        .put(&format!("/system/tenants/{id}"))
        .basic(&credentials.system_username, &credentials.system_password)
        .header("Accept", "application/json")
        .json(body);
    put.send().expect_status(200).json()
}

fn patch_tenant(server: &Server, id: &str, body: &Value) {
    let patch = server
        .patch(&format!("/v1/tenants/{id}"))
        .bearer(&server.token())
        .json(body);
    patch.send().expect_status(200);
}

fn set_status(server: &Server, id: &str, status: &str) {
    patch_tenant(server, id, &json!({"status": status}));
}
