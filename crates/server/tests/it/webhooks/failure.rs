//! What comes to nothing: given up, disabled, and told of.

use serde_json::json;

use super::{Hook, builder, create, environment, shared};
use crate::harness::{Receiver, Reply, Server};
use crate::support::{assert_error, poll, text};

#[test]
fn a_delivery_is_given_up_and_the_next_one_gets_its_turn() {
    let server = builder().env("TENANTRY_WEBHOOK_GIVE_UP_AFTER", "1").start();
    let receiver = Receiver::start();
    let hook = Hook::of_creations(&server, &receiver);
    receiver.usually(Reply::Status(500));
    hook.cause(&server, 1);
    let failed = hook.poll(&server, |one| one["status"] == "failed");
    assert_eq!(failed["lastStatusCode"], 500);
    assert!(text(&failed["lastError"]).contains("500"));
    receiver.usually(Reply::Status(200));
    hook.cause(&server, 1);
    hook.poll(&server, |one| one["status"] == "delivered");
    let again = format!(
        "{}/deliveries/{}/redeliver",
        hook.path(),
        text(&failed["id"])
    );
    let again = server.post(&again).bearer(&server.token()).json(&json!({}));
    again.send().expect_status(202);
    hook.poll(&server, |one| {
        one["id"] == failed["id"] && one["status"] == "delivered"
    });
}

#[test]
fn however_many_receivers_hang_another_one_is_told() {
    // Longer than anything here is waited for.
    let server = builder().env("TENANTRY_WEBHOOK_TIMEOUT", "60").start();
    let (stuck, good) = (Receiver::start(), Receiver::start());
    stuck.usually(Reply::Hang);
    let environment = environment(&server);
    for _ in 0..260 {
        Hook::of(&server, &stuck, &environment);
    }
    let hook = Hook::of(&server, &good, &environment);
    hook.cause(&server, 1);
    stuck.wait_until(|asked| asked.len() >= 260);
    hook.cause(&server, 2);
    good.wait_for(3);
    stuck.usually(Reply::Status(204));
    stuck.go_on();
}

#[test]
fn a_webhook_of_which_nothing_comes_is_disabled_and_others_are_told() {
    let server = builder().env("TENANTRY_WEBHOOK_DISABLE_AFTER", "1").start();
    let (dead, watcher) = (Receiver::start(), Receiver::start());
    let hook = Hook::of_creations(&server, &dead);
    let body = json!({"url": watcher.url(), "types": ["webhook.disabled"]});
    create(&server, &body).send().expect_status(201);
    dead.usually(Reply::Status(500));
    hook.cause(&server, 1);
    let told = watcher.wait_for(1);
    let event = told[0].json();
    assert_eq!(event["type"], "tenantry.webhook.disabled");
    assert_eq!(event["subject"], hook.path());
    assert_eq!(event["data"]["webhookId"], hook.id);
    assert_eq!(event["data"]["environmentId"], hook.environment);
    assert_eq!(event["data"]["subject"]["disabledReason"], "failures");
    let subject = &event["data"]["subject"];
    assert_eq!(subject.get("secret"), None);
    // Its path may hold a secret of the receiver.
    assert_eq!(subject.get("url"), None);
    assert!(
        dead.url().starts_with(&text(&subject["origin"])),
        "{subject}"
    );
    assert_eq!(event["data"]["actor"], json!({"kind": "cli", "id": null}));

    let shown = hook.get(&server);
    assert_eq!(
        (&shown["disabled"], &shown["disabledReason"]),
        (&json!(true), &json!("failures"))
    );
    let pending = &hook.deliveries(&server, "?status=pending")[0];
    let again = format!(
        "{}/deliveries/{}/redeliver",
        hook.path(),
        text(&pending["id"])
    );
    let again = server.post(&again).bearer(&server.token()).json(&json!({}));
    let refused = assert_error(&again.send(), 409, "Conflict");
    assert_eq!(refused["code"], "webhook_disabled");

    dead.usually(Reply::Status(204));
    hook.patch(&server, &json!({"disabled": false}));
    hook.poll(&server, |one| {
        one["id"] == pending["id"] && one["status"] == "delivered"
    });
}

/// The status of the attempt counts, and a redirect is a failure like any other.
#[test]
fn a_redirect_is_not_followed() {
    let (server, receiver, elsewhere) = (shared(), Receiver::start(), Receiver::start());
    let hook = Hook::of_creations(server, &receiver);
    for status in [301, 302, 303, 307, 308] {
        let head = format!(
            "HTTP/1.1 {status} Moved\r\nLocation: {}\r\n",
            elsewhere.url()
        );
        receiver.usually(Reply::Raw(format!("{head}Content-Length: 0\r\n\r\n")));
        let before = receiver.delivered().len();
        hook.cause(server, 1);
        receiver.wait_for(before + 1);
        let seen = hook.poll(server, |one| one["lastStatusCode"] == status);
        assert_eq!(seen["status"], "pending");
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn an_answer_may_be_endless_or_no_answer_at_all() {
    let server = builder().env("TENANTRY_WEBHOOK_TIMEOUT", "1").start();
    let receiver = Receiver::start();
    let hook = Hook::of_creations(&server, &receiver);
    let huge = format!("HTTP/1.1 200 So\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let gzip = "HTTP/1.1 200 So\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone";
    for (reply, attempts) in [
        (Reply::Endless, 1),
        (Reply::Raw(gzip.to_owned()), 1),
        (Reply::Raw(huge), 2),
        (Reply::Raw("no HTTP at all\r\n\r\n".to_owned()), 2),
        (Reply::Raw(String::new()), 2),
        (Reply::Hang, 2),
    ] {
        let shown = format!("{reply:.60?}");
        receiver.replies([reply]);
        let before = hook.deliveries(&server, "").len();
        hook.cause(&server, 1);
        let done = poll_last(&server, &hook, before);
        assert_eq!(done["attempts"], attempts, "{shown}: {done}");
        receiver.go_on();
    }
}

/// Waits until there is one more delivery than before, and that is delivered.
fn poll_last(server: &Server, hook: &Hook, before: usize) -> serde_json::Value {
    let path = format!("{}/deliveries", hook.path());
    let deliveries = server.get(&path).bearer(&server.token());
    let answer = poll(&deliveries, |answer| {
        let all = answer.json();
        let last = all["data"].get(before).cloned();
        last.is_some_and(|last| last["status"] == "delivered")
    });
    answer.json()["data"][before].clone()
}

#[test]
fn finished_deliveries_are_not_kept_for_ever() {
    let server = builder()
        .env("TENANTRY_WEBHOOK_RETENTION_DAYS", "1")
        .start();
    let receiver = Receiver::start();
    let hook = Hook::of_creations(&server, &receiver);
    hook.cause(&server, 2);
    let delivered = receiver.wait_for(2);
    let last = delivered[1].header("webhook-id").to_owned();
    hook.poll(&server, |one| {
        one["id"] == last && one["status"] == "delivered"
    });
    // Two days go by for the first of them.
    let two_days = match server.database().url() {
        Some(_) => "finished_at - interval '2 days'",
        None => "finished_at - 172800000000",
    };
    server.database().execute(&format!(
        "UPDATE webhook_deliveries SET finished_at = {two_days} WHERE sequence = {}",
        delivered[0].sequence()
    ));
    let path = format!("{}/deliveries", hook.path());
    let deliveries = server.get(&path).bearer(&server.token());
    let kept = poll(&deliveries, |answer| {
        answer.json()["data"].as_array().unwrap().len() == 1
    });
    assert_eq!(kept.json()["data"][0]["id"], last);
}
