//! `tenantry export`.

use std::{
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;
use tenantry_storage::{Database, transfer::TransferError};

use super::{
    output::{OutputArgs, note},
    progress::Progress,
};
use crate::{
    config::Settings,
    failure::{Failure, with_causes},
    files::PrivateFile,
    startup,
    transfer::{Counts, Writer},
    world::World,
};

/// Writes everything that the database holds, from one state, while servers go on.
#[derive(Debug, Args)]
#[command(after_help = "\
The file is a JSON object a line and the same for the same content, whatever the database. It has the hashes
of secrets and passwords, and signing keys and secrets of webhooks sealed under the master key: keep it as you keep the
database, and the master key elsewhere. Analytic events and answers that are kept for repeats are not in it.

Examples:
  tenantry export backup.jsonl
  tenantry export | gzip > backup.jsonl.gz
  tenantry --database-url sqlite://a.db export | tenantry --database-url postgres://db/b import")]
pub(crate) struct Export {
    /// The file to write, which is not there yet and which only you can read then; `-` for standard output
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Write it in place of one that is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
struct Exported<'a> {
    file: &'a Path,
    records: Counts,
}

impl Export {
    /// Does it.
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let database = startup::open_there(settings)?;
        let schema = schema(&database)?;
        if self.file.as_os_str() == "-" {
            let to = BufWriter::new(io::stdout().lock());
            let (_, counts) = write(&database, to, &schema)?;
            note(&format!("Exported: {}", in_words(&counts)));
            return Ok(());
        }
        if !self.force && self.file.exists() {
            let problem = format!("{} is there already (--force)", self.file.display());
            return Err(Failure::command(&problem));
        }
        let unwritten = |error: io::Error| self.unwritten(&error);
        let file = PrivateFile::begin(&self.file, &*World::real().entropy).map_err(unwritten)?;
        let (written, records) = write(&database, BufWriter::new(file), &schema)?;
        let file = written
            .into_inner()
            .map_err(|error| unwritten(error.into_error()))?;
        file.finish(self.force).map_err(unwritten)?;
        let exported = Exported {
            file: &self.file,
            records,
        };
        self.output.show(&exported, |exported| {
            let (file, records) = (exported.file.display(), in_words(&exported.records));
            format!("Exported to {file}: {records}")
        })
    }

    fn unwritten(&self, error: &io::Error) -> Failure {
        Failure::command(&format!(
            "{} can't be written: {error}",
            self.file.display()
        ))
    }
}

fn write<W: Write>(database: &Database, to: W, schema: &str) -> Result<(W, Counts), Failure> {
    let wanted = if Progress::is_seen() {
        database.export_size().ok()
    } else {
        None
    };
    let mut progress = Progress::new("records", wanted);
    let unwritten = |error: io::Error| Failure::command(&format!("it can't be written: {error}"));
    let mut writer = Writer::begin(to, schema).map_err(unwritten)?;
    database
        .export(&mut |record| {
            progress.advance(1);
            writer.write(&record)
        })
        .map_err(|error| match error {
            TransferError::Sink(error) => unwritten(error),
            TransferError::Store(error) => Failure::of_store(&error),
            TransferError::Migrate(error) => Failure::database(&error),
            other => Failure::command(&with_causes(&other)),
        })?;
    writer.finish().map_err(unwritten)
}

/// The last migration of a database that is up to date.
pub(super) fn schema(database: &Database) -> Result<String, Failure> {
    database
        .check_schema()
        .map_err(|error| Failure::of_store(&error))?;
    let migrations = database
        .migrations()
        .map_err(|error| Failure::database(&error))?;
    let last = migrations.last().map(|last| last.name.clone());
    Ok(last.unwrap_or_default())
}

/// How much it was, by what people ask for.
pub(super) fn in_words(counts: &Counts) -> String {
    let total: u64 = counts.values().sum();
    let of = |kind: &str| counts.get(kind).copied().unwrap_or(0);
    format!(
        "{total} records, of them {} environments, {} tenants, {} clients, {} changes",
        of("environment"),
        of("tenant"),
        of("client"),
        of("change"),
    )
}
