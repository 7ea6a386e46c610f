//! What `GET /metrics` tells of those who deliver to webhooks.

use prometheus::{IntCounterVec, IntGauge, Opts};

/// The counters of whoever delivers to webhooks. Its clones are one.
#[derive(Clone)]
pub struct WebhookMeter {
    pub(crate) attempts: IntCounterVec,
    pub(crate) pending: IntGauge,
    pub(crate) oldest: IntGauge,
    pub(crate) latest: IntGauge,
    pub(crate) behind: IntGauge,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The receiver has taken the delivery.
    Delivered,
    /// It will be tried again.
    Retried,
    /// It was given up.
    Failed,
}

impl WebhookMeter {
    /// One for a server.
    ///
    /// # Panics
    /// Never: the names of its metrics are well-formed.
    pub fn new() -> Self {
        let attempts = IntCounterVec::new(
            Opts::new(
                "tenantry_webhook_attempts_total",
                "Attempts of this server to deliver to a webhook.",
            ),
            &["outcome"],
        );
        let gauge = |name: &str, help: &str| {
            IntGauge::new(name, help).expect("a metric's name is well-formed")
        };
        let meter = Self {
            attempts: attempts.expect("a metric's name and label are well-formed"),
            pending: gauge(
                "tenantry_webhook_deliveries_pending",
                "Deliveries whose turn is foreseen, of all webhooks that are enabled.",
            ),
            oldest: gauge(
                "tenantry_webhook_oldest_pending_seconds",
                "For how long the oldest of them has been pending.",
            ),
            latest: gauge(
                "tenantry_change_latest_sequence",
                "The number of the last change of the feed.",
            ),
            behind: gauge(
                "tenantry_webhook_changes_behind",
                "How many changes lie behind the place that the slowest enabled webhook has come to.",
            ),
        };
        for outcome in ["delivered", "retried", "failed"] {
            meter.attempts.with_label_values(&[outcome]);
        }
        meter
    }

    /// Counts an attempt.
    pub fn count(&self, outcome: AttemptOutcome) {
        let outcome = match outcome {
            AttemptOutcome::Delivered => "delivered",
            AttemptOutcome::Retried => "retried",
            AttemptOutcome::Failed => "failed",
        };
        self.attempts.with_label_values(&[outcome]).inc();
    }

    /// Notes where the feed ends, and how many changes the slowest webhook has not come to.
    pub fn set_feed(&self, latest: i64, behind: i64) {
        self.latest.set(latest);
        self.behind.set(behind);
    }

    /// Notes how many deliveries are pending, and for how many seconds the oldest has been.
    pub fn set_backlog(&self, pending: u64, oldest_seconds: i64) {
        self.pending.set(i64::try_from(pending).unwrap_or(i64::MAX));
        self.oldest.set(oldest_seconds);
    }
}

impl Default for WebhookMeter {
    fn default() -> Self {
        Self::new()
    }
}
