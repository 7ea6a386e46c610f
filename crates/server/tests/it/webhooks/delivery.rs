//! What a receiver gets, in which order, and what becomes of it.

use serde_json::json;

use super::{Hook, builder, cause, create, environment, shared};
use crate::harness::{Delivered, Receiver, Reply, Server};
use crate::support::{poll_each, text, utc};

fn sequences(delivered: &[Delivered]) -> Vec<i64> {
    delivered.iter().map(Delivered::sequence).collect()
}

#[test]
fn changes_come_in_order_as_cloud_events() {
    let (server, receiver) = (shared(), Receiver::start());
    let hook = Hook::of_creations(server, &receiver);
    hook.cause(server, 5);
    let delivered = receiver.wait_for(5);
    assert!(sequences(&delivered).is_sorted_by(|a, b| a < b));
    for one in &delivered {
        assert_eq!((one.method.as_str(), one.path.as_str()), ("POST", "/hook"));
        assert_eq!(one.header("content-type"), "application/cloudevents+json");
        let version = format!("tenantry/{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(one.header("user-agent"), version);
        let event = one.json();
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["type"], "tenantry.tenant.created");
        assert_eq!(event["source"], server.public_url());
        assert_eq!(event["id"], one.sequence().to_string());
        assert_eq!(event["data"]["environmentId"], hook.environment);
        let id = text(&event["data"]["tenantId"]);
        assert_eq!(event["subject"], format!("/v1/tenants/{id}"));
        assert_eq!(event["data"]["subject"]["id"], id);
        assert_eq!(event["data"]["subject"].get("data"), None);
    }
    let last = delivered[4].header("webhook-id").to_owned();
    let shown = hook.poll(server, |one| {
        one["id"] == last && one["status"] == "delivered"
    });
    assert_eq!(shown["attempts"], 1);
    assert_eq!(shown["lastStatusCode"], 204);
    assert_eq!(shown["sequence"], delivered[4].sequence());
    assert_eq!(shown["type"], "tenant.created");
    assert_eq!(
        (&shown["nextAttemptAt"], &shown["lastError"]),
        (&json!(null), &json!(null))
    );
    utc(&shown["lastAttemptAt"]);
    let all = hook.deliveries(server, "");
    let shown: Vec<_> = all
        .iter()
        .map(|one| one["sequence"].as_i64().unwrap())
        .collect();
    assert_eq!(shown, sequences(&delivered), "oldest first, each once");
}

#[test]
fn a_webhook_is_told_of_what_it_asks_for_and_of_what_comes_after_it() {
    let (server, receiver) = (shared(), Receiver::start());
    let (own, other) = (environment(server), environment(server));
    cause(server, &own);
    let body = json!({"url": receiver.url(), "types": ["tenant.created", "environment.updated"],
                      "environmentIds": [own]});
    create(server, &body).send().expect_status(201);
    cause(server, &other);
    cause(server, &own);
    let patch = server.patch(&format!("/v1/environments/{own}"));
    let patch = patch.bearer(&server.token()).json(&json!({"name": "Anew"}));
    patch.send().expect_status(200);
    let delivered = receiver.wait_for(2);
    let kinds: Vec<_> = delivered.iter().map(Delivered::kind).collect();
    assert_eq!(kinds, ["tenant.created", "environment.updated"]);
    assert_eq!(delivered[0].json()["data"]["environmentId"], own);
}

#[test]
fn what_fails_is_sent_again_and_keeps_its_place_and_its_id() {
    let (server, receiver) = (shared(), Receiver::start());
    let hook = Hook::of_creations(server, &receiver);
    receiver.replies([Reply::Status(500), Reply::Status(404)]);
    hook.cause(server, 2);
    let delivered = receiver.wait_for(4);
    let order = sequences(&delivered);
    assert_eq!(order[..3], [order[0]; 3], "{order:?}");
    assert!(order[3] > order[0], "{order:?}");
    let ids: Vec<_> = delivered
        .iter()
        .map(|one| one.header("webhook-id"))
        .collect();
    assert_eq!(ids[..3], [ids[0]; 3]);
    assert_ne!(ids[3], ids[0]);
    assert_eq!(delivered[0].body, delivered[2].body, "byte for byte");
    let first = hook.poll(server, |one| {
        one["id"] == ids[0] && one["status"] == "delivered"
    });
    assert_eq!(first["attempts"], 3);
}

