//! The suite on PostgreSQL.

#[path = "suite.rs"]
mod suite;

pub(crate) use suite::*;

/// What this binary runs the suite on.
const WORLD: harness::World = harness::World::Postgres;
