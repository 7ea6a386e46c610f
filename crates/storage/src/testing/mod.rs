//! For tests: databases that are thrown away, and a look at what they hold.
#![expect(
    clippy::missing_panics_doc,
    reason = "a test ends where its database fails it"
)]

pub mod cluster;
mod server;
mod shape;

use std::{ops::Deref, sync::OnceLock, time::Duration};

use diesel::{
    QueryDsl, Queryable, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query,
    sql_types::Text,
};
use tempfile::TempDir;
use tenantry_domain::{
    clock::Timestamp,
    id::{EnvironmentId, TenantId, WebhookId},
};

use self::server::OwnDatabase;
use crate::{
    Database, DatabaseOptions, DatabaseUrl, Synchronous,
    database::Backend,
    schema::changes,
    types::{DbTime, DbUuid},
};

/// A database of its own for one test. It is gone when this is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    // Fields are dropped in this order: connections before their file.
    database: Database,
    options: DatabaseOptions,
    #[expect(dead_code, reason = "it is kept to be dropped")]
    home: Home,
}

/// What goes with a database.
#[derive(Debug)]
enum Home {
    Directory(#[expect(dead_code, reason = "it is kept to be dropped")] TempDir),
    Server(#[expect(dead_code, reason = "it is kept to be dropped")] OwnDatabase),
}

/// A PostgreSQL database for a program that connects to it by its URL. It is gone when
/// this is dropped.
#[derive(Debug)]
pub struct PostgresDatabase(OwnDatabase);

impl PostgresDatabase {
    /// One without any table, on the server that `TENANTRY_TEST_POSTGRES_URL` names or else
    /// on one that this process starts and takes away with it. `None`, and a line that
    /// says so, where there is neither; with `CI=true` that is a failure.
    pub fn empty() -> Option<Self> {
        OwnDatabase::make(None).map(Self)
    }

    /// One with the whole schema; `None` as [`empty`](Self::empty).
    pub fn migrated() -> Option<Self> {
        static MODEL: OnceLock<Option<String>> = OnceLock::new();
        // Migrated once, and copied for each test.
        let model = MODEL.get_or_init(|| {
            // One that stays would be left behind on a server that stays.
            let model = OwnDatabase::make(None).filter(|_| server::is_thrown_away())?;
            let name = model.name().to_owned();
            migrate(&model);
            // It is needed until the end, and then it is gone with its server.
            std::mem::forget(model);
            Some(name)
        });
        let database = OwnDatabase::make(model.as_deref())?;
        if model.is_none() {
            migrate(&database);
        }
        Some(Self(database))
    }

    /// Where it is, with the password if there is one.
    pub fn url(&self) -> String {
        self.0.url.exposed()
    }
}

fn migrate(database: &OwnDatabase) {
    let options = DatabaseOptions::new(database.url.clone());
    Database::open(&options)
        .expect("a new database can be opened")
        .migrate()
        .expect("a new database can be migrated");
}

/// Does the same with a connection of either database that may write.
macro_rules! with_writer {
    ($database:expr, |$conn:ident| $work:expr) => {
        match $database.backend() {
            Backend::Sqlite(backend) => backend.with_writer(|$conn| $work),
            Backend::Postgres(backend) => backend.with_writer(|$conn| $work),
        }
    };
}

/// A change as the database keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedChange {
    /// Its place in the order of all changes.
    pub sequence: i64,
    /// What happened, as the word on the wire.
    pub kind: String,
    /// When.
    pub time: Timestamp,
    /// The tenant that it concerns.
    pub tenant_id: Option<TenantId>,
    /// The client that it concerns.
    pub client_id: Option<String>,
    /// The environment that it concerns.
    pub environment_id: Option<EnvironmentId>,
    /// The subject's version.
    pub version: Option<i32>,
    /// Which kind of actor made it.
    pub actor_kind: String,
    /// Which actor made it.
    pub actor_id: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// The subject as JSON.
    pub subject: String,
    /// The id that the tenant had before.
    pub previous_tenant_id: Option<TenantId>,
    /// The webhook that it is about.
    pub webhook_id: Option<WebhookId>,
}

impl TestDatabase {
    /// An empty SQLite database with the whole schema.
    pub fn sqlite() -> Self {
        let test = Self::bare_sqlite();
        test.migrate().expect("a new database can be migrated");
        test
    }

    /// A PostgreSQL database with the whole schema; `None` where there is no server, as
    /// [`PostgresDatabase::empty`] says.
    pub fn postgres() -> Option<Self> {
        PostgresDatabase::migrated().map(|database| Self::on_postgres(database.0))
    }

    /// An SQLite database without any table.
    pub fn bare_sqlite() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let url = DatabaseUrl::sqlite(directory.path().join("tenantry.db"));
        Self::open(url, Home::Directory(directory))
    }

