//! `tenantry bootstrap`.

use clap::Args;
use serde::Serialize;

use super::output::OutputArgs;
use crate::{
    config::Settings,
    failure::Failure,
    startup::{self, Prepared},
};

/// Asks for what a first start does, without the start.
#[derive(Debug, Args)]
#[command(after_help = "\
It migrates the database, and fills it if it is empty: with the first environment, management
client, system account and signing key. Generated credentials are written to
bootstrap-credentials.json in the data directory (0600). What is there already stays as it is, so
it can be run any number of times, and by several at once.

Examples:
  tenantry bootstrap --output json
  TENANTRY_DATABASE_URL=postgres://tenantry@db/tenantry tenantry bootstrap --environments-file environments.json")]
pub(crate) struct Bootstrap {
    #[command(flatten)]
    output: OutputArgs,
}

/// What was done.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    applied: Vec<String>,
    filled: bool,
    credentials_file: Option<String>,
}

impl Bootstrap {
    /// Does it.
    pub(crate) fn run(&self, settings: &Settings) -> Result<(), Failure> {
        let Prepared {
            applied,
            first_start,
            ..
        } = startup::prepare(settings)?;
        let text = match &first_start {
            Some(first_start) => first_start.to_string(),
            None => "The database is filled already.".to_owned(),
        };
        let filled = first_start.is_some();
        let generated = first_start.and_then(|first_start| first_start.credentials);
        let done = Done {
            applied,
            filled,
            credentials_file: generated.map(|credentials| credentials.file.display().to_string()),
        };
        self.output.show(&done, |_| text)
    }
}
