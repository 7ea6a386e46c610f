//! §6: what requests tell of themselves, and how that is read.

mod filters;
mod losses;
mod names;
mod shapes;

use serde_json::Value;

use crate::harness::reference::unique_label;
use crate::harness::{Request, Response, Server};
use crate::support::{poll, text};

/// A request id that nothing else has.
fn fresh() -> String {
    unique_label("request")
}

/// The same request under a request id.
fn named(request: Request, id: &str) -> Request {
    request.header("X-Request-Id", id)
}

/// Lists events: the newest thousand that a query lets through.
fn list(server: &Server, query: &str) -> Request {
    server
        .get(&format!("/v1/events?limit=1000&{query}"))
        .bearer(&server.token())
}

fn events_in(answer: &Response) -> Vec<Value> {
    answer.clone().expect_status(200).json()["data"]
        .as_array()
        .expect("a list")
        .clone()
}

fn types_in(answer: &Response) -> Vec<String> {
    let events = events_in(answer);
    events.iter().map(|event| text(&event["type"])).collect()
}

/// The events of some requests, newest first, as soon as there are so many.
#[track_caller]
fn told(server: &Server, requests: &[&str], count: usize) -> Vec<Value> {
    let query = format!("requestIds={}", requests.join(","));
    let is_whole = |answer: &Response| events_in(answer).len() >= count;
    events_in(&poll(&list(server, &query), is_whole))
}

/// Checks that a request has told exactly of its start and its end.
#[track_caller]
fn assert_told(server: &Server, request: &str, name: &str, end: &str) -> Vec<Value> {
    let events = told(server, &[request], 2);
    let types: Vec<_> = events.iter().map(|event| text(&event["type"])).collect();
    assert_eq!(types, [format!("{name}_{end}"), format!("{name}_START")]);
    events
}
