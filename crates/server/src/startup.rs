//! What every start does before its own work: database, migrations, first start.

use std::{
    fs::OpenOptions, io, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc, time::Duration,
};

use tenantry_auth::{
    idempotency::Pepper,
    keys::KeyRing,
    master_key::{CannotOpen, MasterKey},
    webhook::WebhookKey,
};
use tenantry_domain::{
    key::SealedKey,
    port::{Snapshot, Store, StoreError, UnitOfWork, read, write},
    server_secret::ServerSecret,
};
use tenantry_storage::{Database, DatabaseOptions};

use crate::{
    bootstrap::{self, FirstStart},
    config::{MasterKeySource, Settings, table::Key},
    failure::{Failure, with_causes},
    files,
    master_key::{self, Candidate},
    world::World,
};

/// How long a unit waits for another one to end before it is refused: a caller is
/// told of an overload within five seconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// The same at the start, where nobody waits for an answer and giving up ends the
/// process: of many servers that start together on an empty database all but one wait
/// until that one has filled it.
const START_TIMEOUT: Duration = Duration::from_secs(30);

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
    open_with(settings, BUSY_TIMEOUT)
}

fn open_with(settings: &Settings, busy_timeout: Duration) -> Result<Database, Failure> {
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
    Database::open(&options(settings, busy_timeout)).map_err(|error| Failure::database(&error))
}

/// Opens a database that is there, and makes nothing for it.
pub(crate) fn open_there(settings: &Settings) -> Result<Database, Failure> {
    let options = options(settings, BUSY_TIMEOUT);
    Database::open_existing(&options).map_err(|error| Failure::database(&error))
}

fn options(settings: &Settings, busy_timeout: Duration) -> DatabaseOptions {
    DatabaseOptions {
        url: settings.database.url.clone(),
        readers: settings.database.sqlite_readers,
        pool: settings.database.postgres_pool,
        busy_timeout,
        synchronous: settings.database.sqlite_synchronous,
    }
}

/// Opens the database, brings its schema up to date and fills it if it is empty.
pub(crate) fn prepare(settings: &Settings) -> Result<Prepared, Failure> {
    let database = open_with(settings, START_TIMEOUT)?;
    let applied = database
        .migrate()
        .map_err(|error| Failure::database(&error))?;
    let world = World::real();
    let first_start = bootstrap::ensure(&database, settings, &world)?;
    drop(database);
    Ok(Prepared {
        database: Arc::new(open_database(settings)?),
        applied,
        first_start,
        world,
    })
}

/// The signing keys of a prepared database, opened, and the master key that opens them.
#[derive(Debug)]
pub(crate) struct OpenedKeys {
    /// The keys as they are stored, oldest first.
    pub(crate) stored: Vec<SealedKey>,
    /// The same, opened.
    pub(crate) ring: KeyRing,
    /// What opens them.
    pub(crate) master_key: Candidate,
}

/// Opens the signing keys of a prepared database.
pub(crate) fn open_keys(
    store: &dyn Store,
    source: &MasterKeySource,
) -> Result<OpenedKeys, Failure> {
    let stored = read(store, |unit: &mut dyn Snapshot| unit.keys().all())
        .map_err(|error: StoreError| Failure::database(&error))?;
    if stored.is_empty() {
        return Err(Failure::command(
            "the database is in use, but holds no signing key",
        ));
    }
    let mut refused = None;
    for master_key in master_key::candidates(source)? {
        match KeyRing::open(&stored, &master_key.key) {
            Ok(ring) => {
                return Ok(OpenedKeys {
                    stored,
                    ring,
                    master_key,
                });
            }
            Err(error) => {
                refused.get_or_insert((master_key, error));
            }
        }
    }
    let (place, cause) = refused.map_or_else(Default::default, |(master_key, error)| {
        (master_key.place(), with_causes(&error))
    });
    let key = match source {
        MasterKeySource::Inline(_) => Key::MasterKey,
        MasterKeySource::File(_) => Key::MasterKeyFile,
    };
    let problem = format!("{place} does not open the signing keys in the database: {cause}");
    Err(Failure::setting(key, &problem))
}

/// Opens what kept answers are sealed with.
pub(crate) fn open_pepper(
    store: &dyn Store,
    source: &MasterKeySource,
    world: &World,
) -> Result<Pepper, Failure> {
    let make = |key: &MasterKey| Pepper::generate(&*world.entropy, key);
    open_server_secret(store, source, Pepper::NAME, make, Pepper::open)
}

/// Opens what webhooks' secrets are sealed under.
pub(crate) fn open_webhook_key(
    store: &dyn Store,
    source: &MasterKeySource,
    world: &World,
) -> Result<WebhookKey, Failure> {
    let make = |key: &MasterKey| WebhookKey::generate(&*world.entropy, key);
    open_server_secret(store, source, WebhookKey::NAME, make, WebhookKey::open)
}

/// Whether a master key opens a secret that all servers share. One that this program does not
/// know is none of its business.
pub(crate) fn opens(key: &MasterKey, secret: &ServerSecret) -> bool {
    match secret.name.as_str() {
        Pepper::NAME => Pepper::open(secret, key).is_ok(),
        WebhookKey::NAME => WebhookKey::open(secret, key).is_ok(),
        _ => true,
    }
}

/// Opens a secret that all servers share, and makes it on the first start of a program that
/// needs it. Of several servers that start together one makes it for all.
fn open_server_secret<T>(
    store: &dyn Store,
    source: &MasterKeySource,
    name: &str,
    make: impl Fn(&MasterKey) -> ServerSecret,
    open: impl Fn(&ServerSecret, &MasterKey) -> Result<T, CannotOpen>,
) -> Result<T, Failure> {
    let stored = read(store, |unit: &mut dyn Snapshot| unit.server_secrets().all())
        .map_err(|error: StoreError| Failure::database(&error))?;
    let is_it = |secret: &ServerSecret| secret.name == name;
    let sealed = if let Some(sealed) = stored.into_iter().find(is_it) {
        sealed
    } else {
        let master_key = open_keys(store, source)?.master_key.key;
        write(store, |unit: &mut dyn UnitOfWork| {
            let secrets = unit.server_secrets();
            if let Some(sealed) = secrets.all()?.into_iter().find(is_it) {
                return Ok(sealed);
            }
            let sealed = make(&master_key);
            secrets.insert(&sealed)?;
            Ok(sealed)
        })
        .map_err(|error: StoreError| Failure::database(&error))?
    };
    let opened = master_key::candidates(source)?
        .into_iter()
        .find_map(|candidate| open(&sealed, &candidate.key).ok());
    opened.ok_or_else(|| {
        let problem = format!("the key does not open the server secret {name}");
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
