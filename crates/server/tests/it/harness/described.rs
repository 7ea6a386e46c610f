//! Whether answers are what the OpenAPI document says of them.
//!
//! Every answer that a test gets is held against the document: its status, its headers, its
//! media type, and its body against the schema. Members and headers that are not described are as wrong as
//! those that are missing. And what the server took in a body, the document must not forbid.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

use super::http::{Request, Response};

/// What HTTP itself or a setting adds to answers.
const UNTOLD_HEADERS: [&str; 7] = [
    "allow",
    "connection",
    "content-length",
    "content-type",
    "date",
    "transfer-encoding",
    "vary",
];

pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(tenantry_http::openapi()).unwrap());

/// The schemas with objects that have no members but those that are described.
static STRICT: LazyLock<Value> = LazyLock::new(|| {
    let mut components = DOCUMENT["components"].clone();
    close(&mut components["schemas"]);
    components
});

fn close(node: &mut Value) {
    match node {
        Value::Array(nodes) => nodes.iter_mut().for_each(close),
        Value::Object(members) => {
            let is_described = members.get("type").is_some_and(|kind| kind == "object")
                && members.contains_key("properties");
            members.values_mut().for_each(close);
            if is_described {
                let name = "additionalProperties".to_owned();
                members.entry(name).or_insert(false.into());
            }
        }
        _ => {}
    }
}

/// A validator of a schema, made once.
fn validator(schema: &Value, is_strict: bool) -> Arc<Validator> {
    /// By the schema's text, and whether it is strict.
    type Made = HashMap<(String, bool), Arc<Validator>>;
    static MADE: LazyLock<Mutex<Made>> = LazyLock::new(Mutex::default);
    let key = (schema.to_string(), is_strict);
    let mut known = MADE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let make = || {
        let components = if is_strict {
            &*STRICT
        } else {
            &DOCUMENT["components"]
        };
        let whole = json!({ "allOf": [schema], "components": components });
        let options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true);
        Arc::new(options.build(&whole).unwrap())
    };
    Arc::clone(known.entry(key).or_insert_with(make))
}

/// What is wrong with a value; nothing, if it follows the schema.
pub(crate) fn faults(schema: &Value, value: &Value, is_strict: bool) -> Vec<String> {
    let validator = validator(schema, is_strict);
    let errors = validator.iter_errors(value);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// What a reference in the document stands for.
fn resolved(node: &'static Value) -> &'static Value {
    match node["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap(),
        None => node,
    }
}

/// The path of the document that a request's path falls under: one without parameters before
/// one with them.
fn path_item(path: &str) -> Option<&'static Value> {
    let segments: Vec<_> = path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<_> = template.split('/').collect();
        let is_one = |(part, segment): (&&str, &&str)| {
            part == segment || (part.starts_with('{') && !segment.is_empty())
        };
        parts.len() == segments.len() && parts.iter().zip(&segments).all(is_one)
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let found = paths.iter().filter(|(template, _)| fits(template));
    found
        .min_by_key(|(template, _)| template.matches('{').count())
        .map(|(_, item)| item)
}

/// Fails unless the answer is one that the document tells of. What is no answer to an operation
/// (unknown paths and methods) is not told of.
#[track_caller]
pub(super) fn check(request: &Request, response: &Response) {
    let is_tenantrys = response.headers.contains_key("x-request-id")
        && response.headers.contains_key("x-content-type-options");
    let Some(item) = is_tenantrys.then(|| path_item(request.path())).flatten() else {
        return;
    };
    let is_head = request.method() == "HEAD";
    let method = if is_head { "GET" } else { request.method() };
    let operation = &item[method.to_lowercase()];
    if operation.is_null() {
        return;
    }
    let id = &operation["operationId"];
    let told = &operation["responses"][response.status.to_string()];
    assert!(!told.is_null(), "{id} has no such status: {response}");
    let told = resolved(told);
    check_headers(id, told, response);
    if !is_head && response.status != 304 {
        check_body(id, told, response);
    }
    if (200..300).contains(&response.status) {
        check_request(id, operation, request);
    }
}

#[track_caller]
fn check_headers(id: &Value, told: &'static Value, response: &Response) {
    let told: BTreeMap<_, _> = told["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, header)| (name.to_lowercase(), resolved(header)))
        .collect();
    for (name, header) in &told {
        let Some(value) = response.headers.get(name.as_str()) else {
            assert_ne!(header["required"], true, "{id} without {name}: {response}");
            continue;
        };
        let value = value.to_str().unwrap();
        let value = match header["schema"]["type"].as_str() {
            Some("integer") => value.parse::<i64>().unwrap().into(),
            _ => Value::from(value),
        };
        let faults = faults(&header["schema"], &value, true);
        assert!(faults.is_empty(), "{id}, {name}: {faults:?} in {response}");
    }
    for name in response.headers.keys() {
        let name = name.as_str();
        let is_known = told.contains_key(name)
            || UNTOLD_HEADERS.contains(&name)
            || name.starts_with("access-control-");
        assert!(is_known, "{id} with {name}: {response}");
    }
}

#[track_caller]
fn check_body(id: &Value, told: &'static Value, response: &Response) {
    let Some(content) = told["content"].as_object() else {
        assert!(response.body.is_empty(), "{id} has no body: {response}");
        return;
    };
    let media_type = response.header("content-type").unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default();
    let schema = content
        .get(essence)
        .unwrap_or_else(|| panic!("{id} has no {essence}: {response}"));
    if essence.ends_with("json") && is_readable(&response.body) {
        let faults = faults(&schema["schema"], &response.json(), true);
        assert!(faults.is_empty(), "{id}: {faults:#?} in {response}");
    }
}

/// Whether the reader of JSON that is used here can hold what is in a text: tenants' data may have
/// numbers that it has no place for, and members that mean something else to it.
fn is_readable(json: &[u8]) -> bool {
    let is_beyond = |error: serde_json::Error| error.to_string().contains("out of range");
    let is_odd = String::from_utf8_lossy(json).contains("$serde_json::private");
    !is_odd && !serde_json::from_slice::<Value>(json).is_err_and(is_beyond)
}

#[track_caller]
fn check_request(id: &Value, operation: &'static Value, request: &Request) {
    let Some((media_type, body)) = request.sent() else {
        return;
    };
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_lowercase();
    let read = is_readable(body).then(|| serde_json::from_slice::<Value>(body).ok());
    let read = read.flatten();
    let Some(mut body) = read.filter(|_| essence.ends_with("json")) else {
        return;
    };
    // The white space that is taken away from names does not count, which no schema can say.
    if let Some(name) = body["name"].as_str().map(str::trim).map(str::to_owned) {
        body["name"] = name.into();
    }
    let schema = &operation["requestBody"]["content"][&essence]["schema"];
    assert!(!schema.is_null(), "{id} takes no {essence}");
    let faults = faults(schema, &body, false);
    assert!(faults.is_empty(), "{id} took {body}: {faults:#?}");
}
