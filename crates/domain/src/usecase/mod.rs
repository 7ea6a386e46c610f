//! What can be done: functions of a unit and a command.
//!
//! Those that read take a [`Snapshot`](crate::port::Snapshot), those that write a
//! [`UnitOfWork`], which the caller commits
//! ([`port::read`](crate::port::read) and [`port::write`](crate::port::write) do
//! both). A write leaves its change record in the same unit.

pub mod accounts;
pub mod bootstrap;
pub mod bulk;
pub mod clients;
pub mod deliveries;
pub mod environments;
pub mod events;
pub mod feed;
pub mod idempotency;
pub mod keys;
pub mod management;
pub mod secrets;
pub mod tenants;
pub mod tokens;
pub mod webhooks;

use std::sync::Arc;

use crate::{
    change::Origin,
    clock::{Clock, Timestamp},
    port::{Entropy, StoreError, UnitOfWork},
    subdomain::ReservedLabels,
};

/// What every write needs beside its command: time, chance, the operator's rules and
/// who asks.
#[derive(Clone)]
pub struct Context {
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub entropy: Arc<dyn Entropy>,
    /// What no tenant may be called.
    pub reserved: Arc<ReservedLabels>,
    /// Who asks, in which request.
    pub origin: Origin,
}

/// The instant of a change: now, but behind every change that was committed before.
///
/// Lists are ordered by the time of creation, and a reader that has come to the end of
/// one must find there what is made later, also when the clock was set back meanwhile.
fn moment(unit: &mut dyn UnitOfWork, context: &Context) -> Result<Timestamp, StoreError> {
    let now = context.clock.now();
    let latest = unit.changes().latest_time()?;
    Ok(latest.map_or(now, |latest| now.max(latest.plus_micros(1))))
}
