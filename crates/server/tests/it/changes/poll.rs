//! `GET /v1/changes?wait=S`: held until there is something to tell.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    begin, change_by_command, changes, latest, new_tenant, put_record, sequence, wait_for_readers,
};
use crate::harness::{EventStream, Server, cli};
use crate::support::{ask_token, assert_error, management_client, text};
use crate::system::{SystemApi as _, uuid_of};

/// As long as anybody may wait, and as long as the tests' client waits for an answer: one
/// that is not woken fails.
const LONG: &str = "wait=60";

#[test]
fn a_change_of_any_process_wakes_who_waits() {
    let server = Server::reference();
    let after = latest(&server);
    for waits in server.each() {
        for writes in server.each() {
            let after = latest(&server);
            let waiting = begin(changes(&waits, &format!("after={after}&{LONG}")));
            wait_for_readers(&server, 1);
            let tenant = new_tenant(&writes);
            let woken = waiting.join().unwrap().expect_status(200).json();
            assert_eq!(woken["data"][0]["tenantId"], tenant.id.as_str());
            assert_eq!(sequence(&woken["data"][0]), after + 1);
        }
    }
    let waiting: Vec<_> = server
        .each()
        .map(|process| {
            begin(changes(
                &process,
                &format!("after={}&{LONG}", latest(&server)),
            ))
        })
        .collect();
    wait_for_readers(&server, waiting.len());
    let environment = change_by_command(&server);
    for waiting in waiting {
        let woken = waiting.join().unwrap().expect_status(200).json();
        assert_eq!(woken["data"][0]["environmentId"], environment.as_str());
    }
    assert!(latest(&server) > after);
}

#[test]
fn what_is_there_is_answered_at_once_and_nothing_after_the_time() {
    let server = Server::reference();
    let end = latest(&server);
    let there = changes(&server, &format!("after=0&{LONG}")).send();
    assert_eq!(there.expect_status(200).json()["next"], end);
    let nothing = changes(&server, &format!("after={end}&wait=1")).send();
    let expected = json!({"data": [], "next": end});
    assert_eq!(nothing.expect_status(200).json(), expected);
    let head = server
        .head(&format!("/v1/changes?after={end}&{LONG}"))
        .bearer(&server.token());
    head.send().expect_status(200);
    wait_for_readers(&server, 0);
}

#[test]
fn a_token_that_ends_while_it_waits_is_refused() {
    let server = Server::reference();
    let end = latest(&server);
    let (id, secret) = management_client(&server, &["events:read"], &[]);
    let token = text(&ask_token(&server, &id, &secret).json()["access_token"]);
    // Its own making is a change too.
    let end = end + 1;
    let path = format!("/v1/changes?after={end}&{LONG}");
    let waiting = begin(server.get(&path).bearer(&token));
    wait_for_readers(&server, 1);
    let revoke = server.post("/oauth/revoke").basic(&id, &secret);
    revoke.form(&[("token", &token)]).send().expect_status(200);
    let refused = waiting.join().unwrap();
    assert_error(&refused, 401, "Unauthorized");
    assert_eq!(latest(&server), end, "nothing has woken it");
}

#[test]
fn nothing_is_told_that_was_committed_behind_the_end_of_a_token() {
    let server = Server::reference();
    for _ in 0..5 {
        let (id, secret) = management_client(&server, &["events:read"], &[]);
        let token = text(&ask_token(&server, &id, &secret).json()["access_token"]);
        let end = latest(&server);
        let path = format!("/v1/changes?after={end}&{LONG}");
        let waiting = begin(server.get(&path).bearer(&token));
        let process = server.nth(0);
        let path = format!("/v1/changes/stream?after={end}");
        let authorization = format!("Bearer {token}");
        let headers = [("Authorization", authorization.as_str())];
        let mut stream = EventStream::open(process.address(), &path, &headers);
        wait_for_readers(&server, 2);
        let revoke = server.post("/oauth/revoke").basic(&id, &secret);
        revoke.form(&[("token", &token)]).send().expect_status(200);
        new_tenant(&server);
        assert_error(&waiting.join().unwrap(), 401, "Unauthorized");
        while let Some(block) = stream.block() {
            assert_eq!(block.data, None, "{block:?}");
        }
    }
    // The same where the change is the one that ends it.
    let (id, secret) = management_client(&server, &["events:read"], &[]);
    let token = text(&ask_token(&server, &id, &secret).json()["access_token"]);
    let path = format!("/v1/changes?after={}&{LONG}", latest(&server));
    let waiting = begin(server.get(&path).bearer(&token));
    wait_for_readers(&server, 1);
    assert!(cli(&server, &["client", "disable", &id]).status.success());
    assert_error(&waiting.join().unwrap(), 401, "Unauthorized");
}

