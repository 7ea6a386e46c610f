//! What SQLite does in its own way.

use diesel::{
    BoxableExpression, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult,
    QueryableByName, RunQueryDsl,
    dsl::sql,
    result::Error,
    sql_query,
    sql_types::{Bool, Text},
    sqlite::Sqlite,
};

use super::Conn;
use crate::{
    error::is_read_only,
    migrate::{Ended, MigrateError},
    schema::{__diesel_schema_migrations as applied, tenants},
    types::{DbTime, DbUuid, SqlTimestamp},
};

/// Begins a transaction that reads one state: that of its first statement.
pub(super) const BEGIN_READ: &str = "BEGIN DEFERRED";

/// Begins a transaction that writes. It takes the write lock at once: one that took it
/// only when it first writes would fail if another has written since it first read.
pub(super) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

/// Undoes a transaction, or ends one that has only read.
pub(super) use super::fixed::roll_back;

/// Makes a unit durable.
pub(super) const COMMIT: &str = "COMMIT";

/// Reads tenants by their names. Left to choose, SQLite walks through all tenants, since
/// that spares it the sorting.
pub(super) const BY_NAME: &str = "INDEXED BY tenants_by_name";

/// How many events one statement inserts. One that inserts several keeps a journal of every page
/// that it touches, to undo itself alone.
pub(super) const EVENTS: usize = 1;

/// The first of the next numbers of changes, for whoever gives them to that many. SQLite notes
/// itself which ones were given.
pub(super) fn draw_change_numbers(conn: &mut Conn, _count: usize) -> QueryResult<i64> {
    sequences::table
        .select(sequences::seq + 1)
        .filter(sequences::name.eq("changes"))
        .first(conn)
        .optional()
        .map(|next| next.unwrap_or(1))
}

diesel::table! {
    #[sql_name = "sqlite_sequence"]
    sequences (name) {
        name -> Text,
        seq -> BigInt,
    }
}

/// Whether a connection is to be dropped after that error: where it can only read. SQLite opens a file so
/// by itself when it could not be opened for writing, and then even begins transactions that would
/// write; the connection would stay like this after the cause is gone. The file itself does not go away, and a
/// transaction that SQLite has ended by itself shows when it is rolled back.
pub(super) fn loses_connection(error: &Error) -> bool {
    is_read_only(error)
}

/// A condition on tenants.
type Condition = Box<dyn BoxableExpression<tenants::table, Sqlite, SqlType = Bool>>;

/// Whether a tenant's number is one of these, of which there may be any number: they are
/// handed over as one text, since a statement takes only so many values.
///
/// `alone` says that no choice of ids is asked for as well. With one, the numbers must not
/// be looked up (which is what `+` is for): the index of ids has the numbers in it, and
/// SQLite would try there every id with every number.
pub(super) fn number_among(numbers: &[i64], alone: bool) -> Condition {
    let number = if alone {
        "tenants.number"
    } else {
        "+tenants.number"
    };
    let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    Box::new(
        sql::<Bool>(&format!("{number} IN (SELECT value FROM json_each("))
            .bind::<Text, _>(format!("[{}]", numbers.join(",")))
            .sql("))"),
    )
}

/// Whether a tenant's id is one of these, of which there may be any number.
pub(super) fn id_among(ids: &[DbUuid]) -> Condition {
    let ids: Vec<_> = ids
        .iter()
        .map(|id| format!("\"{}\"", id.0.simple()))
        .collect();
    Box::new(
        sql::<Bool>("tenants.id IN (SELECT unhex(value) FROM json_each(")
            .bind::<Text, _>(format!("[{}]", ids.join(",")))
            .sql("))"),
    )
}

#[derive(QueryableByName)]
struct TableName {
    #[diesel(sql_type = Text)]
    table: String,
}

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = SqlTimestamp)]
    now: DbTime,
}

/// The present instant by the clock of the machine, in whole milliseconds: the database has no other.
pub(super) fn clock(conn: &mut Conn) -> QueryResult<DbTime> {
    let now: Now = sql_query("SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS now")
        .get_result(conn)?;
    Ok(now.now)
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
pub(super) fn exclusively<T, E: From<Error> + From<MigrateError>>(
    conn: &mut Conn,
    work: impl FnOnce(&mut Conn) -> Result<T, E>,
) -> Result<T, E> {
    let mut is_done = false;
    let done = conn.immediate_transaction(|conn| {
        let result = work(conn).map_err(Ended::Work)?;
        let dangling = sql_query("PRAGMA foreign_key_check").get_result::<TableName>(conn);
        let dangling = dangling.optional();
        if let Some(TableName { table }) = dangling.map_err(|error| Ended::Work(error.into()))? {
            return Err(Ended::Work(MigrateError::Dangling(table).into()));
        }
        is_done = true;
        Ok(result)
    });
    done.map_err(|ended: Ended<E>| ended.into_error(is_done))
}

/// Nothing: a transaction may stay open here for as long as its process likes.
pub(super) const KEEP_OPEN: &str = "";

/// The last numbers of tenants and of changes that were given out.
pub(super) fn last_numbers(conn: &mut Conn) -> QueryResult<(i64, i64)> {
    let mut last = |table: &str| {
        sequences::table
            .select(sequences::seq)
            .filter(sequences::name.eq(table))
            .first::<i64>(conn)
            .optional()
            .map(Option::unwrap_or_default)
    };
    Ok((last("tenants")?, last("changes")?))
}

/// Lets numbers go on behind these.
pub(super) fn set_last_numbers(conn: &mut Conn, tenants: i64, changes: i64) -> QueryResult<()> {
    for (table, last) in [("tenants", tenants), ("changes", changes)] {
        let row = sequences::table.filter(sequences::name.eq(table));
        diesel::delete(row).execute(conn)?;
        diesel::insert_into(sequences::table)
            .values((sequences::name.eq(table), sequences::seq.eq(last)))
            .execute(conn)?;
    }
    Ok(())
}

/// Runs `work`, which gives tenants numbers of its own.
pub(super) fn with_given_numbers<T, E>(
    conn: &mut Conn,
    work: impl FnOnce(&mut Conn) -> Result<T, E>,
) -> Result<T, E> {
    work(conn)
}
