//! The database of a server, looked into and changed behind its back.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection};
use tenantry_storage::testing::PostgresDatabase;

/// What one server works on, with all of its processes.
#[derive(Debug)]
pub(crate) enum Database {
    Sqlite(PathBuf),
    Postgres(PostgresDatabase),
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Of each table a query for its rows as text, in which bytes that are readable are
/// readable.
const ROWS_OF_EACH_TABLE: &str = r"
    SELECT 'SELECT concat_ws(chr(9), ' || string_agg(
        CASE WHEN a.atttypid = 'bytea'::regtype THEN format('encode(%I, ''escape'')', a.attname)
        ELSE quote_ident(a.attname) END, ', ' ORDER BY a.attnum
    ) || ') AS line FROM ' || c.oid::regclass AS line
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
    GROUP BY c.oid";

/// Does the same with a connection to either.
macro_rules! with_connection {
    ($database:expr, |$conn:ident| $work:expr) => {
        match $database {
            Database::Sqlite(path) => {
                let $conn = &mut SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                let patient = "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON";
                $conn.batch_execute(patient).unwrap();
                $work
            }
            Database::Postgres(database) => {
                let $conn = &mut PgConnection::establish(&database.url()).unwrap();
                $work
            }
        }
    };
}

impl Database {
    pub(super) fn sqlite(file: &Path) -> Self {
        Self::Sqlite(file.to_owned())
    }

    pub(super) fn empty_postgres() -> Self {
        Self::Postgres(there(PostgresDatabase::empty()))
    }

    pub(super) fn migrated_postgres() -> Self {
        Self::Postgres(there(PostgresDatabase::migrated()))
    }

    /// Its file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// What a server must be told, to find it.
    pub(crate) fn url(&self) -> Option<String> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(database) => Some(database.url()),
        }
    }

    /// Runs statements beside the running server, where no route and no command does it.
    pub(crate) fn execute(&self, statements: &str) {
        with_connection!(self, |conn| conn.batch_execute(statements)).unwrap();
    }

    /// The rows of a query whose one column is named `number`.
    pub(crate) fn numbers(&self, query: &str) -> Vec<i64> {
        let rows: Vec<Number> =
            with_connection!(self, |conn| diesel::sql_query(query).load(conn)).unwrap();
        rows.into_iter().map(|row| row.number).collect()
    }

    /// The rows of a query whose one column is named `line`.
    pub(crate) fn lines(&self, query: &str) -> Vec<String> {
        let rows: Vec<Line> =
            with_connection!(self, |conn| diesel::sql_query(query).load(conn)).unwrap();
        rows.into_iter().map(|row| row.line).collect()
    }

    /// Everything that it holds, by where it is found: the bytes of SQLite's files, or the
    /// rows of PostgreSQL's tables.
    pub(crate) fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let found: Vec<_> = match self {
            Self::Sqlite(path) => ["", "-wal", "-shm", "-journal"]
                .iter()
                .map(|suffix| format!("{}{suffix}", path.display()))
                .filter_map(|path| std::fs::read(&path).ok().map(|bytes| (path, bytes)))
                .collect(),
            Self::Postgres(_) => self
                .lines(ROWS_OF_EACH_TABLE)
                .into_iter()
                .map(|query| {
                    let rows = self.lines(&query).join("\n");
                    (query, rows.into_bytes())
                })
                .collect(),
        };
        assert!(
            found.iter().any(|(_, bytes)| !bytes.is_empty()),
            "the database holds nothing"
        );
        found
    }

    /// Fails unless the database finds itself in order. PostgreSQL was not killed, only
    /// its clients, and has no doubt of itself.
    pub(crate) fn assert_intact(&self) {
        if matches!(self, Self::Sqlite(_)) {
            let check = "SELECT integrity_check AS line FROM pragma_integrity_check";
            assert_eq!(self.lines(check), ["ok"]);
        }
    }
}

/// Where there is no PostgreSQL, which has been said by now, none of the tests of this
/// binary can be run: the others are, and this one ends well.
fn there(database: Option<PostgresDatabase>) -> PostgresDatabase {
    database.unwrap_or_else(|| std::process::exit(0))
}
