//! Every property, with more cases than a test run has time for.

use std::{env, ffi::OsString, path::Path, process::Command};

use clap::Args;

use crate::Failure;

/// How many.
#[derive(Args)]
pub(crate) struct Fuzz {
    /// How many cases each property is tried with
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    cases: u32,
    /// Only tests with this in their names
    filter: Option<String>,
}

impl Fuzz {
    pub(crate) fn run(self, root: &Path) -> Result<(), Failure> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let status = Command::new(cargo)
            // Only what has properties: unit tests, and the mangled texts.
            .args(["test", "--workspace", "--lib", "--test", "fuzz"])
            .args(self.filter)
            .env("PROPTEST_CASES", self.cases.to_string())
            .current_dir(root)
            .status()
            .map_err(|error| Failure::new(format!("cargo can't be run: {error}")))?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::new(format!("a property does not hold: {status}")))
        }
    }
}
