//! Contract §5.1: what a generic client finds its way by, without a credential.

use serde_json::{Value, json};

use super::{JSON, JSON_LD, assert_problem};
use crate::harness::{Response, Server, reference};

const PATHS: [&str; 6] = [
    "/",
    "/docs.jsonld",
    "/contexts/Entrypoint",
    "/contexts/system/Tenant",
    "/contexts/Error",
    "/contexts/ConstraintViolationList",
];

fn get(path: &str) -> Response {
    reference::shared().get(path).send()
}

/// The vocabulary of the shared server, whose public URL is where it listens.
fn vocabulary() -> String {
    format!("{}/docs.jsonld#", reference::shared().public_url())
}

#[test]
fn the_entrypoint_links_the_collection() {
    let answer = get("/").expect_status(200);
    assert_eq!(
        answer.text(),
        r#"{"@context":"/contexts/Entrypoint","@id":"/","@type":"Entrypoint","system/Tenant":"/system/tenants"}"#
    );
    let plain = reference::shared().get("/").header("Accept", JSON).send();
    assert_eq!(
        plain.expect_status(200).text(),
        r#"{"system/Tenant":"/system/tenants"}"#
    );
}

#[test]
fn contexts_give_each_name_its_meaning() {
    let context = |name: &str| get(&format!("/contexts/{name}")).expect_status(200).json();
    let hydra = "http://www.w3.org/ns/hydra/core#";
    assert_eq!(
        context("Entrypoint"),
        json!({"@context": {
            "@vocab": vocabulary(),
            "hydra": hydra,
            "system/Tenant": {"@id": "system/Tenant", "@type": "@id"},
        }})
    );
    assert_eq!(
        context("Error"),
        json!({"@context": {"@vocab": vocabulary(), "hydra": hydra}})
    );
    let tenant = &context("system/Tenant")["@context"];
    assert_eq!(tenant["@vocab"], vocabulary());
    assert_eq!(tenant["hydra"], hydra);
    assert_eq!(
        tenant["data"],
        json!({"@id": "system/Tenant/data", "@type": "@json"})
    );
    let violations = &context("ConstraintViolationList")["@context"];
    assert_eq!(
        violations["violations"],
        "ConstraintViolationList/violations"
    );
}

#[test]
fn they_are_public_and_may_be_kept_for_a_while() {
    let server = reference::shared();
    let link = format!(
        r#"<{}/docs.jsonld>; rel="http://www.w3.org/ns/hydra/core#apiDocumentation""#,
        server.public_url()
    );
    for path in PATHS {
        println!("{path}");
        for request in [
            server.get(path),
            server.get(path).basic("nobody", "nothing"),
            server.get(path).bearer("rubbish"),
        ] {
            let answer = request.send().expect_status(200);
            assert_eq!(
                answer.header("content-type"),
                Some("application/ld+json; charset=utf-8")
            );
            assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
            assert_eq!(answer.header("vary"), Some("Accept"));
            assert_eq!(answer.header("link"), Some(link.as_str()));
            let tag = answer.header("etag").expect("an ETag");
            let again = server.get(path).header("If-None-Match", tag).send();
            let again = again.expect_status(304);
            assert!(again.body.is_empty());
            assert_eq!(again.header("link"), Some(link.as_str()));
            assert_eq!(again.header("etag"), Some(tag));
            assert_eq!(again.header("cache-control"), Some("public, max-age=300"));
            let plain = server
                .get(path)
                .header("Accept", JSON)
                .header("If-None-Match", tag)
                .send();
            let plain = plain.expect_status(200);
            assert_eq!(
                plain.header("content-type"),
                Some("application/json; charset=utf-8")
            );
            assert_ne!(plain.header("etag"), Some(tag));
        }
    }
}

