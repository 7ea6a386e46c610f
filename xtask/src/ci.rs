//! `cargo xtask ci`: all that must pass before a change is merged.

use std::{env, ffi::OsString, path::Path, process::Command};

use crate::{Failure, output, tidy};

/// The steps that are other programs' work, in the order in which they fail fastest.
const STEPS: [(&str, &[&str]); 4] = [
    ("format", &["fmt", "--all", "--check"]),
    (
        "clippy",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    ),
    ("documentation", &["doc", "--workspace", "--no-deps"]),
    ("tests", &["test", "--workspace"]),
];

pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    tidy::run(root)?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    for (name, arguments) in STEPS {
        output::say(&format!("== {name}"));
        let status = Command::new(&cargo)
            .args(arguments)
            .env("RUSTDOCFLAGS", "-D warnings")
            .current_dir(root)
            .status()
            .map_err(|error| Failure::new(format!("{name}: cargo can't be run: {error}")))?;
        if !status.success() {
            return Err(Failure::new(format!("{name}: {status}")));
        }
    }
    Ok(())
}
