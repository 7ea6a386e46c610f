//! Writes through both: one order, one winner, one version.

use std::collections::BTreeSet;
use std::sync::Barrier;

use serde_json::{Value, json};

use super::both_ways;
use crate::harness::reference::unique_label;
use crate::harness::{Request, Response, Server};
use crate::support::{assert_error, assert_faults, create_body, create_tenant, created, text};
use crate::system::{SystemApi as _, TENANTS, assert_problem, item, uuid_of};

const WRITERS: usize = 24;

/// Sends all of them at once.
fn at_once(requests: Vec<Request>) -> Vec<Response> {
    let start = Barrier::new(requests.len());
    std::thread::scope(|scope| {
        let sent: Vec<_> = requests
            .into_iter()
            .map(|request| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    request.send()
                })
            })
            .collect();
        sent.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// One request for each writer, every other one to the other process.
fn spread(server: &Server, request: impl Fn(&Server, usize) -> Request) -> Vec<Request> {
    (0..WRITERS)
        .map(|writer| request(&server.nth(writer), writer))
        .collect()
}

fn page(server: &Server, token: &str, query: &str) -> Value {
    let path = format!("/v1/tenants{query}");
    let answer = server.get(&path).bearer(token).send();
    answer.expect_status(200).json()
}

fn ids(page: &Value) -> Vec<String> {
    let tenants = page["data"].as_array().unwrap().iter();
    tenants.map(|tenant| text(&tenant["id"])).collect()
}

/// The check of a password is made to be dear, and is no part of what is tried here: each
/// process has made it before.
fn let_both_know_the_account(server: &Server) {
    for number in [0, 1] {
        let list = server.nth(number).system("GET", TENANTS).send();
        list.expect_status(200);
    }
}

#[test]
fn a_cursor_of_one_goes_on_at_the_other() {
    let server = Server::reference();
    let token = server.token();
    let all: Vec<_> = (0..7)
        .map(|number| create_tenant(&server, &format!("page-{number}")).id)
        .collect();
    for (one, other) in both_ways(&server) {
        let mut seen = Vec::new();
        let mut query = "?limit=2".to_owned();
        for reader in [&one, &other].into_iter().cycle() {
            let shown = page(reader, &token, &query);
            let asked_again = if seen.len() % 4 == 0 { &other } else { &one };
            assert_eq!(page(asked_again, &token, &query), shown);
            let Some(cursor) = shown["nextCursor"].as_str() else {
                break;
            };
            seen.extend(ids(&shown));
            query = format!("?limit=2&cursor={cursor}");
        }
        assert_eq!(seen, all);
    }
    // What comes later is behind the cursor that the other one gave.
    let last = page(&server.nth(0), &token, "?limit=7");
    let cursor = text(&last["nextCursor"]);
    let late = create_tenant(&server.nth(1), "page-late");
    let rest = page(&server.nth(0), &token, &format!("?cursor={cursor}"));
    assert_eq!(ids(&rest), [late.id]);
}

#[test]
fn an_entity_tag_of_one_is_the_others_too() {
    let server = Server::reference();
    let token = server.token();
    for (one, other) in both_ways(&server) {
        let tenant = create_tenant(&one, &unique_label("tag"));
        let read = |server: &Server| server.get(&tenant.path()).bearer(&token);
        let delete = |server: &Server| server.delete(&tenant.path()).bearer(&token);
        let unchanged = read(&other).header("If-None-Match", &tenant.etag).send();
        assert_eq!(unchanged.status, 304, "{unchanged}");
        let put = other.system("PUT", &item(&tenant.id));
        put.json(&json!({"version": 1})).send().expect_status(200);
        // Who gave the tag away knows at once that it has been overtaken.
        let stale = delete(&one).header("If-Match", &tenant.etag).send();
        assert_error(&stale, 412, "PreconditionFailed");
        let current = read(&one)
            .header("If-None-Match", &tenant.etag)
            .send()
            .expect_status(200);
        delete(&other)
            .header("If-Match", current.header("etag").unwrap())
            .send()
            .expect_status(204);
        assert_error(&read(&one).send(), 404, "NotFound");
    }
}

