//! The change feed and analytic events.

use serde_json::{Value, json};
use tenantry_domain::{
    change::ChangeType,
    event::{EventCategory, EventName, EventPhase},
};

use super::{
    CURSOR, Schemas, described, integer, list, management, object, or_null, reference, text, uuid,
    with_example, word, words,
};

pub(super) fn all() -> Schemas {
    let mut all = changes();
    all.extend(cloud_events());
    all.extend(events());
    all
}

fn change_example() -> Value {
    let subject = management::tenant_example();
    json!({
        "sequence": 42,
        "type": "tenant.created",
        "time": "2026-01-01T00:00:00.000Z",
        "tenantId": subject["id"],
        "clientId": null,
        "environmentId": subject["environment"]["id"],
        "version": 1,
        "actor": { "kind": "client", "id": management::CLIENT_ID },
        "requestId": "0198c0de-0000-7000-8000-000000000001",
        "subject": subject,
    })
}

fn millis(description: &str) -> Value {
    json!({ "type": "string", "format": "date-time", "description": description })
}

fn changes() -> Schemas {
    let actor = object([
        (
            "kind",
            words(
                "`cli` is the command line, or a server by itself.",
                ["client", "system-account", "cli"],
            ),
        ),
        ("id", or_null(text("Null for `cli`."))),
    ]);
    let kinds = ["Tenant", "ClientDetail", "Environment", "Webhook"].map(reference);
    let subject = json!({
        "description": "The subject after the change (before it, for a delete), by the first part of the type: \
                        `tenant`, `client`, `environment` or `webhook`.",
        "anyOf": kinds,
    });
    let change = object([
        ("sequence", reference("Sequence")),
        ("type", reference("ChangeType")),
        ("time", millis("In whole milliseconds.")),
        ("tenantId", or_null(uuid("The tenant that it concerns."))),
        ("clientId", or_null(text("The client that it concerns."))),
        (
            "environmentId",
            or_null(uuid("The environment that it concerns.")),
        ),
        (
            "version",
            or_null(integer("The subject's version; clients have none.")),
        ),
        ("actor", reference("Actor")),
        (
            "requestId",
            or_null(text("In which request; null where there was none.")),
        ),
        ("subject", subject),
        (
            "previousTenantId?",
            uuid("The id that the tenant had before, where the change has given it another one."),
        ),
        (
            "webhookId?",
            uuid("The webhook that it concerns, where it does."),
        ),
    ]);
    let page = object([
        ("data", list("", reference("Change"))),
        ("next", integer("Where to go on.")),
    ]);
    let example = change_example();
    let types = ChangeType::ALL.map(ChangeType::as_str);
    // OpenAPI 3.1 has no place for what a stream consists of, so this is one of its events.
    let stream = described(
        object([
            ("id?", text("The sequence.")),
            ("event?", text("The type of the change.")),
            ("data?", text("The JSON of a `Change` in one line.")),
            (
                "retry?",
                integer("After how many milliseconds to connect again."),
            ),
        ]),
        "One of the stream's Server-Sent Events (the HTML standard, §9.2).",
    );
    vec![
        ("Actor", with_example(actor, example["actor"].clone())),
        (
            "ChangeType",
            words("There may be more of them at any time.", types),
        ),
        ("Change", with_example(change, example.clone())),
        (
            "ChangePage",
            with_example(page, json!({ "data": [&example], "next": 42 })),
        ),
        (
            "EventStream",
            with_example(
                stream,
                json!({
                    "id": "42",
                    "event": "tenant.created",
                    "data": example.to_string(),
                }),
            ),
        ),
    ]
}

fn cloud_events() -> Schemas {
    let event = object([
        ("specversion", word("1.0")),
        ("id", text("The sequence as text.")),
        ("source", text("The server's public URL.")),
        ("type", text("`tenantry.` and the type of the change.")),
        ("subject", text("The subject's path at the management API.")),
        ("time", millis("")),
        ("datacontenttype", word("application/json")),
        ("data", reference("Change")),
    ]);
    let change = change_example();
    let example = json!({
        "specversion": "1.0",
        "id": "42",
        "source": "https://manage.example.com",
        "type": "tenantry.tenant.created",
        "subject": "/v1/tenants/86cb97a9-5e80-4ed7-af13-a170752bb1ea",
        "time": change["time"],
        "datacontenttype": "application/json",
        "data": change,
    });
    vec![
        ("CloudEvent", with_example(event, example.clone())),
        (
            "CloudEventBatch",
            with_example(list("", reference("CloudEvent")), json!([example])),
        ),
    ]
}

fn events() -> Schemas {
    let types = EventName::ALL
        .iter()
        .flat_map(|name| EventPhase::ALL.map(|phase| format!("{name}_{}", phase.as_str())));
    let metadata = object([
        ("status?", integer("The answer's status.")),
        ("durationMs?", integer("How long it took, in milliseconds.")),
    ]);
    let event = object([
        ("id", uuid("")),
        ("type", reference("EventType")),
        (
            "category",
            words("", EventCategory::ALL.map(EventCategory::as_str)),
        ),
        ("timestamp", millis("In whole milliseconds.")),
        ("requestId", text("The request's `X-Request-Id`.")),
        (
            "clientId",
            or_null(text(
                "The client that asked, where it is one that is known here.",
            )),
        ),
        (
            "tenantId",
            or_null(uuid("The tenant that the request concerns.")),
        ),
        (
            "environmentId",
            or_null(uuid("The environment that the request concerns.")),
        ),
        ("metadata", reference("EventMetadata")),
    ]);
    let page = object([
        ("data", list("", reference("Event"))),
        (
            "nextCursor?",
            text("Leads to older ones; on every page that is not empty."),
        ),
    ]);
    let example = json!({
        "id": "0198c0de-0000-7000-8000-000000000005",
        "type": "TENANT_CREATE_SUCCESS",
        "category": "tenant",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "requestId": "0198c0de-0000-7000-8000-000000000001",
        "clientId": management::CLIENT_ID,
        "tenantId": "86cb97a9-5e80-4ed7-af13-a170752bb1ea",
        "environmentId": "fa605282-0223-4ae0-831d-af368bc39a55",
        "metadata": { "status": 201, "durationMs": 3 },
    });
    vec![
        (
            "EventType",
            words("`<operation>_START`, then `_SUCCESS` or `_FAIL`.", types),
        ),
        (
            "EventMetadata",
            with_example(metadata, example["metadata"].clone()),
        ),
        ("Event", with_example(event, example.clone())),
        (
            "EventList",
            with_example(page, json!({ "data": [example], "nextCursor": CURSOR })),
        ),
    ]
}
