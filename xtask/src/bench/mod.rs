//! `cargo xtask bench`: what the server does, measured on this machine over HTTP.
//!
//! Figures of a shared machine say little by themselves. So a benchmark measures both sides of
//! a comparison in turns, in one run, and tells their ratio.

mod client;
mod connection;
mod events;
mod flood;
mod pages;
mod report;
mod server;
mod table;

use clap::{Subcommand, ValueEnum};

use crate::Failure;

/// What can be measured.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// The table of ratios: what the server does against the least that could do it
    All(table::All),
    /// What each operation costs with more and more tenants
    Growth(table::Growth),
    /// Reads while every request tells of itself in events, against the same without events
    Events(events::Events),
    /// Tokens and reads while wrong passwords come in, against the same without them
    Flood(flood::Flood),
    /// A first page against a deep one, and creates with the counts of tenants against creates
    /// without
    Pages(pages::Pages),
}

/// On which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A file in the directory for temporary files
    Sqlite,
    /// The server that `TENANTRY_TEST_POSTGRES_URL` names, or a throw-away one
    Postgres,
}

impl Bench {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::All(all) => all.run(),
            Self::Growth(growth) => growth.run(),
            Self::Events(events) => events.run(),
            Self::Flood(flood) => flood.run(),
            Self::Pages(pages) => pages.run(),
        }
    }
}
