//! Contract §5.2: `ETag`, `If-None-Match`, `If-Match`.

use serde_json::json;

use super::{JSON, JSON_LD, SystemApi, assert_problem, assert_problem_shape, item, uuid_of};
use crate::harness::{Response, reference};

fn etag(path: &str) -> String {
    let answer = reference::shared()
        .system("GET", path)
        .send()
        .expect_status(200);
    answer.header("etag").expect("an ETag").to_owned()
}

fn get_unless(path: &str, tags: &str) -> Response {
    reference::shared()
        .system("GET", path)
        .header("If-None-Match", tags)
        .send()
}

fn new_path() -> String {
    item(uuid_of(&reference::shared().make_any()))
}

#[test]
fn a_record_has_a_strong_etag_that_changes_with_it() {
    let server = reference::shared();
    let path = new_path();
    let first = etag(&path);
    assert!(
        first.starts_with('"') && first.ends_with('"') && first.len() > 2,
        "{first}"
    );
    assert_eq!(etag(&path), first, "and only with it");
    server
        .system("PUT", &path)
        .json(&json!({"version": 1}))
        .send()
        .expect_status(200);
    assert_ne!(etag(&path), first);
    assert_ne!(etag(&new_path()), first, "nor is it another tenant's");
}

#[test]
fn if_none_match_answers_304_without_a_body() {
    let path = new_path();
    let tag = etag(&path);
    let matching = [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"nope\", {tag}"),
        format!("{tag},\"nope\""),
        "*".to_owned(),
    ];
    for tags in matching {
        let answer = get_unless(&path, &tags).expect_status(304);
        assert!(answer.body.is_empty(), "{tags}");
        assert_eq!(answer.header("etag"), Some(tag.as_str()));
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
        assert!(answer.header("link").is_some());
        assert!(answer.header("x-request-id").is_some());
    }
    for tags in ["\"nope\"", "W/\"nope\"", "\"\""] {
        get_unless(&path, tags).expect_status(200);
    }
}

#[test]
fn if_none_match_after_a_change_is_answered_in_full() {
    let server = reference::shared();
    let path = new_path();
    let tag = etag(&path);
    server
        .system("PUT", &path)
        .json(&json!({"data": {"a": 1}, "version": 1}))
        .send()
        .expect_status(200);
    assert_eq!(
        get_unless(&path, &tag).expect_status(200).json()["version"],
        2
    );
}

#[test]
fn the_representations_have_etags_of_their_own() {
    let server = reference::shared();
    let path = new_path();
    let tag_of = |accept: &str| {
        let answer = server
            .system_default("GET", &path)
            .header("Accept", accept)
            .send()
            .expect_status(200);
        answer.header("etag").expect("an ETag").to_owned()
    };
    // RFC 9110 §8.8.3.3: strong tags of different bytes differ.
    assert_ne!(tag_of(JSON), tag_of(JSON_LD));
    // A change is a change of the tenant, whichever representation it was read in.
    let answer = server
        .system("PUT", &path)
        .header("If-Match", &tag_of(JSON_LD))
        .json(&json!({"version": 1}))
        .send();
    assert_eq!(answer.status, 200, "{answer}");
}

#[test]
fn a_put_with_a_matching_if_match_goes_through_and_a_stale_one_is_412() {
    let server = reference::shared();
    let path = new_path();
    let first = etag(&path);
    let put = |tags: &str, version: u32| {
        server
            .system("PUT", &path)
            .header("If-Match", tags)
            .json(&json!({"version": version}))
            .send()
    };
    put(&first, 1).expect_status(200);
    for stale in [first.as_str(), "\"nope\"", &format!("W/{}", etag(&path))] {
        assert_problem_shape(&put(stale, 2), 412);
    }
    put(&format!("\"nope\", {}", etag(&path)), 2).expect_status(200);
    put("*", 3).expect_status(200);
    let answer = server.system("GET", &path).send().expect_status(200);
    assert_eq!(
        answer.json()["version"],
        4,
        "the refused ones changed nothing"
    );
}

#[test]
fn a_matching_if_match_does_not_replace_the_version() {
    let server = reference::shared();
    let path = new_path();
    let answer = server
        .system("PUT", &path)
        .header("If-Match", &etag(&path))
        .json(&json!({"version": 5}))
        .send();
    assert_problem(&answer, 409, "The optimistic lock on an entity failed.");
}

#[test]
fn a_delete_honours_if_match() {
    let server = reference::shared();
    let path = new_path();
    let stale = etag(&path);
    server
        .system("PUT", &path)
        .json(&json!({"version": 1}))
        .send()
        .expect_status(200);
    let delete = |tags: &str| {
        server
            .system("DELETE", &path)
            .header("If-Match", tags)
            .send()
    };
    assert_problem_shape(&delete(&stale), 412);
    assert_eq!(server.system("GET", &path).send().status, 200);
    delete(&etag(&path)).expect_status(204);
    assert_problem(&server.system("GET", &path).send(), 404, "Not Found");
}
