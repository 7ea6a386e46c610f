//! `GET /v1/changes/stream`: Server-Sent Events.

use std::time::Duration;

use serde_json::json;

use super::{
    all_after, bearer, change_by_command, latest, metric, new_tenant, open, open_with, put_record,
    wait_for_readers,
};
use crate::harness::{EventStream, Server, cli, reference};
use crate::support::{assert_error, assert_faults, management_client};

#[test]
fn changes_come_in_order_as_the_list_has_them_and_go_on_where_they_were_left() {
    let server = Server::reference();
    new_tenant(&server);
    let mut stream = open(&server.nth(0), "");
    let head = &stream.head;
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    assert_eq!(head.header("cache-control"), Some("no-store"));
    assert_eq!(head.header("x-accel-buffering"), Some("no"));
    assert!(head.header("x-request-id").is_some());
    let first = stream.block().unwrap();
    assert_eq!((first.retry, first.data), (Some(2000), None));
    let there = all_after(&server, 0);
    for (expected, number) in there.iter().zip(1..) {
        assert_eq!(stream.event().unwrap(), (number, expected.clone()));
    }
    // What comes, from any process and from the command line.
    let tenant = new_tenant(&server.nth(1));
    assert_eq!(stream.event().unwrap().1["tenantId"], tenant.id.as_str());
    let (last, _) = stream.event().unwrap();
    let environment = change_by_command(&server);
    assert_eq!(
        stream.event().unwrap().1["environmentId"],
        environment.as_str()
    );
    drop(stream);
    // Another process takes it up. What the client says itself wins over its URL.
    let token = bearer(&server.token());
    let headers = [
        ("Authorization", token.as_str()),
        ("Last-Event-ID", &last.to_string()),
        ("Accept", "text/event-stream"),
    ];
    let address = server.nth(1).address();
    let mut resumed = EventStream::open(address, "/v1/changes/stream?after=0", &headers);
    assert_eq!(resumed.event().unwrap().0, last + 1);
    let mut later = open(&server, "after=latest");
    assert_eq!(later.block().unwrap().retry, Some(2000));
    put_record(&server, &tenant.id, &json!({"version": 1}));
    for stream in [&mut resumed, &mut later] {
        let (number, change) = stream.event().unwrap();
        assert_eq!(number, last + 2);
        assert_eq!(change["type"], "tenant.updated");
    }
}

#[test]
fn a_long_history_comes_whole() {
    let server = Server::reference();
    // More than a stream reads at once, and with what is only in memory behind it.
    let seed = cli(&server, &["dev", "seed", "--tenants", "2500"]);
    assert!(seed.status.success(), "{seed:?}");
    let mut stream = open(&server, "");
    let end = latest(&server);
    assert!(end > 2500);
    for number in 1..=end {
        assert_eq!(stream.event().unwrap().0, number);
    }
    new_tenant(&server);
    assert_eq!(stream.event().unwrap().0, end + 1);
}

#[test]
fn a_comment_shows_that_it_lives() {
    let server = Server::builder()
        .environments_file(&reference::environments_file())
        .env("TENANTRY_STREAM_HEARTBEAT", "1")
        .start();
    let mut stream = open(&server, &format!("after={}", latest(&server)));
    assert_eq!(stream.block().unwrap().retry, Some(2000));
    for _ in 0..2 {
        let block = stream.block().unwrap();
        assert!(block.is_comment && block.id.is_none() && block.data.is_none());
    }
}

#[test]
fn it_does_not_outlive_its_client() {
    let server = Server::reference();
    let client = |scopes| management_client(&server, scopes, &[]);
    let end = 100_000;
    let stream = |token: &str| open_with(&server, &format!("after={end}"), token);
    let (revoked_id, secret) = client(&["events:read"]);
    let revoked_token = server.token_for(&revoked_id, &secret);
    let mut revoked = stream(&revoked_token);
    let (disabled_id, other) = client(&["events:read", "tenants:read"]);
    let mut disabled = stream(&server.token_for(&disabled_id, &other));
    let (deleted_id, other) = client(&["events:read"]);
    let mut deleted = stream(&server.token_for(&deleted_id, &other));
    let mut good = stream(&server.token());
    let revoke = server.post("/oauth/revoke").basic(&revoked_id, &secret);
    let form = [("token", revoked_token.as_str())];
    revoke.form(&form).send().expect_status(200);
    for args in [
        ["client", "disable", &disabled_id],
        ["client", "delete", &deleted_id],
    ] {
        let output = cli(&server, &args);
        assert!(output.status.success(), "{output:?}");
    }
    for ended in [&mut revoked, &mut disabled, &mut deleted] {
        assert_eq!(ended.block().unwrap().retry, Some(2000));
        assert_eq!(ended.block(), None);
    }
    wait_for_readers(&server, 1);
    assert!(good.block().is_some());
    let again = server.get("/v1/changes/stream").bearer(&revoked_token);
    assert_error(&again.send(), 401, "Unauthorized");
}

