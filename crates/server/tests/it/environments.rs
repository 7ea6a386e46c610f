//! §4.1, the reading half: environments as the reference shows them.

use serde_json::{Value, json};

use crate::harness::Server;
use crate::harness::reference::{ENVIRONMENT_ID, environment, shared};
use crate::support::{UNKNOWN_ID, assert_error, text};

const SECOND: &str = "0b0e6d8f-5f3a-4d53-a2c4-4d8c16a0a3f5";

/// The reference's environment and two more, one of them in the same region.
fn three() -> Value {
    json!([
        environment(),
        {
            "id": SECOND,
            "name": "Sydney, private",
            "domain": ".private.example",
            "deploymentModel": "private",
            "region": environment()["region"],
        },
        {
            "name": "Zürich",
            "domain": ".zh.example",
            "region": {"name": "CH01", "displayName": "Zürich, Switzerland"},
        },
    ])
}

#[test]
fn the_list_is_the_references_example_to_the_value() {
    let server = shared();
    let answer = server
        .get("/v1/environments")
        .bearer(&server.token())
        .send()
        .expect_status(200);
    let body = answer.json();
    assert_eq!(body["data"], json!([environment()]));
    assert!(body["nextCursor"].is_string(), "{body}");
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    let cache = answer.header("cache-control").unwrap();
    assert!(
        ["no-store", "private, no-cache"].contains(&cache),
        "{answer}"
    );
}

#[test]
fn one_environment_is_the_references_example_to_the_value() {
    let server = shared();
    let token = server.token();
    for id in [ENVIRONMENT_ID.to_owned(), ENVIRONMENT_ID.to_uppercase()] {
        let answer = server
            .get(&format!("/v1/environments/{id}"))
            .bearer(&token)
            .send();
        assert_eq!(answer.expect_status(200).json(), environment());
    }
}

#[test]
fn an_unknown_environment_is_404() {
    let server = shared();
    let answer = server
        .get(&format!("/v1/environments/{UNKNOWN_ID}"))
        .bearer(&server.token())
        .send();
    assert_eq!(assert_error(&answer, 404, "NotFound")["details"], json!([]));
}

#[test]
fn what_an_environment_does_not_say_has_its_default() {
    let server = Server::builder()
        .env("TENANTRY_PUBLIC_URL", "https://manage.example.test:8443")
        .environments_file(&three())
        .start();
    let answer = server
        .get("/v1/environments")
        .bearer(&server.token())
        .send()
        .expect_status(200);
    let body = answer.json();
    let [first, second, third] = body["data"].as_array().unwrap().as_slice() else {
        panic!("{body}")
    };
    assert_eq!(*first, environment());
    assert_eq!(
        *second,
        json!({
            "id": SECOND,
            "name": "Sydney, private",
            "domain": ".private.example",
            "tenantDomain": "private.example",
            "authorizationServerDomain": "manage.example.test",
            "deploymentModel": "private",
            "region": environment()["region"],
        })
    );
    assert_eq!(third["deploymentModel"], "public");
    assert_eq!(third["tenantDomain"], "zh.example");
    assert_eq!(third["region"]["name"], "CH01");
    assert_eq!(third["region"]["displayName"], "Zürich, Switzerland");
    for id in [&third["id"], &third["region"]["id"]] {
        uuid::Uuid::parse_str(&text(id)).unwrap();
    }
}

#[test]
fn without_a_file_there_is_one_environment_named_local() {
    let server = Server::start();
    let answer = server
        .get("/v1/environments")
        .bearer(&server.token())
        .send()
        .expect_status(200);
    let body = answer.json();
    let [local] = body["data"].as_array().unwrap().as_slice() else {
        panic!("{body}")
    };
    assert_eq!(local["name"], "Local");
    assert_eq!(local["domain"], ".tenants.localhost");
    assert_eq!(local["tenantDomain"], "tenants.localhost");
    assert_eq!(local["authorizationServerDomain"], "127.0.0.1");
    assert_eq!(local["deploymentModel"], "public");
    assert_eq!(local["region"]["name"], "LOCAL");
}

#[test]
fn the_list_is_paged_oldest_first_and_the_page_after_the_last_is_empty() {
    let server = Server::builder().environments_file(&three()).start();
    let token = server.token();
    let all = server
        .get("/v1/environments")
        .bearer(&token)
        .send()
        .expect_status(200)
        .json();
    let mut seen = Vec::new();
    let mut path = "/v1/environments?limit=2".to_owned();
    loop {
        let answer = server.get(&path).bearer(&token).send().expect_status(200);
        let body = answer.json();
        let page = body["data"].as_array().unwrap();
        if page.is_empty() {
            assert_eq!(answer.text(), r#"{"data":[]}"#);
            break;
        }
        seen.extend(page.iter().cloned());
        path = format!(
            "/v1/environments?limit=2&cursor={}",
            text(&body["nextCursor"])
        );
    }
    assert_eq!(Value::from(seen), all["data"]);
    for query in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=1&limit=1",
        "cursor=!",
    ] {
        let answer = server
            .get(&format!("/v1/environments?{query}"))
            .bearer(&token)
            .send();
        assert_error(&answer, 400, "BadRequest");
    }
}

#[test]
fn environments_from_the_file_are_made_once_and_stay() {
    let mut server = Server::builder().environments_file(&three()).start();
    let list = |server: &Server| {
        server
            .get("/v1/environments")
            .bearer(&server.token())
            .send()
            .expect_status(200)
            .json()
    };
    let before = list(&server);
    server.restart();
    let after = list(&server);
    let ids = |body: &Value| {
        let data = body["data"].as_array().unwrap();
        data.iter()
            .map(|environment| text(&environment["id"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&before), ids(&after));
    assert_eq!(before["nextCursor"], after["nextCursor"]);
}
