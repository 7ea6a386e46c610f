//! The OpenAPI document against the server, and in the hands of others. That answers are what it
//! says is seen in every other test (`harness/described.rs`).

use serde_json::{Value, json};

use crate::harness::described::{DOCUMENT, faults};
use crate::harness::{Clients, Server};
use crate::support::{create_body, text};

#[test]
fn every_example_follows_its_schema() {
    let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap();
    let mut examples = 0;
    for (name, schema) in schemas {
        let reference = json!({ "$ref": format!("#/components/schemas/{name}") });
        for example in schema["examples"].as_array().into_iter().flatten() {
            let faults = faults(&reference, example, true);
            assert!(faults.is_empty(), "{name}: {faults:#?} in {example:#}");
            examples += 1;
        }
    }
    assert!(examples > 40, "{examples}");
}

/// What an operation names: the schemas of what it takes, and of its successes.
fn named(operation: &Value) -> Vec<String> {
    let contents = |node: &Value| -> Vec<String> {
        let content = node["content"].as_object().into_iter().flatten();
        content
            .filter_map(|(_, media)| media["schema"]["$ref"].as_str())
            .filter_map(|reference| reference.rsplit('/').next().map(str::to_owned))
            .collect()
    };
    let mut all = contents(&operation["requestBody"]);
    for status in ["200", "201", "202"] {
        all.extend(contents(&operation["responses"][status]));
    }
    all
}

#[test]
fn everything_that_is_taken_or_answered_has_an_example() {
    let mut seen = 0;
    for item in DOCUMENT["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            for name in named(operation) {
                let schema = &DOCUMENT["components"]["schemas"][&name];
                let is_text = name == "Text";
                assert!(schema["examples"][0] != Value::Null || is_text, "{name}");
                seen += 1;
            }
        }
    }
    assert!(seen > 70, "{seen}");
}

#[test]
fn a_wrong_answer_does_not_follow_the_document() {
    let schema = json!({ "$ref": "#/components/schemas/Environment" });
    let mut environment = crate::harness::reference::environment();
    assert_eq!(faults(&schema, &environment, true), [""; 0]);
    environment["more"] = json!(1);
    assert_eq!(faults(&schema, &environment, true).len(), 1);
    assert_eq!(faults(&schema, &environment, false), [""; 0]);
    environment["id"] = json!("no id");
    assert_eq!(faults(&schema, &environment, false).len(), 1);
}

/// What a client of somebody else's needs to know, in its environment.
fn variables(server: &Server) -> [(&'static str, String); 7] {
    let bootstrap = server.credentials();
    [
        ("TENANTRY_URL", server.url()),
        ("TENANTRY_CLIENT_ID", bootstrap.client_id.clone()),
        ("TENANTRY_CLIENT_SECRET", bootstrap.client_secret.clone()),
        (
            "TENANTRY_SYSTEM_USERNAME",
            bootstrap.system_username.clone(),
        ),
        (
            "TENANTRY_SYSTEM_PASSWORD",
            bootstrap.system_password.clone(),
        ),
        ("TENANTRY_TOKEN", server.token()),
        ("TENANTRY_TENANT", create_body("generated").to_string()),
    ]
}

#[test]
fn schemathesis_finds_nothing() {
    let Some(clients) = Clients::python("schemathesis") else {
        return;
    };
    let server = Server::reference();
    let report = clients.run_with("run.py", &[], &variables(&server));
    assert_eq!(report["failures"], json!([]), "{report:#}");
    assert_eq!(report["errors"], json!([]), "{report:#}");
    assert_eq!(report["complete"], true, "{report:#}");
    let operations: usize = DOCUMENT["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|item| item.as_object().unwrap().len())
        .sum();
    // It leaves out the one that it has the document from.
    assert_eq!(report["tested"], operations - 1, "{report:#}");
    assert!(report["cases"].as_u64().unwrap() > 500, "{report:#}");
}

#[test]
fn a_generated_client_compiles_and_creates_a_tenant() {
    let Some(clients) = Clients::node("openapi-typescript") else {
        return;
    };
    let server = Server::reference();
    let report = clients.run_with("create.mjs", &[], &variables(&server));
    let path = format!("/v1/tenants/{}", text(&report["tenant"]["id"]));
    let tenant = server.get(&path).bearer(&server.token()).send();
    let tenant = tenant.expect_status(200).json();
    assert_eq!(tenant["subdomain"], report["tenant"]["subdomain"]);
    assert_eq!(report["listed"], json!([path.rsplit('/').next().unwrap()]));
    // That wrong programs do not compile is what generated types are for.
    let refused = report["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 3, "{report:#}");
    assert!(
        refused.iter().all(|one| one["compiles"] == false),
        "{report:#}"
    );
}
