//! SQLite: one connection that writes, a few that read.

mod connection;
mod file;
mod fixed;
mod ops;
#[path = "../queries/mod.rs"]
mod queries;
#[cfg(test)]
mod tests;
mod watch;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use diesel::{SqliteConnection, connection::SimpleConnection};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use r2d2::{Pool, PooledConnection};
use tenantry_domain::port::{Group, Snapshot, StoreError, UnitOfWork};

pub(crate) use self::watch::Watch;
use self::{
    connection::{Manager, Role},
    file::Identity,
    queries::{ReadUnit, Session, WriteGroup, WriteUnit, counts, migrations, transfer},
};
use crate::{
    database::{DatabaseOptions, OpenError, PoolUse, pool_use},
    error::{is_busy, store_error},
    migrate::{MigrateError, MigrationStatus},
    transfer::{Sink, Source, TransferError},
    watch::Watching,
};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// What the queries run on.
type Conn = SqliteConnection;
/// The connection that a unit owns.
type Link = PooledConnection<Manager>;

/// An SQLite database that is open.
pub(crate) struct Backend {
    writer: Pool<Manager>,
    readers: Pool<Manager>,
    /// As many as there are threads that run requests, for reads without any waiting.
    at_once: Pool<Manager>,
    manager: Manager,
    path: PathBuf,
    /// The file that was opened.
    file: Option<Identity>,
}

/// Opens the file at that path, or makes it.
pub(crate) fn open(path: &Path, options: &DatabaseOptions) -> Result<Backend, OpenError> {
    let path = file::prepare(path)?;
    let manager = Manager::new(&path, options);
    connection::turn_on_write_ahead_log(&manager)?;
    Ok(Backend {
        file: Identity::of(&path),
        writer: manager.pool(Role::Writer, 1)?,
        readers: manager.pool(Role::Reader, options.readers.max(1))?,
        at_once: manager.hasty().pool(Role::Reader, threads())?,
        manager,
        path,
    })
}

/// How many threads run requests.
fn threads() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(cores).unwrap_or(u32::MAX)
}

impl Backend {
    pub(crate) fn readers(&self) -> usize {
        usize::try_from(self.readers.max_size()).unwrap_or(usize::MAX)
    }

    /// One: there is one write lock, and those that wait for it do so on a thread each.
    pub(crate) fn writers(&self) -> usize {
        usize::try_from(self.writer.max_size()).unwrap_or(usize::MAX)
    }

    pub(crate) fn pools(&self) -> Vec<PoolUse> {
        let all = [
            ("write", &self.writer),
            ("read", &self.readers),
            ("look_up", &self.at_once),
        ];
        all.map(|(name, pool)| pool_use(name, pool)).into()
    }

