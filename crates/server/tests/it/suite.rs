//! The server from outside: real processes, real sockets, a real database, and the wire
//! contract as the only source of what is right.
//!
//! What is named here runs in every world: `sqlite.rs`, `postgres.rs` and `pair.rs` are the
//! roots of three test binaries. `harness` starts servers and
//! talks to them; every other module holds the tests of one part of the contract.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail the test that called them; clippy only exempts the test functions themselves"
)]

mod authorization;
mod bearer;
pub(crate) mod changes;
mod crash;
mod discovery;
mod documentation;
mod environment_changes;
mod environments;
mod events;
pub(crate) mod harness;
mod hostile;
mod hygiene;
mod idempotency;
pub(crate) mod jwt;
pub(crate) mod key_rotation;
mod last_use;
mod management_errors;
mod master_key;
mod operators;
pub(crate) mod process;
mod real_clients;
mod rotation;
mod secrets;
mod smoke;
mod standing;
pub(crate) mod support;
pub(crate) mod system;
mod tenant_client_changes;
mod tenant_clients;
mod tenant_create;
mod tenant_create_bodies;
mod tenant_filters;
mod tenant_list;
mod tenant_one;
mod tenant_patch;
mod token;
mod token_claims;
mod token_errors;
mod token_state;
pub(crate) mod transfer;
pub(crate) mod webhooks;
