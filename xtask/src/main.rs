//! Tasks for the people who work on Tenantry: `cargo xtask <task>`.

mod bench;
mod ci;
mod crash;
mod faults;
mod fuzz;
mod migrate;
mod model;
mod openapi;
mod output;
mod tidy;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

/// Tasks for the people who work on Tenantry
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Apply, take back or show migrations
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// Kill a server at random moments, restart it, and check what is left
    Crash(crash::Crash),
    /// Make every system call of every kind of change fail, or the last one, and check what is left
    Faults(faults::Faults),
    /// Ask servers on both databases and a model for the same things, and compare the answers
    Model(model::Model),
    /// Try every property with many cases
    Fuzz(fuzz::Fuzz),
    /// Write the OpenAPI document to docs/openapi.json
    Openapi(openapi::OpenApi),
    /// Check the shape of the house: who depends on whom, what others have made, files, migrations
    Tidy,
    /// Measure a running server
    #[command(subcommand)]
    Bench(bench::Bench),
    /// All that must pass before a change is merged
    Ci,
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Migrate(migrate) => migrate.run(),
        Task::Crash(crash) => crash.run(root()),
        Task::Faults(faults) => faults.run(root()),
        Task::Model(model) => model.run(root()),
        Task::Fuzz(fuzz) => fuzz.run(root()),
        Task::Openapi(openapi) => openapi.run(root()),
        Task::Tidy => tidy::run(root()),
        Task::Bench(bench) => bench.run(),
        Task::Ci => ci::run(root()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure.message);
            ExitCode::from(failure.status)
        }
    }
}

/// Why a task failed, and the exit status that says so.
struct Failure {
    message: String,
    status: u8,
}

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            status: 1,
        }
    }
}

/// The root of the workspace, which this package lies directly below.
fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// A path as it is seen from the root.
fn relative(path: &Path, root: &Path) -> PathBuf {
    path.strip_prefix(root).unwrap_or(path).to_owned()
}
