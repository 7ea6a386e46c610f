//! What each operation costs with more and more tenants.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    contest::{Contest, Rules, Side, Who},
    heed_interrupts,
    operations::Operation,
    program,
    report::{grouped, machine},
    sample::Sample,
    site::Site,
    stats::real,
    wrk,
};
use crate::{
    Failure,
    bench::{Kind, server::Server},
    output,
};

/// How it is measured.
///
/// A server runs on a database of each size at the same time, and they have their turns. The cost of an
/// operation is the CPU time of the server (which is SQLite's too), or for PostgreSQL the time between
/// request and answer; it is told relative to the first size.
#[derive(Args)]
pub(crate) struct Growth {
    /// On which database
    #[arg(long, value_enum, default_value_t = Kind::Sqlite)]
    database: Kind,
    /// How many tenants there are, the fewest first
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    sizes: Vec<u64>,
    /// How many turns each has; medians of them are told
    #[arg(long, value_name = "R", default_value_t = 5)]
    rounds: usize,
    /// How long a turn is, in seconds
    #[arg(long, value_name = "S", default_value_t = 2)]
    seconds: u64,
    /// Measure this release build, and build nothing
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Write the table to this file, too
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A size, and what runs on it.
struct Grown {
    // Ended before its files go.
    server: Server,
    sample: Sample,
    site: Site,
}

/// How much more an operation may cost than with the fewest tenants.
const MOST: f64 = 1.5;

impl Growth {
    pub(in crate::bench) fn run(&self) -> Result<(), Failure> {
        if self.sizes.len() < 2 || self.sizes.iter().any(|&size| size < 1_000) {
            return Err(Failure::new("--sizes: two at least, each 1000 at least"));
        }
        wrk::check()?;
        heed_interrupts()?;
        let program = program(self.program.as_deref())?;
        let all = self
            .sizes
            .iter()
            .map(|&size| self.grow(&program, size))
            .collect::<Result<Vec<_>, _>>()?;
        let text = self.table(&all)?;
        output::say(&text);
        if let Some(file) = &self.output {
            fs::write(file, text)
                .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
        }
        Ok(())
    }

    fn grow(&self, program: &Path, tenants: u64) -> Result<Grown, Failure> {
        output::complain(&format!("seeding {tenants} tenants"));
        let site = Site::make(program, self.database)?;
        site.seed(tenants)?;
        let (server, _) = site.serve()?;
        Ok(Grown {
            sample: Sample::take(&server, tenants)?,
            server,
            site,
        })
    }

    fn table(&self, all: &[Grown]) -> Result<String, Failure> {
        let operations = Operation::READS
            .into_iter()
            .chain([Operation::Token, Operation::Create]);
        let rules = Rules {
            rounds: self.rounds.max(1),
            seconds: self.seconds.max(1),
        };
        let mut text = self.head();
        for operation in operations {
            let sides = all.iter().map(|one| {
                let load = operation.load(&one.sample);
                Side::new(
                    one.site.path(),
                    Who::Server,
                    &one.server,
                    operation.status(),
                    load,
                )
            });
            let mut contest = Contest {
                name: operation.name().to_owned(),
                sides: sides.collect::<Result<_, _>>()?,
            };
            contest.run(rules)?;
            text.push_str(&self.row(&contest));
        }
        Ok(text)
    }

    fn head(&self) -> String {
        let database = format!("{:?}", self.database);
        let sizes: Vec<String> = self.sizes.iter().map(u64::to_string).collect();
        let command = format!(
            "cargo xtask bench growth --database {} --sizes {} --rounds {} --seconds {}",
            database.to_lowercase(),
            sizes.join(","),
            self.rounds,
            self.seconds
        );
        let cost = match self.database {
            Kind::Sqlite => "CPU time of the server, µs a request",
            Kind::Postgres => "half of the answers come within, µs",
        };
        let mut text = format!(
            "# Growth, {database}\n\n{}: `{command}`.\n\n{cost}:\n\n| operation |",
            machine()
        );
        for &size in &self.sizes {
            // Texts can always be written to.
            let _ = write!(text, " {} |", grouped(real(size)));
        }
        let _ = write!(
            text,
            " most, by the first | |\n|---|{}---|---|\n",
            "---|".repeat(self.sizes.len())
        );
        text
    }

    fn row(&self, contest: &Contest<'_>) -> String {
        let costs: Vec<f64> = contest
            .sides
            .iter()
            .map(|side| {
                let cost = side.median(|round| match self.database {
                    Kind::Sqlite => round.cpu,
                    Kind::Postgres => round.p50,
                });
                cost.median
            })
            .collect();
        row(&contest.name, &costs)
    }
}

fn row(name: &str, costs: &[f64]) -> String {
    let first = costs.first().copied().unwrap_or_default();
    let most = costs.iter().copied().fold(first, f64::max) / first;
    let verdict = if most <= MOST { "met" } else { "**not met**" };
    let mut row = format!("| `{name}` |");
    for cost in costs {
        // Texts can always be written to.
        let _ = write!(row, " {cost:.1} |");
    }
    let _ = writeln!(row, " {most:.2} | {verdict} |");
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told_by_the_first_size() {
        assert_eq!(
            row("GET /x", &[50.0, 40.0, 100.0]),
            "| `GET /x` | 50.0 | 40.0 | 100.0 | 2.00 | **not met** |\n"
        );
        assert_eq!(
            row("GET /x", &[50.0, 60.0]),
            "| `GET /x` | 50.0 | 60.0 | 1.20 | met |\n"
        );
    }
}
