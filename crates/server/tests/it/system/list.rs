//! Contract §5.2: pages of the collection.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::{SystemApi, TENANTS, assert_problem_shape, id_of};
use crate::harness::{Response, Server, reference};

const COUNT: usize = 25;

/// A server with [`COUNT`] tenants that no test adds to, and their records.
fn filled() -> &'static (Server, Vec<Value>) {
    static FILLED: LazyLock<(Server, Vec<Value>)> = LazyLock::new(|| {
        let server = Server::start();
        let records = (0..COUNT).map(|n| server.make(&json!({"n": n}))).collect();
        (server, records)
    });
    &FILLED
}

fn get(query: &str) -> Response {
    let path = format!("{TENANTS}{query}");
    filled().0.system("GET", &path).send()
}

#[track_caller]
fn assert_page(query: &str, places: std::ops::Range<usize>) {
    let answer = get(query).expect_status(200);
    let expected = &filled().1[places];
    assert_eq!(answer.json(), json!(expected), "{query}");
}

#[test]
fn a_page_has_10_records_in_the_order_of_their_ids() {
    assert_page("", 0..10);
    assert_page("?page=1", 0..10);
    assert_page("?page=2", 10..20);
    assert_page("?page=3", 20..25);
}

#[test]
fn limit_says_how_many_records_a_page_has() {
    assert_page("?limit=1", 0..1);
    assert_page("?limit=7&page=2", 7..14);
    assert_page("?page=4&limit=7", 21..25);
    assert_page("?limit=25", 0..25);
    assert_page("?limit=1000", 0..25);
    assert_page("?limit=5000", 0..25);
    assert_page("?limit=2147483648", 0..25);
}

#[test]
fn limit_0_is_an_empty_page() {
    for query in [
        "?limit=0",
        "?limit=0&page=1",
        "?limit=0&page=7",
        "?itemsPerPage=0",
    ] {
        assert_eq!(get(query).expect_status(200).text(), "[]", "{query}");
    }
}

#[test]
fn a_page_past_the_end_is_empty() {
    for query in [
        "?page=4",
        "?page=1000000",
        "?page=2147483647",
        "?page=2147483647&limit=1000",
        "?limit=25&page=2",
    ] {
        assert_eq!(get(query).expect_status(200).text(), "[]", "{query}");
    }
}

#[test]
fn the_pages_hold_every_record_once_in_a_total_order() {
    for limit in [1, 3, 10, 24] {
        let mut ids = Vec::new();
        for page in 1.. {
            let answer = get(&format!("?page={page}&limit={limit}")).expect_status(200);
            let records = answer.json();
            let records = records.as_array().unwrap();
            if records.is_empty() {
                break;
            }
            ids.extend(records.iter().map(id_of));
        }
        let expected: Vec<u64> = filled().1.iter().map(id_of).collect();
        assert_eq!(ids, expected, "limit {limit}");
    }
}

#[test]
fn the_synonyms_of_page_and_limit_work() {
    assert_page("?itemsPerPage=3", 0..3);
    assert_page("?_limit=3", 0..3);
    assert_page("?_page=2", 10..20);
    assert_page("?_page=2&_limit=4", 4..8);
    assert_page("?page=3&itemsPerPage=4", 8..12);
}

#[test]
fn a_bad_page_or_limit_is_refused_by_name() {
    for (name, value) in [
        ("page", "0"),
        ("page", "-1"),
        ("page", "abc"),
        ("page", "1.5"),
        ("page", "1e1"),
        ("page", "%201"),
        ("page", ""),
        ("page", "0x10"),
        ("_page", "0"),
        ("_page", "x"),
        ("limit", "-1"),
        ("limit", "abc"),
        ("limit", "1.5"),
        ("limit", ""),
        ("limit", "%D9%A1"),
        ("itemsPerPage", "-5"),
        ("itemsPerPage", "many"),
        ("_limit", "-1"),
        ("_limit", "ten"),
    ] {
        println!("{name}={value}");
        let answer = get(&format!("?{name}={value}"));
        assert_problem_shape(&answer, 400);
        assert!(answer.text().contains(name), "{answer}");
    }
}

#[test]
fn both_of_page_and_limit_may_be_wrong_at_once() {
    let answer = get("?page=0&limit=-1");
    assert_problem_shape(&answer, 400);
    assert!(answer.text().contains("page"), "{answer}");
}

#[test]
fn a_page_number_beyond_all_integers_is_no_internal_error() {
    for query in [
        "?page=9223372036854775807&limit=1000",
        "?page=18446744073709551615",
        "?page=99999999999999999999999999",
        "?limit=99999999999999999999999999",
    ] {
        let answer = get(query);
        assert!([200, 400].contains(&answer.status), "{query}: {answer}");
    }
}

#[test]
fn unknown_parameters_are_ignored() {
    assert_page("?nope=1", 0..10);
    assert_page("?nope[]=1&other[before]=x&page=2", 10..20);
    assert_page("?Page=2", 0..10);
}

#[test]
fn a_limit_above_1000_counts_as_1000() {
    let server = Server::reference();
    let token = server.token();
    let next = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < 1001 {
                    server
                        .post("/v1/tenants")
                        .bearer(&token)
                        .json(&json!({
                            "subdomain": reference::unique_label("many"),
                            "environmentId": reference::ENVIRONMENT_ID,
                        }))
                        .send()
                        .expect_status(201);
                }
            });
        }
    });
    let ids = |query: &str| -> Vec<u64> {
        let path = format!("{TENANTS}?{query}");
        let list = server.system("GET", &path).send().expect_status(200);
        list.json().as_array().unwrap().iter().map(id_of).collect()
    };
    let all = ids("limit=1001");
    assert_eq!(all.len(), 1000);
    assert!(
        all.is_sorted_by(|a, b| a < b),
        "by id, though made in parallel"
    );
    assert_eq!(ids("limit=1000000"), all);
    let rest = ids("limit=1001&page=2");
    assert_eq!(rest.len(), 1, "the pages are of 1000 as well");
    assert!(rest[0] > all[999]);
}
