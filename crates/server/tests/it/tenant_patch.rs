//! §4.3: changing a tenant by a merge patch.

use std::sync::Barrier;

use serde_json::{Value, json};

use crate::harness::reference::{shared, unique_label};
use crate::harness::{Request, Response, Server};
use crate::support::{
    Tenant, UNKNOWN_ID, ask_token, assert_error, assert_faults, create_body, create_tenant,
    created, post_tenant, text, utc,
};

const MERGE_PATCH: &str = "application/merge-patch+json";

fn patch(server: &Server, tenant: &Tenant) -> Request {
    server.patch(&tenant.path()).bearer(&server.token())
}

fn patched(server: &Server, tenant: &Tenant, body: &Value) -> Response {
    patch(server, tenant).json(body).send()
}

fn read(server: &Server, tenant: &Tenant) -> Response {
    let answer = server.get(&tenant.path()).bearer(&server.token()).send();
    answer.expect_status(200)
}

fn put(server: &Server, tenant: &Tenant) -> Request {
    let credentials = server.credentials();
    server
        .put(&format!("/system/tenants/{}", tenant.id))
        .basic(&credentials.system_username, &credentials.system_password)
}

#[test]
fn a_patch_changes_what_it_names_and_answers_as_a_get_does() {
    let server = shared();
    let mut body = create_body(&unique_label("patch"));
    body["data"] = json!({"plan": "gold", "seats": 5});
    let tenant = created(&post_tenant(server, &body));
    let answer = patched(
        server,
        &tenant,
        &json!({"name": "  New name ", "data": {"seats": 6}}),
    );
    let answer = answer.expect_status(200);
    let shown = answer.json();
    assert_eq!(shown["name"], "New name");
    assert_eq!(shown["data"], json!({"plan": "gold", "seats": 6}));
    assert_eq!(shown["status"], "active");
    assert_eq!(shown["version"], 2);
    assert_eq!(shown["createdAt"], tenant.body["createdAt"]);
    assert!(utc(&shown["updatedAt"]) > utc(&tenant.body["updatedAt"]));
    let got = read(server, &tenant);
    assert_eq!(got.text(), answer.text());
    assert_eq!(got.header("etag"), answer.header("etag"));
    assert_ne!(answer.header("etag"), Some(tenant.etag.as_str()));
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
}

#[test]
fn an_empty_patch_still_counts() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("patch"));
    for version in 2..4 {
        let shown = patched(server, &tenant, &json!({}))
            .expect_status(200)
            .json();
        assert_eq!(shown["version"], version);
        assert_eq!(shown["name"], tenant.body["name"]);
    }
    let shown = patched(server, &tenant, &json!({"data": {}}))
        .expect_status(200)
        .json();
    assert_eq!((&shown["version"], &shown["data"]), (&json!(4), &json!({})));
}

#[test]
fn both_media_types_are_taken_and_others_are_told_of_them() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("patch"));
    for media_type in [
        MERGE_PATCH,
        "application/json",
        "Application/Merge-Patch+JSON; charset=utf-8",
    ] {
        patch(server, &tenant)
            .body(media_type, "{}")
            .send()
            .expect_status(200);
    }
    for media_type in [
        "application/json-patch+json",
        "application/ld+json",
        "text/plain",
    ] {
        let answer = patch(server, &tenant).body(media_type, "{}").send();
        assert_error(&answer, 415, "UnsupportedMediaType");
        let told = answer.header("accept-patch").unwrap();
        assert_eq!(told, "application/merge-patch+json, application/json");
    }
    let answer = patch(server, &tenant).bytes("{}").send();
    assert_error(&answer, 415, "UnsupportedMediaType");
    assert_eq!(read(server, &tenant).json()["version"], 4);
}

