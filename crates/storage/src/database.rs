//! The one type that the crates above hold.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use tenantry_domain::port::{Group, Snapshot, Store, StoreError, UnitOfWork};
use thiserror::Error;

use crate::{
    migrate::{MigrateError, MigrationStatus},
    pg, sqlite,
    transfer::{Sink, Source, TransferError},
    url::{DatabaseUrl, Place},
    watch::CommitWatch,
};

/// A database that is open. Its clones share its connections.
#[derive(Clone)]
pub struct Database {
    url: DatabaseUrl,
    backend: Backend,
}

#[derive(Clone)]
pub(crate) enum Backend {
    Sqlite(Arc<sqlite::Backend>),
    Postgres(Arc<pg::Backend>),
}

/// Does the same on either database.
macro_rules! on {
    ($database:expr, $backend:ident => $work:expr) => {
        match &$database.backend {
            Backend::Sqlite($backend) => $work,
            Backend::Postgres($backend) => $work,
        }
    };
}

/// How a database is to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseOptions {
    /// Where it is.
    pub url: DatabaseUrl,
    /// How many snapshots of an SQLite database can be read at the same time; at least 1.
    pub readers: u32,
    /// How many connections there are to a PostgreSQL server, at least 2: two of them
    /// write if there are four, the rest read.
    pub pool: u32,
    /// How long a unit waits, for a free connection and for another process's lock
    /// together, before the database counts as not available.
    pub busy_timeout: Duration,
    /// How much a commit waits for on SQLite. PostgreSQL has settings of its own for that.
    pub synchronous: Synchronous,
}

/// How much a commit waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// Until the change is on the disk: a power failure loses nothing that was
    /// acknowledged.
    #[default]
    Full,
    /// Until the operating system has it: a power failure may lose the last changes,
    /// a crash of the process alone does not.
    Normal,
}

/// How many connections of one kind there are at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUse {
    /// What they are for: `read`, `write`, or `look_up` for those that are read on the thread of
    /// a request.
    pub name: &'static str,
    /// How many there may be.
    pub most: u32,
    /// How many there are.
    pub open: u32,
    /// How many of these nobody uses.
    pub idle: u32,
}

/// What a pool says of itself.
pub(crate) fn pool_use<M: r2d2::ManageConnection>(
    name: &'static str,
    pool: &r2d2::Pool<M>,
) -> PoolUse {
    let state = pool.state();
    PoolUse {
        name,
        most: pool.max_size(),
        open: state.connections,
        idle: state.idle_connections,
    }
}

/// Why a database could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is no such file, and none was to be made.
    #[error("{} is not there", .0.display())]
    NotThere(PathBuf),
    /// The directory of the file is not there.
    #[error("the directory {} does not exist", .0.display())]
    NoDirectory(PathBuf),
    /// Something else than a file has its name.
    #[error("{} is not a file", .0.display())]
    NotAFile(PathBuf),
    /// The file, or its directory, may not be used.
    #[error("{} can't be read and written: permission denied", .0.display())]
    Permission(PathBuf),
    /// The file is not one of SQLite's.
    #[error("{} is not an SQLite database", .0.display())]
    NotADatabase(PathBuf),
    /// The name can't be handed to SQLite.
    #[error("the path {} is not valid UTF-8", .0.display())]
    Path(PathBuf),
    /// The file lies where several processes can't share a write-ahead log.
    #[error("{} lies on a file system that can't keep a write-ahead log", .0.display())]
    NoWriteAheadLog(PathBuf),
    /// Another process holds it.
    #[error("{} is locked by another process", .0.display())]
    Locked(PathBuf),
    /// The server can't be reached, or does not let this program in.
    #[error("{server} can't be used: {reason}")]
    Unreachable {
        /// Where it is, without a password.
        server: String,
        /// What the system or the server says.
        reason: String,
    },
    /// The database can't hold all characters.
    #[error("{server} has the encoding {encoding}; create the database with ENCODING 'UTF8'")]
    Encoding {
        /// Where it is, without a password.
        server: String,
        /// Its encoding.
        encoding: String,
    },
    /// Anything else.
    #[error("{} can't be opened: {reason}", .path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

impl DatabaseOptions {
    /// The defaults: 4 readers or a pool of 10, 4 seconds of patience, commits that are on
    /// the disk.
    pub fn new(url: DatabaseUrl) -> Self {
        Self {
            url,
            readers: 4,
            pool: 10,
            busy_timeout: Duration::from_secs(4),
            synchronous: Synchronous::Full,
        }
    }
}

