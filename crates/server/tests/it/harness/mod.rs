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

mod cli;
mod clients;
mod http;
mod process;
pub(crate) mod raw;
pub(crate) mod reference;
mod server;

pub(crate) use cli::{CliOutput, cli};
pub(crate) use clients::Clients;
pub(crate) use http::{Request, Response};
pub(crate) use server::{Builder, Credentials, Server};
