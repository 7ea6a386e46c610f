//! `tenantry export` and `tenantry import`: everything from one database to another.

mod refusals;
mod round_trip;

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Builder, Server, cli, reference};
use crate::key_rotation::command;

/// What everything is sealed under, wherever it is.
pub(crate) const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The same service, whichever process it is.
const PUBLIC_URL: &str = "http://127.0.0.1";

pub(crate) fn builder() -> Builder {
    Server::builder()
        .env("TENANTRY_MASTER_KEY", MASTER_KEY)
        .env("TENANTRY_PUBLIC_URL", PUBLIC_URL)
        .env("TENANTRY_WEBHOOK_ALLOW_PRIVATE", "true")
}

/// A server with something to be exported.
pub(crate) fn source() -> Server {
    builder()
        .environments_file(&reference::environments_file())
        .start()
}

/// Somewhere to import to.
pub(crate) fn target() -> Server {
    builder().on_an_empty_database().prepare()
}

/// The export of a server's database.
pub(crate) fn export(server: &Server, name: &str) -> PathBuf {
    let path = server.directory().join(name);
    command(server, &["export", path.to_str().unwrap()]);
    path
}

/// A file with these lines, as an export's.
fn write_lines(server: &Server, lines: &[&str]) -> PathBuf {
    let path = server.directory().join("lines.jsonl");
    let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    fs::write(&path, text).unwrap();
    path
}

/// What an import that fails says on standard error.
#[track_caller]
fn refused(server: &Server, file: &Path, status: i32) -> String {
    let output = cli(server, &["import", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    let mut said = output.stderr.lines();
    let last = said.next_back().unwrap_or_default();
    assert!(
        said.all(|line| line.starts_with("migration applied: ")),
        "{output:?}"
    );
    last.to_owned()
}
