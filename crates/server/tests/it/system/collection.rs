//! Contract §5.1: the collection in JSON-LD, its view and its search.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{SystemApi, TENANTS, assert_problem_shape, item, uuid_of};
use crate::harness::Server;

/// A server with seven tenants, and their records.
fn filled() -> &'static (Server, Vec<Value>) {
    static FILLED: LazyLock<(Server, Vec<Value>)> = LazyLock::new(|| {
        let server = Server::start();
        let records = (0..7).map(|n| server.make(&json!({"n": n}))).collect();
        (server, records)
    });
    &FILLED
}

fn get(query: &str) -> Value {
    let path = format!("{TENANTS}{query}");
    let answer = filled().0.system_default("GET", &path).send();
    answer.expect_status(200).json()
}

const VARIABLES: &[(&str, &str)] = &[
    ("id", "id"),
    ("id[]", "id"),
    ("uuid", "uuid"),
    ("uuid[]", "uuid"),
    ("createdAt[before]", "createdAt"),
    ("createdAt[strictly_before]", "createdAt"),
    ("createdAt[after]", "createdAt"),
    ("createdAt[strictly_after]", "createdAt"),
    ("updatedAt[before]", "updatedAt"),
    ("updatedAt[strictly_before]", "updatedAt"),
    ("updatedAt[after]", "updatedAt"),
    ("updatedAt[strictly_after]", "updatedAt"),
    ("order[id]", "id"),
    ("order[createdAt]", "createdAt"),
    ("order[updatedAt]", "updatedAt"),
];

