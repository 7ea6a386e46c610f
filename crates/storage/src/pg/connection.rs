//! Connections: how they are made, set up and pooled.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use diesel::{
    Connection, ConnectionError, PgConnection, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    result::{ConnectionResult, Error},
    sql_query,
    sql_types::{Bool, Text},
};
use r2d2::{HandleError, ManageConnection, Pool, PooledConnection};
use tenantry_domain::port::StoreError;

use super::url::PostgresUrl;
use crate::{
    database::{DatabaseOptions, OpenError},
    error::one_line,
    migrate::MigrateError,
};

/// How long a process waits for another one that migrates.
const MIGRATION_PATIENCE: Duration = Duration::from_mins(1);

/// How long a pool that can't connect pauses at the most before it tries again is half
/// of this.
const RETRY: Duration = Duration::from_secs(1);

/// While no connection can be made, a unit waits this long for one and no longer: many
/// that waited in vain would make those behind them wait too long.
const WHILE_AWAY: Duration = Duration::from_millis(250);

/// After this time the server ends a transaction that is left open, with its locks: the
/// process that began it hangs, and others wait for it.
const LEFT_OPEN: Duration = Duration::from_secs(4);

/// A connection in a pool.
pub(super) struct Connected {
    pub(super) conn: PgConnection,
    /// Whether it may be used by the next one: no transaction is open on it, and the
    /// server behind it is there.
    pub(super) fit: bool,
}

/// Makes connections of one role.
#[derive(Clone, Debug)]
pub(super) struct Manager {
    url: PostgresUrl,
    role: Role,
    patience: Duration,
    outage: Arc<Outage>,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Writer,
    Reader,
    Migrator,
}

/// Why connections can't be made, as long as they can't.
#[derive(Debug, Default)]
struct Outage(Mutex<Option<String>>);

#[derive(QueryableByName)]
struct Server {
    #[diesel(sql_type = Text)]
    encoding: String,
    #[diesel(sql_type = Bool)]
    translates: bool,
}

impl Manager {
    pub(super) fn new(url: &PostgresUrl, options: &DatabaseOptions) -> Self {
        Self {
            url: url.clone(),
            role: Role::Writer,
            patience: options.busy_timeout,
            outage: Arc::default(),
        }
    }

    /// How long a unit waits for its connection and its lock together.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Connects once, so that what is wrong with the server or with the settings is told
    /// at the start.
    pub(super) fn probe(&self) -> Result<(), OpenError> {
        let unreachable = |reason: String| OpenError::Unreachable {
            server: self.url.to_string(),
            reason: one_line(&reason),
        };
        let mut conn = self
            .establish()
            .map_err(|error| unreachable(error.to_string()))?;
        let server: Server = sql_query(
            "SELECT current_setting('server_encoding') AS encoding, \
             current_setting('lc_messages') !~* '^(C|POSIX|en)' AS translates",
        )
        .get_result(&mut conn)
        .map_err(|error| unreachable(error.to_string()))?;
        if server.encoding != "UTF8" {
            return Err(OpenError::Encoding {
                server: self.url.to_string(),
                encoding: server.encoding,
            });
        }
        if server.translates {
            tracing::warn!(
                "the database translates its messages, so some of its failures will be told as \
                 internal errors: let its administrator set lc_messages to C for this role"
            );
        }
        Ok(())
    }

    /// A pool of at most `size` connections of that role. They are made when they are
    /// needed, and again in place of those that are lost.
    pub(super) fn pool(&self, role: Role, size: u32) -> Pool<Self> {
        let manager = Self {
            role,
            ..self.clone()
        };
        let to_log = ToLog(Arc::clone(&manager.outage));
        Pool::builder()
            .max_size(size)
            .min_idle(Some(1))
            // Beginning its transaction tells whether a connection lives, without asking
            // for it first.
            .test_on_check_out(false)
            .connection_timeout(RETRY)
            .error_handler(Box::new(to_log))
            .build_unchecked(manager)
    }

    /// A connection of its own, for migrations.
    pub(super) fn migrator(&self) -> Result<PgConnection, MigrateError> {
        let manager = Self {
            role: Role::Migrator,
            patience: self.patience.max(MIGRATION_PATIENCE),
            ..self.clone()
        };
        manager.establish().map_err(|error| match error {
            ConnectionError::CouldntSetupConfiguration(error) => error.into(),
            other => MigrateError::Unavailable(one_line(&other.to_string())),
        })
    }

