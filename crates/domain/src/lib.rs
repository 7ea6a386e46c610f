//! The rules of Tenantry, without I/O.
//!
//! This crate knows what an [environment](environment::Environment), a
//! [tenant](tenant::Tenant) and a [client](client::Client) are, which changes of
//! them are allowed, and in which [version](version::Version) they are. It opens
//! no file, no socket and no database, reads no clock and draws no random number:
//! what it needs of those comes in through the traits of [`port`].
//!
//! Whoever embeds it implements [`port::Store`] (or takes `tenantry-storage`) and
//! calls the functions of [`usecase`]. Every rule of the wire contract that is a
//! rule of the business lives here as a type or a function; none of them can be
//! broken with this crate's API alone.
//!
//! # What there is
//!
//! | modules | |
//! |---|---|
//! | [`environment`], [`tenant`], [`client`], [`webhook`], [`account`] | the things there are: an aggregate can be read like the record it holds, and changed by its transitions only |
//! | [`id`], [`name`], [`subdomain`], [`host`], [`version`], [`data`], [`scope`], [`page`], [`clock`] | what they are made of: each is parsed once from what comes from outside, and can't be wrong afterwards |
//! | [`usecase`] | what can be done, as functions of a unit and a command |
//! | [`port`] | what a store has to offer for that |
//! | [`change`], [`feed`], [`view`] | every change as a record; how its readers see it; the representations on the wire |
//! | [`record`] | the same tenants as the system API sees them |
//! | [`event`], [`uses`], [`idempotency`] | what a server tells of requests, notes of uses, and keeps for repeats |
//! | [`key`], [`token`], [`server_secret`], [`rotation`] | which key signs when, what is revoked, how secrets overlap; cryptography itself is not here |
//! | [`json`], [`error`] | JSON that keeps its digits and its order; what can go wrong |
//!
//! # Values
//!
//! A value that exists is a valid one. What is wrong with a text is told by a type of its own, so that a
//! caller can say it in any words:
//!
//! ```
//! use tenantry_domain::{data::TenantData, host::HostName, subdomain::{Label, LabelFault}};
//!
//! assert_eq!(Label::parse("my-tenant").unwrap().as_str(), "my-tenant");
//! assert_eq!(Label::parse("My Tenant!"), Err(LabelFault::Characters));
//! // Port, letter case and a trailing dot of a host don't matter.
//! let host = HostName::parse("My-Tenant.vii.mattr.global.:443").unwrap();
//! assert_eq!(host.split(), ("my-tenant", Some("vii.mattr.global")));
//! // Numbers keep their digits, whatever they mean elsewhere.
//! let data = TenantData::parse(r#"{"limit":12345678901234567890123}"#).unwrap();
//! assert_eq!(data.as_str(), r#"{"limit":12345678901234567890123}"#);
//! ```
//!
//! # Use cases
//!
//! Those that read take a [`Snapshot`](port::Snapshot), those that write a
//! [`UnitOfWork`](port::UnitOfWork); [`port::read`] and [`port::write`] make one and see it to its end.
//! Who asks is an argument ([`environment::EnvironmentAccess`]), and so are time, chance and the operator's
//! rules ([`usecase::Context`]):
//!
//! ```
//! use std::sync::Arc;
//! use tenantry_domain::{
//!     change::Origin,
//!     clock::{Clock, Timestamp},
//!     environment::EnvironmentAccess,
//!     error::Error,
//!     host::HostName,
//!     port::{self, Entropy, Store},
//!     subdomain::ReservedLabels,
//!     tenant::{Precondition, Tenant, TenantStatus},
//!     usecase::{Context, tenants},
//! };
//!
//! /// What a program of its own brings.
//! fn context(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Context {
//!     Context {
//!         clock,
//!         entropy,
//!         reserved: Arc::new(ReservedLabels::default()),
//!         origin: Origin::CLI,
//!     }
//! }
//!
//! /// Suspends the tenant of a host, if it is still as it was when it was read.
//! fn suspend(store: &dyn Store, context: &Context, host: &HostName) -> Result<Tenant, Error> {
//!     let access = EnvironmentAccess::All;
//!     let (tenant, _) = port::read(store, |unit| tenants::resolve(unit, &access, host))?;
//!     let unchanged = Precondition::OneOf(vec![tenant.revision()]);
//!     let patch = tenants::PatchTenant {
//!         status: Some(TenantStatus::Suspended),
//!         ..tenants::PatchTenant::default()
//!     };
//!     let (suspended, _) = port::write(store, |unit| {
//!         tenants::patch(unit, context, &access, tenant.id, &unchanged, patch)
//!     })?;
//!     Ok(suspended)
//! }
//! # struct Sundial;
//! # impl Clock for Sundial {
//! #     fn now(&self) -> Timestamp {
//! #         Timestamp::from_unix_seconds(0)
//! #     }
//! # }
//! # let _ = (context, suspend, Sundial);
//! ```
//!
//! The change record of what was done is in the unit already; there is no way to change a tenant through a
//! use case without one. The documentation of `tenantry-storage` has an example that runs on a database,
//! and `examples/embed` in the repository is a whole service.
//!
//! # What stays as it is
//!
//! What the readers of the change feed can rely on in all later versions is told by [`feed`], and holds for
//! its types and their JSON. The rest of this crate follows the version of the server that it comes with: a
//! program that opens a server's database is built with that server's version.

pub mod account;
pub mod change;
pub mod client;
pub mod clock;
pub mod data;
pub mod environment;
pub mod error;
pub mod event;
pub mod feed;
pub mod group;
pub mod host;
pub mod id;
pub mod idempotency;
pub mod json;
pub mod key;
pub mod name;
pub mod page;
pub mod port;
pub mod record;
pub mod rotation;
pub mod scope;
pub mod server_secret;
pub mod subdomain;
pub mod tenant;
pub mod token;
pub mod usecase;
pub mod uses;
pub mod version;
pub mod view;
pub mod webhook;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
