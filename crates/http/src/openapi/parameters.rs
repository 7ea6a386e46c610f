//! Query parameters and headers of requests.

use serde_json::{Map, Value, json};
use tenantry_domain::{
    event::EventCategory, idempotency::IdempotencyKey, name::Name, page::Limit, record::Bound,
};

use super::schemas::{self, reference};

/// All of them by the names that [`Described`](super::described::Described) uses.
pub(super) fn all() -> Value {
    let mut all = headers();
    all.extend(pages());
    all.extend(tenants());
    all.extend(feed());
    all.extend(events());
    all.extend(records());
    let entries = all
        .into_iter()
        .map(|(name, parameter)| (name.into(), parameter));
    Value::Object(entries.collect::<Map<String, Value>>())
}

type Parameters = Vec<(&'static str, Value)>;

fn header(name: &str, description: &str, schema: Value) -> Value {
    parameter("header", name, description, schema)
}

fn query(name: &str, description: &str, schema: Value) -> Value {
    parameter("query", name, description, schema)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "what is handed over is made for it, and tables read better without `&`"
)]
fn parameter(place: &str, name: &str, description: &str, schema: Value) -> Value {
    json!({ "in": place, "name": name, "description": description, "schema": schema })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn headers() -> Parameters {
    let key = json!({
        "type": "string",
        "minLength": 1,
        "maxLength": IdempotencyKey::MAX_LENGTH,
        "pattern": "^[!-~]+$",
    });
    vec![
        (
            "RequestId",
            header(
                "X-Request-Id",
                "Names this request in the answer, in logs and in events: at most 128 visible ASCII \
                 characters. Anything else is passed over, and one is made.",
                text(),
            ),
        ),
        (
            "IdempotencyKey",
            header(
                "Idempotency-Key",
                "Names this request, best by a random UUID: a repeat by the same client with the same body \
                 within 24 hours makes nothing and gets the first answer again.",
                key,
            ),
        ),
        (
            "IfMatch",
            header(
                "If-Match",
                "Entity tags with commas between them, or `*`: the change is made only on one of these \
                 states.",
                text(),
            ),
        ),
        (
            "IfNoneMatch",
            header(
                "If-None-Match",
                "Entity tags with commas between them, or `*`: 304 if the present state is one of these.",
                text(),
            ),
        ),
        (
            "LastEventId",
            header(
                "Last-Event-ID",
                "The sequence of the last change that was seen; wins over `after`. An empty one says nothing.",
                json!({ "type": "string", "pattern": "^[0-9]{0,18}$" }),
            ),
        ),
    ]
}

fn pages() -> Parameters {
    let limit = json!({
        "type": "integer",
        "minimum": Limit::ONE.get(),
        "maximum": Limit::MAX.get(),
        "default": Limit::default().get(),
    });
    vec![
        (
            "Limit",
            query("limit", "How many objects the page has at most.", limit),
        ),
        (
            "Cursor",
            query(
                "cursor",
                "The `nextCursor` of the page before: unpadded base64url of \
                 `createdAt=<RFC 3339>&id=<uuid>`.",
                json!({ "type": "string", "format": "cursor" }),
            ),
        ),
    ]
}

fn tenants() -> Parameters {
    vec![
        (
            "EnvironmentId",
            query(
                "environmentId",
                "Only those of this environment.",
                schemas::uuid(""),
            ),
        ),
        (
            "Subdomain",
            query(
                "subdomain",
                "Only those with this label, or with this whole host name, exactly as tenants show them.",
                json!({ "type": "string", "pattern": schemas::SUBDOMAIN_OR_HOST }),
            ),
        ),
        (
            "TenantStatus",
            query(
                "status",
                "Only those of this status.",
                reference("TenantStatus"),
            ),
        ),
        (
            "NamePrefix",
            query(
                "q",
                "Only those whose name begins so, in any letter case.",
                json!({ "type": "string", "maxLength": Name::MAX_LENGTH, "pattern": "^[^\\u0000]*$" }),
            ),
        ),
        ("Host", {
            let mut host = query(
                "host",
                "A tenant's host name. Port, letter case and a trailing dot don't matter.",
                json!({ "type": "string", "pattern": schemas::HOST }),
            );
            host["required"] = true.into();
            host["example"] = "my-tenant.vii.mattr.global".into();
            host
        }),
        (
            "DeliveryStatus",
            query(
                "status",
                "Only those of this status.",
                reference("DeliveryStatus"),
            ),
        ),
    ]
}

fn feed() -> Parameters {
    let place = json!({ "type": "string", "pattern": "^(latest|[0-9]{1,18})$", "default": "0" });
    let wait = json!({ "type": "integer", "minimum": 0, "maximum": 60, "default": 0 });
    vec![
        (
            "After",
            query(
                "after",
                "The sequence behind which to begin, or `latest` for the end of the feed.",
                place,
            ),
        ),
        (
            "Wait",
            query(
                "wait",
                "For how many seconds to hold an answer that would be empty until there is a change.",
                wait,
            ),
        ),
    ]
}

fn events() -> Parameters {
    let list = |name: &str, description: &str, items: Value| {
        let mut list = query(
            name,
            description,
            json!({ "type": "array", "minItems": 1, "maxItems": 100, "items": items }),
        );
        list["style"] = "form".into();
        list["explode"] = false.into();
        list
    };
    let instant =
        || json!({ "type": "string", "anyOf": [{ "format": "date-time" }, { "format": "date" }] });
    vec![
        (
            "EventTypes",
            list(
                "types",
                "Only events of these types.",
                reference("EventType"),
            ),
        ),
        (
            "EventCategories",
            list(
                "categories",
                "Only events of these categories.",
                json!({ "type": "string", "enum": EventCategory::ALL.map(EventCategory::as_str) }),
            ),
        ),
        (
            "RequestIds",
            list(
                "requestIds",
                "Only events of these requests.",
                json!({ "type": "string", "pattern": "^[!-+.-~-]{1,128}$" }),
            ),
        ),
        (
            "ClientIds",
            list(
                "clientIds",
                "Only events of requests of these clients.",
                reference("ClientId"),
            ),
        ),
        (
            "TenantIds",
            list(
                "tenantIds",
                "Only events that concern these tenants.",
                schemas::uuid(""),
            ),
        ),
        (
            "DateFrom",
            query(
                "dateFrom",
                "Only events from this instant on: RFC 3339, or a date for its midnight in UTC.",
                instant(),
            ),
        ),
        (
            "DateTo",
            query(
                "dateTo",
                "Only events up to this instant, which is included.",
                instant(),
            ),
        ),
    ]
}

/// Filters, orders and pages of the system API, whose names are those of the original platform.
fn records() -> Parameters {
    let mut all = choices();
    all.extend(numbered_pages());
    for (name, component) in BOUNDS {
        let (member, bound) = name.split_once('[').unwrap_or((name, ""));
        let bound = bound.trim_end_matches(']');
        debug_assert!(Bound::ALL.iter().any(|known| known.as_str() == bound));
        let description = format!(
            "Only records whose `{member}` lies {} this instant, compared in whole seconds: RFC 3339, or a date \
             for its midnight in UTC.",
            match bound {
                "before" => "at or before",
                "after" => "at or after",
                "strictly_before" => "before",
                _ => "after",
            }
        );
        let schema =
            json!({ "type": "string", "anyOf": [{ "format": "date-time" }, { "format": "date" }] });
        all.push((component, query(name, &description, schema)));
    }
    for (name, component) in ORDERS {
        let schema = json!({ "type": "string", "pattern": "^([aA][sS][cC]|[dD][eE][sS][cC])$" });
        let description = "Sorts by this: `asc` or `desc`. Several sort one after the other.";
        all.push((component, query(name, description, schema)));
    }
    all
}

fn choices() -> Parameters {
    let number = || json!({ "type": "integer" });
    let array = |name: &str, description: &str, items: Value| {
        query(
            name,
            description,
            json!({ "type": "array", "items": items }),
        )
    };
    vec![
        (
            "RecordNumber",
            query("id", "Only the record of this number.", number()),
        ),
        (
            "RecordNumbers",
            array(
                "id[]",
                "Only the records of these numbers; `id[0]=…&id[1]=…` is the same.",
                number(),
            ),
        ),
        (
            "RecordUuid",
            query("uuid", "Only the record of this id.", schemas::uuid("")),
        ),
        (
            "RecordUuids",
            array(
                "uuid[]",
                "Only the records of these ids; `uuid[0]=…&uuid[1]=…` is the same.",
                schemas::uuid(""),
            ),
        ),
    ]
}

fn numbered_pages() -> Parameters {
    let page = || json!({ "type": "integer", "minimum": 1, "default": 1 });
    let size = || json!({ "type": "integer", "minimum": 0, "default": 10 });
    let size_text = "How many records the page has; above 1000 counts as 1000, and 0 gives an empty page with the \
                     total.";
    vec![
        ("Page", query("page", "The page's number.", page())),
        (
            "PageSynonym",
            query("_page", "A synonym of `page`.", page()),
        ),
        ("Size", query("limit", size_text, size())),
        (
            "SizePerPage",
            query("itemsPerPage", "A synonym of `limit`.", size()),
        ),
        (
            "SizeSynonym",
            query("_limit", "A synonym of `limit`.", size()),
        ),
    ]
}

const BOUNDS: [(&str, &str); 8] = [
    ("createdAt[before]", "CreatedBefore"),
    ("createdAt[after]", "CreatedAfter"),
    ("createdAt[strictly_before]", "CreatedStrictlyBefore"),
    ("createdAt[strictly_after]", "CreatedStrictlyAfter"),
    ("updatedAt[before]", "UpdatedBefore"),
    ("updatedAt[after]", "UpdatedAfter"),
    ("updatedAt[strictly_before]", "UpdatedStrictlyBefore"),
    ("updatedAt[strictly_after]", "UpdatedStrictlyAfter"),
];

const ORDERS: [(&str, &str); 3] = [
    ("order[id]", "OrderById"),
    ("order[createdAt]", "OrderByCreation"),
    ("order[updatedAt]", "OrderByUpdate"),
];

/// A parameter of a path.
pub(super) fn of_path(path: &str, name: &str) -> Value {
    let (description, schema) = match name {
        "clientId" => ("The client's id.", reference("ClientId")),
        "secretId" => ("The secret's id.", schemas::uuid("")),
        "deliveryId" => ("The delivery's id.", schemas::uuid("")),
        "uuid" => ("The tenant's id.", schemas::uuid("")),
        _ if path.starts_with("/v1/environments") => ("The environment's id.", schemas::uuid("")),
        _ if path.starts_with("/v1/webhooks") => ("The webhook's id.", schemas::uuid("")),
        _ => ("The tenant's id.", schemas::uuid("")),
    };
    let mut parameter = parameter("path", name, description, schema);
    parameter["required"] = true.into();
    parameter
}
