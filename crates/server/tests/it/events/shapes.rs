//! What an event shows, and what none ever does.

use serde_json::json;

use super::{assert_told, events_in, fresh, list, named, told};
use crate::harness::reference::{ENVIRONMENT_ID, shared, unique_label};
use crate::support::{create_body, create_tenant, keys, poll, post_tenant, text, utc};

#[test]
fn an_event_shows_what_the_contract_names() {
    let server = shared();
    let (id, read) = (fresh(), fresh());
    let body = create_body(&unique_label("ev"));
    let request = server
        .post("/v1/tenants")
        .bearer(&server.token())
        .json(&body);
    let tenant = crate::support::created(&named(request, &id).send());
    let get = server.get(&tenant.path()).bearer(&server.token());
    named(get, &read).send().expect_status(200);
    let of_change = assert_told(server, &id, "TENANT_CREATE", "SUCCESS");
    let of_read = assert_told(server, &read, "TENANT_RETRIEVE", "SUCCESS");
    for event in of_change.iter().chain(&of_read) {
        let members = [
            "category",
            "clientId",
            "environmentId",
            "id",
            "metadata",
            "requestId",
            "tenantId",
            "timestamp",
            "type",
        ];
        assert_eq!(keys(event), members.into());
        assert_eq!(event["category"], "tenant");
        assert_eq!(event["clientId"], server.credentials().client_id);
        assert_eq!(event["tenantId"], tenant.id.as_str());
        assert_eq!(event["environmentId"], ENVIRONMENT_ID);
        uuid::Uuid::parse_str(&text(&event["id"])).unwrap();
        let timestamp = text(&event["timestamp"]);
        assert_eq!(timestamp.len(), "2026-01-01T00:00:00.000Z".len());
    }
    for (events, status) in [(&of_change, 201), (&of_read, 200)] {
        let [end, start] = events.as_slice() else {
            panic!("two events")
        };
        assert_eq!(end["metadata"]["status"], status);
        assert_eq!(keys(&end["metadata"]), ["durationMs", "status"].into());
        let duration = end["metadata"]["durationMs"].as_i64().unwrap();
        let between = utc(&end["timestamp"]) - utc(&start["timestamp"]);
        let between = i64::try_from(between.whole_milliseconds()).unwrap();
        assert!((between - duration).abs() <= 1, "{end} after {start}");
        assert_eq!(start["metadata"], json!({}));
    }
    assert!(utc(&of_change[0]["timestamp"]) <= utc(&of_read[1]["timestamp"]));
}

#[test]
fn an_event_is_seen_on_every_server() {
    let server = shared();
    for process in server.each() {
        let id = fresh();
        let tenants = process.get("/v1/tenants?limit=1").bearer(&server.token());
        named(tenants, &id).send().expect_status(200);
        for other in server.each() {
            told(&other, &[&id], 2);
        }
    }
}

#[test]
fn a_request_that_is_running_has_begun() {
    use std::io::Write as _;
    let server = shared();
    let id = fresh();
    let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
    let head = format!(
        "POST /v1/tenants HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nX-Request-Id: {id}\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{",
        server.token()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let begun = told(server, &[&id], 1);
    assert_eq!(begun.len(), 1);
    assert_eq!(begun[0]["type"], "TENANT_CREATE_START");
    stream.write_all(b"}").unwrap();
    let events = assert_told(server, &id, "TENANT_CREATE", "FAIL");
    assert_eq!(events[1], begun[0]);
    assert!(events[0]["metadata"]["durationMs"].as_i64().unwrap() >= 500);
}

#[test]
fn no_event_holds_a_secret_or_data() {
    let server = shared();
    let canary = unique_label("canary");
    let mut body = create_body(&unique_label("ev"));
    body["data"] = json!({"canary": canary});
    let tenant = crate::support::created(&post_tenant(server, &body));
    let token = server.token_for(&tenant.client_id, &tenant.client_secret);
    let get = server.get(&format!("{}?x={canary}", tenant.path()));
    get.bearer(&token).send().expect_status(401);
    let patch = server.patch(&tenant.path()).bearer(&server.token());
    let patch = patch.json(&json!({"data": {"other": canary}}));
    patch.send().expect_status(200);
    let wrong = format!("{canary}{canary}");
    crate::support::ask_token(server, &canary, &wrong).expect_status(401);
    let is_whole = |answer: &crate::harness::Response| events_in(answer).len() >= 8;
    let query = format!("tenantIds={}", tenant.id);
    poll(&list(server, &query), is_whole);
    let everything = list(server, "").send().text();
    for secret in [&canary, &token, &tenant.client_secret, &server.token()] {
        assert!(!everything.contains(secret.as_str()), "{secret} is told");
    }
}

#[test]
fn pages_hold_every_event_once_while_others_come_in() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("ev"));
    let mut ids = vec![fresh()];
    let ask = |id: &str| {
        let get = server.get(&tenant.path()).bearer(&server.token());
        named(get, id).send().expect_status(200);
    };
    for _ in 0..5 {
        ask(ids.last().unwrap());
        ids.push(fresh());
    }
    let early: Vec<_> = ids[..5].iter().map(String::as_str).collect();
    let early = told(server, &early, 10);
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/events?limit=3&tenantIds={}{cursor}", tenant.id);
        let answer = server.get(&path).bearer(&server.token()).send();
        let page = answer.expect_status(200).json();
        let Some(next) = page.get("nextCursor") else {
            assert_eq!(page, json!({"data": []}));
            break;
        };
        cursor = format!("&cursor={}", text(next));
        seen.extend(page["data"].as_array().unwrap().clone());
        ask(&fresh());
    }
    let times: Vec<_> = seen.iter().map(|one| utc(&one["timestamp"])).collect();
    assert!(times.windows(2).all(|two| two[0] >= two[1]), "{seen:?}");
    for event in &early {
        let times = seen.iter().filter(|one| *one == event).count();
        assert_eq!(times, 1, "{event}");
    }
    let mut unique: Vec<_> = seen.iter().map(|one| text(&one["id"])).collect();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), seen.len());
}
