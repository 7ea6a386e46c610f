//! `cargo xtask openapi`: the OpenAPI document as a file.

use std::{fs, path::Path};

use clap::Args;

use crate::{Failure, output};

/// Where it is, seen from the root.
const FILE: &str = "docs/openapi.json";

/// Flags of the task.
#[derive(Args)]
pub(crate) struct OpenApi {
    /// Only look whether the file is what the code says, and fail if it is not
    #[arg(long)]
    check: bool,
}

impl OpenApi {
    pub(crate) fn run(self, root: &Path) -> Result<(), Failure> {
        let path = root.join(FILE);
        let document = tenantry::openapi();
        let is_current = fs::read_to_string(&path).is_ok_and(|text| text == document);
        if is_current {
            output::say(&format!("{FILE} is current"));
        } else if self.check {
            let message = format!("{FILE} is stale: run `cargo xtask openapi`");
            return Err(Failure::new(message));
        } else {
            fs::write(&path, document)
                .map_err(|error| Failure::new(format!("{FILE} can't be written: {error}")))?;
            output::say(&format!("{FILE} is written"));
        }
        Ok(())
    }
}
