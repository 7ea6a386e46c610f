//! What a server must survive, and how it is seen that it has.
//!
//! A [`World`](world::World) is a server that runs and all that was asked of it. Its
//! [writers] ask for changes of every kind, at random and in competition, and note
//! each request with how it was answered. Meanwhile somebody does harm: kills the
//! server, or freezes its database. Afterwards [`evidence`] is gathered from the
//! database and from the server, and the [checker] holds against it what was answered.
//!
//! [`feed`] follows the change feed meanwhile, as an embedder would.
//!
//! [`model`] asks servers on different databases for the same things and holds their answers against
//! each other and against a model in memory; [`linear`] looks whether concurrent answers of one server
//! fit in one order.
//!
//! Whoever adds an operation that writes adds it in `writers.rs`; nothing else needs to know.
#![expect(
    clippy::missing_panics_doc,
    reason = "a trial that can't be held ends where it stands"
)]

pub mod checker;
pub mod crash;
pub mod evidence;
pub mod faults;
pub mod feed;
pub mod history;
pub mod http;
pub mod linear;
pub mod model;
pub mod node;
pub mod shim;
pub mod world;
pub mod writers;
