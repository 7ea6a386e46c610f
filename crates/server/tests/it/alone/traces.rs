//! Traces: what a collector is told of requests and deliveries, and that one that is away hurts nobody.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use prost::Message as _;

use crate::harness::{Builder, Receiver, Server};
use crate::process::logs::wait_for_line;
use crate::webhooks::{self, Hook};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn builder(endpoint: &str) -> Builder {
    webhooks::builder()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("OTEL_SERVICE_NAME", "tenants-of-a-test")
        .env("OTEL_BSP_SCHEDULE_DELAY", "20")
        .env("TENANTRY_LOG_FORMAT", "json")
}

fn endpoint(collector: &Receiver) -> String {
    format!("http://127.0.0.1:{}", collector.port())
}

/// Waits for a span, and gives what is said of whoever has made it too.
fn exported(collector: &Receiver, wanted: impl Fn(&Span) -> bool) -> (Span, Vec<KeyValue>) {
    let find = |delivered: &[crate::harness::Delivered]| {
        let exports = delivered.iter().map(|one| {
            assert_eq!(one.path, "/v1/traces");
            assert_eq!(one.header("content-type"), "application/x-protobuf");
            ExportTraceServiceRequest::decode(&*one.body).unwrap()
        });
        let of_resources = exports.flat_map(|export| export.resource_spans);
        let mut found = of_resources.flat_map(|of_resource| {
            let resource = of_resource.resource.unwrap().attributes;
            let spans = of_resource.scope_spans.into_iter();
            let spans = spans.flat_map(|of_scope| of_scope.spans);
            spans.map(move |span| (span, resource.clone()))
        });
        found.find(|(span, _)| wanted(span))
    };
    let delivered = collector.wait_until(|delivered| find(delivered).is_some());
    find(&delivered).unwrap()
}

fn attributes(all: &[KeyValue]) -> BTreeMap<String, String> {
    let shown = |one: &KeyValue| {
        let value = match one.value.clone().and_then(|value| value.value) {
            Some(Value::StringValue(text)) => text,
            Some(Value::IntValue(number)) => number.to_string(),
            other => panic!("{other:?}"),
        };
        (one.key.clone(), value)
    };
    all.iter().map(shown).collect()
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}

#[test]
fn a_request_is_a_span_in_the_trace_of_its_caller() {
    let collector = Receiver::start();
    collector.usually(crate::harness::Reply::Status(200));
    let server = builder(&endpoint(&collector)).start();
    let token = server.token();
    server
        .get("/v1/environments?limit=1")
        .bearer(&token)
        .header("traceparent", &format!("00-{TRACE}-{SPAN}-01"))
        .header("tracestate", "one=1,two=2")
        .header("X-Request-Id", "a-traced-request")
        .send()
        .expect_status(200);
    let (span, resource) = exported(&collector, |span| hex(&span.trace_id) == TRACE);
    assert_eq!(hex(&span.parent_span_id), SPAN);
    assert_eq!(span.trace_state, "one=1,two=2");
    assert_eq!(span.name, "GET /v1/environments");
    assert_eq!(span.kind, SpanKind::Server as i32);
    assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    assert_eq!(attributes(&resource)["service.name"], "tenants-of-a-test");
    let of_span = attributes(&span.attributes);
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/v1/environments"),
        ("http.response.status_code", "200"),
        ("url.path", "/v1/environments"),
        ("url.scheme", "http"),
        ("tenantry.request.id", "a-traced-request"),
        ("tenantry.actor", &server.credentials().client_id),
    ] {
        assert_eq!(of_span[name], value, "{name}");
    }
    let line = wait_for_line(&server, "a-traced-request");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["trace_id"], TRACE);
    assert_eq!(line["span_id"], hex(&span.span_id));

    // A trace of its own, for whoever brings none or a malformed one; a path that is none of
    // the server's is told to nobody.
    server
        .get(&format!("/nope/{token}"))
        .header("traceparent", &format!("00-{TRACE}-{SPAN}-0"))
        .send()
        .expect_status(404);
    let (lost, _) = exported(&collector, |span| span.name == "GET");
    assert_ne!(hex(&lost.trace_id), TRACE);
    assert!(lost.parent_span_id.is_empty());
    assert!(!attributes(&lost.attributes).contains_key("url.path"));
    // What the caller does not sample is not exported.
    server
        .get("/livez")
        .header("traceparent", &format!("00-{}-{SPAN}-00", "1".repeat(32)))
        .send();
    server.get("/readyz").send().expect_status(200);
    exported(&collector, |span| span.name == "GET /readyz");
    for one in collector.delivered() {
        let text = String::from_utf8_lossy(&one.body);
        assert!(!text.contains(&token) && !text.contains("/livez"));
        assert!(!text.contains(&server.credentials().client_secret));
    }
}

#[test]
fn a_delivery_is_a_span_that_its_receiver_can_go_on_with() {
    let (collector, receiver) = (Receiver::start(), Receiver::start());
    collector.usually(crate::harness::Reply::Status(200));
    let server = builder(&endpoint(&collector)).start();
    let hook = Hook::of_creations(&server, &receiver);
    hook.cause(&server, 1);
    let delivered = receiver.wait_for(1);
    let parent = delivered[0].header("traceparent").to_owned();
    let (span, _) = exported(&collector, |span| {
        parent == format!("00-{}-{}-01", hex(&span.trace_id), hex(&span.span_id))
    });
    assert_eq!(span.kind, SpanKind::Client as i32);
    let of_span = attributes(&span.attributes);
    assert_eq!(of_span["http.response.status_code"], "204");
    assert_eq!(of_span["server.address"], "127.0.0.1");
    assert!(of_span.values().all(|value| !value.contains("/hook")));
}

#[test]
fn a_collector_that_is_away_is_told_of_once_and_hurts_nobody() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let mut server = builder(&format!("http://127.0.0.1:{port}")).start();
    server.get("/readyz").send().expect_status(200);
    wait_for_line(&server, "traces can't be exported");
    for _ in 0..20 {
        server.get("/readyz").send().expect_status(200);
    }
    // What is left is tried once more at the end.
    assert!(server.stop().success());
    let said = server.stderr();
    assert_eq!(
        said.matches("traces can't be exported").count(),
        1,
        "{said}"
    );
}

#[test]
fn a_protocol_that_is_not_spoken_is_refused_at_the_start() {
    let output = Server::builder()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        .run_to_exit(&["serve"]);
    crate::process::assert_refused(&output, "OTEL_EXPORTER_OTLP_PROTOCOL");
}
