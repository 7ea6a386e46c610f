//! The suite on SQLite, and what is the same everywhere and so is tried only here.

mod alone;
#[path = "suite.rs"]
mod suite;

pub(crate) use suite::*;

/// What this binary runs the suite on.
const WORLD: harness::World = harness::World::Sqlite;
