//! Spans for whoever follows requests through several services: what this server has answered and
//! delivered, sent to a collector by OTLP where the environment names one.
//!
//! A span is made when its request has ended. So a request that nobody follows costs nothing,
//! and one that somebody does waits for nothing: the collector is told by a thread of its own.

mod courier;

use std::{
    borrow::Cow,
    env,
    str::FromStr as _,
    sync::Arc,
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Context, KeyValue,
    trace::{
        Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _,
        TraceFlags, TraceId, TraceState, TracerProvider as _,
    },
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider, Span},
};
use tenantry_domain::{
    clock::Timestamp, id::DeliveryId, usecase::deliveries::Sent, webhook::WebhookUrl,
};
use tenantry_http::{EndedRequest, RequestSpans, TraceIds, TraceParent};
use tokio::{task::spawn_blocking, time::timeout};

use self::courier::Courier;
use crate::{config::PublicUrl, failure::Failure};

/// How long a server that stops tries to export what it still has.
const LAST_EXPORT: Duration = Duration::from_secs(3);

/// The only form that is spoken here.
const PROTOCOL: &str = "http/protobuf";

/// The spans of one server.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    scheme: &'static str,
    host: String,
}

impl Traces {
    /// Begins to export, if the environment names a collector. To be called within a runtime.
    pub(crate) fn start(public_url: &PublicUrl) -> Result<Option<Arc<Self>>, Failure> {
        let variable = |name: &str| env::var(name).ok();
        if !is_wanted(variable).map_err(Failure::Setting)? {
            return Ok(None);
        }
        let unusable = |problem: String| {
            Failure::Setting(format!(
                "OTEL_EXPORTER_OTLP_ENDPOINT can't be used: {problem}"
            ))
        };
        let courier = Courier::new().map_err(|error| unusable(error.to_string()))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(courier)
            .with_protocol(Protocol::HttpBinary)
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(variable))
            .with_batch_exporter(exporter)
            .build();
        Ok(Some(Arc::new(Self {
            tracer: provider.tracer("tenantry"),
            provider,
            scheme: if public_url.is_encrypted() {
                "https"
            } else {
                "http"
            },
            host: public_url.host().to_owned(),
        })))
    }

    /// Exports what is still to be exported, for a short time at the most.
    pub(crate) async fn stop(&self) {
        let provider = self.provider.clone();
        let stopped = spawn_blocking(move || provider.shutdown_with_timeout(LAST_EXPORT));
        // What can't be exported now is lost, and the log says already that nothing can.
        let _ = timeout(LAST_EXPORT, stopped).await;
    }

    /// Begins with the span of an attempt to deliver.
    pub(crate) fn begin_delivery(&self, url: &WebhookUrl, id: DeliveryId) -> DeliverySpan {
        let url = url.as_url();
        let mut attributes = vec![
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("messaging.message.id", id.to_string()),
        ];
        // The rest of the URL may hold a secret of the receiver.
        if let Some(host) = url.host_str() {
            attributes.push(KeyValue::new("server.address", host.to_owned()));
        }
        if let Some(port) = url.port_or_known_default() {
            attributes.push(KeyValue::new("server.port", i64::from(port)));
        }
        let builder = SpanBuilder::from_name("webhook delivery")
            .with_kind(SpanKind::Client)
            .with_attributes(attributes);
        DeliverySpan(builder.start_with_context(&self.tracer, &Context::new()))
    }
}

impl RequestSpans for Traces {
    fn take(&self, request: &EndedRequest<'_>) -> Option<TraceIds> {
        let ended = system_time(request.ended);
        let started = ended.checked_sub(request.took).unwrap_or(ended);
        let parent = request.parent.map_or_else(Context::new, |parent| {
            Context::new().with_remote_span_context(remote(parent, request.state))
        });
        let builder = SpanBuilder::from_name(name_of(request))
            .with_kind(SpanKind::Server)
            .with_start_time(started)
            .with_attributes(self.attributes(request));
        let mut span = builder.start_with_context(&self.tracer, &parent);
        if request.status >= 500 {
            span.set_status(Status::error(""));
        }
        let context = span.span_context();
        let ids = context.is_valid().then(|| TraceIds {
            trace_id: u128::from_be_bytes(context.trace_id().to_bytes()),
            span_id: u64::from_be_bytes(context.span_id().to_bytes()),
        });
        span.end_with_timestamp(ended);
        ids
    }
}

