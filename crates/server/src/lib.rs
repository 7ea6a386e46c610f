//! The composition root of Tenantry: settings, first start, command line, and the
//! server that all other crates come together in.
//!
//! It is a library so that the project's own tasks can use the same settings and open
//! the same database; what runs is the binary `tenantry`, which calls [`cli::main`].

mod bootstrap;
pub mod cli;
mod clock;
pub mod config;
mod doctor;
pub mod failure;
mod files;
mod master_key;
mod probe;
mod serve;
mod shutdown;
mod socket;
pub mod startup;
mod telemetry;
mod tls;
mod traces;
mod transfer;
mod welcome;
mod worker;
mod world;

pub use tenantry_http::openapi;
