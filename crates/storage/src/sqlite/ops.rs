//! What SQLite does in its own way.

use diesel::{
    OptionalExtension, QueryDsl, QueryResult, QueryableByName, RunQueryDsl, result::Error,
    sql_query, sql_types::Text,
};

use super::Conn;
use crate::{migrate::MigrateError, schema::__diesel_schema_migrations as applied};

/// Begins a transaction that reads one state: that of its first statement.
pub(super) const BEGIN_READ: &str = "BEGIN DEFERRED";

/// Begins a transaction that writes. It takes the write lock at once: one that took it
/// only when it first writes would fail if another has written since it first read.
pub(super) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

/// Makes a unit durable.
pub(super) const COMMIT: &str = "COMMIT";

/// Reads tenants by their names. Left to choose, SQLite walks through all tenants, since
/// that spares it the sorting.
pub(super) const BY_NAME: &str = "INDEXED BY tenants_by_name";

/// Whether a connection is to be dropped after that error. Never: the file does not go
/// away, and a transaction that SQLite has ended by itself shows when it is rolled back.
pub(super) fn loses_connection(_: &Error) -> bool {
    false
}

#[derive(QueryableByName)]
struct TableName {
    #[diesel(sql_type = Text)]
    table: String,
}

/// The versions of the migrations that were applied, in order; none where the table of
/// them is not there yet.
pub(super) fn applied_migrations(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let table = "SELECT name AS \"table\" FROM sqlite_schema \
                 WHERE type = 'table' AND name = '__diesel_schema_migrations'";
    match sql_query(table).get_result::<TableName>(conn).optional()? {
        Some(_) => applied::table
            .select(applied::version)
            .order(applied::version)
            .load(conn),
        None => Ok(Vec::new()),
    }
}

/// Runs `work` in one transaction that keeps every other writer and migrator out from
/// its beginning.
///
/// The connection does not enforce foreign keys, because a migration that makes a
/// table anew would otherwise delete, by cascade, what refers to the old one. So they
/// are checked before the commit.
pub(super) fn exclusively<T>(
    conn: &mut Conn,
    work: impl FnOnce(&mut Conn) -> Result<T, MigrateError>,
) -> Result<T, MigrateError> {
    conn.immediate_transaction(|conn| {
        let result = work(conn)?;
        match sql_query("PRAGMA foreign_key_check")
            .get_result::<TableName>(conn)
            .optional()?
        {
            Some(TableName { table }) => Err(MigrateError::Dangling(table)),
            None => Ok(result),
        }
    })
}
