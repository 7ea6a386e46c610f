//! For tests: databases that are thrown away, and a look at what they hold.
#![expect(
    clippy::missing_panics_doc,
    reason = "a test ends where its database fails it"
)]

use std::{ops::Deref, time::Duration};

use diesel::{
    QueryDsl, Queryable, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query,
    sql_types::Text,
};
use tempfile::TempDir;
use tenantry_domain::{
    clock::Timestamp,
    id::{EnvironmentId, TenantId},
};

use crate::{
    Database, DatabaseOptions, DatabaseUrl, Synchronous,
    schema::changes,
    types::{DbTime, DbUuid},
};

/// A database of its own for one test. It is gone when this is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    // Fields are dropped in this order: connections before their file.
    database: Database,
    options: DatabaseOptions,
    _directory: TempDir,
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
}

impl TestDatabase {
    /// An empty SQLite database with the whole schema.
    pub fn sqlite() -> Self {
        let test = Self::bare_sqlite();
        test.migrate().expect("a new database can be migrated");
        test
    }

    /// An SQLite database without any table.
    pub fn bare_sqlite() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let url = DatabaseUrl::sqlite(directory.path().join("tenantry.db"));
        let options = DatabaseOptions {
            // Power failures are not what tests are about, and disks are slow.
            synchronous: Synchronous::Normal,
            // Two slow cores that many tests share are no reason to fail one of them.
            busy_timeout: Duration::from_secs(20),
            ..DatabaseOptions::new(url)
        };
        Self {
            database: Database::open(&options).expect("a new database can be opened"),
            options,
            _directory: directory,
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
        let rows: Vec<ChangeRow> = self
            .database
            .sqlite()
            .with_writer(|conn| changes::table.order(changes::sequence).load(conn))
            .expect("the record of changes can be read");
        rows.into_iter().map(RecordedChange::from).collect()
    }

    /// Runs statements behind the back of the store: to break what it relies on.
    pub fn execute(&self, statements: &str) {
        self.database
            .sqlite()
            .with_writer(|conn| conn.batch_execute(statements))
            .expect("the test's statements are well-formed");
    }

    /// The statements that make the schema, in the order of names.
    pub fn schema(&self) -> Vec<String> {
        let query = "SELECT type || ' ' || name || ': ' || coalesce(sql, '') AS text \
                     FROM sqlite_schema ORDER BY type, name";
        let rows: Vec<SchemaRow> = self
            .database
            .sqlite()
            .with_writer(|conn| sql_query(query).load(conn))
            .expect("the schema can be read");
        rows.into_iter().map(|row| row.text).collect()
    }
}

impl Deref for TestDatabase {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

#[derive(QueryableByName)]
struct SchemaRow {
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
        }
    }
}
