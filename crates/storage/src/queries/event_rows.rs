//! Inserts many requests' rows by few statements.
//!
//! Every request that the server answers is a row here, so what one costs is what counts. A
//! statement that Diesel builds for a list of rows is written and prepared anew each time,
//! since it can't be known to be the same; these always are, and so are prepared once for
//! each connection. Few requests take so long that they were told of before, as running, and
//! only for those it is looked for a row whose end is to be stored.

use diesel::{
    Connection, QueryResult, RunQueryDsl,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{BigInt, Nullable, SmallInt, Text},
};
use tenantry_domain::{
    client::ClientId,
    event::{EventId, ToldRequest},
    id::RequestId,
};

use super::{Conn, ops::EVENTS};
use crate::types::{DbUuid, SqlUuid};

type Db = <Conn as Connection>::Backend;

/// A request as it goes into its row.
pub(super) struct NewRow<'a> {
    id: DbUuid,
    name: &'static str,
    /// `''` where that is what its id says.
    request_id: &'a str,
    client_id: Option<&'a str>,
    tenant_id: Option<DbUuid>,
    environment_id: Option<DbUuid>,
    status: Option<i16>,
    micros: Option<i64>,
    slow_end: Option<DbUuid>,
}

impl<'a> From<&'a ToldRequest> for NewRow<'a> {
    fn from(request: &'a ToldRequest) -> Self {
        let db = |id: EventId| DbUuid(id.as_uuid());
        // A status has three digits.
        let is_unnamed = RequestId::of(request.id) == request.request_id;
        let status = request.end.and_then(|end| i16::try_from(end.status).ok());
        Self {
            id: db(request.id),
            name: request.name.as_str(),
            request_id: if is_unnamed {
                ""
            } else {
                request.request_id.as_str()
            },
            client_id: request.client_id.as_ref().map(ClientId::as_str),
            tenant_id: request.tenant_id.map(DbUuid::from),
            environment_id: request.environment_id.map(DbUuid::from),
            status,
            micros: request.end.map(|end| end.micros),
            slow_end: request.slow_end().map(db),
        }
    }
}

/// Inserts rows, no two of the same id. Of one that is there already and has no end yet, the
/// end is stored.
pub(super) fn insert(conn: &mut Conn, rows: &[NewRow<'_>]) -> QueryResult<()> {
    let (slow, quick): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.may_be_there());
    for one in slow.chunks(1) {
        Insert::<1, true>(one).execute(conn)?;
    }
    let mut parts = quick.chunks_exact(EVENTS);
    for part in &mut parts {
        Insert::<EVENTS, false>(part).execute(conn)?;
    }
    for one in parts.remainder().chunks(1) {
        Insert::<1, false>(one).execute(conn)?;
    }
    Ok(())
}

impl NewRow<'_> {
    /// Whether it may have been told of before, as running.
    fn may_be_there(&self) -> bool {
        self.slow_end.is_some() || self.micros.is_none()
    }
}

/// Inserts exactly `N` rows. `ENDS` says whether the end of a row that is there is stored; without
/// that, such a row stays as it is.
struct Insert<'a, const N: usize, const ENDS: bool>(&'a [&'a NewRow<'a>]);

impl<const N: usize, const ENDS: bool> QueryId for Insert<'_, N, ENDS> {
    type QueryId = Insert<'static, N, ENDS>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const N: usize, const ENDS: bool> RunQueryDsl<Conn> for Insert<'_, N, ENDS> {}

impl<const N: usize, const ENDS: bool> QueryFragment<Db> for Insert<'_, N, ENDS> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO events (id, name, request_id, client_id, tenant_id, environment_id, \
             status, micros, slow_end) VALUES ",
        );
        for (place, row) in self.0.iter().enumerate() {
            out.push_sql(if place == 0 { "(" } else { ", (" });
            out.push_bind_param::<SqlUuid, _>(&row.id)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(row.name)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(row.request_id)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Text>, _>(&row.client_id)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<SqlUuid>, _>(&row.tenant_id)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<SqlUuid>, _>(&row.environment_id)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<SmallInt>, _>(&row.status)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<BigInt>, _>(&row.micros)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<SqlUuid>, _>(&row.slow_end)?;
            out.push_sql(")");
        }
        if !ENDS {
            out.push_sql(" ON CONFLICT (id) DO NOTHING");
            return Ok(());
        }
        out.push_sql(
            " ON CONFLICT (id) DO UPDATE SET \
             client_id = coalesce(excluded.client_id, events.client_id), \
             tenant_id = coalesce(excluded.tenant_id, events.tenant_id), \
             environment_id = coalesce(excluded.environment_id, events.environment_id), \
             status = excluded.status, micros = excluded.micros, slow_end = excluded.slow_end \
             WHERE events.micros IS NULL",
        );
        Ok(())
    }
}