#[test]
fn a_pending_delivery_shows_when_it_is_tried_again() {
    let server = builder()
        .env("TENANTRY_WEBHOOK_RETRY_DELAYS", "3600")
        .start();
    let receiver = Receiver::start();
    let hook = Hook::of_creations(&server, &receiver);
    receiver.replies([Reply::Status(503)]);
    hook.cause(&server, 1);
    let head = hook.poll(&server, |one| one["attempts"] == 1);
    assert_eq!(head["status"], "pending");
    assert_eq!(head["lastStatusCode"], 503);
    let wait = utc(&head["nextAttemptAt"]) - utc(&head["lastAttemptAt"]);
    assert!((2880..=4320).contains(&wait.whole_seconds()), "{wait}");
    // What comes behind it waits for its turn, and nothing of it is foreseen.
    hook.cause(&server, 1);
    poll_pending(&server, 1);
    assert_eq!(
        hook.deliveries(&server, "?status=delivered"),
        [] as [serde_json::Value; 0]
    );
    assert_eq!(receiver.delivered().len(), 1);
    // Asked for, it does not wait any longer, and the other one comes after it.
    let again = format!("{}/deliveries/{}/redeliver", hook.path(), text(&head["id"]));
    let again = server.post(&again).bearer(&server.token()).json(&json!({}));
    let shown = again.send().expect_status(202).json();
    assert_eq!(
        (&shown["id"], &shown["status"]),
        (&head["id"], &json!("pending"))
    );
    let delivered = receiver.wait_for(3);
    assert_eq!(delivered[1].header("webhook-id"), text(&head["id"]));
    assert!(delivered[2].sequence() > delivered[1].sequence());
    poll_pending(&server, 0);
    // Each server counts what it has done itself.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while server
        .each()
        .map(|process| delivered_by(&process))
        .sum::<i64>()
        != 2
    {
        assert!(std::time::Instant::now() < deadline, "two were delivered");
    }
}

/// Waits until every server tells that so many are pending.
fn poll_pending(server: &Server, number: usize) {
    let line = format!("tenantry_webhook_deliveries_pending {number}\n");
    poll_each(server, "/metrics", |answer| answer.text().contains(&line));
}

/// How many deliveries a server has counted.
fn delivered_by(process: &Server) -> i64 {
    let text = process.get("/metrics").send().text();
    let name = "tenantry_webhook_attempts_total{outcome=\"delivered\"} ";
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().parse().unwrap()
}

#[test]
fn a_slow_receiver_keeps_no_other_one_waiting() {
    let (server, slow, quick) = (shared(), Receiver::start(), Receiver::start());
    let one = Hook::of_creations(server, &slow);
    Hook::of(server, &quick, &one.environment);
    slow.replies([Reply::Hang]);
    one.cause(server, 1);
    slow.wait_for(1);
    one.cause(server, 4);
    quick.wait_for(5);
    assert_eq!(slow.delivered().len(), 1, "one at a time");
    slow.go_on();
    let delivered = slow.wait_for(5);
    assert!(
        sequences(&delivered).is_sorted(),
        "{:?}",
        sequences(&delivered)
    );
}

#[test]
fn a_delivery_can_be_sent_once_more() {
    let (server, receiver) = (shared(), Receiver::start());
    let hook = Hook::of_creations(server, &receiver);
    hook.cause(server, 2);
    let delivered = receiver.wait_for(2);
    let id = delivered[0].header("webhook-id").to_owned();
    hook.poll(server, |one| {
        one["id"] == id && one["status"] == "delivered"
    });
    let path = format!("{}/deliveries/{id}/redeliver", hook.path());
    let again = || server.post(&path).bearer(&server.token()).json(&json!({}));
    let keyed = again().header("Idempotency-Key", &id);
    keyed.clone().send().expect_status(202);
    keyed.send().expect_status(202);
    let delivered = receiver.wait_for(3);
    assert_eq!(delivered[2].header("webhook-id"), id);
    assert_eq!(delivered[2].body, delivered[0].body);
    let shown = hook.poll(server, |one| one["id"] == id && one["attempts"] == 2);
    assert_eq!(shown["status"], "delivered");
    // One that fails is tried once, and nothing waits for it.
    receiver.replies([Reply::Status(500)]);
    again().send().expect_status(202);
    let failed = hook.poll(server, |one| one["id"] == id && one["attempts"] == 3);
    assert_eq!(
        (&failed["status"], &failed["nextAttemptAt"]),
        (&json!("failed"), &json!(null))
    );
    hook.cause(server, 1);
    receiver.wait_for(5);
    assert_eq!(hook.deliveries(server, "?status=failed").len(), 1);
}

