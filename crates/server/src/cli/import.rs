//! `tenantry import`.

use std::{
    error::Error,
    fs::{File, Metadata},
    io::{self, BufRead, BufReader},
    path::PathBuf,
};

use clap::Args;
use serde::Serialize;
use tenantry_auth::keys::KeyRing;
use tenantry_storage::{
    Database, MigrateError,
    transfer::{Record, TransferError},
};

use super::{
    export::{in_words, schema},
    output::{OutputArgs, note},
    progress::Progress,
};
use crate::{
    config::{MasterKeySource, Settings, table::Key},
    failure::{Failure, with_causes},
    master_key::{self, Candidate},
    startup,
    transfer::{Counts, Reader},
};

/// Fills an empty database with an export, all of it or nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
The database is made and migrated where that is missing; it may hold nothing, not even what a first start makes. The master key
must be the one that the export was made under: put its file where these settings say before. Everything happens
in one transaction: cut short at any point, nothing of it is stored, and the same command is run again.

Examples:
  tenantry --database-url postgres://db/tenantry import backup.jsonl
  gunzip < backup.jsonl.gz | tenantry --data-dir /srv/tenantry import")]
pub(crate) struct Import {
    /// The file to read; `-` for standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
struct Imported {
    records: Counts,
}

impl Import {
    /// Does it.
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let (from, size): (Box<dyn BufRead>, _) = if self.file.as_os_str() == "-" {
            (Box::new(BufReader::new(io::stdin())), None)
        } else {
            let file = File::open(&self.file).map_err(|error| {
                Failure::command(&format!("{} can't be read: {error}", self.file.display()))
            })?;
            let size = file.metadata().ok().filter(Metadata::is_file);
            let size = size.map(|found| found.len());
            (Box::new(BufReader::with_capacity(1 << 17, file)), size)
        };
        let database = startup::open_database(settings)?;
        let applied = database
            .migrate()
            .map_err(|error| Failure::database(&error))?;
        for name in applied {
            note(&format!("migration applied: {name}"));
        }
        let reader = Reader::begin(from, &schema(&database)?);
        let mut reader = reader.map_err(|fault| Failure::command(&fault.to_string()))?;
        fill(&database, &mut reader, &settings.master_key, size)?;
        let records = reader.counts().clone();
        self.output.show(&Imported { records }, |imported| {
            format!("Imported: {}", in_words(&imported.records))
        })
    }
}

fn fill<R: BufRead>(
    database: &Database,
    reader: &mut Reader<R>,
    master_key: &MasterKeySource,
    size: Option<u64>,
) -> Result<(), Failure> {
    let mut progress = Progress::new(if size.is_some() { "bytes" } else { "records" }, size);
    let mut keys = MasterKeys::new(master_key);
    let mut next = || -> Result<Option<Record>, Box<dyn Error + Send + Sync>> {
        let before = reader.bytes();
        let Some(record) = reader.next()? else {
            return Ok(None);
        };
        keys.try_on(&record)?;
        progress.advance(size.map_or(1, |_| reader.bytes() - before));
        Ok(Some(record))
    };
    let filled = database.import(&mut next);
    drop(progress);
    filled.map_err(|error| match error {
        TransferError::Source(cause) => match cause.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(fault) => Failure::command(&format!("{fault}; nothing was stored")),
        },
        TransferError::NotEmpty(what) => Failure::command(&format!(
            "the database is not empty: it holds {what}. Import into one that no server has started \
             on; nothing was changed"
        )),
        // Of the file the first line is the header.
        TransferError::Refused { first, last, cause } => {
            let cause = with_causes(&cause);
            let lines = match last - first {
                0 => format!("line {}", last + 1),
                _ => format!("lines {} to {}", first + 1, last + 1),
            };
            Failure::command(&format!("{lines}: {cause}; nothing was stored"))
        }
        TransferError::Store(error) => Failure::of_store(&error),
        TransferError::Migrate(MigrateError::OutcomeUnknown(cause)) => Failure::command(&format!(
            "whether everything was stored or nothing is not known ({cause}); give the command again: \
             if everything was, it says that the database is not empty"
        )),
        TransferError::Migrate(error) => Failure::command(&format!(
            "{}; nothing was stored",
            with_causes(&error)
        )),
        other @ TransferError::Sink(_) => Failure::command(&with_causes(&other)),
    })
}

/// The master keys there are, of which those are left that open everything that has come.
struct MasterKeys<'a> {
    source: &'a MasterKeySource,
    left: Option<Vec<Candidate>>,
}

impl<'a> MasterKeys<'a> {
    fn new(source: &'a MasterKeySource) -> Self {
        Self { source, left: None }
    }

    /// Refuses a sealed record that none of them opens: a server could not start on it.
    fn try_on(&mut self, record: &Record) -> Result<(), Failure> {
        let (key, secret) = (record.signing_key(), record.server_secret());
        if key.is_none() && secret.is_none() {
            return Ok(());
        }
        let left = match &mut self.left {
            Some(left) => left,
            none => none.insert(master_key::candidates(self.source)?),
        };
        left.retain(|candidate| {
            let opens_key = |key| KeyRing::open(&[key], &candidate.key).is_ok();
            key.clone().is_none_or(opens_key)
                && secret
                    .as_ref()
                    .is_none_or(|secret| startup::opens(&candidate.key, secret))
        });
        if left.is_empty() {
            let setting = match self.source {
                MasterKeySource::Inline(_) => Key::MasterKey,
                MasterKeySource::File(_) => Key::MasterKeyFile,
            };
            let problem = "it does not open what is sealed in the export: put there the master key \
                           that the export was made under; nothing was stored";
            return Err(Failure::setting(setting, problem));
        }
        Ok(())
    }
}
