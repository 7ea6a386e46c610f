//! What the tests of the management API and of the token endpoint say often.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::reference::{ENVIRONMENT_ID, TENANT_DOMAIN};
use crate::harness::{Request, Response, Server, cli};

/// Every scope of contract §3.4.
pub(crate) const SCOPES: [&str; 9] = [
    "environments:read",
    "environments:write",
    "tenants:read",
    "tenants:write",
    "clients:read",
    "clients:write",
    "events:read",
    "webhooks:read",
    "webhooks:write",
];

/// A well-formed id that nothing has.
pub(crate) const UNKNOWN_ID: &str = "3d2c7dd5-64f5-4a7e-9d3c-0d4ea97ea1ba";

/// A tenant as its creator saw it.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) etag: String,
    pub(crate) body: Value,
}

impl Tenant {
    pub(crate) fn path(&self) -> String {
        format!("/v1/tenants/{}", self.id)
    }

    pub(crate) fn host(&self) -> String {
        format!("{}.{TENANT_DOMAIN}", self.label)
    }
}

/// The smallest body of a create, in the reference's environment.
pub(crate) fn create_body(label: &str) -> Value {
    json!({"subdomain": label, "environmentId": ENVIRONMENT_ID})
}

/// `POST /v1/tenants` with a token that may do it.
pub(crate) fn post_tenant(server: &Server, body: &Value) -> Response {
    server
        .post("/v1/tenants")
        .bearer(&server.token())
        .json(body)
        .send()
}

pub(crate) fn create_tenant(server: &Server, label: &str) -> Tenant {
    created(&post_tenant(server, &create_body(label)).expect_status(201))
}

/// Reads a 201.
pub(crate) fn created(answer: &Response) -> Tenant {
    assert_eq!(answer.status, 201, "{answer}");
    let body = answer.json();
    let host = text(&body["subdomain"]);
    Tenant {
        id: text(&body["id"]),
        label: host.split('.').next().unwrap().to_owned(),
        client_id: text(&body["client"]["clientId"]),
        client_secret: text(&body["client"]["clientSecret"]),
        etag: answer.header("etag").unwrap_or_default().to_owned(),
        body,
    }
}

/// A management client made by the command line: id and secret.
pub(crate) fn management_client(
    server: &Server,
    scopes: &[&str],
    environments: &[&str],
) -> (String, String) {
    let mut args = vec![
        "client",
        "create",
        "--name",
        "made by a test",
        "--output",
        "json",
    ];
    args.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
    args.extend(environments.iter().flat_map(|id| ["--environment", id]));
    let output = cli(server, &args);
    assert!(output.status.success(), "{output:?}");
    let client = output.json();
    (text(&client["clientId"]), text(&client["clientSecret"]))
}

/// `POST /oauth/token` with the credentials in a JSON body.
pub(crate) fn ask_token(server: &Server, client_id: &str, client_secret: &str) -> Response {
    server
        .post("/oauth/token")
        .json(&token_body(client_id, client_secret))
        .send()
}

pub(crate) fn token_body(client_id: &str, client_secret: &str) -> Value {
    json!({
        "client_id": client_id,
        "client_secret": client_secret,
        "grant_type": "client_credentials",
    })
}

/// The whole shape of contract §4's errors, and what stands on every response (§2).
/// Gives the body back.
#[track_caller]
pub(crate) fn assert_error(answer: &Response, status: u16, class: &str) -> Value {
    assert_eq!(answer.status, status, "{answer}");
    let body = answer.json();
    assert_eq!(
        keys(&body),
        BTreeSet::from(["code", "details", "message", "type"]),
        "{answer}"
    );
    assert_eq!(body["type"], class, "{answer}");
    let code = text(&body["code"]);
    let snake = code
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    assert!(snake && !code.is_empty(), "not lower_snake_case: {answer}");
    assert!(!text(&body["message"]).is_empty(), "{answer}");
    for fault in body["details"].as_array().expect("details is an array") {
        let allowed = BTreeSet::from(["location", "msg", "param", "value"]);
        assert!(keys(fault).is_subset(&allowed), "{answer}");
        for member in ["msg", "param", "location"] {
            assert!(fault[member].is_string(), "{member} of {fault} in {answer}");
        }
        let location = text(&fault["location"]);
        assert!(
            ["body", "query", "params", "headers"].contains(&location.as_str()),
            "{answer}"
        );
    }
    let content_type = answer.header("content-type").unwrap_or_default();
    assert!(content_type.starts_with("application/json"), "{answer}");
    assert_eq!(
        answer.header("x-content-type-options"),
        Some("nosniff"),
        "{answer}"
    );
    assert!(answer.header("x-request-id").is_some(), "{answer}");
    body
}

