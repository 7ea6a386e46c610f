//! Starts servers and talks to them.
//!
//! ```ignore
//! let server = Server::reference();               // its own process, gone when dropped
//! let server = reference::shared();               // one for the whole test run: bring your own names
//! let token = server.token();                     // the bootstrap client's, all scopes
//! let tenants = server.get("/v1/tenants").bearer(&token).send().expect_status(200).json();
//! ```
#![allow(
    dead_code,
    unused_imports,
    reason = "a toolbox: not every build of the suite uses every tool in it"
)]

mod builder;
mod cli;
mod clients;
mod database;
pub(crate) mod described;
mod events;
mod http;
mod node;
mod process;
pub(crate) mod raw;
mod receiver;
pub(crate) mod reference;
mod server;
pub(crate) mod tls;
mod world;

pub(crate) use builder::Builder;
pub(crate) use cli::{
    CliOutput, cli, cli_begin, cli_begin_with_input, cli_with, cli_with_input, write_private,
};
pub(crate) use clients::Clients;
pub(crate) use database::Database;
pub(crate) use events::EventStream;
pub(crate) use http::{Request, Response};
pub(crate) use receiver::{Delivered, Receiver, Reply};
pub(crate) use server::{Credentials, Server};
pub(crate) use world::World;
