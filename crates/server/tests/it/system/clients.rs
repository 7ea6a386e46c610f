//! Clients that others have written find their way, and lose nothing on it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{SystemApi, item, uuid_of};
use crate::harness::{Clients, Server};

const XSD: &str = "http://www.w3.org/2001/XMLSchema#";
const HYDRA: &str = "http://www.w3.org/ns/hydra/core#";

/// The value of `Authorization` of the first system account.
fn authorization(server: &Server) -> String {
    use base64::Engine as _;
    let account = server.credentials();
    let pair = format!("{}:{}", account.system_username, account.system_password);
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    )
}

/// A server whose public URL is where it listens: clients follow its links.
fn reachable() -> Server {
    Server::builder().nodes(1).start()
}

#[test]
fn api_platforms_own_parser_reports_the_resource_from_the_entrypoint() {
    let Some(clients) = Clients::node("hydra") else {
        return;
    };
    let server = reachable();
    server.make_any();
    let url = server.url();
    let report = clients.run("documentation.mjs", &[&url, &authorization(&server)]);
    assert_eq!(report["entrypoint"], url.as_str());
    let resources = report["resources"].as_array().unwrap();
    assert_eq!(resources.len(), 1, "{report:#}");
    let tenant = &resources[0];
    let class = format!("{url}/docs.jsonld#system/Tenant");
    assert_eq!(tenant["name"], "system/tenants");
    assert_eq!(tenant["url"], format!("{url}/system/tenants"));
    assert_eq!(tenant["id"], class.as_str());

    let field = |name: &str, range: &str, kind: &str, required: bool| json!({"name": name, "id": format!("{class}/{name}"), "range": range, "type": kind, "required": required});
    let json_literal = "http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON";
    let fields = json!([
        field("id", &format!("{XSD}integer"), "integer", false),
        field("uuid", &format!("{XSD}string"), "string", false),
        field("createdAt", &format!("{XSD}dateTime"), "dateTime", false),
        field("updatedAt", &format!("{XSD}dateTime"), "dateTime", false),
        // The parser knows no JSON literals and calls what it does not know a string.
        field("data", json_literal, "string", true),
        field("version", &format!("{XSD}integer"), "integer", true),
    ]);
    assert_eq!(tenant["fields"], fields, "{tenant:#}");
    assert_eq!(tenant["writable"], json!(["uuid", "data", "version"]));
    assert_eq!(tenant["readable"].as_array().unwrap().len(), 6);

    let operations: Vec<_> = tenant["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| ["type", "method", "expects", "returns"].map(|member| one[member].clone()))
        .collect();
    let nothing = "http://www.w3.org/2002/07/owl#Nothing";
    let expected = [
        [
            "list".into(),
            "GET".into(),
            Value::Null,
            format!("{HYDRA}Collection").into(),
        ],
        [
            "create".into(),
            "POST".into(),
            class.clone().into(),
            class.clone().into(),
        ],
        [
            "show".into(),
            "GET".into(),
            Value::Null,
            class.clone().into(),
        ],
        [
            "edit".into(),
            "PUT".into(),
            class.clone().into(),
            class.into(),
        ],
        [
            "delete".into(),
            "DELETE".into(),
            Value::Null,
            nothing.into(),
        ],
    ];
    assert_eq!(operations, expected, "{tenant:#}");

    let parameters: BTreeSet<_> = tenant["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["variable"].as_str().unwrap())
        .collect();
    assert_eq!(parameters.len(), 15, "{tenant:#}");
    for variable in [
        "id[]",
        "uuid",
        "createdAt[strictly_after]",
        "order[updatedAt]",
    ] {
        assert!(parameters.contains(variable), "{variable} in {tenant:#}");
    }
}

/// The words of Hydra's core vocabulary that the API uses.
const WORDS: &[&str] = &[
    "ApiDocumentation",
    "BasicRepresentation",
    "Class",
    "Collection",
    "Error",
    "IriTemplate",
    "IriTemplateMapping",
    "Link",
    "Operation",
    "PartialCollectionView",
    "SupportedProperty",
    "description",
    "entrypoint",
    "expects",
    "first",
    "last",
    "mapping",
    "member",
    "method",
    "next",
    "previous",
    "property",
    "readable",
    "required",
    "returns",
    "search",
    "supportedClass",
    "supportedOperation",
    "supportedProperty",
    "template",
    "title",
    "totalItems",
    "variable",
    "variableRepresentation",
    "view",
    "writeable",
];

/// Vocabularies that are defined elsewhere.
const FOREIGN: &[&str] = &[
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "http://www.w3.org/2000/01/rdf-schema#",
    "http://www.w3.org/2002/07/owl#",
    "http://schema.org/",
];

/// Every `@id` in a document.
fn named<'a>(node: &'a Value, found: &mut BTreeSet<&'a str>) {
    match node {
        Value::Array(nodes) => nodes.iter().for_each(|one| named(one, found)),
        Value::Object(members) => {
            found.extend(members.get("@id").and_then(Value::as_str));
            members.values().for_each(|one| named(one, found));
        }
        _ => {}
    }
}

const DATA: &str = r#"{"z":[1,{"@id":"x","@type":["@json"]},null,{},[]],"a":{"é":"😀\u0001","":0.5},"@context":{"b":"c"},"b":true}"#;

/// What the processor made of every kind of document.
fn processed(clients: &Clients, server: &Server) -> Value {
    let body = format!(r#"{{"data":{DATA},"version":1}}"#);
    let record = server
        .system("POST", super::TENANTS)
        .body(super::JSON, body.clone())
        .send()
        .expect_status(200)
        .json();
    server.make(&json!({}));
    server.make_any();
    let path = item(uuid_of(&record));
    let requests = json!([
        {"name": "entrypoint", "path": "/"},
        {"name": "documentation", "path": "/docs.jsonld"},
        {"name": "item", "path": path},
        {"name": "made", "path": super::TENANTS, "method": "POST", "body": body},
        {"name": "collection", "path": super::TENANTS},
        {"name": "page", "path": "/system/tenants?limit=1&page=2&order[id]=asc"},
        {"name": "nothing", "path": "/system/tenants?id=0"},
        {"name": "not found", "path": "/system/tenants/nope"},
        {"name": "unknown path", "path": "/contexts/nope"},
        {"name": "stale", "path": path, "method": "PUT", "body": r#"{"version":9}"#},
        {"name": "syntax", "path": path, "method": "PUT", "body": "{"},
        {"name": "violations", "path": super::TENANTS, "method": "POST", "body": "{}"},
        {"name": "bad filter", "path": "/system/tenants?id=x&createdAt[before]=y"},
    ]);
    let arguments = [&server.url(), &authorization(server), &requests.to_string()];
    clients.run("processor.mjs", &arguments.map(String::as_str))
}

#[test]
fn a_json_ld_processor_resolves_every_term_and_a_round_trip_through_rdf_loses_nothing() {
    let Some(clients) = Clients::node("hydra") else {
        return;
    };
    let server = reachable();
    let processed = processed(&clients, &server);
    let reports = processed["reports"].as_array().unwrap();
    assert_eq!(reports.len(), 13);
    let report = |name: &str| reports.iter().find(|one| one["name"] == name).unwrap();

    // What the documentation describes, and what the vocabularies it uses define.
    let mut described = BTreeSet::new();
    named(&report("documentation")["expanded"], &mut described);
    let is_defined = |word: &str| {
        word.strip_prefix(HYDRA).map_or_else(
            || described.contains(word) || FOREIGN.iter().any(|one| word.starts_with(one)),
            |word| WORDS.contains(&word),
        )
    };
    for one in reports {
        let name = &one["name"];
        assert!(
            one["type"]
                .as_str()
                .unwrap()
                .starts_with("application/ld+json"),
            "{name}"
        );
        assert_eq!(
            one["members"], one["expandedMembers"],
            "{name}: a member was dropped"
        );
        for word in one["words"].as_array().unwrap() {
            let word = word.as_str().unwrap();
            assert!(is_defined(word), "{name}: {word} means nothing");
        }
        assert!(
            one["quads"].as_u64() >= one["members"].as_u64(),
            "{name}: {one:#}"
        );
        assert_eq!(one["survivesRdf"], true, "{name}");
        assert_eq!(one["json"], one["jsonOfBack"], "{name}");
    }
    let statuses: Vec<_> = reports
        .iter()
        .map(|one| one["status"].as_u64().unwrap())
        .collect();
    assert_eq!(
        statuses,
        [
            200, 200, 200, 200, 200, 200, 200, 404, 404, 409, 400, 400, 400
        ]
    );

    // `data` is one JSON literal, whatever it holds.
    let data: Value = serde_json::from_str(DATA).unwrap();
    assert_eq!(report("item")["json"], json!([data]));
    assert_eq!(report("made")["json"], json!([data]));
    assert_eq!(report("collection")["json"], json!([data, {}, {}, data]));
    assert_eq!(report("nothing")["json"], json!([]));

    let contexts = processed["contexts"].as_array().unwrap();
    assert_eq!(contexts.len(), 4, "every context was read: {contexts:?}");
    let link = &report("page")["expanded"][0][format!("{HYDRA}view")][0];
    let next = format!(
        "{}/system/tenants?limit=1&order%5Bid%5D=asc&page=3",
        server.url()
    );
    assert_eq!(
        link[format!("{HYDRA}next")],
        json!([{"@id": next}]),
        "links are links"
    );
}
