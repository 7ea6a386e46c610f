//! The change feed and analytic events.

use super::super::described::{Answer, Described, JSON};
use crate::error::Code;

pub(super) const ALL: &[Described] = &[
    Described {
        name: "CHANGE_RETRIEVE_LIST",
        id: "listChanges",
        tag: "Change feed",
        summary: "Read a page of changes, or wait for the next one",
        description: "Once you have seen sequence N, nothing below N ever appears. Go on from `next`, which is kept with \
                      what you have made of `data`; as CloudEvents, from the `Link` of `rel=\"next\"`.",
        parameters: &["After", "Limit", "Wait"],
        answers: &[Answer::ok(
            "Changes in the order of commits.",
            &[
                (JSON, "ChangePage"),
                ("application/cloudevents-batch+json", "CloudEventBatch"),
            ],
        )
        .with(&["Vary", "Link?"])],
        errors: &[Code::ValidationError],
        ..Described::NEW
    },
    Described {
        name: "CHANGE_STREAM",
        id: "streamChanges",
        tag: "Change feed",
        summary: "Follow the changes as Server-Sent Events",
        description: "Each change is an event with `id:` its sequence, `event:` its type and `data:` its JSON in one line. \
                      A comment comes every 15 seconds. A stream ends with its token, and when the server stops: connect \
                      again with `Last-Event-ID`.",
        parameters: &["After", "LastEventId"],
        answers: &[Answer::ok(
            "A stream without an end.",
            &[("text/event-stream", "EventStream")],
        )
        .with(&["X-Accel-Buffering"])],
        errors: &[Code::ValidationError],
        ..Described::NEW
    },
    Described {
        name: "EVENT_RETRIEVE_LIST",
        id: "listEvents",
        tag: "Analytic events",
        summary: "List analytic events",
        description: "Newest first, page by page; `nextCursor` leads to older ones. All filters must hold.",
        parameters: &[
            "Limit",
            "Cursor",
            "EventTypes",
            "EventCategories",
            "RequestIds",
            "ClientIds",
            "TenantIds",
            "DateFrom",
            "DateTo",
        ],
        answers: &[Answer::ok("A page of events.", &[(JSON, "EventList")])],
        errors: &[Code::ValidationError],
        ..Described::NEW
    },
];
