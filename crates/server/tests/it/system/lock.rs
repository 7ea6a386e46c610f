//! Contract §5.2: the version lock.

use std::sync::Barrier;

use serde_json::{Value, json};

use super::{JSON_LD, SystemApi, TENANTS, assert_problem, assert_violations, item, uuid_of};
use crate::harness::{Response, reference};

const STALE: &str = "The optimistic lock on an entity failed.";

fn put(path: &str, body: &Value) -> Response {
    reference::shared().system("PUT", path).json(body).send()
}

#[test]
fn the_right_version_is_taken_and_any_other_is_a_conflict() {
    let server = reference::shared();
    let record = server.make_any();
    let path = item(uuid_of(&record));
    for version in 1..4 {
        let changed = put(&path, &json!({"version": version})).expect_status(200);
        assert_eq!(changed.json()["version"], version + 1);
    }
    for version in [1, 3, 5, 2_147_483_647] {
        let body = json!({"data": {"lost": true}, "version": version});
        assert_problem(&put(&path, &body), 409, STALE);
    }
    let now = server.read(uuid_of(&record));
    assert_eq!(now["version"], 4);
    assert_eq!(now["data"], json!({}));
}

#[test]
fn a_conflict_in_json_ld_is_a_hydra_error() {
    let server = reference::shared();
    let record = server.make_any();
    let answer = server
        .system_default("PUT", &item(uuid_of(&record)))
        .header("Accept", JSON_LD)
        .json(&json!({"version": 9}))
        .send()
        .expect_status(409);
    assert_eq!(
        answer.header("content-type"),
        Some("application/ld+json; charset=utf-8")
    );
    assert_eq!(
        answer.text(),
        format!(
            r#"{{"@context":"/contexts/Error","@type":"hydra:Error","hydra:title":"An error occurred","hydra:description":"{STALE}"}}"#
        )
    );
}

#[test]
fn at_the_largest_version_a_put_is_a_conflict() {
    let server = reference::shared();
    let record = server
        .system("POST", TENANTS)
        .json(&json!({"data": {"a": 1}, "version": 2_147_483_646}))
        .send()
        .expect_status(200)
        .json();
    let path = item(uuid_of(&record));
    let last = put(&path, &json!({"version": 2_147_483_646})).expect_status(200);
    assert_eq!(last.json()["version"], 2_147_483_647);
    let answer = put(&path, &json!({"data": {}, "version": 2_147_483_647}));
    assert_problem(&answer, 409, STALE);
    assert_eq!(server.read(uuid_of(&record)), last.json());
    server.system("DELETE", &path).send().expect_status(204);
}

#[test]
fn of_50_parallel_puts_of_one_version_exactly_one_succeeds() {
    let server = reference::shared();
    let record = server.make_any();
    let path = item(uuid_of(&record));
    let start = Barrier::new(50);
    let answers: Vec<(usize, Response)> = std::thread::scope(|scope| {
        let puts: Vec<_> = (0..50)
            .map(|writer| {
                let (path, start) = (&path, &start);
                scope.spawn(move || {
                    let body = json!({"data": {"writer": writer}, "version": 1});
                    start.wait();
                    (writer, put(path, &body))
                })
            })
            .collect();
        puts.into_iter().map(|put| put.join().unwrap()).collect()
    });
    let (won, lost): (Vec<_>, Vec<_>) = answers
        .into_iter()
        .partition(|(_, answer)| answer.status == 200);
    assert_eq!(won.len(), 1, "exactly one succeeds");
    for (_, answer) in &lost {
        assert_problem(answer, 409, STALE);
    }
    let now = server.read(uuid_of(&record));
    assert_eq!(now["version"], 2);
    assert_eq!(
        now["data"]["writer"], won[0].0,
        "and it is the one that is kept"
    );
    assert_eq!(now, won[0].1.json());
}

#[test]
fn parallel_creates_of_one_uuid_make_one_tenant() {
    let server = reference::shared();
    let body = json!({"uuid": "5e5e5e5e-0000-4000-8000-00000000beef", "data": {}, "version": 1});
    let start = Barrier::new(20);
    let answers: Vec<Response> = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..20)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    server.system("POST", TENANTS).json(&body).send()
                })
            })
            .collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    let (made, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(made.len(), 1);
    for answer in &refused {
        assert_violations(answer, &[("uuid", "This value is already used.")]);
    }
}
