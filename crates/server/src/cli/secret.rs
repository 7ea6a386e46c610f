//! Secrets that a command has made: shown once, or written to a file that nobody else
//! can read.

use std::{fs, path::PathBuf};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tenantry_domain::port::{Entropy, StoreError};

use super::output::OutputArgs;
use crate::{failure::Failure, files};

/// Where a secret goes that a command has made, and how the result is shown.
#[derive(Clone, Debug, Args)]
pub(crate) struct SecretArgs {
    /// Write the result with the secret to this file (0600), which is not there yet, as one
    /// JSON value, and show neither
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// A secret on its way to where it was asked for.
pub(crate) struct Delivery {
    output: OutputArgs,
    file: Option<File>,
}

/// A file with a secret that is not yet known to count; gone when it is dropped.
struct File {
    path: PathBuf,
    counts: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    secret_file: &'a PathBuf,
}

impl SecretArgs {
    /// Writes the file, if one was asked for. To be called before the change is committed: a
    /// secret that counts and that nobody has would be worse than a file that does not.
    pub(crate) fn prepare<T: Serialize>(
        &self,
        made: &T,
        entropy: &dyn Entropy,
    ) -> Result<Delivery, Failure> {
        let Some(path) = &self.secret_file else {
            return Ok(Delivery {
                output: self.output,
                file: None,
            });
        };
        let unwritten = |problem: &str| {
            Failure::command(&format!("{} can't be written: {problem}", path.display()))
        };
        let text = serde_json::to_string(made).map_err(|error| unwritten(&error.to_string()))?;
        let text = SecretString::from(text + "\n");
        match files::create_private(path, text.expose_secret().as_bytes(), entropy) {
            Ok(true) => {}
            Ok(false) => return Err(unwritten("it is there already")),
            Err(error) => return Err(unwritten(&error.to_string())),
        }
        let file = File {
            path: path.clone(),
            counts: false,
        };
        Ok(Delivery {
            output: self.output,
            file: Some(file),
        })
    }
}

impl Delivery {
    /// Notes that the change may have been made, so that the file is not to be lost.
    pub(crate) fn counts(&mut self) {
        if let Some(file) = &mut self.file {
            file.counts = true;
        }
    }

    /// The same where the outcome of the change is unknown.
    pub(crate) fn counts_if_unknown(&mut self, error: &StoreError) {
        if matches!(error, StoreError::OutcomeUnknown(_)) {
            self.counts();
        }
    }

    /// Shows the result after the change was made, or says where it is.
    pub(crate) fn finish<T: Serialize>(
        mut self,
        made: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        self.counts();
        match &self.file {
            None => self.output.show(made, text),
            Some(file) => {
                let written = Written {
                    secret_file: &file.path,
                };
                let shown = format!("Done; the secret is in {}.", file.path.display());
                self.output.show(&written, |_| shown)
            }
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if !self.counts {
            // Nothing hangs on it.
            let _ = fs::remove_file(&self.path);
        }
    }
}
