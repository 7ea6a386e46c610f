//! What can be done: functions of a unit and a command.
//!
//! Those that read take a [`Snapshot`](crate::port::Snapshot), those that write a
//! [`UnitOfWork`](crate::port::UnitOfWork), which the caller commits
//! ([`port::read`](crate::port::read) and [`port::write`](crate::port::write) do
//! both). A write leaves its change record in the same unit.

pub mod bootstrap;
pub mod clients;
pub mod environments;
pub mod tenants;
pub mod tokens;

use std::sync::Arc;

use crate::{
    change::Origin,
    clock::{Clock, Timestamp},
    port::Entropy,
    subdomain::ReservedLabels,
};

/// What every write needs beside its command: time, chance, the operator's rules and
/// who asks.
#[derive(Clone)]
pub struct Context {
    /// Where the time comes from. It is read inside the unit of work, so that the
    /// order of creation is the order of commits wherever writers queue.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub entropy: Arc<dyn Entropy>,
    /// What no tenant may be called.
    pub reserved: Arc<ReservedLabels>,
    /// Who asks, in which request.
    pub origin: Origin,
}

impl Context {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
