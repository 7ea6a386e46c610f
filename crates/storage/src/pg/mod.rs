//! PostgreSQL: a few connections that write, more that read.

mod connection;
mod lane;
mod ops;
#[path = "../queries/mod.rs"]
mod queries;
#[cfg(all(test, feature = "testing"))]
mod tests;
mod url;
mod watch;

use std::time::{Duration, Instant};

use diesel::{PgConnection, connection::SimpleConnection};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use r2d2::PooledConnection;
use tenantry_domain::port::{Group, Snapshot, StoreError, UnitOfWork};

use self::{
    connection::{Manager, Role},
    lane::Lane,
    queries::{ReadUnit, Session, WriteGroup, WriteUnit, counts, migrations, transfer},
};
pub(crate) use self::{url::PostgresUrl, watch::Watch};
use crate::{
    database::{DatabaseOptions, OpenError, PoolUse},
    error::store_error,
    migrate::{MigrateError, MigrationStatus},
    transfer::{Sink, Source, TransferError},
    watch::Watching,
};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// The number of the advisory lock that units of work queue for. It must be nobody
/// else's in the same database: these are the bytes of "tenantry".
const WRITE_LOCK: i64 = i64::from_be_bytes(*b"tenantry");

/// How many units of a process write at once. They queue in the database, so one would
/// do; the second is already in the queue while the answer to the first is on its way.
const WRITERS: u32 = 2;

/// What the queries run on.
type Conn = PgConnection;
/// The connection that a unit owns.
type Link = PooledConnection<Manager>;

/// A PostgreSQL database that is open.
pub(crate) struct Backend {
    writers: Lane,
    readers: Lane,
    manager: Manager,
}

/// Connects to the database at that URL.
pub(crate) fn open(url: &PostgresUrl, options: &DatabaseOptions) -> Result<Backend, OpenError> {
    let manager = Manager::new(url, options);
    manager.probe()?;
    let writers = WRITERS.min(options.pool / 2).max(1);
    let readers = options.pool.saturating_sub(writers).max(1);
    Ok(Backend {
        writers: Lane::new(&manager, Role::Writer, writers),
        readers: Lane::new(&manager, Role::Reader, readers),
        manager,
    })
}

impl Backend {
    pub(crate) fn readers(&self) -> usize {
        self.readers.size()
    }

    pub(crate) fn writers(&self) -> usize {
        self.writers.size()
    }

    pub(crate) fn pools(&self) -> Vec<PoolUse> {
        let all = [("write", &self.writers), ("read", &self.readers)];
        all.map(|(name, lane)| lane.pool_use(name)).into()
    }

    pub(crate) fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        let link = self.begin_on(&self.readers, |_| ops::BEGIN_READ.to_owned())?;
        Ok(Box::new(ReadUnit::new(Session::new(link))))
    }

    /// A unit without a transaction: one statement sees one state anyway.
    pub(crate) fn glance(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        let deadline = Instant::now() + self.manager.patience();
        let link = self.readers.take(deadline)?;
        Ok(Box::new(ReadUnit::new(Session::glance(link))))
    }

    pub(crate) fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Ok(Box::new(WriteUnit::new(self.begin_write()?)))
    }

    pub(crate) fn begin_group(&self) -> Result<Box<dyn Group>, StoreError> {
        Ok(Box::new(WriteGroup::new(self.begin_write()?)))
    }

    fn begin_write(&self) -> Result<Session, StoreError> {
        let link = self.begin_on(&self.writers, ops::begin_write)?;
        Ok(Session::new(link))
    }

    pub(crate) fn check(&self) -> Result<(), StoreError> {
        // In a transaction like any other, so that a connection that has died is found
        // out and replaced.
        let link = self.begin_on(&self.readers, |_| ops::BEGIN_READ.to_owned())?;
        migrations::check(Session::new(link))
    }

    pub(crate) fn check_exactly(&self) -> Result<(), StoreError> {
        let link = self.begin_on(&self.readers, |_| ops::BEGIN_READ.to_owned())?;
        migrations::check_exactly(Session::new(link))
    }

    pub(crate) fn watch(&self) -> Result<Watching, StoreError> {
        Watch::open(&self.manager).map(Watching::Postgres)
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
        migrations::status(&mut self.manager.migrator()?)
    }

    /// Takes a connection and begins a transaction on it, within the time that a unit
    /// may wait for both together.
    ///
    /// A connection whose server is gone shows it here, before anything was done on it:
    /// it is dropped, and the next one is taken.
    fn begin_on(
        &self,
        lane: &Lane,
        begin: impl Fn(Duration) -> String,
    ) -> Result<Link, StoreError> {
        let deadline = Instant::now() + self.manager.patience();
        loop {
            let mut link = lane.take(deadline)?;
            let rest = deadline.saturating_duration_since(Instant::now());
            link.fit = false;
            let Err(error) = link.conn.batch_execute(&begin(rest)) else {
                return Ok(link);
            };
            if !ops::loses_connection(&error) {
                // The transaction was begun, and its lock was not to be had.
                link.fit = link.conn.batch_execute("ROLLBACK").is_ok();
                return Err(store_error(error));
            }
            if rest.is_zero() {
                return Err(store_error(error));
            }
        }
    }

    /// A connection that may read and write, outside of any unit.
    #[cfg(feature = "testing")]
    pub(crate) fn with_writer<T>(
        &self,
        work: impl FnOnce(&mut Conn) -> diesel::QueryResult<T>,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + self.manager.patience();
        let mut link = self.writers.take(deadline)?;
        work(&mut link.conn).map_err(store_error)
    }
}
