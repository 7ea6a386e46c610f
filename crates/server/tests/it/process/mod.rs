//! Contract §1: the process, its settings, its first start, its end.

mod bootstrap;
mod commands;
mod doctor;
mod environments_file;
mod health;
pub(crate) mod logs;
mod master_key;
mod observability;
mod packaging;
mod shutdown;
mod tenants;

use serde_json::Value;

use crate::harness::{CliOutput, Server};

/// The environments as a client with all scopes sees them.
pub(crate) fn environments(server: &Server) -> Vec<Value> {
    server
        .get("/v1/environments")
        .bearer(&server.token())
        .send()
        .expect_status(200)
        .json()["data"]
        .as_array()
        .unwrap()
        .clone()
}

/// What is wrong with how a bad setting was refused; `None` if nothing is.
pub(crate) fn fault(output: &CliOutput, names: &str) -> Option<String> {
    let lines: Vec<&str> = output.stderr.lines().collect();
    let what = if output.status.code() != Some(2) {
        format!("ended with {}", output.status)
    } else if lines.len() != 1 {
        format!("{} lines on stderr instead of one", lines.len())
    } else if !lines[0].contains(names) {
        format!("{names} is not named")
    } else if output.stdout.contains("listening") {
        "listened".to_owned()
    } else {
        return None;
    };
    let (stdout, stderr) = (&output.stdout, &output.stderr);
    Some(format!("{what}\nstdout: {stdout}\nstderr: {stderr}"))
}

#[track_caller]
pub(crate) fn assert_refused(output: &CliOutput, names: &str) {
    if let Some(fault) = fault(output, names) {
        panic!("{fault}");
    }
}
