//! Contract §5.3: every validation message.

use serde_json::{Value, json};

use super::{
    JSON_LD, SystemApi, TENANTS, assert_problem, assert_problem_shape, assert_violations, item,
    uuid_of,
};
use crate::harness::reference;

const BLANK: &str = "This value should not be blank.";
const INTEGER: &str = "This value should be of type integer.";
const POSITIVE: &str = "This value should be 1 or more.";
const OBJECT: &str = "This value should be of type object.";
const UUID: &str = "This is not a valid UUID.";
const USED: &str = "This value is already used.";

/// What is wrong with a version, for both operations that take one.
const VERSIONS: &[(&str, &str)] = &[
    ("null", BLANK),
    (r#""1""#, INTEGER),
    (r#""""#, INTEGER),
    ("1.5", INTEGER),
    ("true", INTEGER),
    ("false", INTEGER),
    ("[]", INTEGER),
    ("[1]", INTEGER),
    ("{}", INTEGER),
    ("2147483648", INTEGER),
    ("9223372036854775808", INTEGER),
    ("123456789012345678901234567890", INTEGER),
    ("1e400", INTEGER),
    ("0", POSITIVE),
    ("-1", POSITIVE),
    ("-2147483648", POSITIVE),
];

/// What is wrong with data, for both operations that take it.
const DATA: &[(&str, &str)] = &[
    ("null", BLANK),
    ("[]", OBJECT),
    (r#"[{"a":1}]"#, OBJECT),
    (r#""{}""#, OBJECT),
    (r#""""#, OBJECT),
    ("1", OBJECT),
    ("0", OBJECT),
    ("true", OBJECT),
    ("false", OBJECT),
];

const UUIDS: &[&str] = &[
    "nope",
    "",
    "d928b02094f64928a51004fc49d5a175",
    "{d928b020-94f6-4928-a510-04fc49d5a175}",
    "urn:uuid:d928b020-94f6-4928-a510-04fc49d5a175",
    "d928b020-94f6-4928-a510-04fc49d5a17g",
    " d928b020-94f6-4928-a510-04fc49d5a175",
    "d928b020-94f6-4928-a510-04fc49d5a175\\n",
    "d928b020-94f64-928-a510-04fc49d5a175",
];

#[track_caller]
fn post(body: &str, expected: &[(&str, &str)]) {
    let answer = reference::shared()
        .system("POST", TENANTS)
        .body("application/json", body)
        .send();
    assert_violations(&answer, expected);
}

#[test]
fn a_create_names_each_fault_of_the_version() {
    post(r#"{"data":{}}"#, &[("version", BLANK)]);
    for (version, message) in VERSIONS {
        let body = format!(r#"{{"data":{{}},"version":{version}}}"#);
        post(&body, &[("version", message)]);
    }
}

#[test]
fn a_create_names_each_fault_of_the_data() {
    post(r#"{"version":1}"#, &[("data", BLANK)]);
    for (data, message) in DATA {
        let body = format!(r#"{{"data":{data},"version":1}}"#);
        post(&body, &[("data", message)]);
    }
}

#[test]
fn a_create_refuses_what_is_no_hyphenated_uuid() {
    for uuid in UUIDS {
        let body = format!(r#"{{"uuid":"{uuid}","data":{{}},"version":1}}"#);
        post(&body, &[("uuid", UUID)]);
    }
}

#[test]
fn a_uuid_that_is_no_string_is_refused_by_name() {
    for uuid in ["5", "true", "[]", "{}"] {
        let body = format!(r#"{{"uuid":{uuid},"data":{{}},"version":1}}"#);
        let answer = reference::shared()
            .system("POST", TENANTS)
            .body("application/json", body)
            .send();
        assert_problem_shape(&answer, 400);
        assert_eq!(
            answer.json()["violations"][0]["propertyPath"],
            "uuid",
            "{answer}"
        );
    }
}

#[test]
fn a_create_names_all_faults_at_once() {
    post("{}", &[("data", BLANK), ("version", BLANK)]);
    post(
        r#"{"uuid":"x","data":[],"version":0}"#,
        &[("uuid", UUID), ("data", OBJECT), ("version", POSITIVE)],
    );
    post(
        r#"{"data":null,"version":"1"}"#,
        &[("data", BLANK), ("version", INTEGER)],
    );
}

#[test]
fn a_uuid_in_use_is_refused_in_any_letter_case() {
    let server = reference::shared();
    let record = server.make_any();
    let uuid = uuid_of(&record);
    for used in [uuid.to_owned(), uuid.to_uppercase()] {
        let body = json!({"uuid": used, "data": {}, "version": 1}).to_string();
        post(&body, &[("uuid", USED)]);
    }
    let other = server.make_any();
    let answer = server
        .system("PUT", &item(uuid_of(&other)))
        .json(&json!({"uuid": uuid, "version": 1}))
        .send();
    assert_violations(&answer, &[("uuid", USED)]);
    assert_eq!(
        server.read(uuid_of(&other)),
        other,
        "nothing of it happened"
    );
}

#[test]
fn a_put_names_each_fault() {
    let server = reference::shared();
    let record = server.make_any();
    let put = |body: &str, expected: &[(&str, &str)]| {
        println!("PUT {body}");
        let answer = server
            .system("PUT", &item(uuid_of(&record)))
            .body("application/json", body)
            .send();
        assert_violations(&answer, expected);
    };
    put("{}", &[("version", BLANK)]);
    put(r#"{"data":{}}"#, &[("version", BLANK)]);
    for (version, message) in VERSIONS {
        put(
            &format!(r#"{{"version":{version}}}"#),
            &[("version", message)],
        );
    }
    for (data, message) in DATA {
        let body = format!(r#"{{"data":{data},"version":1}}"#);
        put(&body, &[("data", message)]);
    }
    for uuid in UUIDS {
        let body = format!(r#"{{"uuid":"{uuid}","version":1}}"#);
        put(&body, &[("uuid", UUID)]);
    }
    put(
        r#"{"uuid":"x","data":null,"version":0}"#,
        &[("uuid", UUID), ("data", BLANK), ("version", POSITIVE)],
    );
    assert_eq!(server.read(uuid_of(&record)), record);
}

#[test]
fn a_validation_error_is_printed_to_the_byte_in_both_representations() {
    let server = reference::shared();
    let body = json!({"data": {}});
    let answer = server.system("POST", TENANTS).json(&body).send();
    assert_eq!(
        answer.text(),
        concat!(
            r#"{"type":"https://tools.ietf.org/html/rfc2616#section-10","title":"An error occurred","#,
            r#""detail":"version: This value should not be blank.","#,
            r#""violations":[{"propertyPath":"version","message":"This value should not be blank."}]}"#
        )
    );
    let answer = server
        .system_default("POST", TENANTS)
        .header("Accept", JSON_LD)
        .json(&body)
        .send()
        .expect_status(400);
    assert_eq!(
        answer.header("content-type"),
        Some("application/ld+json; charset=utf-8")
    );
    assert_eq!(
        answer.text(),
        concat!(
            r#"{"@context":"/contexts/ConstraintViolationList","@type":"ConstraintViolationList","#,
            r#""hydra:title":"An error occurred","#,
            r#""hydra:description":"version: This value should not be blank.","#,
            r#""violations":[{"propertyPath":"version","message":"This value should not be blank."}]}"#
        )
    );
}

#[test]
fn malformed_json_is_a_syntax_error() {
    let server = reference::shared();
    let record = server.make_any();
    let bodies = [
        "",
        " ",
        "{",
        "nope",
        "{\"data\":{},\"version\":1",
        "{\"data\":{},\"version\":1,}",
        "{\"data\":{} \"version\":1}",
        "{\"data\":{},\"version\":1} x",
        "{\"data\":{},\"version\":01}",
        "{\"data\":{},\"version\":NaN}",
        "{'data':{},'version':1}",
        "{\"data\":{\"a\":\"\t\"},\"version\":1}",
    ];
    for body in bodies {
        println!("{body:?}");
        for (method, path) in [
            ("POST", TENANTS.to_owned()),
            ("PUT", item(uuid_of(&record))),
        ] {
            let answer = server
                .system(method, &path)
                .body("application/json", body)
                .send();
            assert_problem(&answer, 400, "Syntax error");
        }
    }
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    let server = reference::shared();
    let record = server.make_any();
    for body in [
        "[]",
        "null",
        "1",
        "true",
        "\"x\"",
        "[{\"data\":{},\"version\":1}]",
    ] {
        for (method, path) in [
            ("POST", TENANTS.to_owned()),
            ("PUT", item(uuid_of(&record))),
        ] {
            let answer = server
                .system(method, &path)
                .body("application/json", body)
                .send();
            assert_problem_shape(&answer, 400);
        }
    }
    assert_eq!(server.read(uuid_of(&record)), record);
}

#[test]
fn a_refused_create_makes_nothing() {
    let server = crate::harness::Server::start();
    for body in ["{}", r#"{"data":{},"version":0}"#, "{", "[]"] {
        server
            .system("POST", TENANTS)
            .body("application/json", body)
            .send()
            .expect_status(400);
    }
    let list = server.system("GET", TENANTS).send().expect_status(200);
    assert_eq!(list.json(), Value::Array(Vec::new()));
}
