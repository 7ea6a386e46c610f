//! `cargo xtask crash`: kills a server at random moments and checks what is left.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use clap::{Args, ValueEnum};
use tenantry_trials::{
    crash::{self, Database, Plan},
    feed,
};

use crate::{Failure, output};

/// How a server is to be crashed.
#[derive(Args)]
pub(crate) struct Crash {
    /// On which database; without it, on one after the other
    #[arg(long)]
    database: Option<Kind>,
    /// How often to kill the server on each
    #[arg(long, value_name = "N", default_value_t = 20)]
    kills: u32,
    /// Follow the change feed meanwhile, with two servers on PostgreSQL, and compare what has
    /// come of it with the database
    #[arg(long, conflicts_with = "kills")]
    feed: bool,
    /// With --feed: how long to write
    #[arg(long, value_name = "N", default_value_t = 60, requires = "feed")]
    seconds: u64,
    /// What chance begins with; another one each time where it is not given. Requests and
    /// moments are the same for the same seed, but not what they meet
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// A server that is built already
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Sqlite,
    Postgres,
}

impl Crash {
    pub(crate) fn run(self, root: &Path) -> Result<(), Failure> {
        let binary = match self.binary {
            // The server runs in a directory of its own.
            Some(binary) => fs::canonicalize(&binary)
                .map_err(|error| Failure::new(format!("{}: {error}", binary.display())))?,
            None => build(root)?,
        };
        let databases: &[Database] = match self.database {
            Some(Kind::Sqlite) => &[Database::Sqlite],
            Some(Kind::Postgres) => &[Database::Postgres],
            None => &[Database::Sqlite, Database::Postgres],
        };
        let seed = self.seed.unwrap_or_else(|| u64::from(std::process::id()));
        let mut violations = 0;
        for &database in databases {
            output::say(&format!("== {database:?}, seed {seed}"));
            if self.feed {
                let length = Duration::from_secs(self.seconds);
                violations += follow(&binary, database, length, seed)?;
                continue;
            }
            let plan = Plan {
                binary: binary.clone(),
                database,
                kills: self.kills,
                seed,
            };
            let report = crash::run(&plan, &mut |line| output::say(line));
            let Some(report) = report else {
                return Err(Failure::new("there is no PostgreSQL to crash a server on"));
            };
            for (kind, count) in &report.kinds {
                output::say(&format!("{count:6} times acknowledged: {kind}"));
            }
            for violation in &report.violations {
                output::say(&format!("VIOLATION {violation}"));
            }
            violations += report.violations.len();
        }
        if violations > 0 {
            let message = format!("{violations} violations; the seed was {seed}");
            return Err(Failure::new(message));
        }
        output::say("nothing was lost, and nothing is half there");
        Ok(())
    }
}

/// Follows the feed while servers are killed; gives how many violations there were.
fn follow(
    binary: &Path,
    database: Database,
    length: Duration,
    seed: u64,
) -> Result<usize, Failure> {
    let plan = feed::Plan {
        binary: binary.to_owned(),
        database,
        length,
        seed,
    };
    let report = feed::run(&plan, &mut |line| output::say(line));
    let report =
        report.ok_or_else(|| Failure::new("there is no PostgreSQL to crash a server on"))?;
    for violation in &report.violations {
        output::say(&format!("VIOLATION {violation}"));
    }
    Ok(report.violations.len())
}

/// Builds the server, and gives where it is.
pub(crate) fn build(root: &Path) -> Result<PathBuf, Failure> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(cargo)
        .args(["build", "--package", "tenantry", "--bin", "tenantry"])
        .current_dir(root)
        .status()
        .map_err(|error| Failure::new(format!("cargo can't be run: {error}")))?;
    if !status.success() {
        return Err(Failure::new(format!("the server can't be built: {status}")));
    }
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("debug").join("tenantry"))
}
