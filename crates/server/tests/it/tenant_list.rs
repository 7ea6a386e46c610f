//! §4, lists, on the list of tenants: order, cursors, bounds, and pages that hold still.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::harness::Server;
use crate::harness::reference::{environment, shared, unique_label};
use crate::support::{
    Tenant, UNKNOWN_ID, assert_error, assert_faults, create_body, create_tenant, created, keys,
    post_tenant, text, utc,
};

/// The cursor of the reference's own list examples.
const REFERENCES_CURSOR: &str = "Y3JlYXRlZEF0PTIwMjAtMDgtMjVUMDY6NDY6MDkuNTEwWiZpZD1hNjZmZmVhNS04NDhlLTQzOWQtODBhNC1kZGE1NWY1M2UzNmM";

fn page(server: &Server, query: &str) -> Value {
    let path = format!("/v1/tenants{query}");
    server
        .get(&path)
        .bearer(&server.token())
        .send()
        .expect_status(200)
        .json()
}

fn ids(page: &Value) -> Vec<String> {
    page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tenant| text(&tenant["id"]))
        .collect()
}

fn create_many(server: &Server, count: usize) -> Vec<Tenant> {
    (0..count)
        .map(|n| create_tenant(server, &format!("t-{n}")))
        .collect()
}

/// Follows cursors from `query` to the end; `between` runs after every page.
fn walk(server: &Server, limit: usize, mut between: impl FnMut(usize, &[String])) -> Vec<String> {
    let mut seen = Vec::new();
    let mut query = format!("?limit={limit}");
    for number in 0.. {
        let body = page(server, &query);
        let found = ids(&body);
        if found.is_empty() {
            assert_eq!(body, json!({"data": []}));
            return seen;
        }
        assert!(found.len() <= limit);
        query = format!("?limit={limit}&cursor={}", text(&body["nextCursor"]));
        seen.extend(found);
        between(number, &seen);
    }
    unreachable!("pages end")
}

#[test]
fn a_list_shows_tenants_as_the_reference_does_with_our_members_and_without_data() {
    let server = Server::reference();
    let mut request = create_body("my-tenant");
    request["name"] = Value::from("My Tenant");
    request["data"] = json!({"not": "in lists"});
    let tenant = created(&post_tenant(&server, &request));
    let body = page(&server, "");
    assert_eq!(keys(&body), ["data", "nextCursor"].into());
    let mut expected = tenant.body;
    expected.as_object_mut().unwrap().remove("client");
    assert_eq!(body["data"], json!([expected]));
    assert_eq!(expected["environment"], environment());
}

