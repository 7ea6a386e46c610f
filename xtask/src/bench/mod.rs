//! Measurements that are made again and again: `cargo xtask bench <name>`.

mod flood;

use clap::Subcommand;

use crate::Failure;

/// What can be measured.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Tokens and reads while wrong passwords come in, against the same without them
    Flood(flood::Flood),
}

impl Bench {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        match self {
            Self::Flood(flood) => flood.run(),
        }
    }
}
