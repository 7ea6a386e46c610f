//! Contract §5: the system API.

mod clients;
mod collection;
mod conditional;
mod credentials;
mod data;
mod depth;
mod family;
mod filters;
mod flood;
mod hydra;
mod list;
mod lock;
mod negotiation;
mod records;
mod validation;

use serde_json::{Value, json};

use crate::harness::{Request, Response, Server};

pub(crate) const TENANTS: &str = "/system/tenants";
pub(crate) const JSON: &str = "application/json";
pub(crate) const JSON_LD: &str = "application/ld+json";
pub(crate) const PROBLEM: &str = "application/problem+json; charset=utf-8";
pub(crate) const ERROR_TYPE: &str = "https://tools.ietf.org/html/rfc2616#section-10";
pub(crate) const CHALLENGE: &str = r#"Basic realm="Secured Area", charset="UTF-8""#;
pub(crate) const NO_TENANT: &str = "/system/tenants/00000000-0000-4000-8000-000000000000";

/// Requests of the first system account.
pub(crate) trait SystemApi {
    /// With the right credential and no `Accept`.
    fn system_default(&self, method: &str, path: &str) -> Request;

    /// With the right credential and `Accept: application/json`.
    fn system(&self, method: &str, path: &str) -> Request {
        self.system_default(method, path).header("Accept", JSON)
    }

    /// A tenant with this data at version 1, as the answer shows it.
    fn make(&self, data: &Value) -> Value {
        self.system("POST", TENANTS)
            .json(&json!({"data": data, "version": 1}))
            .send()
            .expect_status(200)
            .json()
    }

    /// A tenant with no data at version 1, as the answer shows it.
    fn make_any(&self) -> Value {
        self.make(&json!({}))
    }

    /// A tenant as `GET` shows it.
    fn read(&self, uuid: &str) -> Value {
        self.system("GET", &item(uuid))
            .send()
            .expect_status(200)
            .json()
    }
}

impl SystemApi for Server {
    fn system_default(&self, method: &str, path: &str) -> Request {
        let account = self.credentials();
        self.request(method, path)
            .basic(&account.system_username, &account.system_password)
    }
}

/// The path of a tenant.
pub(crate) fn item(uuid: &str) -> String {
    format!("{TENANTS}/{uuid}")
}

/// The uuid of a record.
pub(crate) fn uuid_of(record: &Value) -> &str {
    record["uuid"].as_str().expect("uuid is a string")
}

/// The id of a record.
pub(crate) fn id_of(record: &Value) -> u64 {
    record["id"].as_u64().expect("id is a positive integer")
}

/// Fails unless the answer is the JSON error with this status and detail and nothing else.
#[track_caller]
pub(crate) fn assert_problem(answer: &Response, status: u16, detail: &str) {
    assert_eq!(answer.status, status, "{answer}");
    assert_eq!(answer.header("content-type"), Some(PROBLEM), "{answer}");
    let expected =
        format!(r#"{{"type":"{ERROR_TYPE}","title":"An error occurred","detail":"{detail}"}}"#);
    assert_eq!(answer.text(), expected);
}

/// Fails unless the answer has the shape of a JSON error with this status, whatever its words.
#[track_caller]
pub(crate) fn assert_problem_shape(answer: &Response, status: u16) {
    assert_eq!(answer.status, status, "{answer}");
    assert_eq!(answer.header("content-type"), Some(PROBLEM), "{answer}");
    let body = answer.json();
    assert_eq!(body["type"], ERROR_TYPE, "{answer}");
    assert_eq!(body["title"], "An error occurred", "{answer}");
    assert!(body["detail"].is_string(), "{answer}");
}

/// Fails unless the answer lists exactly these violations, in any order, and its
/// detail says the same in the same order.
#[track_caller]
pub(crate) fn assert_violations(answer: &Response, expected: &[(&str, &str)]) {
    assert_problem_shape(answer, 400);
    let body = answer.json();
    let members: Vec<&str> = body
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(members.len(), 4, "{answer}");
    let pair = |violation: &Value| {
        let text = |member: &str| violation[member].as_str().unwrap_or("?").to_owned();
        assert_eq!(violation.as_object().unwrap().len(), 2, "{answer}");
        (text("propertyPath"), text("message"))
    };
    let mut found: Vec<(String, String)> = body["violations"]
        .as_array()
        .unwrap_or_else(|| panic!("no violations in {answer}"))
        .iter()
        .map(pair)
        .collect();
    let lines: Vec<String> = found
        .iter()
        .map(|(path, message)| format!("{path}: {message}"))
        .collect();
    assert_eq!(body["detail"], lines.join("\n"), "{answer}");
    let mut expected: Vec<(String, String)> = expected
        .iter()
        .map(|&(path, message)| (path.to_owned(), message.to_owned()))
        .collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "{answer}");
}