#[test]
fn the_datas_merge_keeps_digits_and_places() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("patch"));
    let data = |body: &str| {
        let answer = patch(server, &tenant).body(MERGE_PATCH, body).send();
        let shown = answer.expect_status(200).text();
        let start = shown.find(r#""data":"#).unwrap() + 7;
        shown[start..].strip_suffix('}').unwrap().to_owned()
    };
    assert_eq!(
        data(r#"{"data":{"z":12345678901234567890123,"a":1.0,"o":{"y":1e400,"x":-0}}}"#),
        r#"{"z":12345678901234567890123,"a":1.0,"o":{"y":1e400,"x":-0}}"#
    );
    assert_eq!(
        data(r#"{"data": {"o": {"n": 1.50, "y": null}, "a": null, "b": [ {"k": null} ]}}"#),
        r#"{"z":12345678901234567890123,"o":{"x":-0,"n":1.50},"b":[{"k":null}]}"#
    );
    assert_eq!(data(r#"{"data":{"z":null,"o":null,"b":null}}"#), "{}");
}

#[test]
fn the_data_stays_within_its_bounds() {
    const MAX: usize = 256 * 1024;
    let server = shared();
    let tenant = create_tenant(server, &unique_label("patch"));
    let member = |name: &str, length: usize| json!({"data": {name: "x".repeat(length)}});
    // {"a":"…"} and then {"a":"…","b":"…"}.
    patched(server, &tenant, &member("a", 200_000)).expect_status(200);
    let rest = MAX - 200_000 - 8 - 7 + 1;
    let answer = patched(server, &tenant, &member("b", rest));
    assert_faults(&answer, "body", &["data"]);
    assert_eq!(
        read(server, &tenant).json()["version"],
        2,
        "nothing was changed"
    );
    patched(server, &tenant, &member("b", rest - 1)).expect_status(200);
    assert_eq!(
        read(server, &tenant).json()["data"].to_string().len(),
        MAX,
        "one character less fits"
    );

    let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    let deep = patch(server, &tenant)
        .body(MERGE_PATCH, format!(r#"{{"data":{}}}"#, nested(64)))
        .send();
    assert_eq!(
        assert_error(&deep, 400, "BadRequest")["code"],
        "malformed_json"
    );
}

#[test]
fn every_fault_is_told_at_once_and_nothing_is_changed() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("patch"));
    let body = json!({
        "name": null, "data": null, "status": null, "subdomain": "other", "version": 1, "x": {},
    });
    let answer = patched(server, &tenant, &body);
    let told = assert_faults(
        &answer,
        "body",
        &["name", "data", "status", "subdomain", "version", "x"],
    );
    assert_eq!(told["code"], "validation_error");
    let body = json!({"name": "   ", "data": [], "status": "deleted", "clientSecret": "s3cr3t"});
    let answer = patched(server, &tenant, &body);
    assert_faults(&answer, "body", &["name", "data", "status", "clientSecret"]);
    assert!(!answer.text().contains("s3cr3t"), "{answer}");
    for (member, value) in [
        ("name", json!(1)),
        ("name", json!("x".repeat(256))),
        ("name", json!("")),
        ("data", json!("{}")),
        ("data", json!(1)),
        ("status", json!(true)),
        ("status", json!("Active")),
        ("id", json!(UNKNOWN_ID)),
        ("environmentId", json!(UNKNOWN_ID)),
    ] {
        let answer = patched(server, &tenant, &json!({ member: value }));
        assert_faults(&answer, "body", &[member]);
    }
    for body in ["[]", "null", "\"x\"", "", "{", r#"{"name":"a","name":"b"}"#] {
        let answer = patch(server, &tenant).body(MERGE_PATCH, body).send();
        assert_error(&answer, 400, "BadRequest");
    }
    assert_eq!(read(server, &tenant).json()["version"], 1);
}

#[test]
fn if_match_is_honoured() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("patch"));
    let with = |condition: &str| {
        patch(server, &tenant)
            .header("If-Match", condition)
            .json(&json!({}))
            .send()
    };
    for stale in ["\"stale\"", "\"a\", \"b\"", &format!("W/{}", tenant.etag)] {
        assert_error(&with(stale), 412, "PreconditionFailed");
    }
    let next = with(&tenant.etag).expect_status(200);
    assert_error(&with(&tenant.etag), 412, "PreconditionFailed");
    let tag = next.header("etag").unwrap();
    with(&format!("\"other\", {tag}")).expect_status(200);
    with("*").expect_status(200);
    assert_eq!(read(server, &tenant).json()["version"], 4);
}

#[test]
fn an_unknown_tenant_is_404_and_a_malformed_id_400() {
    let server = shared();
    let ask = |id: &str| {
        server
            .patch(&format!("/v1/tenants/{id}"))
            .bearer(&server.token())
            .json(&json!({}))
            .send()
    };
    assert_eq!(
        assert_error(&ask(UNKNOWN_ID), 404, "NotFound")["code"],
        "tenant_not_found"
    );
    let told = assert_faults(&ask("x"), "params", &["id"]);
    assert_eq!(told["details"][0]["msg"], "Invalid value");
}

#[test]
fn a_suspended_tenants_clients_are_dead_until_it_is_active_again() {
    let server = shared();
    let manager = server.credentials();
    let tenant = create_tenant(server, &unique_label("patch"));
    let token = server.token_for(&tenant.client_id, &tenant.client_secret);
    let is_active = || {
        let answer = server
            .post("/oauth/introspect")
            .basic(&manager.client_id, &manager.client_secret)
            .form(&[("token", &token)])
            .send();
        answer.expect_status(200).json()["active"]
            .as_bool()
            .unwrap()
    };
    assert!(is_active());
    let suspend = json!({"status": "suspended"});
    let shown = patched(server, &tenant, &suspend).expect_status(200).json();
    assert_eq!(shown["status"], "suspended");
    assert!(!is_active());
    let refused = ask_token(server, &tenant.client_id, &tenant.client_secret);
    let refused = refused.expect_status(401);
    let unknown = ask_token(server, "nobody", &tenant.client_secret).expect_status(401);
    assert_eq!(refused.text(), unknown.text(), "nobody learns why");
    let asking = server
        .post("/oauth/introspect")
        .basic(&tenant.client_id, &tenant.client_secret)
        .form(&[("token", &token)])
        .send();
    assert_eq!(asking.status, 401, "{asking}");
    let shown = patched(server, &tenant, &json!({"status": "active"})).expect_status(200);
    assert_eq!(shown.json()["status"], "active");
    assert!(is_active(), "a token that was not revoked is good again");
    ask_token(server, &tenant.client_id, &tenant.client_secret).expect_status(200);
}

#[test]
fn of_many_with_one_if_match_exactly_one_wins_through_either_family() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("race"));
    let start = Barrier::new(24);
    let statuses: Vec<(usize, u16)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..24)
            .map(|n| {
                let request = if n % 2 == 0 {
                    patch(server, &tenant)
                        .header("If-Match", &tenant.etag)
                        .json(&json!({"data": {"winner": n}}))
                } else {
                    put(server, &tenant).json(&json!({"data": {"winner": n}, "version": 1}))
                };
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    (n, request.send().status)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let winners: Vec<_> = statuses
        .iter()
        .filter(|(_, status)| *status == 200)
        .collect();
    assert_eq!(winners.len(), 1, "{statuses:?}");
    let winner = winners[0].0;
    for (n, status) in &statuses {
        let expected = match n {
            n if *n == winner => 200,
            n if n % 2 == 0 => 412,
            _ => 409,
        };
        assert_eq!(*status, expected, "{statuses:?}");
    }
    let now = read(server, &tenant).json();
    assert_eq!(now["version"], 2);
    assert_eq!(now["data"], json!({"winner": winner}));
}

#[test]
fn no_patch_without_a_condition_is_lost() {
    const WRITERS: usize = 8;
    const EACH: usize = 5;
    let server = shared();
    let tenant = create_tenant(server, &unique_label("race"));
    let start = Barrier::new(WRITERS);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (start, tenant) = (&start, &tenant);
            scope.spawn(move || {
                start.wait();
                for n in 0..EACH {
                    let data = json!({"data": {format!("w{writer}-{n}"): n}});
                    patched(server, tenant, &data).expect_status(200);
                }
            });
        }
    });
    let now = read(server, &tenant).json();
    assert_eq!(now["version"], WRITERS * EACH + 1);
    let data = now["data"].as_object().unwrap();
    assert_eq!(data.len(), WRITERS * EACH, "{now}");
    for writer in 0..WRITERS {
        for n in 0..EACH {
            assert_eq!(data[&format!("w{writer}-{n}")], n);
        }
    }
    assert_eq!(text(&now["id"]), tenant.id);
}
