//! What every start does before its own work: database, migrations, first start.

use std::{
    fs::OpenOptions, io, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc, time::Duration,
};

use tenantry_auth::{idempotency::Pepper, keys::KeyRing};
use tenantry_domain::{
    port::{Snapshot, Store, StoreError, UnitOfWork, read, write},
    server_secret::ServerSecret,
};
use tenantry_storage::{Database, DatabaseOptions};

use crate::{
    bootstrap::{self, FirstStart},
    config::{MasterKeySource, Settings, table::Key},
    failure::{Failure, with_causes},
    files, master_key,
    world::World,
};

/// How long a unit waits for another one to end before it is refused: a caller is
/// told of an overload within five seconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// A database that is ready for work.
pub(crate) struct Prepared {
    /// The database, migrated and filled.
    pub(crate) database: Arc<Database>,
    /// The migrations that this start has applied.
    pub(crate) applied: Vec<String>,
    /// What it has made, if the database was empty.
    pub(crate) first_start: Option<FirstStart>,
    /// Time, chance and hashing.
    pub(crate) world: World,
}

/// Opens the database that the settings name, and makes the data directory and, there,
/// the file of an SQLite database where they are missing.
pub fn open_database(settings: &Settings) -> Result<Database, Failure> {
    files::make_private_directory(&settings.data_dir).map_err(|error| {
        let path = settings.data_dir.display();
        Failure::setting(Key::DataDir, &format!("{path} can't be made: {error}"))
    })?;
    if let Some(path) = settings.database.url.sqlite_path() {
        make_private_file(path).map_err(|error| {
            let path = path.display();
            Failure::setting(
                Key::DatabaseUrl,
                &format!("{path} can't be opened: {error}"),
            )
        })?;
    }
    Database::open(&DatabaseOptions {
        url: settings.database.url.clone(),
        readers: settings.database.sqlite_readers,
        pool: settings.database.postgres_pool,
        busy_timeout: BUSY_TIMEOUT,
        synchronous: settings.database.sqlite_synchronous,
    })
    .map_err(|error| Failure::database(&error))
}

/// Opens the database, brings its schema up to date and fills it if it is empty.
pub(crate) fn prepare(settings: &Settings) -> Result<Prepared, Failure> {
    let database = open_database(settings)?;
    let applied = database
        .migrate()
        .map_err(|error| Failure::database(&error))?;
    let world = World::real();
    let first_start = bootstrap::ensure(&database, settings, &world)?;
    Ok(Prepared {
        database: Arc::new(database),
        applied,
        first_start,
        world,
    })
}

/// Opens the signing keys of a prepared database.
pub(crate) fn open_keys(store: &dyn Store, source: &MasterKeySource) -> Result<KeyRing, Failure> {
    let sealed = read(store, |unit: &mut dyn Snapshot| unit.keys().all())
        .map_err(|error: StoreError| Failure::database(&error))?;
    if sealed.is_empty() {
        return Err(Failure::command(
            "the database is in use, but holds no signing key",
        ));
    }
    let master_key = master_key::load(source)?;
    KeyRing::open(&sealed, &master_key).map_err(|error| {
        let (key, place) = match source {
            MasterKeySource::Inline(_) => (Key::MasterKey, "the key".to_owned()),
            MasterKeySource::File(path) => (Key::MasterKeyFile, path.display().to_string()),
        };
        let cause = with_causes(&error);
        let problem = format!("{place} does not open the signing keys in the database: {cause}");
        Failure::setting(key, &problem)
    })
}

/// Opens what kept answers are sealed with, and makes it on the first start of a program
/// that needs it. Of several servers that start together one makes it for all.
pub(crate) fn open_pepper(
    store: &dyn Store,
    source: &MasterKeySource,
    world: &World,
) -> Result<Pepper, Failure> {
    let master_key = master_key::load(source)?;
    let stored = read(store, |unit: &mut dyn Snapshot| unit.server_secrets().all())
        .map_err(|error: StoreError| Failure::database(&error))?;
    let is_pepper = |secret: &ServerSecret| secret.name == Pepper::NAME;
    let sealed = match stored.into_iter().find(is_pepper) {
        Some(sealed) => sealed,
        None => write(store, |unit: &mut dyn UnitOfWork| {
            let secrets = unit.server_secrets();
            if let Some(sealed) = secrets.all()?.into_iter().find(is_pepper) {
                return Ok(sealed);
            }
            let sealed = Pepper::generate(&*world.entropy, &master_key);
            secrets.insert(&sealed)?;
            Ok(sealed)
        })
        .map_err(|error: StoreError| Failure::database(&error))?,
    };
    Pepper::open(&sealed, &master_key).map_err(|error| {
        let problem = format!("the server secret {} does not open: {error}", Pepper::NAME);
        let key = match source {
            MasterKeySource::Inline(_) => Key::MasterKey,
            MasterKeySource::File(_) => Key::MasterKeyFile,
        };
        Failure::setting(key, &problem)
    })
}

/// Makes an empty file that only this user may read; SQLite takes it for an empty
/// database, and gives the files beside it the same mode.
fn make_private_file(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}
