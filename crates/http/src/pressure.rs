//! What `GET /metrics` tells of what requests wait for: connections, turns, password hashing.

use std::sync::Arc;

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::metrics::register;

/// Connections to the database of one kind, as they are at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// What they are for.
    pub name: &'static str,
    /// How many there may be.
    pub most: u32,
    /// How many there are.
    pub open: u32,
    /// How many of these nobody uses.
    pub idle: u32,
}

/// Looks at the connections to the database.
pub type Pools = Arc<dyn Fn() -> Vec<PoolState> + Send + Sync>;

/// What requests wait for.
pub(crate) struct Pressure {
    connections: IntGaugeVec,
    most: IntGaugeVec,
    waiting: IntGaugeVec,
    waits: IntCounterVec,
    pub(crate) changes_waiting: IntGauge,
    pub(crate) events_waiting: IntGauge,
    pub(crate) hashes: Histogram,
}

/// Who waits for turns of one kind.
#[derive(Clone, Debug)]
pub(crate) struct TurnMeter {
    pub(crate) waiting: IntGauge,
    pub(crate) waits: IntCounter,
}

impl Pressure {
    pub(crate) fn new(registry: &Registry) -> Self {
        let gauges = |name, help, labels: &[&str]| {
            register(registry, IntGaugeVec::new(Opts::new(name, help), labels))
        };
        let gauge = |name, help| register(registry, IntGauge::new(name, help));
        Self {
            connections: gauges(
                "tenantry_database_connections",
                "Connections to the database.",
                &["pool", "state"],
            ),
            most: gauges(
                "tenantry_database_connections_max",
                "How many connections to the database there may be.",
                &["pool"],
            ),
            waiting: gauges(
                "tenantry_turns_waiting",
                "Requests that wait for their turn.",
                &["at"],
            ),
            waits: register(
                registry,
                IntCounterVec::new(
                    Opts::new(
                        "tenantry_turns_waited_total",
                        "Requests that had to wait for their turn.",
                    ),
                    &["at"],
                ),
            ),
            changes_waiting: gauge(
                "tenantry_changes_waiting",
                "Changes that wait to be committed, not yet begun.",
            ),
            events_waiting: gauge(
                "tenantry_events_waiting",
                "Requests in memory that are still to be told of in events.",
            ),
            hashes: register(
                registry,
                Histogram::with_opts(
                    HistogramOpts::new(
                        "tenantry_password_hash_duration_seconds",
                        "Time that checking or making a password's hash took.",
                    )
                    .buckets(vec![
                        0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5,
                    ]),
                ),
            ),
        }
    }

    /// Who waits there.
    pub(crate) fn turns(&self, at: &str) -> TurnMeter {
        TurnMeter {
            waiting: self.waiting.with_label_values(&[at]),
            waits: self.waits.with_label_values(&[at]),
        }
    }

    pub(crate) fn set_pool(&self, pool: PoolState) {
        let set = |state, number: u32| {
            let labels = [pool.name, state];
            let gauge = self.connections.with_label_values(&labels);
            gauge.set(number.into());
        };
        set("idle", pool.idle);
        set("in_use", pool.open.saturating_sub(pool.idle));
        let most = self.most.with_label_values(&[pool.name]);
        most.set(pool.most.into());
    }
}
