//! Two servers, and webhooks of which each is worked on by one of them at a time.

use std::collections::HashMap;

use crate::harness::{Delivered, Receiver, Reply, Server};
use crate::webhooks::{Hook, builder};

fn sequences(delivered: &[Delivered]) -> Vec<i64> {
    delivered.iter().map(Delivered::sequence).collect()
}

/// What both servers bring, many at once, is told once and in order.
#[test]
fn changes_of_both_come_once_and_in_order() {
    let server = builder().start();
    let receivers: Vec<_> = (0..3).map(|_| Receiver::start()).collect();
    let first = Hook::of_creations(&server, &receivers[0]);
    for receiver in &receivers[1..] {
        Hook::of(&server, receiver, &first.environment);
    }
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (node, first) = (server.nth(number), &first);
            let token = server.token();
            scope.spawn(move || {
                for _ in 0..20 {
                    let label = crate::harness::reference::unique_label("both");
                    let body = serde_json::json!({"subdomain": label,
                                                  "environmentId": first.environment});
                    let made = node.post("/v1/tenants").bearer(&token).json(&body).send();
                    made.expect_status(201);
                }
            });
        }
    });
    for receiver in &receivers {
        let delivered = receiver.wait_for(80);
        let mut ids = HashMap::new();
        for one in &delivered {
            *ids.entry(one.header("webhook-id").to_owned()).or_insert(0) += 1;
        }
        assert_eq!(ids.len(), 80);
        assert!(ids.values().all(|&times| times == 1), "{ids:?}");
        let order = sequences(&delivered);
        assert!(order.is_sorted_by(|a, b| a < b), "{order:?}");
    }
}

/// Kill -9 of the one that is sending: the other takes over when the right of the first is
/// over, sends again what was under way, and leaves nothing out.
#[test]
fn another_takes_over_from_one_that_is_killed() {
    let server = builder().env("TENANTRY_WEBHOOK_TIMEOUT", "1").start();
    let receiver = Receiver::start();
    let hook = Hook::of_creations(&server, &receiver);
    let (mut owner, mut other): (Server, Server) = (server.nth(0), server.nth(1));
    assert!(other.stop().success());
    receiver.replies([Reply::Hang]);
    // Not through the one that is away.
    let token = owner.token();
    for _ in 0..3 {
        let label = crate::harness::reference::unique_label("taken");
        let body = serde_json::json!({"subdomain": label, "environmentId": hook.environment});
        let made = owner.post("/v1/tenants").bearer(&token).json(&body).send();
        made.expect_status(201);
    }
    let under_way = receiver.wait_for(1);
    owner.kill();
    other.restart();
    let three = |delivered: &[Delivered]| {
        let mut all = sequences(delivered);
        all.dedup();
        all.len() >= 3
    };
    let delivered = receiver.wait_until(three);
    assert!(
        sequences(&delivered).is_sorted(),
        "{:?}",
        sequences(&delivered)
    );
    assert_eq!(
        delivered[1].header("webhook-id"),
        under_way[0].header("webhook-id")
    );
    let last = delivered.last().unwrap().header("webhook-id").to_owned();
    hook.poll(&other, |one| {
        one["id"] == last && one["status"] == "delivered"
    });
    owner.restart();
}
