//! `tenantry health`: for whoever supervises a server and has no HTTP client at hand, such as a container.

use clap::Args;

use crate::{
    config::Settings,
    failure::Failure,
    probe::{self, Target},
};

/// Asks the server that listens where these settings say whether it is alive.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 it is, 1 it is not, or nobody listens there.

Examples:
  tenantry health
  tenantry health --ready || echo 'send no requests yet'")]
pub(crate) struct Health {
    /// Whether it is ready: its database answers, and has the right schema
    #[arg(long)]
    ready: bool,
}

impl Health {
    /// Does it.
    pub(crate) fn run(&self, settings: &Settings) -> Result<(), Failure> {
        let path = if self.ready { "/readyz" } else { "/livez" };
        let listen = &settings.listen;
        let answer = probe::ask(Target::of(settings), path).map_err(|error| {
            Failure::command(&format!("no server answers at {listen}: {error}"))
        })?;
        match answer.status {
            200 => Ok(()),
            status => Err(Failure::command(&format!("{status}: {}", answer.body))),
        }
    }
}