#[test]
fn members_are_items_without_their_context_and_printed_as_items_are() {
    let server = Server::start();
    let empty = server
        .system_default("GET", TENANTS)
        .send()
        .expect_status(200);
    let start = concat!(
        r#"{"@context":"/contexts/system/Tenant","@id":"/system/tenants","#,
        r#""@type":"hydra:Collection","hydra:member":["#
    );
    let middle = |total: u32| format!(r#"],"hydra:totalItems":{total},"hydra:search":{{"#);
    assert!(
        empty.text().starts_with(&format!("{start}{}", middle(0))),
        "{empty}"
    );
    let shown = |record: &Value| {
        let path = item(uuid_of(record));
        let text = server
            .system_default("GET", &path)
            .send()
            .expect_status(200)
            .text();
        text.replacen(r#""@context":"/contexts/system/Tenant","#, "", 1)
    };
    let records = [
        server.make(&json!({"b": {}, "a": 1})),
        server.make(&json!({})),
    ];
    let members = records.each_ref().map(shown).join(",");
    let list = server
        .system_default("GET", TENANTS)
        .send()
        .expect_status(200);
    let expected = format!("{start}{members}{}", middle(2));
    assert!(list.text().starts_with(&expected), "{list}");
}

#[test]
fn the_search_names_every_filter_and_every_name_is_one() {
    let search = &get("")["hydra:search"];
    let names: Vec<_> = VARIABLES.iter().map(|(name, _)| *name).collect();
    let mapping: Vec<_> = VARIABLES
        .iter()
        .map(|(variable, property)| {
            json!({
                "@type": "IriTemplateMapping",
                "variable": variable,
                "property": property,
                "required": false,
            })
        })
        .collect();
    let expected = json!({
        "@type": "hydra:IriTemplate",
        "hydra:template": format!("/system/tenants{{?{}}}", names.join(",")),
        "hydra:variableRepresentation": "BasicRepresentation",
        "hydra:mapping": mapping,
    });
    assert_eq!(search, &expected);
    for name in names {
        let path = format!("{TENANTS}?{name}=rubbish");
        let answer = filled().0.system("GET", &path).send();
        assert_problem_shape(&answer, 400);
    }
}

#[test]
fn the_total_is_the_same_on_every_page() {
    for query in [
        "",
        "?page=2&limit=3",
        "?page=99",
        "?limit=0",
        "?limit=0&page=5",
    ] {
        assert_eq!(get(query)["hydra:totalItems"], 7, "{query}");
    }
    assert_eq!(get("?limit=0")["hydra:member"], json!([]));
    assert_eq!(get("?id=1&limit=0")["hydra:totalItems"], 1);
}

#[test]
fn one_page_that_nothing_was_asked_of_has_no_view() {
    for query in ["", "?", "?page=1", "?page=3", "?_page=1"] {
        assert!(get(query).get("hydra:view").is_none(), "{query}");
    }
}

#[test]
fn the_view_links_the_pages_and_keeps_the_other_parameters() {
    let view = |members: &[(&str, &str)]| -> Value {
        let mut view = json!({"@type": "hydra:PartialCollectionView"});
        for (name, query) in members {
            view[*name] = format!("/system/tenants?{query}").into();
        }
        view
    };
    let first = view(&[
        ("@id", "limit=3&page=1"),
        ("hydra:first", "limit=3&page=1"),
        ("hydra:last", "limit=3&page=3"),
        ("hydra:next", "limit=3&page=2"),
    ]);
    assert_eq!(get("?limit=3")["hydra:view"], first);
    assert_eq!(get("?page=1&limit=3")["hydra:view"], first);
    let middle = view(&[
        ("@id", "order%5Bid%5D=desc&itemsPerPage=3&page=2"),
        ("hydra:first", "order%5Bid%5D=desc&itemsPerPage=3&page=1"),
        ("hydra:last", "order%5Bid%5D=desc&itemsPerPage=3&page=3"),
        ("hydra:previous", "order%5Bid%5D=desc&itemsPerPage=3&page=1"),
        ("hydra:next", "order%5Bid%5D=desc&itemsPerPage=3&page=3"),
    ]);
    let query = "?order[id]=desc&_page=2&itemsPerPage=3";
    assert_eq!(get(query)["hydra:view"], middle);
    let end = view(&[
        ("@id", "limit=3&page=3"),
        ("hydra:first", "limit=3&page=1"),
        ("hydra:last", "limit=3&page=3"),
        ("hydra:previous", "limit=3&page=2"),
    ]);
    assert_eq!(get("?limit=3&page=3")["hydra:view"], end);
    let past = view(&[
        ("@id", "limit=3&page=9"),
        ("hydra:first", "limit=3&page=1"),
        ("hydra:last", "limit=3&page=3"),
        ("hydra:previous", "limit=3&page=3"),
    ]);
    assert_eq!(
        get("?limit=3&page=9")["hydra:view"],
        past,
        "back to where something is"
    );
}

#[test]
fn one_page_of_something_in_particular_has_a_view_without_neighbours() {
    let only = |query: &str| json!({"@id": format!("/system/tenants?{query}"), "@type": "hydra:PartialCollectionView"});
    assert_eq!(get("?id=1")["hydra:view"], only("id=1"));
    assert_eq!(get("?page=1&limit=50")["hydra:view"], only("limit=50"));
    assert_eq!(get("?limit=0")["hydra:view"], only("limit=0"));
    assert_eq!(get("?nope=a%26b+c")["hydra:view"], only("nope=a%26b+c"));
    assert_eq!(
        get("?id[]=1&id[]=999")["hydra:view"],
        only("id%5B%5D=1&id%5B%5D=999")
    );
}

#[test]
fn following_next_finds_every_tenant_once() {
    let date = "createdAt[after]=2000-01-01T00:00:00%2B01:00";
    let mut query = format!("?{date}&limit=2&order[createdAt]=desc");
    let mut seen = Vec::new();
    loop {
        let page = get(&query);
        seen.extend(
            page["hydra:member"]
                .as_array()
                .unwrap()
                .iter()
                .map(super::id_of),
        );
        match page["hydra:view"].get("hydra:next") {
            Some(next) => query = next.as_str().unwrap().replacen(TENANTS, "", 1),
            None => break,
        }
    }
    let expected: Vec<_> = filled().1.iter().rev().map(super::id_of).collect();
    assert_eq!(seen, expected);
}