impl Database {
    /// Opens a database, and makes the file of one on SQLite where there is none. The schema is left as
    /// it is: see [`migrate`](Self::migrate).
    pub fn open(options: &DatabaseOptions) -> Result<Self, OpenError> {
        let backend = match options.url.place() {
            Place::Sqlite(path) => Backend::Sqlite(Arc::new(sqlite::open(path, options)?)),
            Place::Postgres(url) => Backend::Postgres(Arc::new(pg::open(url, options)?)),
        };
        Ok(Self {
            url: options.url.clone(),
            backend,
        })
    }

    /// Opens a database that somebody else has made, for those who share a server's: a name that was
    /// mistyped is [`OpenError::NotThere`], and makes no file.
    pub fn open_existing(options: &DatabaseOptions) -> Result<Self, OpenError> {
        match options.url.sqlite_path().filter(|path| !path.exists()) {
            Some(path) => Err(OpenError::NotThere(path.to_owned())),
            None => Self::open(options),
        }
    }

    /// Where it is.
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// How many snapshots can be read at the same time. A caller that lets no more in
    /// never waits for a connection.
    pub fn readers(&self) -> usize {
        on!(self, backend => backend.readers())
    }

    /// How many units of work can be open at the same time. A caller that lets no more in
    /// never waits for a connection, only for the units of other processes.
    pub fn writers(&self) -> usize {
        on!(self, backend => backend.writers())
    }

    /// How its connections are used at this moment. Asks nobody, and waits for nothing.
    pub fn pools(&self) -> Vec<PoolUse> {
        on!(self, backend => backend.pools())
    }

    /// Applies every migration that is missing, all or none; gives their names. Of two
    /// processes that start together one does it and the other waits.
    pub fn migrate(&self) -> Result<Vec<String>, MigrateError> {
        on!(self, backend => backend.migrate())
    }

    /// Takes back the last migration and with it the data that it made room for; gives
    /// its name, or `None` where there is none left.
    pub fn revert(&self) -> Result<Option<String>, MigrateError> {
        on!(self, backend => backend.revert())
    }

    /// Every migration in order, behind them those that only the database knows.
    /// Changes nothing, not even an empty database.
    pub fn migrations(&self) -> Result<Vec<MigrationStatus>, MigrateError> {
        on!(self, backend => backend.migrations())
    }

    /// How many blocks of the counts of tenants, by which numbered pages are found, don't agree
    /// with the tenants: 0, unless the tables were changed behind the program's back. Reads all
    /// tenants.
    pub fn miscounted(&self) -> Result<u64, MigrateError> {
        on!(self, backend => backend.miscounted())
    }

    /// Counts all tenants anew if any block of the counts is wrong, while no unit writes; gives how
    /// many were.
    pub fn recount(&self) -> Result<u64, MigrateError> {
        on!(self, backend => backend.recount())
    }

    /// Hands out all that it holds and that can't be had again, from one state, while others
    /// go on writing: a page of rows at a time is in memory. The same content gives the same
    /// records in the same order, whichever database it is in.
    pub fn export(&self, sink: &mut Sink<'_>) -> Result<(), TransferError> {
        on!(self, backend => backend.export(sink))
    }

    /// About how many records an export hands out. Reads the keys of the large tables.
    pub fn export_size(&self) -> Result<u64, MigrateError> {
        on!(self, backend => backend.export_size())
    }

    /// Takes what another one has handed out, if it is migrated and otherwise empty: all of it or
    /// nothing, in one transaction, during which nobody else writes. What the source gives must have been
    /// [checked](crate::transfer::Record::check).
    pub fn import(&self, source: &mut Source<'_>) -> Result<(), TransferError> {
        on!(self, backend => backend.import(source))
    }

    /// Whether every migration is applied that this program has, and no other; the
    /// reason where that is not so.
    pub fn check_schema(&self) -> Result<(), StoreError> {
        on!(self, backend => backend.check_exactly())
    }

    /// Opens a connection that notices what other processes commit.
    pub fn watch(&self) -> Result<CommitWatch, StoreError> {
        on!(self, backend => backend.watch()).map(CommitWatch)
    }

    #[cfg(feature = "testing")]
    pub(crate) fn backend(&self) -> &Backend {
        &self.backend
    }
}

impl Store for Database {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        on!(self, backend => backend.snapshot())
    }

    fn glance(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        on!(self, backend => backend.glance())
    }

    fn snapshot_at_once(&self) -> Option<Box<dyn Snapshot>> {
        match &self.backend {
            Backend::Sqlite(backend) => backend.snapshot_at_once(),
            // Its server has to be waited for.
            Backend::Postgres(_) => None,
        }
    }

    fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        on!(self, backend => backend.begin())
    }

    fn begin_group(&self) -> Result<Box<dyn Group>, StoreError> {
        on!(self, backend => backend.begin_group())
    }

    fn check(&self) -> Result<(), StoreError> {
        on!(self, backend => backend.check())
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("url", &self.url)
            .field("readers", &self.readers())
            .finish_non_exhaustive()
    }
}