    pub(crate) fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        let link = self.begin_on(&self.readers, ops::BEGIN_READ)?;
        Ok(Box::new(ReadUnit::new(Session::new(link))))
    }

    /// A unit without a transaction: one statement sees one state anyway.
    pub(crate) fn glance(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        let link = self.link(&self.readers)?;
        Ok(Box::new(ReadUnit::new(Session::glance(link))))
    }

    /// A snapshot that is taken at once, from a connection that never waits for a lock. Reading from
    /// it then meets no lock any more.
    pub(crate) fn snapshot_at_once(&self) -> Option<Box<dyn Snapshot>> {
        let mut link = self.at_once.try_get()?;
        link.fit = false;
        let begun = fixed::begin_read(&mut link.conn);
        let state = begun.and_then(|()| fixed::state(&mut link.conn));
        if let Ok(state) = state {
            link.memo.open(state);
        }
        // Dropped, it makes its connection fit for the next.
        let session = Session::new(link);
        state.ok()?;
        Some(Box::new(ReadUnit::new(session)))
    }

    pub(crate) fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Ok(Box::new(WriteUnit::new(self.begin_write()?)))
    }

    pub(crate) fn begin_group(&self) -> Result<Box<dyn Group>, StoreError> {
        Ok(Box::new(WriteGroup::new(self.begin_write()?)))
    }

    fn begin_write(&self) -> Result<Session, StoreError> {
        self.refuse_if_gone()?;
        let link = self.begin_on(&self.writer, ops::BEGIN_WRITE)?;
        Ok(Session::new(link))
    }

    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.refuse_if_gone()?;
        let link = self.begin_on(&self.readers, ops::BEGIN_READ)?;
        migrations::check(Session::new(link))
    }

    pub(crate) fn check_exactly(&self) -> Result<(), StoreError> {
        self.refuse_if_gone()?;
        let link = self.begin_on(&self.readers, ops::BEGIN_READ)?;
        migrations::check_exactly(Session::new(link))
    }

    pub(crate) fn watch(&self) -> Result<Watching, StoreError> {
        Watch::open(&self.manager).map(Watching::Sqlite)
    }

    pub(crate) fn migrate(&self) -> Result<Vec<String>, MigrateError> {
        migrations::run(&mut self.manager.migrator()?)
    }

    pub(crate) fn revert(&self) -> Result<Option<String>, MigrateError> {
        migrations::revert(&mut self.manager.migrator()?)
    }

    pub(crate) fn miscounted(&self) -> Result<u64, MigrateError> {
        Ok(counts::miscounted(&mut self.manager.migrator()?)?)
    }

    pub(crate) fn recount(&self) -> Result<u64, MigrateError> {
        counts::recount(&mut self.manager.migrator()?)
    }

    pub(crate) fn export(&self, sink: &mut Sink<'_>) -> Result<(), TransferError> {
        transfer::export(&mut self.manager.migrator()?, sink)
    }

    pub(crate) fn export_size(&self) -> Result<u64, MigrateError> {
        Ok(transfer::size(&mut self.manager.migrator()?)?)
    }

    pub(crate) fn import(&self, source: &mut Source<'_>) -> Result<(), TransferError> {
        transfer::import(&mut self.manager.migrator()?, source)
    }

    pub(crate) fn migrations(&self) -> Result<Vec<MigrationStatus>, MigrateError> {
        let mut link = self.link(&self.readers).map_err(|error| match error {
            StoreError::Unavailable(text) => MigrateError::Unavailable(text),
            other => MigrateError::Database(Box::new(other)),
        })?;
        migrations::status(&mut link.conn)
    }

    /// Refuses to go on with a file that has lost its name. Writing to it would succeed,
    /// and be gone with the process.
    fn refuse_if_gone(&self) -> Result<(), StoreError> {
        if Identity::of(&self.path) == self.file {
            return Ok(());
        }
        let reason = "its file was deleted or replaced while it was open";
        Err(StoreError::Unavailable(reason.to_owned()))
    }

    /// Takes a connection and begins a transaction on it, within the time that a unit
    /// may wait for both together.
    fn begin_on(&self, pool: &Pool<Manager>, begin: &str) -> Result<Link, StoreError> {
        let asked = Instant::now();
        let patience = self.manager.patience();
        let mut link = self.link(pool)?;
        let rest = patience.saturating_sub(asked.elapsed());
        link.wait_for_locks(rest.max(Duration::from_millis(1)))
            .map_err(store_error)?;
        if let Err(error) = link.conn.batch_execute(begin) {
            // A connection that had to wait too long is as good as before; any other is
            // made anew, so that the pool heals when the cause is gone.
            link.fit = is_busy(&error);
            return Err(store_error(error));
        }
        link.fit = false;
        Ok(link)
    }

    fn link(&self, pool: &Pool<Manager>) -> Result<Link, StoreError> {
        let patience = self.manager.patience();
        pool.get_timeout(patience).map_err(|error| {
            StoreError::Unavailable(format!("no connection within {patience:?} ({error})"))
        })
    }

    /// A connection that may read and write, outside of any unit.
    #[cfg(feature = "testing")]
    pub(crate) fn with_writer<T>(
        &self,
        work: impl FnOnce(&mut Conn) -> diesel::QueryResult<T>,
    ) -> Result<T, StoreError> {
        work(&mut self.link(&self.writer)?.conn).map_err(store_error)
    }
}