#[test]
fn without_tenants_the_list_is_exactly_an_empty_page() {
    let server = Server::start();
    let answer = server
        .get("/v1/tenants")
        .bearer(&server.token())
        .send()
        .expect_status(200);
    assert_eq!(answer.text(), r#"{"data":[]}"#);
}

#[test]
fn the_default_limit_is_100_and_the_largest_1000() {
    let server = Server::reference();
    let all: Vec<_> = create_many(&server, 101)
        .into_iter()
        .map(|tenant| tenant.id)
        .collect();
    assert_eq!(ids(&page(&server, "")), all[..100]);
    assert_eq!(ids(&page(&server, "?limit=1000")), all);
    assert_eq!(ids(&page(&server, "?limit=101")), all);
    assert_eq!(ids(&page(&server, "?limit=1")), all[..1]);
    let first = page(&server, "");
    let rest = page(&server, &format!("?cursor={}", text(&first["nextCursor"])));
    assert_eq!(ids(&rest), all[100..]);
    assert!(
        rest["nextCursor"].is_string(),
        "the last page has a cursor too"
    );
    for limit in [1, 7, 50, 101, 1000] {
        assert_eq!(walk(&server, limit, |_, _| ()), all, "in pages of {limit}");
    }
}

#[test]
fn a_limit_or_cursor_that_is_malformed_out_of_range_or_given_twice_is_400() {
    let server = shared();
    let token = server.token();
    let cursor = |text: &str| format!("cursor={}", URL_SAFE_NO_PAD.encode(text));
    let time = "2020-08-25T06:46:09.510Z";
    let limits = [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=",
        "limit=x",
        "limit=1.5",
        "limit=1e1",
        "limit=0x10",
        "limit=+5",
        "limit=%205",
        "limit=5%20",
        "limit=99999999999999999999999",
        "limit=1&limit=1",
        "limit=1&limit=2",
        "limit=%D9%A1",
        "limit",
    ];
    let cursors = [
        "cursor=".to_owned(),
        "cursor=!!!".to_owned(),
        "cursor=abc".to_owned(),
        "cursor=%00".to_owned(),
        format!("cursor={REFERENCES_CURSOR}&cursor={REFERENCES_CURSOR}"),
        cursor("nothing"),
        cursor(&format!("id={UNKNOWN_ID}")),
        cursor(&format!("createdAt={time}")),
        cursor(&format!("createdAt={time}&id=x")),
        cursor(&format!("createdAt=yesterday&id={UNKNOWN_ID}")),
        cursor(&format!("createdAt=2020-13-45T06:46:09Z&id={UNKNOWN_ID}")),
        cursor(&format!("createdAt=&id={UNKNOWN_ID}")),
        cursor(&format!("createdAt={time}&id=' OR 1=1 --")),
        format!("cursor={}", URL_SAFE_NO_PAD.encode([0xff, 0xfe])),
    ];
    let table = limits.iter().map(|q| ("limit", (*q).to_owned()));
    for (param, query) in table.chain(cursors.map(|query| ("cursor", query))) {
        let answer = server
            .get(&format!("/v1/tenants?{query}"))
            .bearer(&token)
            .send();
        assert_eq!(answer.status, 400, "{query}: {answer}");
        assert_faults(&answer, "query", &[param]);
    }
}

#[test]
fn a_cursor_is_base64url_of_the_last_objects_time_and_id() {
    let server = Server::reference();
    create_many(&server, 3);
    for query in ["?limit=1", "?limit=2", ""] {
        let body = page(&server, query);
        let decoded = URL_SAFE_NO_PAD.decode(text(&body["nextCursor"])).unwrap();
        let pairs: Vec<(String, String)> = form_urlencoded::parse(&decoded)
            .map(|(k, v)| (k.into(), v.into()))
            .collect();
        let [(first, time), (second, id)] = pairs.as_slice() else {
            panic!("{pairs:?}")
        };
        assert_eq!((first.as_str(), second.as_str()), ("createdAt", "id"));
        let last = body["data"].as_array().unwrap().last().unwrap();
        assert_eq!(last["id"], id.as_str());
        assert_eq!(utc(&last["createdAt"]), utc(&Value::from(time.as_str())));
    }
}

#[test]
fn a_cursor_made_by_hand_works_plain_and_percent_encoded() {
    let server = Server::reference();
    let tenants = create_many(&server, 3);
    let all: Vec<_> = tenants.iter().map(|tenant| tenant.id.clone()).collect();
    let first = &tenants[0];
    let time = text(&first.body["createdAt"]);
    let forms = [
        format!("createdAt={time}&id={}", first.id),
        format!("createdAt={}&id={}", time.replace(':', "%3A"), first.id),
        format!(
            "createdAt={}&id={}",
            time.replace(':', "%3a"),
            first.id.to_uppercase()
        ),
    ];
    for form in forms {
        let body = page(
            &server,
            &format!("?cursor={}", URL_SAFE_NO_PAD.encode(&form)),
        );
        assert_eq!(ids(&body), all[1..], "{form}");
    }
    // The reference's own, from a time before any tenant of ours.
    assert_eq!(
        ids(&page(&server, &format!("?cursor={REFERENCES_CURSOR}"))),
        all
    );
    let future = format!("createdAt=2999-01-01T00:00:00Z&id={UNKNOWN_ID}");
    let body = page(
        &server,
        &format!("?cursor={}", URL_SAFE_NO_PAD.encode(future)),
    );
    assert_eq!(body, json!({"data": []}));
}

#[test]
fn the_list_is_oldest_first_by_time_and_then_id() {
    let server = Server::reference();
    let token = server.token();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (server, token) = (&server, &token);
            scope.spawn(move || {
                for n in 0..10 {
                    let body = create_body(&format!("t{thread}-{n}"));
                    let request = server.post("/v1/tenants").bearer(token).json(&body);
                    request.send().expect_status(201);
                }
            });
        }
    });
    let body = page(&server, "?limit=1000");
    let keys: Vec<_> = body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tenant| (utc(&tenant["createdAt"]), text(&tenant["id"])))
        .collect();
    assert_eq!(keys.len(), 40);
    assert!(keys.is_sorted(), "{keys:?}");
    assert_eq!(walk(&server, 3, |_, _| ()), ids(&body));
}

