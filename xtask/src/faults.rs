//! Every system call of every kind of change fails, or is the last one of its process.

use std::{env, ffi::OsString, path::Path, process::Command};

use clap::Args;

use crate::Failure;

/// What is to fail.
#[derive(Args)]
pub(crate) struct Faults {
    /// Only tests with this in their names, such as `sqlite`
    filter: Option<String>,
}

impl Faults {
    pub(crate) fn run(self, root: &Path) -> Result<(), Failure> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let filters = match self.filter {
            Some(filter) => vec![filter],
            None => vec!["calls::".to_owned(), "commands::".to_owned()],
        };
        let status = Command::new(cargo)
            .args(["test", "--workspace", "--test", "faults", "--"])
            .args(filters)
            .env("TENANTRY_TEST_EVERY_CALL", "1")
            .current_dir(root)
            .status()
            .map_err(|error| Failure::new(format!("cargo can't be run: {error}")))?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::new(format!("a fault is not survived: {status}")))
        }
    }
}
