//! Connections: how they are made, set up and pooled.

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use diesel::{
    Connection, ConnectionError, OptionalExtension, QueryResult, QueryableByName, RunQueryDsl,
    SqliteConnection,
    connection::SimpleConnection,
    result::{ConnectionResult, Error},
    sql_query,
    sql_types::Text,
};
use r2d2::{HandleError, ManageConnection, Pool};

use crate::{
    database::{DatabaseOptions, OpenError, Synchronous},
    error::is_busy,
    memo::Memo,
    migrate::MigrateError,
};

/// How long a process waits for another one that migrates.
const MIGRATION_PATIENCE: Duration = Duration::from_mins(1);

/// How far a connection's patience may be off before it is worth a statement to set it.
const TOLERANCE: Duration = Duration::from_millis(100);

/// After how many pages the log is written back to the file, by the commit that makes it so long: that
/// writes each page once, however often the log has it, and waits for the disk twice. A log
/// of 16 MiB costs reads next to nothing.
const CHECKPOINT: u32 = 4096;

/// How much a connection that writes keeps in memory, in KiB: what one unit touches, so that no page
/// is written twice. Those that read have what SQLite gives them.
const WRITERS_CACHE: u32 = 8 * 1024;

/// A connection in a pool.
pub(super) struct Connected {
    pub(super) conn: SqliteConnection,
    /// Whether it may be used by the next one: no transaction is open on it.
    pub(super) fit: bool,
    /// What it remembers.
    pub(super) memo: Memo,
    patience: Duration,
}

/// Makes connections of one role.
#[derive(Clone, Debug)]
pub(super) struct Manager {
    path: PathBuf,
    role: Role,
    /// How long its statements wait for a lock.
    patience: Duration,
    /// How long it waits for one while it is made: it has to read the schema, and another process that begins or
    /// ends at that moment has the file for itself.
    patience_at_first: Duration,
    synchronous: Synchronous,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Writer,
    Reader,
    Migrator,
}

#[derive(QueryableByName)]
struct JournalMode {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

impl Connected {
    /// Sets how long its statements wait for a lock.
    pub(super) fn wait_for_locks(&mut self, patience: Duration) -> QueryResult<()> {
        if patience.abs_diff(self.patience) > TOLERANCE {
            let pragma = format!("PRAGMA busy_timeout = {}", patience.as_millis());
            self.conn.batch_execute(&pragma)?;
            self.patience = patience;
        }
        Ok(())
    }
}

impl Manager {
    pub(super) fn new(path: &Path, options: &DatabaseOptions) -> Self {
        Self {
            path: path.to_owned(),
            role: Role::Writer,
            patience: options.busy_timeout,
            patience_at_first: options.busy_timeout,
            synchronous: options.synchronous,
        }
    }

    /// How long a unit waits for its connection and its lock together.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// The same for connections that never wait.
    pub(super) fn hasty(&self) -> Self {
        Self {
            patience: Duration::ZERO,
            ..self.clone()
        }
    }

    /// A pool of `size` connections of that role, all of them open.
    pub(super) fn pool(&self, role: Role, size: u32) -> Result<Pool<Self>, OpenError> {
        let manager = Self {
            role,
            ..self.clone()
        };
        Pool::builder()
            .max_size(size)
            // The file does not go away as a server does: a connection lives as long as
            // the pool, and is found broken by its use.
            .max_lifetime(None)
            .idle_timeout(None)
            .test_on_check_out(false)
            .connection_timeout(self.patience_at_first.max(Duration::from_secs(1)))
            .error_handler(Box::new(ToLog))
            .build(manager)
            .map_err(|error| OpenError::Other {
                path: self.path.clone(),
                reason: error.to_string(),
            })
    }

    /// The same for another role.
    pub(super) fn of_role(&self, role: Role) -> Self {
        Self {
            role,
            ..self.clone()
        }
    }

    /// A connection of its own, for migrations.
    pub(super) fn migrator(&self) -> Result<SqliteConnection, MigrateError> {
        let manager = Self {
            role: Role::Migrator,
            patience: self.patience.max(MIGRATION_PATIENCE),
            patience_at_first: self.patience_at_first.max(MIGRATION_PATIENCE),
            ..self.clone()
        };
        manager.establish().map_err(|error| match error {
            ConnectionError::CouldntSetupConfiguration(error) => error.into(),
            other => MigrateError::Unavailable(other.to_string()),
        })
    }

