//! Pages at depth, and what the structure that finds them costs.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;

use super::{
    Kind,
    client::{Side, take_turns},
    report,
    server::{self, Home},
};
use crate::{Failure, output};

/// How many connections ask at the same time.
const READERS: usize = 2;
const WRITERS: usize = 8;

/// How many tenants there are before the first of the creates that are measured.
const BEFORE_CREATES: u64 = 20_000;

/// What to measure.
#[derive(Args)]
pub(crate) struct Pages {
    /// How many tenants there are
    #[arg(long, default_value_t = 1_000_000)]
    tenants: u64,
    /// On which database
    #[arg(long, value_enum, default_value_t = Kind::Sqlite)]
    database: Kind,
    /// How many turns each side has; more of them even out what else the machine does
    #[arg(long, default_value_t = 30)]
    rounds: usize,
    /// Measure this program, such as an older release, and build nothing
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Don't measure creates
    #[arg(long)]
    without_creates: bool,
}

impl Pages {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let program = match &self.program {
            // It is run in another directory.
            Some(program) => fs::canonicalize(program)
                .map_err(|error| Failure::new(format!("{}: {error}", program.display())))?,
            None => server::build()?,
        };
        self.pages(program.clone())?;
        if !self.without_creates {
            self.creates(&program)?;
        }
        Ok(())
    }

    fn pages(&self, program: PathBuf) -> Result<(), Failure> {
        let home = Home::make(program, self.database)?;
        let begun = Instant::now();
        home.seed(self.tenants)?;
        let seconds = begun.elapsed().as_secs();
        output::say(&format!("{} tenants in {seconds} s", self.tenants));
        let server = home.serve()?;
        let last = self.tenants.div_ceil(10);
        for (name, page) in [("last page", last), ("page in the middle", last / 2)] {
            let line = |page| format!("GET /system/tenants?page={page}&limit=10");
            let mut sides = [
                Side::new("first page", &server, READERS, &line(1), "")?,
                Side::new(name, &server, READERS, &line(page), "")?,
            ];
            take_turns(&mut sides, self.rounds, 200)?;
            let count = self.tenants;
            let title = format!(
                "{:?}, {count} tenants, `page={page}&limit=10`",
                self.database
            );
            report::compare(&title, &sides);
        }
        Ok(())
    }

    fn creates(&self, program: &Path) -> Result<(), Failure> {
        let homes = [
            Home::make(program.to_owned(), self.database)?,
            Home::make(program.to_owned(), self.database)?,
        ];
        for home in &homes {
            home.seed(BEFORE_CREATES)?;
        }
        homes[0].drop_counts();
        let servers = [homes[0].serve()?, homes[1].serve()?];
        let body = r#"{"version":1,"data":{"plan":"team","seats":25,"country":"NZ"}}"#;
        let line = "POST /system/tenants";
        let mut sides = [
            Side::new("without the counts", &servers[0], WRITERS, line, body)?,
            Side::new("with the counts", &servers[1], WRITERS, line, body)?,
        ];
        take_turns(&mut sides, self.rounds, 50)?;
        let title = format!("{:?}, creates by {WRITERS} connections", self.database);
        report::compare(&title, &sides);
        Ok(())
    }
}
