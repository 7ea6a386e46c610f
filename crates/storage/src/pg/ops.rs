//! What PostgreSQL does in its own way.
//!
//! # Isolation
//!
//! A snapshot is a `REPEATABLE READ, READ ONLY` transaction: it sees the state that its
//! first statement has found, can't fail because of others, and keeps nobody waiting.
//!
//! Units of work queue. Each takes one advisory lock when it begins, before its first
//! statement, and has it until its commit is visible to others. So of two units the
//! second sees all that the first has done and nothing comes in between: what a unit has
//! checked still holds when it writes, tenants' numbers and times of creation rise in the
//! order of commits (a list's last cursor never skips a tenant that was begun earlier and
//! committed later), no unit meets a deadlock or a serialization failure, and none has to
//! be tried again. It is what the write lock of SQLite gives, so that every rule of the
//! domain holds on both for the same reason. `READ COMMITTED` is then enough: every
//! statement sees what was committed before it, and while the lock is held that is
//! nothing but what was there when it was taken.
//!
//! What this costs: there are as many writes a second as units fit in one after the other.
//! Those that wait in one server share a transaction and its commit (`docs/adr/0013`).
//! `docs/adr/0007` says what was considered instead.
//!
//! The numbers of changes don't rely on the lock: `next_change()` draws them from a row
//! that stays locked until its transaction ends.

use std::time::Duration;

use diesel::{
    BoxableExpression, ExpressionMethods, QueryDsl, QueryResult, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    pg::Pg,
    result::Error,
    sql_query,
    sql_types::{BigInt, Bool},
};

use super::{Conn, WRITE_LOCK};
use crate::{
    error::spares_connection,
    migrate::{Ended, MigrateError},
    schema::{__diesel_schema_migrations as applied, tenants},
    types::{DbTime, DbUuid, SqlTimestamp},
};

/// Begins a transaction that reads one state: that of its first statement.
pub(super) const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// How many events one statement inserts: a statement is a round trip.
pub(super) const EVENTS: usize = 64;

/// Undoes a transaction, or ends one that has only read.
pub(super) fn roll_back(conn: &mut Conn) -> QueryResult<()> {
    conn.batch_execute("ROLLBACK")
}

/// Begins a transaction that writes, and waits for its turn, no longer than that.
///
/// In one round trip. A server that has become a standby refuses `READ WRITE`, so that
/// its connections are found out here.
pub(super) fn begin_write(patience: Duration) -> String {
    let millis = patience.as_millis().max(1);
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE; \
         SET LOCAL lock_timeout = {millis}; \
         SELECT pg_advisory_xact_lock({WRITE_LOCK})"
    )
}

/// Makes a unit durable.
///
/// Without the limit of time that other statements have: a COMMIT that waits for a
/// synchronous standby has happened already, and cancelling it would turn the wait into a
/// success that may yet be lost.
pub(super) const COMMIT: &str = "SET LOCAL statement_timeout = 0; COMMIT";

/// A condition on tenants.
type Condition = Box<dyn BoxableExpression<tenants::table, Pg, SqlType = Bool>>;

/// Whether a tenant's number is one of these, of which there may be any number: an array
/// is one value. It is all the same here whether ids are asked for as well.
pub(super) fn number_among(numbers: &[i64], _alone: bool) -> Condition {
    Box::new(tenants::number.eq_any(numbers.to_vec()))
}

/// Whether a tenant's id is one of these, of which there may be any number.
pub(super) fn id_among(ids: &[DbUuid]) -> Condition {
    Box::new(tenants::id.eq_any(ids.to_vec()))
}
/// Reads tenants by their names: PostgreSQL knows from its statistics whether that is
/// better than to walk through all tenants until the page is full.
pub(super) const BY_NAME: &str = "";

#[derive(QueryableByName)]
struct Drawn {
    #[diesel(sql_type = BigInt)]
    last: i64,
}

/// Draws numbers for that many changes at once; gives the first. Each draw leaves a dead row
/// behind that the next one of the same transaction has to pass, so a draw for each of many
/// changes would cost the square of their number.
pub(super) fn draw_change_numbers(conn: &mut Conn, count: usize) -> QueryResult<i64> {
    let count = i64::try_from(count).map_err(|error| Error::SerializationError(error.into()))?;
    let drawn = sql_query("UPDATE change_counter SET last = last + $1 RETURNING last")
        .bind::<BigInt, _>(count)
        .get_result::<Drawn>(conn)?;
    Ok(drawn.last - count + 1)
}

