//! The suite on two servers with one PostgreSQL database, which take requests in turn, and
//! what can only be seen with several servers.

mod side_by_side;
#[path = "suite.rs"]
mod suite;

pub(crate) use suite::*;

/// What this binary runs the suite on.
const WORLD: harness::World = harness::World::Pair;
