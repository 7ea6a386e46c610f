//! What `GET /metrics` tells of the server's own certificate.

use prometheus::{IntCounterVec, IntGauge, Opts};
use tenantry_domain::clock::Timestamp;

/// The metrics of a certificate that is read again when its files change. Its clones are one.
#[derive(Clone, Debug)]
pub struct TlsMeter {
    pub(crate) expiry: IntGauge,
    pub(crate) reloads: IntCounterVec,
}

/// What came of a new certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// It is shown from now on.
    Loaded,
    /// It can't be used, and the one before is shown.
    Refused,
}

impl ReloadOutcome {
    const ALL: [Self; 2] = [Self::Loaded, Self::Refused];

    fn as_str(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Refused => "refused",
        }
    }
}

impl TlsMeter {
    /// One for a server.
    ///
    /// # Panics
    /// Never: the names of its metrics are well-formed.
    pub fn new() -> Self {
        let expiry = IntGauge::new(
            "tenantry_tls_certificate_expiry_timestamp_seconds",
            "When the certificate that is shown expires, in seconds since 1970.",
        );
        let reloads = IntCounterVec::new(
            Opts::new(
                "tenantry_tls_certificate_reloads_total",
                "Changes of the certificate's files that were found.",
            ),
            &["outcome"],
        );
        let meter = Self {
            expiry: expiry.expect("a metric's name is well-formed"),
            reloads: reloads.expect("a metric's name and label are well-formed"),
        };
        for outcome in ReloadOutcome::ALL {
            meter.reloads.with_label_values(&[outcome.as_str()]);
        }
        meter
    }

    /// Notes until when the certificate that is shown is good.
    pub fn set_expiry(&self, not_after: Timestamp) {
        self.expiry.set(not_after.unix_seconds());
    }

    /// Counts a change.
    pub fn count(&self, outcome: ReloadOutcome) {
        self.reloads.with_label_values(&[outcome.as_str()]).inc();
    }
}

impl Default for TlsMeter {
    fn default() -> Self {
        Self::new()
    }
}
