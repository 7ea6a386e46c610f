//! What can be seen of the document without a server.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;
use crate::routes;

#[test]
fn the_file_in_the_docs_is_what_the_code_says() {
    let file = include_str!("../../../../docs/openapi.json");
    // Not compared by `assert_eq!`, which would show both of them.
    assert!(
        file == openapi(),
        "docs/openapi.json is stale: run `cargo xtask openapi`"
    );
}

#[test]
fn every_operation_is_described_once_and_nothing_else_is() {
    let routed: Vec<_> = routes::operations().map(|one| one.name).collect();
    let mut told: BTreeMap<_, usize> = BTreeMap::new();
    for one in operations::all() {
        *told.entry(one.name).or_default() += 1;
    }
    assert!(told.values().all(|&times| times == 1), "{told:#?}");
    let told: BTreeSet<_> = told.into_keys().collect();
    assert_eq!(told, routed.into_iter().collect());
    let ids: BTreeSet<_> = operations::all().iter().map(|one| one.id).collect();
    assert_eq!(ids.len(), told.len());
}

/// Every reference in the document.
fn references<'a>(node: &'a Value, found: &mut BTreeSet<&'a str>) {
    match node {
        Value::Array(nodes) => nodes.iter().for_each(|one| references(one, found)),
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|one| references(one, found));
        }
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_nothing_lies_around() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for one in &found {
        let pointer = one.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{one}");
    }
    for (kind, components) in document["components"].as_object().unwrap() {
        for name in components.as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            let is_used = found.contains(reference.as_str()) || kind == "securitySchemes";
            assert!(is_used, "{reference} is used nowhere");
        }
    }
}

#[test]
fn every_tag_is_explained() {
    let document = document();
    let explained: BTreeSet<_> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    let used: BTreeSet<_> = operations::all().iter().map(|one| one.tag).collect();
    assert_eq!(explained, used);
}

#[test]
fn a_text_in_the_errors_table_is_told_for_every_code_of_an_operations_own() {
    for one in operations::all() {
        for code in one.errors {
            let told = answers::told(*code);
            assert_ne!(told, "The request was refused.", "{code:?} of {}", one.name);
        }
    }
}
