//! Which parameters and members each operation has, and what each must not be.

use serde_json::{Value, json};

use super::inputs;
use crate::harness::reference::ENVIRONMENT_ID;

/// The parameters of an operation's query, and what each must not be.
pub(super) fn parameters(name: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let numbers = || [inputs::NUMBERS, inputs::LARGE_NUMBERS].concat();
    let limit = || ("limit", [numbers(), vec!["0", "1001"]].concat());
    let page = || vec![limit(), ("cursor", inputs::CURSORS.to_vec())];
    let (words, ids) = (inputs::WORDS.to_vec(), inputs::QUERY_IDS.to_vec());
    let instants = inputs::INSTANTS.to_vec();
    let more = match name {
        "TENANT_RETRIEVE_LIST" => vec![
            ("environmentId", ids),
            ("status", words.clone()),
            ("subdomain", vec!["%00", "%FF", "a%20b", "-a"]),
            ("q", vec!["%00"]),
        ],
        "EVENT_RETRIEVE_LIST" => vec![
            ("types", words.clone()),
            ("categories", words),
            ("tenantIds", ids),
            ("dateFrom", instants.clone()),
            ("dateTo", instants),
        ],
        "WEBHOOK_DELIVERY_RETRIEVE_LIST" => vec![("status", words)],
        "ENVIRONMENT_RETRIEVE_LIST" | "TENANT_CLIENT_RETRIEVE_LIST" | "WEBHOOK_RETRIEVE_LIST" => {
            vec![]
        }
        "CHANGE_RETRIEVE_LIST" => {
            return vec![
                limit(),
                ("after", inputs::NUMBERS.to_vec()),
                ("wait", [numbers(), vec!["61"]].concat()),
            ];
        }
        "CHANGE_STREAM" => return vec![("after", inputs::NUMBERS.to_vec())],
        "TENANT_RESOLVE" => return vec![("host", inputs::HOSTS.to_vec())],
        "SYSTEM_TENANT_RETRIEVE_LIST" => {
            return vec![
                ("page", inputs::NUMBERS.to_vec()),
                ("limit", inputs::NUMBERS.to_vec()),
                ("id", inputs::NUMBERS[1..2].to_vec()),
                ("id[]", vec!["x", "1.5", "%00", "%FF"]),
                ("uuid", ids.clone()),
                ("uuid[0]", ids),
                ("createdAt[before]", instants.clone()),
                ("updatedAt[strictly_after]", instants),
                ("order[id]", vec!["x", "", "%00", "ascending", "asc,desc"]),
            ];
        }
        _ => return vec![],
    };
    [page(), more].concat()
}

/// The members of an operation's body, and what each must not be; all others are as they should be.
pub(super) fn members(name: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let (texts, words) = (inputs::TEXTS.to_vec(), inputs::JSON_WORDS.to_vec());
    let named = || ("name", [texts.clone(), vec!["\"\"", "\" \""]].concat());
    let overlap = || vec![("overlapSeconds", [inputs::INTEGERS, &["604801"]].concat())];
    let nulls = || vec!["null"];
    match name {
        "TENANT_CREATE" => vec![
            named(),
            ("subdomain", inputs::LABELS.to_vec()),
            ("environmentId", inputs::JSON_IDS.to_vec()),
            ("data", inputs::OBJECTS.to_vec()),
        ],
        "TENANT_UPDATE" => vec![
            named(),
            ("data", inputs::OBJECTS.to_vec()),
            ("status", words),
            ("name", nulls()),
            ("data", nulls()),
            ("status", nulls()),
            ("id", vec!["\"3d2c7dd5-64f5-4a7e-9d3c-0d4ea97ea1ba\""]),
            ("version", vec!["1"]),
            ("__proto__", vec!["{}"]),
        ],
        "TENANT_CLIENT_CREATE" => vec![
            named(),
            ("scopes", inputs::LISTS.to_vec()),
            ("x", vec!["1"]),
        ],
        "TENANT_CLIENT_UPDATE" => vec![
            named(),
            ("scopes", inputs::LISTS.to_vec()),
            ("status", words),
            ("clientSecret", vec!["\"mine\""]),
        ],
        "TENANT_CLIENT_SECRET_CREATE" | "WEBHOOK_SECRET_CREATE" => overlap(),
        "SYSTEM_TENANT_CREATE" | "SYSTEM_TENANT_UPDATE" => vec![
            ("uuid", inputs::JSON_IDS.to_vec()),
            ("data", inputs::OBJECTS.to_vec()),
            ("version", [inputs::INTEGERS, &["0", "null"]].concat()),
        ],
        "ACCESS_TOKEN_CREATE" => vec![
            ("client_id", texts.clone()),
            ("client_secret", texts.clone()),
            ("grant_type", texts.clone()),
            ("scope", texts.clone()),
            ("audience", texts),
        ],
        "ACCESS_TOKEN_INTROSPECT" | "ACCESS_TOKEN_REVOKE" => vec![("token", texts)],
        _ => members_of_places(name),
    }
}