/// A 400 whose details name exactly these members; gives the body back.
#[track_caller]
pub(crate) fn assert_faults(answer: &Response, location: &str, params: &[&str]) -> Value {
    let body = assert_error(answer, 400, "BadRequest");
    let details = body["details"].as_array().unwrap();
    assert!(
        details.iter().all(|fault| fault["location"] == location),
        "{answer}"
    );
    let named: BTreeSet<_> = details.iter().map(|fault| text(&fault["param"])).collect();
    let expected: BTreeSet<_> = params.iter().map(|&param| param.to_owned()).collect();
    assert_eq!(named, expected, "{answer}");
    body
}

/// The errors of RFC 6749 §5.2 as contract §3.1 has them; gives the body back.
#[track_caller]
pub(crate) fn assert_oauth_error(answer: &Response, status: u16, error: &str) -> Value {
    assert_eq!(answer.status, status, "{answer}");
    let body = answer.json();
    assert_eq!(body["error"], error, "{answer}");
    assert!(body["error_description"].is_string(), "{answer}");
    assert_eq!(
        keys(&body),
        BTreeSet::from(["error", "error_description"]),
        "{answer}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer}");
    assert_eq!(answer.header("pragma"), Some("no-cache"), "{answer}");
    body
}

/// The names in an object.
#[track_caller]
pub(crate) fn keys(value: &Value) -> BTreeSet<&str> {
    let object = value
        .as_object()
        .unwrap_or_else(|| panic!("no object: {value}"));
    object.keys().map(String::as_str).collect()
}

/// A string, or a failure that shows what it is instead.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no string: {value}"))
        .to_owned()
}

/// A time as contract §2 writes them.
#[track_caller]
pub(crate) fn utc(value: &Value) -> time::OffsetDateTime {
    let shown = text(value);
    let format = &time::format_description::well_known::Rfc3339;
    let time =
        time::OffsetDateTime::parse(&shown, format).unwrap_or_else(|e| panic!("{shown}: {e}"));
    assert!(time.offset().is_utc(), "{shown}");
    time
}

/// Asks again until the answer is the one waited for, for at most 20 s.
#[track_caller]
pub(crate) fn poll(request: &Request, done: impl Fn(&Response) -> bool) -> Response {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = request.clone().send();
        if done(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "still {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Asks every process of the server again until each gives the answer that is waited for:
/// what one of them has read anew, another may still have to.
#[track_caller]
pub(crate) fn poll_each(server: &Server, path: &str, done: impl Fn(&Response) -> bool) {
    for process in server.each() {
        poll(&process.get(path), &done);
    }
}

/// Changes the database beside the running server, where no route and no command does it
/// yet.
pub(crate) fn sql(server: &Server, statement: &str) {
    server.database().execute(statement);
}

/// What the server keeps, by where it is found: the contents of its database and of all
/// files in its data directories but the one that is there to hold credentials.
pub(crate) fn kept(server: &Server) -> Vec<(String, Vec<u8>)> {
    let mut places = server.database().contents();
    for directory in server.data_directories() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() && !path.ends_with("bootstrap-credentials.json") {
                let content = std::fs::read(&path).unwrap();
                places.push((path.display().to_string(), content));
            }
        }
    }
    places
}