    pub(super) fn establish(&self) -> ConnectionResult<SqliteConnection> {
        let mut conn = SqliteConnection::establish(&self.path.to_string_lossy())?;
        conn.batch_execute(&self.pragmas())
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(conn)
    }

    /// The time-out stands first: what follows may already have to wait.
    fn pragmas(&self) -> String {
        let at_first = self.patience_at_first.as_millis();
        let patience = self.patience.as_millis();
        let foreign_keys = if self.role == Role::Migrator {
            "OFF"
        } else {
            "ON"
        };
        let query_only = if self.role == Role::Reader {
            "ON"
        } else {
            "OFF"
        };
        // What a unit in a group needs to be undone alone is kept in memory too: it is a copy of the
        // same few pages.
        let memory = if self.role == Role::Writer {
            format!("PRAGMA cache_size = -{WRITERS_CACHE}; PRAGMA temp_store = MEMORY;")
        } else {
            String::new()
        };
        let synchronous = match self.synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        };
        format!(
            "PRAGMA busy_timeout = {at_first};
             PRAGMA foreign_keys = {foreign_keys};
             PRAGMA synchronous = {synchronous};
             PRAGMA trusted_schema = OFF;
             PRAGMA journal_size_limit = 67108864;
             PRAGMA wal_autocheckpoint = {CHECKPOINT};
             PRAGMA query_only = {query_only};
             {memory}
             PRAGMA busy_timeout = {patience};"
        )
    }
}

impl ManageConnection for Manager {
    type Connection = Connected;
    type Error = ConnectionError;

    fn connect(&self) -> ConnectionResult<Connected> {
        Ok(Connected {
            conn: self.establish()?,
            fit: true,
            memo: Memo::default(),
            patience: self.patience,
        })
    }

    fn is_valid(&self, link: &mut Connected) -> ConnectionResult<()> {
        link.conn
            .batch_execute("SELECT 1")
            .map_err(ConnectionError::CouldntSetupConfiguration)
    }

    fn has_broken(&self, link: &mut Connected) -> bool {
        !link.fit
    }
}

/// Turns on the write-ahead log, which the file then remembers: readers and the writer
/// don't wait for each other.
///
/// Two processes that do it together can meet "database is locked" at once, in spite of
/// the time-out; so it is tried again as long as the time-out allows.
pub(super) fn turn_on_write_ahead_log(manager: &Manager) -> Result<(), OpenError> {
    let path = || manager.path.clone();
    let mut conn = manager.establish().map_err(|error| match error {
        ConnectionError::CouldntSetupConfiguration(error) => open_error(path(), &error),
        other => OpenError::Other {
            path: path(),
            reason: other.to_string(),
        },
    })?;
    let asked = Instant::now();
    loop {
        let mode = sql_query("PRAGMA journal_mode = WAL")
            .get_result::<JournalMode>(&mut conn)
            .optional();
        match mode {
            Ok(Some(JournalMode { journal_mode })) if journal_mode == "wal" => return Ok(()),
            Ok(_) => return Err(OpenError::NoWriteAheadLog(path())),
            Err(error) if is_busy(&error) && asked.elapsed() < manager.patience => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(open_error(path(), &error)),
        }
    }
}

fn open_error(path: PathBuf, error: &Error) -> OpenError {
    let reason = error.to_string();
    if is_busy(error) {
        OpenError::Locked(path)
    } else if reason.starts_with("file is not a database") {
        OpenError::NotADatabase(path)
    } else if reason.starts_with("attempt to write a readonly database") {
        OpenError::Permission(path)
    } else {
        OpenError::Other { path, reason }
    }
}

/// What goes wrong in a pool's own threads.
#[derive(Debug)]
struct ToLog;

impl HandleError<ConnectionError> for ToLog {
    fn handle_error(&self, error: ConnectionError) {
        tracing::warn!(%error, "a connection to the database could not be made");
    }
}