#[test]
fn it_does_not_outlive_its_token() {
    let server = Server::builder().env("TENANTRY_TOKEN_TTL", "3").start();
    let mut stream = open(&server, "");
    while let Some(block) = stream.block() {
        assert!(!block.is_comment, "it has lived for the time of a comment");
    }
}

#[test]
fn what_is_malformed_is_told() {
    let server = reference::shared();
    let stream = |query: &str| {
        let request = server.get(&format!("/v1/changes/stream?{query}"));
        request.bearer(&server.token())
    };
    assert_faults(&stream("after=x").send(), "query", &["after"]);
    let bad = stream("after=1").header("Last-Event-ID", "x").send();
    assert_faults(&bad, "headers", &["Last-Event-ID"]);
    let bad = stream("").header("Accept", "application/json").send();
    assert_error(&bad, 406, "NotAcceptable");
    let head = server
        .head("/v1/changes/stream")
        .bearer(&server.token())
        .send();
    assert_eq!(
        head.expect_status(200).header("content-type"),
        Some("text/event-stream")
    );
    let post = server.post("/v1/changes/stream").json(&json!({})).send();
    assert_eq!(
        post.expect_status(405).header("allow"),
        Some("GET, HEAD, OPTIONS")
    );
}

#[test]
fn a_thousand_that_wait_keep_nobody_waiting_and_are_all_told() {
    const STREAMS: usize = 1000;
    let server = Server::reference();
    let end = latest(&server);
    let mut streams: Vec<_> = (0..STREAMS)
        .map(|_| open(&server, &format!("after={end}")))
        .collect();
    wait_for_readers(&server, STREAMS);
    // More than there are connections to the database, or threads.
    for _ in 0..20 {
        server
            .get("/v1/tenants")
            .bearer(&server.token())
            .send()
            .expect_status(200);
    }
    let tenant = new_tenant(&server);
    for stream in &mut streams {
        let (number, change) = stream.event().unwrap();
        assert_eq!(number, end + 1);
        assert_eq!(change["tenantId"], tenant.id.as_str());
    }
}

#[test]
fn a_server_that_stops_ends_every_stream_and_waits_for_none() {
    let mut server = Server::reference();
    let end = latest(&server);
    // More than any buffer holds, for one that takes nothing.
    let columns = "type, time, actor_kind, subject";
    let text = format!("\"{}\"", "x".repeat(20_000));
    server.database().execute(&format!(
        "INSERT INTO changes ({columns})
         SELECT type, time, actor_kind, '{text}' FROM changes WHERE sequence = 1"
    ));
    for _ in 0..10 {
        server.database().execute(&format!(
            "INSERT INTO changes ({columns}) SELECT {columns} FROM changes WHERE sequence > {end}"
        ));
    }
    let mut streams: Vec<_> = (0..20).map(|_| open(&server, "after=latest")).collect();
    for stream in &mut streams {
        assert_eq!(stream.block().unwrap().retry, Some(2000));
    }
    let process = server.nth(0);
    let token = bearer(&server.token());
    let headers = [("Authorization", token.as_str())];
    let path = format!("/v1/changes/stream?after={end}");
    let stuck = EventStream::ask(process.address(), &path, &headers);
    wait_for_readers(&server, 21);
    // Nothing more goes out.
    let sent = || metric(&process, "tenantry_changes_streamed_total ");
    let mut last = (sent(), 0);
    while last.1 < 20 {
        std::thread::sleep(Duration::from_millis(20));
        let now = sent();
        last = (now, if now == last.0 { last.1 + 1 } else { 0 });
    }
    assert!(server.stop().success(), "{}", server.stderr());
    for stream in &mut streams {
        assert_eq!(stream.block(), None, "it was ended properly");
    }
    let log = server.stderr();
    assert!(log.contains("streams were cut off"), "{log}");
    drop(stuck);
}

#[test]
fn a_client_that_reads_slowly_gets_everything_and_holds_up_nobody() {
    let server = Server::reference();
    let seed = cli(&server, &["dev", "seed", "--tenants", "3000"]);
    assert!(seed.status.success(), "{seed:?}");
    let end = latest(&server);
    let mut slow = open(&server.nth(0), "");
    let mut fast = open(&server.nth(0), &format!("after={end}"));
    let tenant = new_tenant(&server);
    assert_eq!(fast.event().unwrap().1["tenantId"], tenant.id.as_str());
    for number in 1..=end + 1 {
        assert_eq!(slow.event().unwrap().0, number);
        if number % 1000 == 0 {
            // The point is to be slow, not to wait for something.
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