#[test]
fn head_options_and_other_methods_are_answered_as_everywhere() {
    let server = reference::shared();
    for path in PATHS {
        println!("{path}");
        let head = server.head(path).send().expect_status(200);
        assert!(head.body.is_empty());
        let length = get(path).body.len().to_string();
        assert_eq!(head.header("content-length"), Some(length.as_str()));
        for (status, method) in [
            (405, "POST"),
            (405, "PUT"),
            (405, "DELETE"),
            (204, "OPTIONS"),
        ] {
            let answer = server.request(method, path).send().expect_status(status);
            assert_eq!(
                answer.header("allow"),
                Some("GET, HEAD, OPTIONS"),
                "{method}"
            );
            assert!(answer.header("link").is_some(), "{method}");
        }
        let answer = server.get(path).header("Accept", "text/html").send();
        let answer = answer.expect_status(406);
        assert_eq!(answer.json()["@type"], "hydra:Error", "{answer}");
    }
    // A browser takes anything in the end.
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    server
        .get("/")
        .header("Accept", browser)
        .send()
        .expect_status(200);
}

#[test]
fn other_names_are_not_found_in_the_familys_shape() {
    let server = reference::shared();
    for path in [
        "/contexts",
        "/contexts/",
        "/contexts/Nope",
        "/contexts/system",
        "/contexts/system%2FTenant",
        "/contexts/system/tenant",
        "/contexts/Entrypoint/",
        "/docs.jsonld/",
    ] {
        println!("{path}");
        assert_problem(
            &server.get(path).header("Accept", JSON).send(),
            404,
            "Not Found",
        );
        let linked = server
            .get(path)
            .header("Accept", JSON_LD)
            .send()
            .expect_status(404);
        assert_eq!(linked.json()["@type"], "hydra:Error", "{linked}");
        assert!(linked.header("link").is_some(), "{linked}");
    }
}

#[test]
fn all_of_it_names_the_public_url_and_never_the_requests_host() {
    let public = "https://tenants.example.org";
    let server = Server::builder().env("TENANTRY_PUBLIC_URL", public).start();
    for path in PATHS {
        let answer = server
            .get(path)
            .header("X-Forwarded-Host", "evil.example")
            .header("Forwarded", "host=evil.example;proto=https")
            .send()
            .expect_status(200);
        let text = answer.text();
        assert!(
            !text.contains("evil.example") && !text.contains("127.0.0.1"),
            "{answer}"
        );
        if path != "/" {
            assert!(text.contains(&format!("{public}/docs.jsonld")), "{answer}");
        }
    }
}

/// The documented class of that name.
fn class(documentation: &Value, name: &str) -> Value {
    let classes = documentation["hydra:supportedClass"].as_array().unwrap();
    let found = classes.iter().find(|class| class["@id"] == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {documentation}"))
        .clone()
}

#[test]
fn the_documentation_describes_the_class_its_properties_and_its_operations() {
    let documentation = get("/docs.jsonld").expect_status(200).json();
    assert_eq!(documentation["@id"], "/docs.jsonld");
    assert_eq!(documentation["@type"], "hydra:ApiDocumentation");
    assert_eq!(documentation["hydra:entrypoint"], "/");
    let tenant = class(&documentation, "#system/Tenant");
    let properties: Vec<_> = tenant["hydra:supportedProperty"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["hydra:title"].clone(),
                one["hydra:required"].clone(),
                one["hydra:writeable"].clone(),
            )
        })
        .collect();
    let expected = [
        ("id", false, false),
        ("uuid", false, true),
        ("createdAt", false, false),
        ("updatedAt", false, false),
        ("data", true, true),
        ("version", true, true),
    ]
    .map(|(name, required, writeable)| (json!(name), json!(required), json!(writeable)));
    assert_eq!(properties, expected);
    let methods = |operations: &Value| -> Vec<Value> {
        let operations = operations.as_array().unwrap();
        operations
            .iter()
            .map(|one| one["hydra:method"].clone())
            .collect()
    };
    assert_eq!(
        methods(&tenant["hydra:supportedOperation"]),
        ["GET", "PUT", "DELETE"]
    );
    let entrypoint = class(&documentation, "#Entrypoint");
    let link = &entrypoint["hydra:supportedProperty"][0]["hydra:property"];
    assert_eq!(link["@id"], "#system/Tenant");
    assert_eq!(link["@type"], "hydra:Link");
    assert_eq!(methods(&link["hydra:supportedOperation"]), ["GET", "POST"]);
}
