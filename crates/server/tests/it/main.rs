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

mod crash;
mod harness;
mod hygiene;
mod process;
mod smoke;
mod system;
