//! What `GET /v1/events` can be asked for.

use super::{events_in, fresh, list, named, told, types_in};
use crate::harness::reference::{shared, unique_label};
use crate::support::{assert_faults, create_tenant, text};

#[test]
fn every_filter_narrows_and_they_do_so_together() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("ev"));
    let (read, refused) = (fresh(), fresh());
    let get = || server.get(&tenant.path());
    named(get().bearer(&server.token()), &read).send();
    named(get(), &refused).send().expect_status(401);
    let events = told(server, &[&read, &refused], 4);
    let client = server.credentials().client_id;
    let both = format!("requestIds={read},{refused}");
    let (success, start) = ("TENANT_RETRIEVE_SUCCESS", "TENANT_RETRIEVE_START");
    let fail = "TENANT_RETRIEVE_FAIL";
    let of_read: &[&str] = &[success, start];
    let all: &[&str] = &[fail, start, success, start];
    let cases: [(String, &[&str]); 10] = [
        (both.clone(), all),
        (format!("requestIds={read}"), of_read),
        (format!("{both}&clientIds={client}"), of_read),
        (format!("{both}&clientIds=nobody"), &[]),
        (format!("{both}&types={fail},{success}"), &[fail, success]),
        (format!("{both}&types={start}"), &[start, start]),
        (format!("{both}&categories=token,tenant"), all),
        (format!("{both}&categories=token"), &[]),
        (format!("{both}&categories=token&types={start}"), &[]),
        (
            format!(
                "{both}&tenantIds={},{}",
                tenant.id,
                crate::support::UNKNOWN_ID
            ),
            all,
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(types_in(&list(server, &query).send()), expected, "{query}");
    }
    let of_tenant = list(server, &format!("tenantIds={}", tenant.id)).send();
    for event in &events {
        assert!(events_in(&of_tenant).contains(event), "{event}");
    }
    // Both ends of a range are in it, as they are shown.
    for event in &events {
        let at = text(&event["timestamp"]);
        let found = list(server, &format!("{both}&dateFrom={at}&dateTo={at}")).send();
        assert!(events_in(&found).contains(event), "{event}");
    }
    let last = text(&events[0]["timestamp"]);
    let first = text(&events[3]["timestamp"]);
    for query in [
        format!("{both}&dateFrom=2999-01-01"),
        format!("{both}&dateTo=2020-01-01T00:00:00%2B01:00"),
        format!("{both}&dateFrom={last}&dateTo=2020-01-01"),
    ] {
        assert_eq!(types_in(&list(server, &query).send()), [""; 0], "{query}");
    }
    let whole = list(server, &format!("{both}&dateFrom={first}&dateTo={last}")).send();
    assert_eq!(events_in(&whole), events);
}

#[test]
fn every_fault_is_told_at_once() {
    let ask = |query: &str| {
        let request = shared().get(&format!("/v1/events?{query}"));
        request.bearer(&shared().token()).send()
    };
    let all = "types=TENANT_CREATE&categories=x&requestIds=%20&clientIds=%20&tenantIds=1\
               &dateFrom=yesterday&dateTo=&limit=0&cursor=x";
    let named = [
        "types",
        "categories",
        "requestIds",
        "clientIds",
        "tenantIds",
        "dateFrom",
        "dateTo",
        "limit",
        "cursor",
    ];
    assert_faults(&ask(all), "query", &named);
    let body = assert_faults(&ask("types=X,TENANT_CREATE_START,Y"), "query", &["types"]);
    let values: Vec<_> = body["details"].as_array().unwrap().iter().collect();
    let values: Vec<_> = values.iter().map(|fault| text(&fault["value"])).collect();
    assert_eq!(values, ["X", "Y"]);
    assert_faults(&ask("types="), "query", &["types"]);
    assert_faults(
        &ask("dateTo=2026-01-01&dateTo=2026-01-01"),
        "query",
        &["dateTo"],
    );
    let many = ["x"; 101].join(",");
    assert_faults(
        &ask(&format!("requestIds={many}")),
        "query",
        &["requestIds"],
    );
}