    fn establish(&self) -> ConnectionResult<PgConnection> {
        let mut conn = PgConnection::establish(&self.url.with_defaults(&self.defaults()))?;
        conn.batch_execute(&self.settings())
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(conn)
    }

    /// What holds for a connection where the URL says nothing else.
    fn defaults(&self) -> Vec<(&'static str, String)> {
        // libpq takes 2 seconds where it is told less.
        let timeout = self.patience.as_secs().clamp(2, 4);
        [
            ("application_name", "tenantry".to_owned()),
            // For each address; without it libpq waits for a dead one for minutes.
            ("connect_timeout", timeout.to_string()),
            // What is sent to a dead server is given up in the same time, and a silent
            // server is asked for a sign of life.
            ("tcp_user_timeout", (timeout * 1000).to_string()),
            ("keepalives", "1".to_owned()),
            ("keepalives_idle", "2".to_owned()),
            ("keepalives_interval", "1".to_owned()),
            ("keepalives_count", "2".to_owned()),
            // Of several hosts, the one that can be written to. Reading goes there too:
            // a standby may not have yet what was acknowledged.
            ("target_session_attrs", "read-write".to_owned()),
        ]
        .into()
    }

    /// No statement and no lock takes longer than a unit may wait.
    ///
    /// The COMMIT has no such limit: see `ops`.
    fn settings(&self) -> String {
        let patience = self.patience.as_millis();
        let left_open = LEFT_OPEN.as_millis();
        let statement = if self.role == Role::Migrator {
            0
        } else {
            patience
        };
        let read_only = if self.role == Role::Reader {
            "on"
        } else {
            "off"
        };
        // Only a superuser may choose the language of messages; for others it stays.
        format!(
            "SET lock_timeout = {patience};
             SET statement_timeout = {statement};
             SET idle_in_transaction_session_timeout = {left_open};
             SET default_transaction_read_only = {read_only};
             DO $$ BEGIN
                 IF current_setting('lc_messages') !~* '^(C|POSIX|en)' THEN
                     PERFORM set_config('lc_messages', 'C', false);
                 END IF;
             EXCEPTION WHEN insufficient_privilege THEN NULL;
             END $$"
        )
    }
}

impl ManageConnection for Manager {
    type Connection = Connected;
    type Error = ConnectionError;

    fn connect(&self) -> ConnectionResult<Connected> {
        let conn = self.establish()?;
        *self.outage.lock() = None;
        Ok(Connected { conn, fit: true })
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

/// Takes a connection before that instant.
pub(super) fn link(
    pool: &Pool<Manager>,
    manager: &Manager,
    deadline: Instant,
) -> Result<PooledConnection<Manager>, StoreError> {
    loop {
        if let Some(link) = pool.try_get() {
            return Ok(link);
        }
        let rest = deadline.saturating_duration_since(Instant::now());
        // In short steps, because an outage may begin while one waits.
        if let Ok(link) = pool.get_timeout(rest.min(WHILE_AWAY)) {
            return Ok(link);
        }
        let outage = manager.outage.lock().clone();
        if let Some(reason) = outage {
            let text = format!("no connection can be made ({reason})");
            return Err(StoreError::Unavailable(text));
        }
        if rest <= WHILE_AWAY {
            let patience = manager.patience;
            let text = format!("no connection was free within {patience:?}");
            return Err(StoreError::Unavailable(text));
        }
    }
}

impl Outage {
    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What goes wrong in a pool's own threads.
#[derive(Debug)]
struct ToLog(Arc<Outage>);

impl HandleError<ConnectionError> for ToLog {
    fn handle_error(&self, error: ConnectionError) {
        let reason = match error {
            ConnectionError::CouldntSetupConfiguration(Error::DatabaseError(_, information)) => {
                one_line(information.message())
            }
            other => one_line(&other.to_string()),
        };
        // A pool tries again and again; it is told once.
        if self.0.lock().replace(reason.clone()).is_none() {
            tracing::warn!(reason, "no connection to the database can be made");
        }
    }
}
