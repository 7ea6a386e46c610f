//! The binary's other subcommands, on a server's settings and data.

use std::process::ExitStatus;

use serde_json::Value;

use super::node::{Settings, command};
use super::server::Server;

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
    run(&server.settings(), server, args, "")
}

/// The same with other settings than the server's, where they are given.
pub(crate) fn cli_with(server: &Server, others: &[(&str, &str)], args: &[&str]) -> CliOutput {
    let mut settings = server.settings();
    for &(name, value) in others {
        settings.insert(name.to_owned(), value.to_owned());
    }
    run(&settings, server, args, "")
}

/// The same, with something on standard input.
pub(crate) fn cli_with_input(server: &Server, args: &[&str], input: &str) -> CliOutput {
    run(&server.settings(), server, args, input)
}

/// Begins `tenantry <args>`, with standard input left to the caller.
pub(crate) fn cli_begin_with_input(server: &Server, args: &[&str]) -> std::process::Child {
    use std::process::Stdio;
    command(&server.settings(), server.directory(), args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Begins `tenantry <args>`, with its output in pipes, and does not wait for its end.
pub(crate) fn cli_begin(server: &Server, args: &[&str]) -> std::process::Child {
    use std::process::Stdio;
    command(&server.settings(), server.directory(), args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn run(settings: &Settings, server: &Server, args: &[&str], input: &str) -> CliOutput {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut child = command(settings, server.directory(), args)
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

/// A file that nobody but its owner may read, as a key's should be.
pub(crate) fn write_private(path: &std::path::Path, content: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
