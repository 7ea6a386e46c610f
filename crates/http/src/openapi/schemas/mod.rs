//! Schemas (JSON Schema 2020-12), each with an example.

mod feed;
mod management;
mod oauth;
mod requests;
mod system;
mod webhooks;

use serde_json::{Map, Value, json};

/// Every schema by its name.
pub(super) fn all() -> Value {
    let mut all = management::all();
    all.extend(requests::all());
    all.extend(feed::all());
    all.extend(webhooks::all());
    all.extend(oauth::all());
    all.extend(system::all());
    let entries = all
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema));
    Value::Object(entries.collect::<Map<String, Value>>())
}

type Schemas = Vec<(&'static str, Value)>;

/// A DNS label as [`Label`](tenantry_domain::subdomain::Label) takes it.
const LABEL: &str = "^(?!..--)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";

/// A lower-case domain, with or without a dot in front.
const DOMAIN: &str =
    "^\\.?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";

/// A tenant's label or whole host name.
pub(super) const SUBDOMAIN_OR_HOST: &str = "^(?!..--)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\
     (\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?){0,4}$";

/// A host name with or without a port and a trailing dot.
pub(super) const HOST: &str =
    "^[A-Za-z0-9_-]{1,63}(\\.[A-Za-z0-9_-]{1,63}){0,2}\\.?(:[0-9]{0,4})?$";

/// Something else than white space, and no NUL: what is left of a name after trimming.
const NAME: &str = "^[^\\u0000]*[^\\u0000\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000][^\\u0000]*$";

pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

pub(super) fn uuid(description: &str) -> Value {
    described(json!({ "type": "string", "format": "uuid" }), description)
}

fn described(mut schema: Value, description: &str) -> Value {
    if !description.is_empty() {
        schema["description"] = description.into();
    }
    schema
}

fn text(description: &str) -> Value {
    described(json!({ "type": "string" }), description)
}

fn instant(description: &str) -> Value {
    described(
        json!({ "type": "string", "format": "date-time" }),
        description,
    )
}

fn integer(description: &str) -> Value {
    described(json!({ "type": "integer", "format": "int64" }), description)
}

fn boolean(description: &str) -> Value {
    described(json!({ "type": "boolean" }), description)
}

fn words<T: Into<Value>>(description: &str, words: impl IntoIterator<Item = T>) -> Value {
    let words: Vec<Value> = words.into_iter().map(Into::into).collect();
    described(json!({ "type": "string", "enum": words }), description)
}

fn word(word: &str) -> Value {
    json!({ "type": "string", "const": word })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "what is handed over is made for it, and tables read better without `&`"
)]
fn list(description: &str, items: Value) -> Value {
    described(json!({ "type": "array", "items": items }), description)
}

/// The same, or null.
fn or_null(mut schema: Value) -> Value {
    if schema.get("$ref").is_some() {
        return json!({ "anyOf": [schema, { "type": "null" }] });
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    schema["type"] = json!([schema["type"], "null"]);
    schema
}

/// An object with these members; one whose name has a `?` behind it may be left out.
#[expect(
    clippy::needless_pass_by_value,
    reason = "what is handed over is made for it, and tables read better without `&`"
)]
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let is_optional = |name: &str| name.ends_with('?');
    let required: Vec<_> = members
        .iter()
        .filter(|(name, _)| !is_optional(name))
        .map(|(name, _)| *name)
        .collect();
    let properties = members
        .iter()
        .map(|(name, schema)| (name.trim_end_matches('?').to_owned(), schema.clone()));
    let mut object = json!({
        "type": "object",
        "properties": properties.collect::<Map<String, Value>>(),
    });
    if !required.is_empty() {
        object["required"] = required.into();
    }
    object
}

/// An object of a request that must have no other members.
fn closed(mut object: Value) -> Value {
    object["additionalProperties"] = false.into();
    object
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "what is handed over is made for it, and tables read better without `&`"
)]
fn with_example(mut schema: Value, example: Value) -> Value {
    schema["examples"] = json!([example]);
    schema
}

/// A page of a list of the management API.
#[expect(
    clippy::needless_pass_by_value,
    reason = "what is handed over is made for it, and tables read better without `&`"
)]
fn page(item: &str, example: Value) -> Value {
    let next = "Leads to the next page; on every page that is not empty, the last one too.";
    with_example(
        object([
            ("data", list("", reference(item))),
            ("nextCursor?", text(next)),
        ]),
        json!({ "data": [example], "nextCursor": CURSOR }),
    )
}

/// `createdAt=2026-01-01T00:00:00.000000Z&id=86cb97a9-5e80-4ed7-af13-a170752bb1ea`
const CURSOR: &str = "Y3JlYXRlZEF0PTIwMjYtMDEtMDFUMDA6MDA6MDAuMDAwMDAwWiZpZD04NmNiOTdhOS01ZTgwLTRlZDctYWYxMy1hMTcwNzUyYmIxZWE";