impl Traces {
    /// By the semantic conventions for HTTP servers.
    fn attributes(&self, request: &EndedRequest<'_>) -> Vec<KeyValue> {
        let mut attributes = vec![
            KeyValue::new("http.request.method", method_of(request)),
            KeyValue::new("http.response.status_code", i64::from(request.status)),
            KeyValue::new("url.scheme", self.scheme),
            KeyValue::new("server.address", self.host.clone()),
            KeyValue::new("network.protocol.version", "1.1"),
            KeyValue::new("tenantry.request.id", request.request_id.to_owned()),
        ];
        if !request.route.is_empty() {
            attributes.push(KeyValue::new("http.route", request.route));
        }
        if let Some(path) = request.path {
            attributes.push(KeyValue::new("url.path", path.to_owned()));
        }
        if !request.operation.is_empty() {
            attributes.push(KeyValue::new("tenantry.operation", request.operation));
        }
        if let Some(actor) = request.actor {
            attributes.push(KeyValue::new("tenantry.actor", actor.to_owned()));
        }
        if request.status >= 500 {
            attributes.push(KeyValue::new("error.type", request.status.to_string()));
        }
        attributes
    }
}

/// The span of an attempt to deliver.
pub(crate) struct DeliverySpan(Span);

impl DeliverySpan {
    /// What the receiver is told of it: a `traceparent`.
    pub(crate) fn traceparent(&self) -> Option<String> {
        let context = self.0.span_context();
        let flags = context.trace_flags().to_u8();
        context.is_valid().then(|| {
            format!(
                "00-{}-{}-{flags:02x}",
                context.trace_id(),
                context.span_id()
            )
        })
    }

    /// Ends it.
    pub(crate) fn end(mut self, sent: &Sent) {
        match sent {
            Sent::Answered(status) => {
                self.0.set_attribute(KeyValue::new(
                    "http.response.status_code",
                    i64::from(*status),
                ));
                if !(200..300).contains(status) {
                    self.0
                        .set_attribute(KeyValue::new("error.type", status.to_string()));
                    self.0.set_status(Status::error(""));
                }
            }
            // It was not under way yet.
            Sent::WithoutChange => {}
            Sent::Unanswered(reason) => {
                self.0
                    .set_attribute(KeyValue::new("error.type", "unanswered"));
                self.0.set_status(Status::error(reason.clone()));
            }
        }
        self.0.end();
    }
}

fn name_of(request: &EndedRequest<'_>) -> Cow<'static, str> {
    let method = match request.method {
        "other" => "HTTP",
        method => method,
    };
    match request.route {
        "" => method.to_owned().into(),
        route => format!("{method} {route}").into(),
    }
}

fn method_of(request: &EndedRequest<'_>) -> String {
    match request.method {
        "other" => "_OTHER".to_owned(),
        method => method.to_owned(),
    }
}

/// A caller's span. A `tracestate` that is malformed is as if there were none (W3C Trace
/// Context §4.3).
fn remote(parent: TraceParent, state: &str) -> SpanContext {
    let flags = if parent.is_sampled() {
        TraceFlags::SAMPLED
    } else {
        TraceFlags::default()
    };
    SpanContext::new(
        TraceId::from_bytes(parent.trace_id().to_be_bytes()),
        SpanId::from_bytes(parent.span_id().to_be_bytes()),
        flags,
        true,
        TraceState::from_str(state).unwrap_or_default(),
    )
}

fn system_time(instant: Timestamp) -> SystemTime {
    let micros = u64::try_from(instant.unix_micros()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}

fn resource(variable: impl Fn(&str) -> Option<String>) -> Resource {
    let names_service = variable("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty())
        || variable("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|all| all.contains("service.name="));
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let builder = Resource::builder().with_attribute(version);
    if names_service {
        builder.build()
    } else {
        builder.with_service_name("tenantry").build()
    }
}

/// Whether the environment asks for spans; what is wrong with how it does.
fn is_wanted(variable: impl Fn(&str) -> Option<String>) -> Result<bool, String> {
    let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let is_off = given("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || given("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
    let endpoints = [
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ];
    if is_off || !endpoints.iter().any(|name| given(name).is_some()) {
        return Ok(false);
    }
    for name in [
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    ] {
        match given(name) {
            Some(other) if other != PROTOCOL => {
                return Err(format!(
                    "{name} must be {PROTOCOL} or not set; it is {other:?}"
                ));
            }
            Some(_) => break,
            None => {}
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(given: &[(&str, &str)]) -> Result<bool, String> {
        is_wanted(|name| {
            let found = given.iter().find(|(one, _)| *one == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn spans_are_exported_where_a_collector_is_named_and_not_switched_off() {
        let there = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        assert_eq!(wanted(&[]), Ok(false));
        assert_eq!(wanted(&[there]), Ok(true));
        assert_eq!(wanted(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), Ok(false));
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://x/v1/traces");
        assert_eq!(wanted(&[traces]), Ok(true));
        assert_eq!(wanted(&[there, ("OTEL_SDK_DISABLED", "TRUE")]), Ok(false));
        assert_eq!(
            wanted(&[there, ("OTEL_TRACES_EXPORTER", "none")]),
            Ok(false)
        );
        let protocol = |value| wanted(&[there, ("OTEL_EXPORTER_OTLP_PROTOCOL", value)]);
        assert_eq!(protocol("http/protobuf"), Ok(true));
        assert!(protocol("grpc").is_err_and(|problem| problem.contains("http/protobuf")));
    }
}
