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
    cli_with_input(server, args, "")
}

/// The same, with something on standard input.
pub(crate) fn cli_with_input(server: &Server, args: &[&str], input: &str) -> CliOutput {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut child = command(server.settings(), server.directory(), args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may have ended by now.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    CliOutput {
        status: output.status,
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
