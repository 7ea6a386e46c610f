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
//! # Example
//!
//! ```
//! use tenantry_domain::subdomain::{Label, LabelFault};
//!
//! assert_eq!(Label::parse("my-tenant").unwrap().as_str(), "my-tenant");
//! assert_eq!(Label::parse("My Tenant!"), Err(LabelFault::Characters));
//! ```

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