    /// A PostgreSQL database without any table; `None` as [`PostgresDatabase::empty`].
    pub fn bare_postgres() -> Option<Self> {
        OwnDatabase::make(None).map(Self::on_postgres)
    }

    /// A database without any table, of the same kind as this one.
    #[must_use]
    pub fn bare(&self) -> Self {
        match self.database.backend() {
            Backend::Sqlite(_) => Self::bare_sqlite(),
            Backend::Postgres(_) => Self::bare_postgres().expect("its server is there"),
        }
    }

    fn on_postgres(database: OwnDatabase) -> Self {
        Self::open(database.url.clone(), Home::Server(database))
    }

    fn open(url: DatabaseUrl, home: Home) -> Self {
        let options = DatabaseOptions {
            // Power failures are not what tests are about, and disks are slow.
            synchronous: Synchronous::Normal,
            // Two slow cores that many tests share are no reason to fail one of them.
            busy_timeout: Duration::from_secs(20),
            pool: 6,
            ..DatabaseOptions::new(url)
        };
        Self {
            database: Database::open(&options).expect("a new database can be opened"),
            options,
            home,
        }
    }

    /// How it was opened.
    pub fn options(&self) -> &DatabaseOptions {
        &self.options
    }

    /// The same database opened once more, as another process would.
    pub fn open_again(&self) -> Database {
        Database::open(&self.options).expect("an open database can be opened again")
    }

    /// The same database with less patience than the tests have otherwise.
    pub fn open_impatient(&self, busy_timeout: Duration) -> Database {
        Database::open(&DatabaseOptions {
            busy_timeout,
            ..self.options.clone()
        })
        .expect("an open database can be opened again")
    }

    /// Everything on the record of changes, in order.
    pub fn changes(&self) -> Vec<RecordedChange> {
        let rows: Vec<ChangeRow> = with_writer!(self.database, |conn| {
            changes::table.order(changes::sequence).load(conn)
        })
        .expect("the record of changes can be read");
        rows.into_iter().map(RecordedChange::from).collect()
    }

    /// Runs statements behind the back of the store: to break what it relies on.
    pub fn execute(&self, statements: &str) {
        with_writer!(self.database, |conn| conn.batch_execute(statements))
            .expect("the test's statements are well-formed");
    }

    /// Lets the next tenant have that number, as if those before it had been given out in vain.
    pub fn skip_to_number(&self, number: i64) {
        match self.database.backend() {
            Backend::Sqlite(_) => self.execute(&format!(
                "UPDATE sqlite_sequence SET seq = {number} - 1 WHERE name = 'tenants'"
            )),
            Backend::Postgres(_) => self.execute(&format!(
                "ALTER SEQUENCE tenants_number_seq RESTART WITH {number}"
            )),
        }
    }

    /// Everything in the schema as the database itself describes it, in a fixed order.
    pub fn schema(&self) -> Vec<String> {
        self.lines(shape::SQLITE_DEFINITIONS, shape::POSTGRES_DEFINITIONS)
    }

    /// The tables, columns, nullability, uniqueness, indexes and foreign keys, in words
    /// that are the same for all databases.
    pub fn shape(&self) -> Vec<String> {
        self.lines(shape::SQLITE, shape::POSTGRES)
    }

    fn lines(&self, sqlite: &str, postgres: &str) -> Vec<String> {
        let query = match self.database.backend() {
            Backend::Sqlite(_) => sqlite,
            Backend::Postgres(_) => postgres,
        };
        let rows: Vec<Line> = with_writer!(self.database, |conn| sql_query(query).load(conn))
            .expect("the schema can be read");
        let mut lines: Vec<_> = rows.into_iter().map(|row| row.text).collect();
        lines.sort();
        lines
    }
}

impl Deref for TestDatabase {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    text: String,
}

#[derive(Queryable)]
struct ChangeRow {
    sequence: i64,
    kind: String,
    time: DbTime,
    tenant_id: Option<DbUuid>,
    client_id: Option<String>,
    environment_id: Option<DbUuid>,
    version: Option<i32>,
    actor_kind: String,
    actor_id: Option<String>,
    request_id: Option<String>,
    subject: String,
    previous_tenant_id: Option<DbUuid>,
    webhook_id: Option<DbUuid>,
}

impl From<ChangeRow> for RecordedChange {
    fn from(row: ChangeRow) -> Self {
        Self {
            sequence: row.sequence,
            kind: row.kind,
            time: row.time.into(),
            tenant_id: row.tenant_id.map(TenantId::from),
            client_id: row.client_id,
            environment_id: row.environment_id.map(EnvironmentId::from),
            version: row.version,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            request_id: row.request_id,
            subject: row.subject,
            previous_tenant_id: row.previous_tenant_id.map(TenantId::from),
            webhook_id: row.webhook_id.map(WebhookId::from),
        }
    }
}
