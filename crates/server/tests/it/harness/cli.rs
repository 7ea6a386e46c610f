//! The binary's other subcommands, on a server's settings and data.

use std::process::ExitStatus;

use serde_json::Value;

use super::server::{Server, command};

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct CliOutput {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl CliOutput {
    /// The one JSON value of `--output json`.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {:?}\nstderr: {}", self.stdout, self.stderr))
    }
}

/// Runs `tenantry <args>` to its end, whether the server runs or not.
pub(crate) fn cli(server: &Server, args: &[&str]) -> CliOutput {
    let output = command(server.settings(), server.directory(), args)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    CliOutput {
        status: output.status,
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