#[test]
fn a_version_read_from_one_is_taken_once_by_either() {
    let server = Server::start();
    for (one, other) in both_ways(&server) {
        let record = one.make_any();
        let path = item(uuid_of(&record));
        let body = json!({"data": {"by": "other"}, "version": record["version"]});
        let changed = other.system("PUT", &path).json(&body).send();
        assert_eq!(changed.expect_status(200).json()["version"], 2);
        let lost = one.system("PUT", &path).json(&body).send();
        assert_problem(&lost, 409, "The optimistic lock on an entity failed.");
        assert_eq!(one.read(uuid_of(&record))["version"], 2);
    }
}

#[test]
fn of_parallel_puts_through_both_exactly_one_wins_each_version() {
    let server = Server::start();
    let_both_know_the_account(&server);
    let record = server.make_any();
    let path = item(uuid_of(&record));
    for version in 1..=5 {
        let answers = at_once(spread(&server, |node, writer| {
            let body = json!({"data": {"writer": writer}, "version": version});
            node.system("PUT", &path).json(&body)
        }));
        let (won, lost): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1, "of version {version}");
        for answer in &lost {
            assert_problem(answer, 409, "The optimistic lock on an entity failed.");
        }
        for node in [server.nth(0), server.nth(1)] {
            assert_eq!(node.read(uuid_of(&record)), won[0].json());
        }
    }
}

#[test]
fn of_parallel_creates_of_one_subdomain_through_both_exactly_one_wins() {
    let server = Server::reference();
    let token = server.token();
    for round in 0..3 {
        let body = create_body(&format!("wanted-{round}"));
        let answers = at_once(spread(&server, |node, _| {
            node.post("/v1/tenants").bearer(&token).json(&body)
        }));
        let (won, lost): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 201);
        assert_eq!(won.len(), 1);
        for answer in &lost {
            let body = assert_faults(answer, "body", &["subdomain"]);
            assert_eq!(body["code"], "subdomain_taken", "{answer}");
        }
        let tenant = created(&won[0]);
        for node in [server.nth(0), server.nth(1)] {
            node.token_for(&tenant.client_id, &tenant.client_secret);
        }
    }
    assert_eq!(ids(&page(&server, &token, "")).len(), 3);
}

#[test]
fn of_parallel_deletes_through_both_exactly_one_wins() {
    let server = Server::reference();
    let token = server.token();
    let tenant = create_tenant(&server, "deleted");
    let answers = at_once(spread(&server, |node, _| {
        node.delete(&tenant.path()).bearer(&token)
    }));
    let won = answers.iter().filter(|answer| answer.status == 204).count();
    assert_eq!(won, 1);
    for answer in answers.iter().filter(|answer| answer.status != 204) {
        assert_error(answer, 404, "NotFound");
    }
}

/// The record of changes has no gap and no double, whoever wrote, and numbers of tenants
/// are given out once.
#[test]
fn numbers_of_changes_and_of_tenants_are_one_sequence_for_both() {
    let server = Server::reference();
    let_both_know_the_account(&server);
    let made = at_once(spread(&server, |node, writer| {
        let body = json!({"data": {"writer": writer}, "version": 1});
        node.system("POST", TENANTS).json(&body)
    }));
    let numbers: BTreeSet<_> = made
        .into_iter()
        .map(|answer| answer.expect_status(200).json()["id"].as_u64())
        .collect();
    assert_eq!(numbers.len(), WRITERS);
    let changes = "SELECT sequence AS number FROM changes ORDER BY sequence";
    let changes = server.database().numbers(changes);
    let expected: Vec<_> = (1..).take(changes.len()).collect();
    assert_eq!(changes, expected);
    assert!(changes.len() >= WRITERS);
}