#[test]
fn the_page_after_the_last_is_empty_until_something_new_is_made() {
    let server = Server::reference();
    create_many(&server, 2);
    let last = page(&server, "?limit=2");
    let query = format!("?limit=2&cursor={}", text(&last["nextCursor"]));
    let path = format!("/v1/tenants{query}");
    let empty = server
        .get(&path)
        .bearer(&server.token())
        .send()
        .expect_status(200);
    assert_eq!(empty.text(), r#"{"data":[]}"#);
    let new = create_tenant(&server, "new");
    assert_eq!(ids(&page(&server, &query)), [new.id]);
}

#[test]
fn rows_made_and_deleted_while_paging_make_no_other_row_appear_twice_or_be_skipped() {
    let server = Server::reference();
    let token = server.token();
    let mut left: BTreeMap<String, Tenant> = create_many(&server, 30)
        .into_iter()
        .map(|tenant| (tenant.id.clone(), tenant))
        .collect();
    let order = ids(&page(&server, "?limit=1000"));
    let delete = |id: &str| {
        server
            .delete(&format!("/v1/tenants/{id}"))
            .bearer(&token)
            .send()
            .expect_status(204);
    };
    let mut deleted_unseen = BTreeSet::new();
    let mut made = BTreeSet::new();
    let seen = walk(&server, 4, |number, seen| {
        if number >= 6 {
            return;
        }
        // One that was shown before, the one that the cursor names, and one that is still to come.
        delete(&seen[seen.len() - 3]);
        delete(&seen[seen.len() - 1]);
        for id in [&seen[seen.len() - 3], &seen[seen.len() - 1]] {
            left.remove(id);
        }
        let to_come = order
            .iter()
            .find(|id| left.contains_key(*id) && !seen.contains(id))
            .unwrap();
        delete(to_come);
        left.remove(to_come);
        deleted_unseen.insert(to_come.clone());
        made.insert(create_tenant(&server, &unique_label("made")).id);
    });
    let distinct: BTreeSet<_> = seen.iter().cloned().collect();
    assert_eq!(distinct.len(), seen.len(), "a row appeared twice: {seen:?}");
    for id in left.keys().chain(&made) {
        assert!(distinct.contains(id), "{id} was skipped");
    }
    for id in &deleted_unseen {
        assert!(
            !distinct.contains(id),
            "{id} was shown after it was deleted"
        );
    }
}

#[test]
fn a_list_is_answered_to_head_and_kept_by_no_cache() {
    let server = shared();
    let token = server.token();
    let head = server
        .head("/v1/tenants")
        .bearer(&token)
        .send()
        .expect_status(200);
    assert!(head.body.is_empty());
    let get = server
        .get("/v1/tenants")
        .bearer(&token)
        .send()
        .expect_status(200);
    assert_eq!(get.header("content-type"), head.header("content-type"));
    let cache = get.header("cache-control").unwrap();
    assert!(["no-store", "private, no-cache"].contains(&cache), "{get}");
    let refused = server.head("/v1/tenants").send();
    assert_eq!(refused.status, 401);
    assert!(refused.body.is_empty());
    assert_error(&server.get("/v1/tenants").send(), 401, "Unauthorized");
}

/// Pages and credentials are remembered as long as nothing changes; so everybody reads the same
/// few pages here while everybody changes what is on them.
#[test]
fn no_page_is_older_than_an_answer_that_was_given_before() {
    let server = Server::reference();
    let token = server.token();
    let read = || -> Vec<String> {
        let path = "/v1/tenants?limit=100";
        let page = server.get(path).bearer(&token).send();
        ids(&page.expect_status(200).json())
    };
    std::thread::scope(|scope| {
        for caller in 0..4 {
            let (server, token, read) = (&server, &token, &read);
            scope.spawn(move || {
                for round in 0..12 {
                    let label = format!("c{caller}-r{round}");
                    let id = create_tenant(server, &label).id;
                    assert!(read().contains(&id), "{label} was created");
                    assert!(read().contains(&id), "{label} was there");
                    server
                        .delete(&format!("/v1/tenants/{id}"))
                        .bearer(token)
                        .send()
                        .expect_status(204);
                    assert!(!read().contains(&id), "{label} was deleted");
                }
            });
        }
    });
    assert_eq!(read(), Vec::<String>::new());
}
