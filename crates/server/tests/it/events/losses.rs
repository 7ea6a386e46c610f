//! What is kept when a server ends or its database fails, and what is told of the rest.

use super::{assert_told, events_in, fresh, list, named, types_in};
use crate::harness::Server;
use crate::support::{create_body, poll, sql};

#[test]
fn a_clean_stop_loses_no_event() {
    let mut server = Server::reference();
    let ids = [(); 20].map(|()| fresh());
    for id in &ids {
        let tenants = server.get("/v1/tenants").bearer(&server.token());
        named(tenants, id).send().expect_status(200);
    }
    server.restart();
    let all = list(&server, &format!("requestIds={}", ids.join(","))).send();
    assert_eq!(events_in(&all).len(), 2 * ids.len());
}

#[test]
fn a_change_and_its_success_are_both_there_or_neither() {
    let server = Server::reference();
    let (refused, done) = (fresh(), fresh());
    let body = create_body("both");
    let post = |id: &str| {
        let request = server.post("/v1/tenants").bearer(&server.token());
        named(request.json(&body), id).send()
    };
    let token = server.token();
    sql(&server, "ALTER TABLE events RENAME TO events_hidden");
    let answer = post(&refused);
    assert!(answer.status >= 500, "{answer}");
    sql(&server, "ALTER TABLE events_hidden RENAME TO events");
    let list = server.get("/v1/tenants").bearer(&token).send();
    let tenants = list.expect_status(200).json()["data"].clone();
    assert_eq!(
        tenants,
        serde_json::json!([]),
        "what can't be told is not done"
    );
    post(&done).expect_status(201);
    // The change's own event is there with the change; nobody needs to wait.
    let found = super::list(&server, &format!("requestIds={done}")).send();
    assert_eq!(
        types_in(&found),
        ["TENANT_CREATE_SUCCESS", "TENANT_CREATE_START"]
    );
    assert_told(&server, &refused, "TENANT_CREATE", "FAIL");
}

#[test]
fn what_could_not_be_stored_is_counted() {
    let mut server = Server::builder().nodes(1).start();
    let metric = server.get("/metrics").send().text();
    assert!(
        metric.contains("tenantry_events_dropped_total 0"),
        "{metric}"
    );
    sql(&server, "ALTER TABLE events RENAME TO events_hidden");
    server.get("/v1/tenants").send().expect_status(401);
    poll(&server.get("/livez"), |_| {
        server.stderr().contains("events could not be stored")
    });
    server.stop();
    let log = server.stderr();
    assert!(
        log.contains("the server ends before their events could be stored"),
        "{log}"
    );
}

#[test]
fn events_can_be_switched_off() {
    let server = Server::builder().env("TENANTRY_EVENTS", "off").start();
    let token = server.token();
    let ask = || server.get("/v1/events").bearer(&token).send();
    assert_eq!(events_in(&ask()), [] as [serde_json::Value; 0]);
    let mut server = server;
    server.restart();
    assert_eq!(
        events_in(&list(&server, "").send()),
        [] as [serde_json::Value; 0]
    );
}
