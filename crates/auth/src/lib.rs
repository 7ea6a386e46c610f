//! Who is asking, and with what right: credentials, signing keys, access tokens.
//!
//! This crate checks and makes everything in Tenantry that is secret or signed. It
//! knows the domain and nothing else: no I/O, no async, no clock. The instant is an
//! argument, chance comes in as an [`Entropy`](tenantry_domain::port::Entropy) (with
//! [`entropy::OsEntropy`] as the one for production), and what a store keeps is
//! handed in by the caller.
//!
//! - At rest: [`hashing`] for secrets and passwords, [`master_key`] for what must be
//!   read again, [`keys`] for signing keys.
//! - At the door: [`basic`] and [`bearer`] read the header, [`client_auth`] decides
//!   about clients, [`verified`], [`rejected`] and [`limiter`] make passwords and secrets cheap for
//!   those who know them and dear for those who guess.
//! - On the way out: [`webhook`] signs what is delivered.
//! - In hand: [`token`] is RFC 9068 under the rules of RFC 8725, [`verified_tokens`] spares what was
//!   verified before its signature, [`principal`] is who came in, [`policy`] names what each operation demands.
//!
//! No type here shows a secret through `Debug` or `Display`, and no error says more
//! to a log than which rule was broken.

pub mod basic;
pub mod bearer;
pub mod checksum;
pub mod client_auth;
pub mod credentials;
pub mod entropy;
pub mod hashing;
pub mod idempotency;
pub mod keys;
pub mod limiter;
pub mod master_key;
mod pairs;
pub mod policy;
pub mod principal;
pub mod rejected;
pub mod server_secret;
pub mod token;
pub mod verified;
pub mod verified_tokens;
pub mod webhook;

#[cfg(test)]
mod testing;