#[test]
fn both_secrets_sign_while_they_overlap() {
    let (server, receiver) = (shared(), Receiver::start());
    let hook = Hook::of_creations(server, &receiver);
    let path = format!("{}/secrets", hook.path());
    let rotate = |body: serde_json::Value| {
        let rotate = server.post(&path).bearer(&server.token()).json(&body);
        rotate.send().expect_status(201).json()
    };
    let signatures = |delivered: &Delivered| {
        let all = delivered
            .header("webhook-signature")
            .split(' ')
            .map(str::to_owned);
        all.collect::<Vec<_>>()
    };
    let answer = rotate(json!({"overlapSeconds": 3600}));
    utc(&answer["previousSecretExpiresAt"]);
    let second = text(&answer["secret"]);
    assert!(second.starts_with("whsec_") && second != hook.secret);
    hook.cause(server, 1);
    let delivered = receiver.wait_for(1);
    assert_eq!(signatures(&delivered[0]).len(), 2);
    for secret in [&hook.secret, &second] {
        super::genuine::assert_genuine(server, secret, &delivered[0]);
    }
    let third = text(&rotate(json!({"overlapSeconds": 0}))["secret"]);
    hook.cause(server, 1);
    let delivered = receiver.wait_for(2);
    assert_eq!(signatures(&delivered[1]).len(), 1);
    super::genuine::assert_genuine(server, &third, &delivered[1]);
    super::genuine::assert_forged(server, &second, &delivered[1]);
}

#[test]
fn a_disabled_webhook_gets_nothing_until_it_is_enabled() {
    let (server, receiver) = (shared(), Receiver::start());
    let hook = Hook::of_creations(server, &receiver);
    let other = Receiver::start();
    Hook::of(server, &other, &hook.environment);
    let disabled = hook.patch(server, &json!({"disabled": true}));
    assert_eq!(
        (&disabled["disabled"], &disabled["disabledReason"]),
        (&json!(true), &json!("request"))
    );
    hook.cause(server, 3);
    other.wait_for(3);
    assert_eq!(receiver.delivered().len(), 0);
    let enabled = hook.patch(server, &json!({"disabled": false}));
    assert_eq!(
        (&enabled["disabled"], &enabled["disabledReason"]),
        (&json!(false), &json!(null))
    );
    let delivered = receiver.wait_for(3);
    assert_eq!(
        sequences(&delivered),
        sequences(&other.delivered()),
        "nothing is lost"
    );
}

#[test]
fn another_url_is_used_at_once() {
    let server = builder()
        .env("TENANTRY_WEBHOOK_RETRY_DELAYS", "3600")
        .start();
    let (wrong, right) = (Receiver::start(), Receiver::start());
    wrong.usually(Reply::Status(404));
    let hook = Hook::of_creations(&server, &wrong);
    hook.cause(&server, 2);
    hook.poll(&server, |one| one["lastStatusCode"] == 404);
    hook.patch(&server, &json!({"url": right.url()}));
    let delivered = right.wait_for(2);
    assert!(sequences(&delivered).is_sorted());
    assert_eq!(wrong.delivered().len(), 1);
}

#[test]
fn nothing_is_lost_over_a_stop_or_a_crash() {
    let mut server = builder().env("TENANTRY_WEBHOOK_TIMEOUT", "1").start();
    let receiver = Receiver::start();
    let hook = Hook::of_creations(&server, &receiver);
    receiver.replies([Reply::Hang]);
    hook.cause(&server, 3);
    receiver.wait_for(1);
    server.kill();
    receiver.go_on();
    server.restart();
    hook.cause(&server, 1);
    let four = |delivered: &[Delivered]| {
        let mut all = sequences(delivered);
        all.dedup();
        all.len() >= 4
    };
    let delivered = receiver.wait_until(four);
    assert!(
        sequences(&delivered).is_sorted(),
        "{:?}",
        sequences(&delivered)
    );
    let last = delivered.last().unwrap().header("webhook-id").to_owned();
    hook.poll(&server, |one| {
        one["id"] == last && one["status"] == "delivered"
    });
    // A stop leaves nothing behind that has to be waited for, and sends nothing twice.
    let before = receiver.delivered().len();
    assert!(server.stop().success());
    server.restart();
    hook.cause(&server, 1);
    receiver.wait_for(before + 1);
    let ids = receiver.delivered();
    assert!(ids[before].sequence() > ids[before - 1].sequence());
}
