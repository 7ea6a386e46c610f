//! Connections: how they are made, set up and pooled.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use diesel::{
    Connection, ConnectionError, PgConnection, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    result::{ConnectionResult, Error},
    sql_query,
    sql_types::{Bool, Text},
};
use r2d2::{HandleError, ManageConnection, Pool};

use super::{lane::Traffic, url::PostgresUrl};
use crate::{
    database::{DatabaseOptions, OpenError},
    error::one_line,
    memo::Memo,
    migrate::MigrateError,
};

/// How long a process waits for another one that migrates.
const MIGRATION_PATIENCE: Duration = Duration::from_mins(1);

/// How long a pool that can't connect pauses at the most before it tries again is half
/// of this.
const RETRY: Duration = Duration::from_secs(1);

/// After this time the server ends a transaction that is left open, with its locks: the
/// process that began it hangs, and others wait for it.
const LEFT_OPEN: Duration = Duration::from_secs(4);

/// A connection in a pool.
pub(super) struct Connected {
    pub(super) conn: PgConnection,
    /// Whether it may be used by the next one: no transaction is open on it, and the
    /// server behind it is there.
    pub(super) fit: bool,
    /// What it remembers: nothing, since telling that nobody has committed anything costs a round
    /// trip here, as reading it again does.
    pub(super) memo: Memo,
    /// Under which number its pool knows that it is in use.
    pub(super) entry: u64,
}

/// Makes connections of one role.
#[derive(Clone, Debug)]
pub(super) struct Manager {
    url: PostgresUrl,
    role: Role,
    patience: Duration,
    outage: Arc<Outage>,
    /// The place among the hosts of the one that was connected to last.
    good_host: Arc<AtomicUsize>,
    /// Of the pool that it makes them for.
    traffic: Arc<Traffic>,
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
            good_host: Arc::default(),
            traffic: Arc::default(),
        }
    }

    /// The same for another role.
    pub(super) fn of_role(&self, role: Role) -> Self {
        Self {
            role,
            ..self.clone()
        }
    }

    /// How long a unit waits for its connection and its lock together.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Why no connection can be made; `None` while they can, or nobody has tried.
    pub(super) fn outage(&self) -> Option<String> {
        self.outage.lock().clone()
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

    /// A pool of at most `size` connections, whose use is noted there.
    pub(super) fn pool(&self, size: u32, traffic: &Arc<Traffic>) -> Pool<Self> {
        let manager = Self {
            traffic: Arc::clone(traffic),
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
            patience: self.patience.max(MIGRATION_PATIENCE),
            ..self.of_role(Role::Migrator)
        };
        manager.establish().map_err(|error| match error {
            ConnectionError::CouldntSetupConfiguration(error) => error.into(),
            other => MigrateError::Unavailable(one_line(&other.to_string())),
        })
    }

    pub(super) fn establish(&self) -> ConnectionResult<PgConnection> {
        let mut conn = self.reach()?;
        conn.batch_execute(&self.settings())
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(conn)
    }

    /// Connects to one of the hosts, beginning with the one that answered last. A dead one
    /// takes seconds to find out, and every connection would begin with it.
    fn reach(&self) -> ConnectionResult<PgConnection> {
        let hosts = self.url.each_host();
        let first = self.good_host.load(Ordering::Relaxed);
        let mut refused = None;
        for place in (0..hosts.len()).map(|step| (first + step) % hosts.len()) {
            match PgConnection::establish(&hosts[place].with_defaults(&self.defaults())) {
                Ok(conn) => {
                    self.good_host.store(place, Ordering::Relaxed);
                    return Ok(conn);
                }
                Err(error) => {
                    refused = Some(match refused {
                        None => error,
                        Some(before) => {
                            ConnectionError::BadConnection(format!("{before}; {error}"))
                        }
                    });
                }
            }
        }
        Err(refused.unwrap_or_else(|| ConnectionError::BadConnection("no host".to_owned())))
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
        Ok(Connected {
            conn,
            fit: true,
            memo: Memo::default(),
            entry: 0,
        })
    }

    fn is_valid(&self, link: &mut Connected) -> ConnectionResult<()> {
        link.conn
            .batch_execute("SELECT 1")
            .map_err(ConnectionError::CouldntSetupConfiguration)
    }

    /// Called whenever a connection is given back.
    fn has_broken(&self, link: &mut Connected) -> bool {
        self.traffic.leave(link.entry);
        !link.fit
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
