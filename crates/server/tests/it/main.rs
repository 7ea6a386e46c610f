//! The server from outside: the real binary, a real socket, a real database,
//! and the wire contract as the only source of what is right.
//!
//! One test binary, so that the suite links once. `harness` starts servers and
//! talks to them; every other module holds the tests of one part of the contract.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail the test that called them; clippy only exempts the test functions themselves"
)]

mod authorization;
mod bearer;
mod crash;
mod discovery;
mod environment_changes;
mod environments;
mod harness;
mod hygiene;
mod idempotency;
mod jwt;
mod management_errors;
mod process;
mod rotation;
mod secrets;
mod smoke;
mod standing;
mod support;
mod system;
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
