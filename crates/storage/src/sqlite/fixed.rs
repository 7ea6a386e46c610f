//! Statements that are always the same: prepared once for each connection.

use diesel::{
    QueryResult, RunQueryDsl, SqliteConnection,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::BigInt,
    sqlite::Sqlite,
};

/// Begins a transaction that reads.
pub(super) fn begin_read(conn: &mut SqliteConnection) -> QueryResult<()> {
    BeginRead.execute(conn).map(drop)
}

/// Undoes a transaction, or ends one that has only read.
pub(super) fn roll_back(conn: &mut SqliteConnection) -> QueryResult<()> {
    RollBack.execute(conn).map(drop)
}

/// The state of the database: the same number on the same connection tells that nobody has
/// committed anything on another one in between. In a transaction that has read nothing yet, this takes
/// the state that it will see.
pub(super) fn state(conn: &mut SqliteConnection) -> QueryResult<i64> {
    DataVersion.get_result(conn)
}

macro_rules! fixed {
    ($name:ident, $text:literal) => {
        #[derive(Clone, Copy)]
        struct $name;

        impl QueryId for $name {
            type QueryId = Self;

            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl QueryFragment<Sqlite> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
                out.push_sql($text);
                Ok(())
            }
        }

        impl RunQueryDsl<SqliteConnection> for $name {}
    };
}

fixed!(BeginRead, "BEGIN DEFERRED");
fixed!(RollBack, "ROLLBACK");
fixed!(DataVersion, "PRAGMA data_version");

impl Query for DataVersion {
    type SqlType = BigInt;
}