/// The same for environments and webhooks.
fn members_of_places(name: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let (texts, words) = (inputs::TEXTS.to_vec(), inputs::JSON_WORDS.to_vec());
    let named = || ("name", [texts.clone(), vec!["\"\"", "\" \""]].concat());
    match name {
        "ENVIRONMENT_CREATE" => vec![
            named(),
            ("domain", inputs::DOMAINS.to_vec()),
            ("tenantDomain", inputs::DOMAINS.to_vec()),
            ("deploymentModel", words),
            ("region", inputs::OBJECTS.to_vec()),
            (
                "region",
                vec!["{}", "{\"id\":\"x\"}", "{\"name\":1,\"displayName\":2}"],
            ),
            ("x", vec!["1"]),
        ],
        "ENVIRONMENT_UPDATE" => vec![
            named(),
            ("domain", inputs::DOMAINS.to_vec()),
            ("region", vec!["{}"]),
        ],
        "WEBHOOK_CREATE" | "WEBHOOK_UPDATE" => vec![
            ("url", inputs::URLS.to_vec()),
            ("types", inputs::LISTS.to_vec()),
            ("environmentIds", inputs::LISTS.to_vec()),
            ("disabled", inputs::TRUTHS.to_vec()),
            ("secret", vec!["\"mine\""]),
        ],
        _ => vec![],
    }
}

/// A body that an operation would take.
pub(super) fn valid(name: &str) -> Vec<u8> {
    let body = match name {
        "TENANT_CREATE" => json!({"subdomain": "hostile", "environmentId": ENVIRONMENT_ID}),
        "TENANT_CLIENT_CREATE" => json!({"name": "hostile"}),
        "ENVIRONMENT_CREATE" => json!({
            "name": "hostile", "domain": "hostile.example",
            "region": {"name": "H", "displayName": "H"},
        }),
        "WEBHOOK_CREATE" => json!({"url": "https://hooks.invalid/"}),
        "SYSTEM_TENANT_CREATE" | "SYSTEM_TENANT_UPDATE" => json!({"data": {}, "version": 1}),
        "ACCESS_TOKEN_CREATE" => json!({
            "client_id": "x", "client_secret": "x", "grant_type": "client_credentials",
        }),
        _ => json!({}),
    };
    body.to_string().into_bytes()
}

/// The body that an operation would take, with one member put in or replaced.
pub(super) fn with_member(name: &str, member: &str, value: &str) -> Vec<u8> {
    let valid: Value = serde_json::from_slice(&valid(name)).unwrap();
    let others = valid.as_object().unwrap().iter();
    let others = others.filter(|(other, _)| *other != member);
    let mut all: Vec<String> = others
        .map(|(other, value)| format!("{}:{value}", json!(other)))
        .collect();
    all.push(format!("{}:{value}", json!(member)));
    format!("{{{}}}", all.join(",")).into_bytes()
}
