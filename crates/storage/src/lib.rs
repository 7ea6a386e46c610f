//! Tenantry's store on Diesel: one source of queries for every database.
//!
//! [`Database`] implements the domain's [`Store`](tenantry_domain::port::Store), and
//! is all that the crates above see. It is opened from a [`DatabaseUrl`], whose scheme
//! alone decides which database it is.
//!
//! # How it is made
//!
//! `queries` holds every repository once. Each database includes that source as a
//! module of its own, beside its connection type and a small `ops` module for the few
//! things that really differ (how a transaction begins, how migrations keep others
//! out). So no query branches on the database, and each one is checked against the
//! dialect that it will be sent in. The SQL types of `types`, the tables of `schema`,
//! the rows of `rows` and the table of `error` are the same for all.
//!
//! A row is a third thing beside an aggregate and its view: what it holds goes through
//! the domain's parsers on its way out, and what they refuse is reported as corrupt.
//!
//! # Invariants
//!
//! - Writers queue: every write transaction takes the write lock when it begins, so
//!   none fails half way because of another.
//! - A unit that met an error can only be dropped; what it did is undone.
//! - A connection goes back into its pool only when its transaction has ended.
//! - Waiting is bounded, for a connection and for another process's lock together.

#![expect(
    clippy::duplicate_mod,
    reason = "each database compiles the queries for itself"
)]

mod database;
mod error;
mod migrate;
mod pg;
mod rows;
mod schema;
mod sqlite;
mod statements;
pub mod transfer;
mod types;
mod url;
mod watch;

#[cfg(feature = "testing")]
pub mod testing;

pub use database::{Database, DatabaseOptions, OpenError, PoolUse, Synchronous};
pub use migrate::{MigrateError, MigrationStatus};
pub use url::{DatabaseUrl, InvalidDatabaseUrl};
pub use watch::CommitWatch;
