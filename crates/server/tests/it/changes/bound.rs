//! What a client sees of the feed that is bound to some environments.

use serde_json::{Value, json};

use super::{latest, new_tenant, open_with, sequence, set_status};
use crate::harness::reference::unique_label;
use crate::harness::{Server, reference};
use crate::support::{created, management_client, post_tenant};

const OTHER: &str = "0b0e6d8f-5f3a-4d53-a2c4-4d8c16a0a3f5";

fn server() -> Server {
    let other = json!({
        "id": OTHER,
        "name": "Other",
        "domain": ".other.example",
        "region": {"name": "X", "displayName": "X"},
    });
    Server::builder()
        .environments_file(&json!([reference::environment(), other]))
        .env("TENANTRY_STREAM_HEARTBEAT", "1")
        .start()
}

#[test]
fn it_sees_changes_of_its_environments_and_gets_past_the_others() {
    let server = server();
    let (id, secret) = management_client(&server, &["events:read"], &[OTHER]);
    let token = server.token_for(&id, &secret);
    new_tenant(&server);
    let body = json!({"subdomain": unique_label("other"), "environmentId": OTHER});
    let own = created(&post_tenant(&server, &body));
    let elsewhere = new_tenant(&server);
    set_status(&server, &own.id, "suspended");
    new_tenant(&server);
    let end = latest(&server);
    let page = |query: &str| {
        let request = server.get(&format!("/v1/changes?{query}")).bearer(&token);
        request.send().expect_status(200).json()
    };
    let all = page("");
    let data = all["data"].as_array().unwrap();
    let seen: Vec<_> = data
        .iter()
        .map(|change| change["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        seen,
        [
            "environment.created",
            "tenant.created",
            "client.created",
            "tenant.suspended"
        ],
        "no management client's, and nothing of the other environment's: {all}"
    );
    assert!(data.iter().all(|change| change["environmentId"] == OTHER));
    assert!(!all.to_string().contains(&elsewhere.id));
    assert_eq!(
        all["next"], end,
        "what was passed over is not looked at again"
    );
    let first = page("limit=1");
    assert_eq!(first["next"], first["data"][0]["sequence"]);
    let nothing = page(&format!("after={}", sequence(data.last().unwrap())));
    assert_eq!(nothing, json!({"data": [], "next": end}));
}

#[test]
fn its_stream_says_how_far_it_has_come() {
    let server = server();
    let (id, secret) = management_client(&server, &["events:read"], &[OTHER]);
    let token = server.token_for(&id, &secret);
    let mut stream = open_with(&server, &format!("after={}", latest(&server)), &token);
    new_tenant(&server);
    let end = latest(&server);
    loop {
        let block = stream.block().unwrap();
        assert_eq!(block.data, None, "it is nothing of its own");
        if block.id.is_some() {
            assert!(block.is_comment);
            assert_eq!(block.id, Some(end));
            break;
        }
    }
    let body = json!({"subdomain": unique_label("other"), "environmentId": OTHER});
    let own = created(&post_tenant(&server, &body));
    let (number, change) = stream.event().unwrap();
    assert_eq!(number, end + 1);
    assert_eq!(change["tenantId"], own.id.as_str());
    let waiting = server
        .get(&format!("/v1/changes?after={}&wait=1", end + 2))
        .bearer(&token);
    new_tenant(&server);
    let page = waiting.send().expect_status(200).json();
    assert_eq!(page["data"], Value::Array(Vec::new()));
    assert_eq!(page["next"], end + 4);
}
