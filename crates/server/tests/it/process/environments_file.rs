//! `TENANTRY_ENVIRONMENTS_FILE`: what bootstrap makes of it, and bad ones.

use serde_json::{Value, json};

use super::environments;
use crate::harness::{Server, cli, reference};
use crate::system::{SystemApi as _, uuid_of};

#[test]
fn the_references_environment_is_made_as_it_stands() {
    assert_eq!(
        environments(&Server::reference()),
        [reference::environment()]
    );
}

#[test]
fn ids_are_optional_and_the_rest_has_defaults() {
    let server = Server::builder()
        .env("TENANTRY_PUBLIC_URL", "https://tenants.example.org")
        .environments_file(&json!([{
            "name": "Minimal",
            "domain": ".minimal.example",
            "region": {"name": "EU01", "displayName": "Europe"},
        }]))
        .start();
    let all = environments(&server);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["name"], "Minimal");
    assert_eq!(all[0]["domain"], ".minimal.example");
    assert_eq!(all[0]["tenantDomain"], "minimal.example");
    assert_eq!(all[0]["deploymentModel"], "public");
    assert_eq!(all[0]["authorizationServerDomain"], "tenants.example.org");
    assert_eq!(all[0]["region"]["name"], "EU01");
    assert_eq!(all[0]["region"]["displayName"], "Europe");
    for id in [&all[0]["id"], &all[0]["region"]["id"]] {
        assert!(id.as_str().unwrap().parse::<uuid::Uuid>().is_ok(), "{id}");
    }
}

fn three() -> Value {
    let environment = |number: u32, region: Value| {
        json!({
            "id": format!("00000000-0000-4000-8000-00000000000{number}"),
            "name": format!("Environment {number}"),
            "domain": format!(".e{number}.example"),
            "deploymentModel": if number == 2 { "private" } else { "public" },
            "region": region,
        })
    };
    let region = json!({
        "id": "11111111-0000-4000-8000-000000000000",
        "name": "R1",
        "displayName": "Region one",
    });
    json!([
        environment(1, region.clone()),
        environment(2, region),
        environment(3, json!({"name": "R2", "displayName": "Region two"})),
    ])
}

#[test]
fn several_environments_may_share_a_region_and_the_first_is_the_default() {
    let server = Server::builder().environments_file(&three()).start();
    let all = environments(&server);
    let names: Vec<&str> = all
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Environment 1", "Environment 2", "Environment 3"]);
    assert_eq!(all[0]["region"], all[1]["region"]);
    assert_ne!(all[0]["region"], all[2]["region"]);
    assert_eq!(all[1]["deploymentModel"], "private");
    let record = server.make_any();
    let tenant = server
        .get(&format!("/v1/tenants/{}", uuid_of(&record)))
        .bearer(&server.token())
        .send()
        .expect_status(200)
        .json();
    assert_eq!(tenant["environment"], all[0]);
}

#[test]
fn a_later_start_does_not_read_it_again() {
    let mut server = Server::reference();
    let path = server.directory().join("environments.json");
    std::fs::write(&path, three().to_string()).unwrap();
    server.restart();
    assert_eq!(environments(&server), [reference::environment()]);
}

#[test]
fn a_bad_environments_file_is_refused_by_name_and_nothing_is_made() {
    let good = reference::environment();
    let changed = |member: &str, value: Value| {
        let mut bad = good.clone();
        bad[member] = value;
        json!([bad]).to_string()
    };
    let without = |member: &str| {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(member);
        json!([bad]).to_string()
    };
    let mut same_domain = good.clone();
    same_domain["id"] = json!("00000000-0000-4000-8000-000000000001");
    let mut same_id = good.clone();
    same_id["domain"] = json!(".other.example");
    same_id["tenantDomain"] = json!("other.example");
    let files = [
        String::new(),
        "nope".to_owned(),
        "[".to_owned(),
        good.to_string(),
        "[5]".to_owned(),
        "[[]]".to_owned(),
        without("name"),
        without("domain"),
        without("region"),
        changed("name", json!("")),
        changed("name", json!(5)),
        changed("name", json!("x".repeat(256))),
        changed("id", json!("nope")),
        changed("domain", json!("no domain")),
        changed("domain", json!(".Upper.Example")),
        changed("domain", json!("..example")),
        changed("domain", json!("")),
        changed("tenantDomain", json!("-bad-.example")),
        changed("deploymentModel", json!("hybrid")),
        changed("region", json!("AU01")),
        changed("region", json!({"name": "AU01"})),
        json!([good, same_domain]).to_string(),
        json!([good, same_id]).to_string(),
    ];
    for file in files {
        println!("{file}");
        let output = Server::builder()
            .file("bad.json", &file)
            .env("TENANTRY_ENVIRONMENTS_FILE", "bad.json")
            .run_to_exit(&["serve"]);
        assert_eq!(output.status.code(), Some(2), "{}", output.stderr);
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        assert!(
            output.stderr.contains("TENANTRY_ENVIRONMENTS_FILE"),
            "{}",
            output.stderr
        );
    }
}

#[test]
fn a_start_that_failed_on_its_environments_file_can_be_repeated() {
    let mut server = Server::builder()
        .environments_file(&json!([{"name": "no domain"}]))
        .on_an_empty_database()
        .prepare();
    let output = cli(&server, &["serve"]);
    assert_eq!(output.status.code(), Some(2), "{}", output.stderr);
    let mended = reference::environments_file().to_string();
    std::fs::write(server.directory().join("environments.json"), mended).unwrap();
    server.restart();
    assert_eq!(environments(&server), [reference::environment()]);
}