#[test]
fn a_server_that_stops_answers_who_waits() {
    let mut server = Server::reference();
    let end = latest(&server);
    let waiting = begin(changes(&server, &format!("after={end}&{LONG}")));
    wait_for_readers(&server, 1);
    assert!(server.stop().success(), "{}", server.stderr());
    let expected = json!({"data": [], "next": end});
    assert_eq!(waiting.join().unwrap().expect_status(200).json(), expected);
}

/// Reads on until it was told to stop and everything up to then has been seen.
fn follow(server: &Server, stop: &AtomicBool) -> Vec<Value> {
    let mut seen: Vec<Value> = Vec::new();
    loop {
        let stops = stop.load(Ordering::Relaxed);
        let after = seen.last().map_or(0, sequence);
        let page = changes(server, &format!("after={after}&limit=5&wait=1")).send();
        let page = page.expect_status(200).json();
        let data = page["data"].as_array().unwrap();
        if data.is_empty() && stops {
            return seen;
        }
        for change in data {
            let expected = seen.last().map_or(1, |last| sequence(last) + 1);
            assert_eq!(sequence(change), expected, "a gap, or something twice");
            seen.push(change.clone());
        }
    }
}

#[test]
fn numbers_have_no_gap_under_writers_of_both_families() {
    let server = Server::reference();
    let stop = AtomicBool::new(false);
    let deadline = Instant::now() + Duration::from_secs(30);
    let (seen, made) = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|number| {
                let process = server.nth(number);
                let stop = &stop;
                scope.spawn(move || follow(&process, stop))
            })
            .collect();
        let writers: Vec<_> = (0..6)
            .map(|number| {
                let process = server.nth(number);
                scope.spawn(move || {
                    let mut made = Vec::new();
                    for round in 0..6 {
                        if number % 2 == 0 {
                            made.push(new_tenant(&process).id);
                        } else {
                            let id = uuid_of(&process.make_any()).to_owned();
                            put_record(&process, &id, &json!({"version": 1, "data": {"n": round}}));
                            made.push(id);
                        }
                        assert!(Instant::now() < deadline, "too slow");
                    }
                    made
                })
            })
            .collect();
        let made: HashSet<String> = writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap())
            .collect();
        stop.store(true, Ordering::Relaxed);
        let seen: Vec<_> = readers.into_iter().map(|one| one.join().unwrap()).collect();
        (seen, made)
    });
    assert_eq!(seen[0], seen[1]);
    let told: HashSet<String> = seen[0]
        .iter()
        .filter(|change| change["type"] == "tenant.created")
        .map(|change| text(&change["tenantId"]))
        .collect();
    assert_eq!(told, made);
    assert_eq!(sequence(seen[0].last().unwrap()), latest(&server));
}

#[test]
fn a_client_that_was_disabled_waits_no_longer() {
    let server = Server::reference();
    let (id, secret) = management_client(&server, &["events:read"], &[]);
    let token = server.token_for(&id, &secret);
    let after = 1_000;
    let waiting = begin(
        server
            .get(&format!("/v1/changes?after={after}&{LONG}"))
            .bearer(&token),
    );
    wait_for_readers(&server, 1);
    let disabled = cli(&server, &["client", "disable", &id]);
    assert!(disabled.status.success(), "{disabled:?}");
    assert_error(&waiting.join().unwrap(), 401, "Unauthorized");
}
