//! `tenantry master-key`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde::Serialize;
use tenantry_auth::{keys as pairs, master_key::MasterKey};
use tenantry_domain::{
    port::{Entropy, Store, StoreError, UnitOfWork},
    usecase::keys,
};

use super::output::OutputArgs;
use crate::{
    config::{MasterKeySource, Settings, table::Key},
    failure::{Failure, with_causes},
    files,
    master_key::{self, NEXT, PREVIOUS, beside},
    startup,
};

/// What can be done with the master key.
#[derive(Debug, Subcommand)]
pub(crate) enum MasterKeyCommand {
    /// Make a new master key, and seal everything anew under it
    #[command(after_help = "\
The new key takes the place of the file; the old one stays beside it as <file>.previous, since
backups of the database that are older still need it. Running servers go on without a restart.
Where the key stands in TENANTRY_MASTER_KEY, or its file can't be written here, --to writes the
new one elsewhere: set it, and restart the servers.")]
    Rotate(Rotate),
}

/// Asks for a new master key.
#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// Write the new key to this file, which is not there yet, and leave the old one where it is
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rotated {
    file: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_file: Option<PathBuf>,
    resealed: usize,
}

impl MasterKeyCommand {
    /// Does it.
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let Self::Rotate(rotate) = self;
        let prepared = super::prepare(settings)?;
        let entropy = &*prepared.world.entropy;
        let store: &dyn Store = &*prepared.database;
        let rotated = match (&rotate.to, &settings.master_key) {
            (Some(to), source) => to_elsewhere(store, source, to, entropy)?,
            (None, MasterKeySource::File(path)) => in_place(store, path, entropy)?,
            (None, MasterKeySource::Inline(_)) => {
                let problem =
                    "the new key can't be put in its place; say --to FILE where to write it";
                return Err(Failure::setting(Key::MasterKey, problem));
            }
        };
        rotate.output.show(&rotated, Rotated::to_text)
    }
}

impl Rotated {
    fn to_text(&self) -> String {
        let next = match &self.previous_file {
            Some(previous) => format!(
                "Backups that are older need {}; delete it when there are none left.",
                previous.display()
            ),
            None => "Set it in place of the old one, and restart the servers.".to_owned(),
        };
        format!(
            "{} signing keys are sealed under the new master key in {}.\n{next}",
            self.resealed,
            self.file.display()
        )
    }
}

/// Puts a new key in the place of the old one.
///
/// The order is such that a crash between any two steps leaves a file that opens the
/// database: the new key is on the disk before anything is sealed under it, and the old one
/// is given up only when that is committed. Whoever opens the database tries both.
fn in_place(store: &dyn Store, path: &Path, entropy: &dyn Entropy) -> Result<Rotated, Failure> {
    let source = MasterKeySource::File(path.to_owned());
    // Of two rotations at once the second would write over the key that the first has just
    // sealed everything under.
    let lock = files::lock(path).map_err(|error| {
        let problem = format!("{} can't be replaced: {error}; see --to", path.display());
        Failure::setting(Key::MasterKeyFile, &problem)
    })?;
    let Some(_lock) = lock else {
        return Err(Failure::command("the master key is being rotated already"));
    };
    let old = startup::open_keys(store, &source)?.master_key;
    let unwritten = |error: std::io::Error| {
        let problem = format!("{} can't be replaced: {error}; see --to", path.display());
        Failure::setting(Key::MasterKeyFile, &problem)
    };
    let (next, previous) = (beside(path, NEXT), beside(path, PREVIOUS));
    if old.file.as_deref() != Some(path) {
        // An earlier rotation was cut short, or a backup was put back: what opens the
        // database goes where it belongs before it is replaced.
        let text = master_key::file_text(&old.key);
        files::write_private(path, text.expose_secret().as_bytes(), entropy).map_err(unwritten)?;
    }
    let new = MasterKey::generate(entropy);
    let text = master_key::file_text(&new);
    files::write_private(&next, text.expose_secret().as_bytes(), entropy).map_err(unwritten)?;
    let resealed = match reseal(store, &old.key, &new, entropy) {
        Ok(resealed) => resealed,
        Err(ResealError::Store(StoreError::OutcomeUnknown(cause))) => {
            return Err(Failure::command(&format!(
                "whether everything is sealed anew is not known ({cause}); keep both {} and {}, \
                 and try again: servers start with either",
                path.display(),
                next.display()
            )));
        }
        Err(error) => {
            let _ = fs::remove_file(&next);
            return Err(error.into());
        }
    };
    let text = master_key::file_text(&old.key);
    files::write_private(&previous, text.expose_secret().as_bytes(), entropy).map_err(unwritten)?;
    files::rename_private(&next, path).map_err(unwritten)?;
    Ok(Rotated {
        file: path.to_owned(),
        previous_file: Some(previous),
        resealed,
    })
}

/// Writes a new key to a file of its own, for whoever hands the servers theirs.
fn to_elsewhere(
    store: &dyn Store,
    source: &MasterKeySource,
    to: &Path,
    entropy: &dyn Entropy,
) -> Result<Rotated, Failure> {
    let old = startup::open_keys(store, source)?.master_key;
    let new = MasterKey::generate(entropy);
    let text = master_key::file_text(&new);
    let made = files::create_private(to, text.expose_secret().as_bytes(), entropy);
    match made {
        Ok(true) => {}
        Ok(false) => {
            let problem = format!("{} is there already", to.display());
            return Err(Failure::command(&problem));
        }
        Err(error) => {
            let problem = format!("{} can't be written: {error}", to.display());
            return Err(Failure::command(&problem));
        }
    }
    match reseal(store, &old.key, &new, entropy) {
        Ok(resealed) => Ok(Rotated {
            file: to.to_owned(),
            previous_file: None,
            resealed,
        }),
        Err(ResealError::Store(StoreError::OutcomeUnknown(cause))) => {
            Err(Failure::command(&format!(
                "whether everything is sealed anew is not known ({cause}); if the servers don't \
                 start with the old key, they do with the one in {}",
                to.display()
            )))
        }
        Err(error) => {
            let _ = fs::remove_file(to);
            Err(error.into())
        }
    }
}

/// Why nothing was sealed anew.
#[derive(Debug)]
enum ResealError {
    Store(StoreError),
    Closed(pairs::OpenKeyError),
}

impl From<StoreError> for ResealError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ResealError> for Failure {
    fn from(error: ResealError) -> Self {
        match error {
            ResealError::Store(error) => Self::of_store(&error),
            ResealError::Closed(error) => Self::command(&with_causes(&error)),
        }
    }
}

/// Seals everything anew in one unit of work; gives the number of signing keys.
fn reseal(
    store: &dyn Store,
    old: &MasterKey,
    new: &MasterKey,
    entropy: &dyn Entropy,
) -> Result<usize, ResealError> {
    let mut unit = store.begin()?;
    let count = reseal_keys(&mut *unit, old, new, entropy)?;
    // Whatever else is sealed under the master key has its line here.
    unit.commit()?;
    Ok(count)
}

fn reseal_keys(
    unit: &mut dyn UnitOfWork,
    old: &MasterKey,
    new: &MasterKey,
    entropy: &dyn Entropy,
) -> Result<usize, ResealError> {
    keys::reseal(unit, |key| {
        pairs::reseal(key, old, new, entropy).map_err(ResealError::Closed)
    })
}
