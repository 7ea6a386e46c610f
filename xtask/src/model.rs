//! The same requests for both databases and a model, for as long as one likes.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use tenantry_trials::model::{self, Plan};

use crate::{Failure, crash::build, output};

/// How one is held.
#[derive(Args)]
pub(crate) struct Model {
    /// How long to begin new trials, in seconds
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// How many steps each trial has
    #[arg(long, value_name = "N", default_value_t = 1000)]
    steps: usize,
    /// How many concurrent histories each trial records on each database
    #[arg(long, value_name = "N", default_value_t = 20)]
    histories: u64,
    /// What chance begins with in the first trial; the next ones count on from it. Another one each time
    /// where it is not given
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// A server that is built already
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

impl Model {
    pub(crate) fn run(self, root: &std::path::Path) -> Result<(), Failure> {
        let binary = match self.binary {
            Some(binary) => binary,
            None => build(root)?,
        };
        let plan = Plan {
            binary,
            steps: self.steps,
            histories: self.histories,
            seed: self.seed.unwrap_or_else(|| u64::from(std::process::id())),
        };
        let length = Duration::from_secs(self.seconds);
        let report = model::run_for(&plan, length, &mut |line| output::say(line));
        let report =
            report.ok_or_else(|| Failure::new("there is no PostgreSQL to compare with"))?;
        for violation in &report.violations {
            output::say(&format!("VIOLATION {violation}"));
        }
        if report.violations.is_empty() {
            output::say("both databases and the model agree");
            return Ok(());
        }
        Err(Failure::new(
            "the answers differ; the last seed leads there again",
        ))
    }
}
