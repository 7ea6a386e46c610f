//! Webhooks of clients that are bound to environments.

use serde_json::{Value, json};

use super::{Hook, cause, create, environment, shared};
use crate::harness::{Receiver, Server};
use crate::support::{assert_error, management_client, text};

const SCOPES: [&str; 2] = ["webhooks:read", "webhooks:write"];

fn bound_token(server: &Server, environments: &[&str]) -> String {
    let (id, secret) = management_client(server, &SCOPES, environments);
    server.token_for(&id, &secret)
}

fn post(server: &Server, token: &str, body: &Value) -> crate::harness::Response {
    server.post("/v1/webhooks").bearer(token).json(body).send()
}

#[test]
fn a_bound_clients_webhook_is_told_of_its_environments_only() {
    let (server, receiver) = (shared(), Receiver::start());
    let (own, other) = (environment(server), environment(server));
    let token = bound_token(server, &[&own]);
    let body = json!({"url": receiver.url(), "types": ["tenant.created"]});
    let made = post(server, &token, &body).expect_status(201).json();
    assert_eq!(
        made["environmentIds"],
        json!([own]),
        "its own, where it names none"
    );
    cause(server, &other);
    cause(server, &own);
    let delivered = receiver.wait_for(1);
    assert_eq!(delivered[0].json()["data"]["environmentId"], own);

    for ids in [json!([other]), json!([own, other])] {
        let body = json!({"url": receiver.url(), "environmentIds": ids});
        let refused = assert_error(&post(server, &token, &body), 403, "Forbidden");
        assert_eq!(refused["code"], "environment_forbidden");
        let path = format!("/v1/webhooks/{}", text(&made["id"]));
        let change = server
            .patch(&path)
            .bearer(&token)
            .json(&json!({"environmentIds": ids}));
        assert_error(&change.send(), 403, "Forbidden");
    }
    let path = format!("/v1/webhooks/{}", text(&made["id"]));
    let change = server
        .patch(&path)
        .bearer(&token)
        .json(&json!({"environmentIds": null}));
    assert_eq!(
        change.send().expect_status(200).json()["environmentIds"],
        json!([own])
    );
}

#[test]
fn a_bound_client_knows_only_of_webhooks_within_its_bounds() {
    let (server, receiver) = (shared(), Receiver::start());
    let (one, two, other) = (
        environment(server),
        environment(server),
        environment(server),
    );
    let token = bound_token(server, &[&one, &two]);
    let webhook = |ids: Value| {
        let body = json!({"url": receiver.url(), "environmentIds": ids, "disabled": true});
        text(&create(server, &body).send().expect_status(201).json()["id"])
    };
    let within = [webhook(json!([one])), webhook(json!([one, two]))];
    let beyond = [
        webhook(json!([one, other])),
        webhook(json!([other])),
        webhook(json!(null)),
    ];
    let listed = || {
        let mut ids = Vec::new();
        let mut path = "/v1/webhooks?limit=1".to_owned();
        loop {
            let page = server
                .get(&path)
                .bearer(&token)
                .send()
                .expect_status(200)
                .json();
            let Some(first) = page["data"].get(0) else {
                return ids;
            };
            ids.push(text(&first["id"]));
            path = format!("/v1/webhooks?limit=1&cursor={}", text(&page["nextCursor"]));
        }
    };
    assert_eq!(listed(), within);
    for id in &beyond {
        let path = format!("/v1/webhooks/{id}");
        let secrets = format!("{path}/secrets");
        let deliveries = format!("{path}/deliveries");
        for refused in [
            server.get(&path).bearer(&token).send(),
            server.patch(&path).bearer(&token).json(&json!({})).send(),
            server.delete(&path).bearer(&token).send(),
            server.post(&secrets).bearer(&token).json(&json!({})).send(),
            server.get(&deliveries).bearer(&token).send(),
        ] {
            assert_eq!(
                assert_error(&refused, 404, "NotFound")["code"],
                "webhook_not_found"
            );
        }
    }
    // An environment that is gone hides nothing from those who have the others.
    let delete = server.delete(&format!("/v1/environments/{other}"));
    delete.bearer(&server.token()).send().expect_status(204);
    let seen = [&within[..], &beyond[..1]].concat();
    assert_eq!(listed(), seen);
}

/// That an environment is deleted is a change too, and a webhook of that one is told.
#[test]
fn a_webhook_outlives_its_environment_and_is_told_of_its_end() {
    let (server, receiver) = (shared(), Receiver::start());
    let own = environment(server);
    let body = json!({"url": receiver.url(), "environmentIds": [own]});
    let hook = create(server, &body).send().expect_status(201).json();
    let delete = server.delete(&format!("/v1/environments/{own}"));
    delete.bearer(&server.token()).send().expect_status(204);
    let delivered = receiver.wait_for(1);
    assert_eq!(delivered[0].kind(), "environment.deleted");
    let hook = Hook {
        id: text(&hook["id"]),
        secret: text(&hook["secret"]),
        environment: own,
    };
    assert_eq!(
        hook.get(server)["environmentIds"],
        json!([hook.environment])
    );
}
