//! What `GET /metrics` tells.

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder, core::Collector,
};

use crate::{pressure::Pressure, tls::TlsMeter, webhooks::WebhookMeter};

/// The counters of one server. They hang on no global registry, so that two servers can
/// run in one process.
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) requests: IntCounterVec,
    pub(crate) durations: HistogramVec,
    pub(crate) in_flight: IntGauge,
    pub(crate) tokens_issued: IntCounterVec,
    pub(crate) tokens_refused: IntCounterVec,
    pub(crate) failed_authentications: IntCounterVec,
    pub(crate) panics: IntCounter,
    pub(crate) change_readers: IntGauge,
    pub(crate) changes_streamed: IntCounter,
    pub(crate) pressure: Pressure,
}

impl Metrics {
    /// `others` are counted elsewhere, and told here.
    pub(crate) fn new(
        others: &[&IntCounter],
        webhooks: &WebhookMeter,
        tls: Option<&TlsMeter>,
    ) -> Self {
        let registry = Registry::new();
        for &other in others {
            register(&registry, Ok(other.clone()));
        }
        let build = IntGaugeVec::new(
            Opts::new(
                "tenantry_build_info",
                "The version of this server; always 1.",
            ),
            &["version"],
        );
        let build = register(&registry, build);
        register(&registry, Ok(webhooks.attempts.clone()));
        register(&registry, Ok(webhooks.pending.clone()));
        register(&registry, Ok(webhooks.oldest.clone()));
        register(&registry, Ok(webhooks.latest.clone()));
        register(&registry, Ok(webhooks.behind.clone()));
        if let Some(tls) = tls {
            register(&registry, Ok(tls.expiry.clone()));
            register(&registry, Ok(tls.reloads.clone()));
        }
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Self {
            requests: labelled(
                &registry,
                "tenantry_http_requests_total",
                "Requests that were answered.",
                &["operation", "method", "route", "status"],
            ),
            durations: register(
                &registry,
                HistogramVec::new(
                    HistogramOpts::new(
                        "tenantry_http_request_duration_seconds",
                        "Time from a request's head to its answer's.",
                    )
                    .buckets(vec![
                        0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                        0.5, 1.0, 2.5, 5.0, 10.0,
                    ]),
                    &["operation", "method", "route"],
                ),
            ),
            in_flight: register(
                &registry,
                IntGauge::new(
                    "tenantry_http_requests_in_flight",
                    "Requests not yet answered.",
                ),
            ),
            tokens_issued: labelled(
                &registry,
                "tenantry_tokens_issued_total",
                "Access tokens that were issued.",
                &["grant"],
            ),
            tokens_refused: labelled(
                &registry,
                "tenantry_token_requests_refused_total",
                "Requests for access tokens that were refused.",
                &["grant", "error"],
            ),
            pressure: Pressure::new(&registry),
            failed_authentications: labelled(
                &registry,
                "tenantry_failed_authentications_total",
                "Credentials that were refused.",
                &["family"],
            ),
            panics: register(
                &registry,
                IntCounter::new("tenantry_panics_total", "Handlers that panicked."),
            ),
            changes_streamed: register(
                &registry,
                IntCounter::new(
                    "tenantry_changes_streamed_total",
                    "Changes that were sent on streams, each reader counted.",
                ),
            ),
            change_readers: register(
                &registry,
                IntGauge::new(
                    "tenantry_change_readers",
                    "Readers of the change feed that are connected and wait.",
                ),
            ),
            registry,
        }
    }

    /// All of them, in the text format of Prometheus.
    pub(crate) fn to_text(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// Makes a counter that is told of by the metrics of some server.
#[expect(
    clippy::expect_used,
    reason = "the names are literals that are well-formed"
)]
pub(crate) fn counter(name: &str, help: &str) -> IntCounter {
    IntCounter::new(name, help).expect("a metric's name is well-formed")
}

/// Registers a counter with labels.
fn labelled(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    register(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

#[expect(
    clippy::expect_used,
    reason = "the names above are literals, each used once"
)]
pub(crate) fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: prometheus::Result<C>,
) -> C {
    let collector = collector.expect("a metric's name and labels are well-formed");
    registry
        .register(Box::new(collector.clone()))
        .expect("a metric's name is used once");
    collector
}
