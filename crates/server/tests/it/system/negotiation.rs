//! Contract §5.1: which representation, and what a body may be.

use serde_json::{Value, json};

use super::{JSON, JSON_LD, NO_TENANT, PROBLEM, SystemApi, TENANTS, item, uuid_of};
use crate::harness::{Response, reference};

const JSON_OUT: &str = "application/json; charset=utf-8";
const JSON_LD_OUT: &str = "application/ld+json; charset=utf-8";

fn get(path: &str, accept: Option<&str>) -> Response {
    let request = reference::shared().system_default("GET", path);
    match accept {
        Some(accept) => request.header("Accept", accept).send(),
        None => request.send(),
    }
}

const ACCEPTS: &[(Option<&str>, &str)] = &[
    (None, JSON_LD_OUT),
    (Some("*/*"), JSON_LD_OUT),
    (Some("application/*"), JSON_LD_OUT),
    (Some("application/ld+json"), JSON_LD_OUT),
    (Some("application/json"), JSON_OUT),
    (Some("APPLICATION/JSON"), JSON_OUT),
    (Some("text/html, application/json;q=0.1"), JSON_OUT),
    (Some("text/html, */*;q=0.1"), JSON_LD_OUT),
    (
        Some("application/json;q=0.5, application/ld+json;q=0.4"),
        JSON_OUT,
    ),
    (
        Some("application/json;q=0.4, application/ld+json;q=0.5"),
        JSON_LD_OUT,
    ),
    (
        Some("application/ld+json;q=0.001,application/json ; q=0.002"),
        JSON_OUT,
    ),
    (Some("application/json, */*;q=0.1"), JSON_OUT),
    (Some("*/*, application/json;q=0.1"), JSON_LD_OUT),
    (Some("application/ld+json;q=0, */*"), JSON_OUT),
    (Some("application/json;q=0, */*"), JSON_LD_OUT),
    (
        Some("application/ld+json;q=0, application/*;q=0.5"),
        JSON_OUT,
    ),
    (Some("*/*;q=0, application/json;q=1.0"), JSON_OUT),
];

#[test]
fn the_representation_is_the_one_that_accept_prefers() {
    let record = reference::shared().make_any();
    let path = item(uuid_of(&record));
    for &(accept, expected) in ACCEPTS {
        println!("{accept:?}");
        let answer = get(&path, accept).expect_status(200);
        assert_eq!(answer.header("content-type"), Some(expected), "{accept:?}");
        assert_eq!(
            answer.json().get("@type").is_some(),
            expected == JSON_LD_OUT
        );
    }
}

#[test]
fn errors_are_negotiated_as_the_representation_is() {
    for &(accept, expected) in ACCEPTS {
        let answer = get(NO_TENANT, accept).expect_status(404);
        if expected == JSON_OUT {
            super::assert_problem(&answer, 404, "Not Found");
        } else {
            assert_eq!(
                answer.header("content-type"),
                Some(JSON_LD_OUT),
                "{accept:?}"
            );
            assert_eq!(
                answer.text(),
                r#"{"@context":"/contexts/Error","@type":"hydra:Error","hydra:title":"An error occurred","hydra:description":"Not Found"}"#
            );
        }
    }
}

#[test]
fn a_collection_in_json_is_asked_for() {
    let answer = get(TENANTS, Some(JSON)).expect_status(200);
    assert_eq!(answer.header("content-type"), Some(JSON_OUT));
    assert!(answer.json().is_array());
}

#[test]
fn several_accept_headers_count_as_one_list() {
    let answer = reference::shared()
        .system_default("GET", NO_TENANT)
        .header("Accept", "text/html")
        .header("Accept", "application/json;q=0.3")
        .send()
        .expect_status(404);
    assert_eq!(answer.header("content-type"), Some(PROBLEM));
}

#[test]
fn an_accept_that_nothing_satisfies_is_406() {
    let server = reference::shared();
    let record = server.make_any();
    let path = item(uuid_of(&record));
    for accept in [
        "text/html",
        "application/xml, text/*",
        "application/json;q=0",
        "*/*;q=0",
        "application/*;q=0.0, text/html",
        "application/json;q=0, application/ld+json;q=0, */*",
    ] {
        println!("{accept}");
        for path in [TENANTS, &path] {
            let answer = get(path, Some(accept)).expect_status(406);
            let content_type = answer.header("content-type");
            assert!(
                [Some(PROBLEM), Some(JSON_LD_OUT)].contains(&content_type),
                "{answer}"
            );
            assert!(answer.json().is_object(), "{answer}");
        }
        for (method, path) in [("POST", TENANTS), ("PUT", &path)] {
            let request = server.system_default(method, path);
            request
                .header("Accept", accept)
                .json(&json!({"data": {}, "version": 1}))
                .send()
                .expect_status(406);
        }
    }
    assert_eq!(
        server.read(uuid_of(&record)),
        record,
        "and nothing was changed"
    );
}

#[test]
fn a_body_may_be_json_or_json_ld_with_any_parameters_and_letter_case() {
    let server = reference::shared();
    for content_type in [
        JSON,
        JSON_LD,
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "Application/LD+JSON; charset=\"utf-8\"",
        "application/ld+json; profile=\"http://www.w3.org/ns/json-ld#compacted\"",
    ] {
        println!("{content_type}");
        let record = server
            .system("POST", TENANTS)
            .body(content_type, r#"{"data":{},"version":1}"#)
            .send()
            .expect_status(200)
            .json();
        server
            .system("PUT", &item(uuid_of(&record)))
            .body(content_type, r#"{"version":1}"#)
            .send()
            .expect_status(200);
    }
}

#[test]
fn context_id_and_type_of_a_json_ld_body_are_ignored() {
    let server = reference::shared();
    let body = |version: u32| -> Value {
        json!({
            "@context": "/contexts/system/Tenant",
            "@id": "/system/tenants/ffffffff-0000-4000-8000-000000000000",
            "@type": "Whatever",
            "data": {"@id": "kept", "@context": {"x": 1}},
            "version": version,
        })
    };
    let record = server
        .system("POST", TENANTS)
        .body(JSON_LD, body(1).to_string())
        .send()
        .expect_status(200)
        .json();
    assert_ne!(record["uuid"], "ffffffff-0000-4000-8000-000000000000");
    assert_eq!(
        record["data"],
        body(1)["data"],
        "those of the data are the operator's"
    );
    let path = item(uuid_of(&record));
    let read = get(&path, None).expect_status(200).text();
    // What a Hydra client does: read, change, send back.
    let changed = server
        .system_default("PUT", &path)
        .body(JSON_LD, read)
        .send()
        .expect_status(200)
        .json();
    assert_eq!(changed["version"], 2);
    assert_eq!(changed["@id"], path);
}

#[test]
fn another_or_no_content_type_is_415() {
    let server = reference::shared();
    let record = server.make_any();
    let path = item(uuid_of(&record));
    for (method, path) in [("POST", TENANTS), ("PUT", &path)] {
        let body = r#"{"data":{},"version":1}"#;
        let without = server.system(method, path).bytes(body).send();
        super::assert_problem_shape(&without, 415);
        for content_type in [
            "text/plain",
            "text/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/merge-patch+json",
            "application/vnd.api+json",
            "application/problem+json",
            "application/jsonp",
            "application/*",
            "nonsense",
            "",
        ] {
            println!("{method} {content_type}");
            let answer = server.system(method, path).body(content_type, body).send();
            super::assert_problem_shape(&answer, 415);
        }
    }
    assert_eq!(server.read(uuid_of(&record)), record);
}