#[derive(QueryableByName)]
struct There {
    #[diesel(sql_type = Bool)]
    there: bool,
}

/// Whether a connection is to be dropped after that error: it was lost, or the server has
/// become one that can't be written to.
pub(super) fn loses_connection(error: &Error) -> bool {
    !spares_connection(error)
}

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = SqlTimestamp)]
    now: DbTime,
}

/// The present instant by the clock of the server that the database runs on.
pub(super) fn clock(conn: &mut Conn) -> QueryResult<DbTime> {
    let now: Now = sql_query("SELECT clock_timestamp() AS now").get_result(conn)?;
    Ok(now.now)
}

/// The versions of the migrations that were applied, in order; none where the table of
/// them is not there yet.
pub(super) fn applied_migrations(conn: &mut Conn) -> QueryResult<Vec<String>> {
    // Asked of the catalogue, because `to_regclass` may remember, while its transaction
    // lasts, that the table was not there.
    let table = "SELECT EXISTS (SELECT FROM pg_class WHERE relname = '__diesel_schema_migrations' \
                 AND relnamespace IN (SELECT oid FROM pg_namespace \
                 WHERE nspname = ANY (current_schemas(false)))) AS there";
    if !sql_query(table).get_result::<There>(conn)?.there {
        return Ok(Vec::new());
    }
    applied::table
        .select(applied::version)
        .order(applied::version)
        .load(conn)
}

/// Runs `work` in one transaction that keeps every other writer and migrator out from
/// its beginning.
pub(super) fn exclusively<T, E: From<Error> + From<MigrateError>>(
    conn: &mut Conn,
    work: impl FnOnce(&mut Conn) -> Result<T, E>,
) -> Result<T, E> {
    use diesel::Connection;

    let mut is_done = false;
    let done = conn.transaction(|conn| {
        conn.batch_execute(&format!("SELECT pg_advisory_xact_lock({WRITE_LOCK})"))
            .map_err(|error| Ended::Work(error.into()))?;
        let result = work(conn).map_err(Ended::Work)?;
        is_done = true;
        Ok(result)
    });
    done.map_err(|ended: Ended<E>| ended.into_error(is_done))
}

/// Lets a transaction stay open for as long as whoever reads or writes beside it takes. Should its
/// process hang, others wait for its locks until somebody ends it.
pub(super) const KEEP_OPEN: &str = "SET LOCAL idle_in_transaction_session_timeout = 0";

#[derive(QueryableByName)]
struct LastNumbers {
    #[diesel(sql_type = BigInt)]
    tenants: i64,
    #[diesel(sql_type = BigInt)]
    changes: i64,
}

/// The last numbers of tenants and of changes that were given out.
pub(super) fn last_numbers(conn: &mut Conn) -> QueryResult<(i64, i64)> {
    let last: LastNumbers = sql_query(
        "SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS tenants, \
         (SELECT last FROM change_counter) AS changes FROM tenants_number_seq",
    )
    .get_result(conn)?;
    Ok((last.tenants, last.changes))
}

/// Lets numbers go on behind these.
pub(super) fn set_last_numbers(conn: &mut Conn, tenants: i64, changes: i64) -> QueryResult<()> {
    sql_query("SELECT setval('tenants_number_seq', greatest($1, 1), $1 > 0)")
        .bind::<BigInt, _>(tenants)
        .execute(conn)?;
    sql_query("UPDATE change_counter SET last = $1")
        .bind::<BigInt, _>(changes)
        .execute(conn)?;
    Ok(())
}

/// Runs `work`, which gives tenants numbers of its own.
pub(super) fn with_given_numbers<T, E: From<Error>>(
    conn: &mut Conn,
    work: impl FnOnce(&mut Conn) -> Result<T, E>,
) -> Result<T, E> {
    conn.batch_execute("ALTER TABLE tenants ALTER COLUMN number SET GENERATED BY DEFAULT")?;
    let result = work(conn)?;
    conn.batch_execute("ALTER TABLE tenants ALTER COLUMN number SET GENERATED ALWAYS")?;
    Ok(result)
}
