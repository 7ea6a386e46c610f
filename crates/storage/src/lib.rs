//! Tenantry's store on Diesel: one source of queries for every database.
//!
//! [`Database`] implements the domain's [`Store`](tenantry_domain::port::Store), and
//! is all that the crates above see. It is opened from a [`DatabaseUrl`], whose scheme
//! alone decides which database it is.
//!
//! # Example
//!
//! A database of one's own, from nothing to the feed of its changes. Who shares the database of a server
//! opens it by [`Database::open_existing`], and leaves its schema to the server.
//!
//! ```
//! use tenantry_domain::{
//!     data::TenantData,
//!     environment::EnvironmentAccess,
//!     error::Error,
//!     feed::Sequence,
//!     host::HostName,
//!     page::Limit,
//!     port::{read, write},
//!     subdomain::Label,
//!     usecase::{environments, feed, tenants},
//! };
//! use tenantry_storage::{Database, DatabaseOptions, DatabaseUrl};
//! # use tenantry_domain::testing::{context, create_reference_environment, credentials};
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("tenantry.db");
//!
//! let database = Database::open(&DatabaseOptions::new(DatabaseUrl::sqlite(&path)))?;
//! database.migrate()?;
//!
//! // A `Context` has the program's clock and chance; credentials are minted by whoever hashes secrets.
//! let context = context();
//! let environment = write(&database, |unit| {
//!     environments::create(unit, &context, create_reference_environment())
//! })?;
//! let command = tenants::CreateTenant {
//!     environment_id: environment.id,
//!     label: Label::parse("my-tenant")?,
//!     name: None,
//!     data: TenantData::parse(r#"{"plan":"gold"}"#)?,
//!     credentials: credentials(&context),
//! };
//! let access = EnvironmentAccess::All;
//! let made = write(&database, |unit| {
//!     tenants::create(unit, &context, &access, command.clone())
//! })?;
//!
//! // The label is taken now, under any concurrency.
//! let again = write(&database, |unit| tenants::create(unit, &context, &access, command));
//! assert!(matches!(again, Err(Error::Invalid(_))));
//!
//! // Whatever is read in one snapshot is of one state.
//! let host = HostName::parse("my-tenant.vii.mattr.global:443")?;
//! let (found, latest) = read(&database, |unit| {
//!     let (tenant, _) = tenants::resolve(unit, &access, &host)?;
//!     Ok::<_, Error>((tenant, feed::latest(unit)?))
//! })?;
//! assert_eq!(found.id, made.tenant.id);
//!
//! // Every change is in the feed, in the order of commits, and what was refused is not.
//! let page = read(&database, |unit| {
//!     feed::read(unit, &access, Sequence::START, Limit::default())
//! })?;
//! let kinds: Vec<_> = page.changes.iter().map(|change| change.kind.as_str()).collect();
//! assert_eq!(kinds, ["environment.created", "tenant.created", "client.created"]);
//! assert_eq!(page.next, latest);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
mod memo;
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
