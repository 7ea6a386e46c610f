//! Pages of tenants: each way to narrow a list has an index that it is read from.

use std::collections::BTreeSet;

use diesel::{
    Connection, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl,
    SelectableHelper, sql_query, sql_types::Text,
};
use tenantry_domain::{
    environment::EnvironmentAccess,
    id::EnvironmentId,
    name::{self, NamePrefix},
    page::PageRequest,
    subdomain::Label,
    tenant::{TenantFilter, TenantStatus},
};

use super::{Conn, limit_of, ops, row_value, start_of};
use crate::{
    rows::TenantRow,
    schema::{environments, tenants},
    statements::{Part, Words},
    types::{DbUuid, SqlTimestamp, SqlUuid},
};

type Db = <Conn as Connection>::Backend;

/// One page of those in environments that the caller may know of and that the filter lets
/// through, oldest first.
pub(super) fn load(
    conn: &mut Conn,
    access: &EnvironmentAccess,
    filter: &TenantFilter,
    request: PageRequest,
) -> QueryResult<Vec<TenantRow>> {
    let ids = environments_of(access, filter.environment_id);
    let of_status = condition(filter.status);
    match (&filter.label, &filter.name, &ids) {
        (Some(label), name, ids) => {
            of_label(conn, ids.as_ref(), label, name.as_ref(), of_status, request)
        }
        (None, Some(name), ids) => by_name(conn, ids.as_ref(), name, of_status, request),
        (None, None, None) => of_all(conn, of_status, request),
        (None, None, Some(ids)) => of_some(conn, ids, of_status, request),
    }
}

/// The environments whose tenants are wanted; `None` for those of all.
fn environments_of(
    access: &EnvironmentAccess,
    wanted: Option<EnvironmentId>,
) -> Option<BTreeSet<EnvironmentId>> {
    match (access, wanted) {
        (EnvironmentAccess::All, None) => None,
        (EnvironmentAccess::Only(ids), None) => Some(ids.clone()),
        (access, Some(id)) => Some([id].into_iter().filter(|&id| access.permits(id)).collect()),
    }
}

/// The condition in the words of the indexes that are for suspended tenants only: a
/// database can't tell from a parameter that it may use them.
const fn condition(status: Option<TenantStatus>) -> &'static str {
    match status {
        None => "TRUE",
        Some(TenantStatus::Active) => "status = 'active'",
        Some(TenantStatus::Suspended) => "status = 'suspended'",
    }
}

fn of_all(
    conn: &mut Conn,
    of_status: &'static str,
    request: PageRequest,
) -> QueryResult<Vec<TenantRow>> {
    tenants::table
        .select(TenantRow::as_select())
        .filter(Words(of_status))
        .filter(row_value!(
            "(tenants.created_at, tenants.id)",
            ">",
            start_of(request)
        ))
        .order((tenants::created_at, tenants::id))
        .top(limit_of(request))
        .load(conn)
}

/// One page out of several environments, each read in order from its own index and all
/// merged. Asked for together they would be read to their ends, or all others too, at
/// every page.
fn of_some(
    conn: &mut Conn,
    ids: &BTreeSet<EnvironmentId>,
    of_status: &'static str,
    request: PageRequest,
) -> QueryResult<Vec<TenantRow>> {
    let wanted = usize::from(request.limit.get());
    let mut page: Vec<TenantRow> = Vec::new();
    for &id in ids {
        let of_environment = tenants::table
            .select(TenantRow::as_select())
            .filter(tenants::environment_id.eq(DbUuid::from(id)))
            .filter(Words(of_status))
            .filter(row_value!(
                "(tenants.created_at, tenants.id)",
                ">",
                start_of(request)
            ))
            .order((tenants::created_at, tenants::id));
        // Once the page is full, only what comes before its end is of interest.
        let rows = match page.get(wanted - 1).map(TenantRow::place) {
            None => of_environment.top(limit_of(request)).load(conn)?,
            Some(end) => of_environment
                .filter(row_value!("(tenants.created_at, tenants.id)", "<", end))
                .top(limit_of(request))
                .load(conn)?,
        };
        page.extend(rows);
        page.sort_by_key(TenantRow::place);
        page.truncate(wanted);
    }
    Ok(page)
}

/// The tenants of one label: at most one of each environment, each found by its host.
fn of_label(
    conn: &mut Conn,
    ids: Option<&BTreeSet<EnvironmentId>>,
    label: &Label,
    name: Option<&NamePrefix>,
    of_status: &'static str,
    request: PageRequest,
) -> QueryResult<Vec<TenantRow>> {
    let ids: Vec<DbUuid> = match ids {
        Some(ids) => ids.iter().map(|&id| DbUuid::from(id)).collect(),
        None => environments::table.select(environments::id).load(conn)?,
    };
    let begins = |folded: &str| {
        let prefix = name.map_or("", NamePrefix::start);
        folded.starts_with(prefix)
    };
    let mut page = Vec::new();
    for id in ids {
        let found: Option<(TenantRow, String)> = tenants::table
            .select((TenantRow::as_select(), tenants::name_folded))
            .filter(tenants::environment_id.eq(id))
            .filter(tenants::label.eq(label.as_str()))
            .filter(Words(of_status))
            .get_result(conn)
            .optional()?;
        let found = found.filter(|(row, folded)| begins(folded) && row.place() > start_of(request));
        page.extend(found.map(|(row, _)| row));
    }
    page.sort_by_key(TenantRow::place);
    page.truncate(request.limit.get().into());
    Ok(page)
}

/// One page of those whose names begin so: all of them are found by their names, and
/// sorted. No index has them in the order of pages, so this costs as much as there are.
fn by_name(
    conn: &mut Conn,
    ids: Option<&BTreeSet<EnvironmentId>>,
    name: &NamePrefix,
    of_status: &'static str,
    request: PageRequest,
) -> QueryResult<Vec<TenantRow>> {
    let (created_at, id) = start_of(request);
    let mut conditions = vec![
        of_status.to_owned(),
        "(created_at, id) > ($1, $2)".to_owned(),
        "name_folded >= $3".to_owned(),
    ];
    let end = name.end();
    if end.is_some() {
        conditions.push("name_folded < $4".to_owned());
    }
    if let Some(ids) = ids {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let first = if end.is_some() { 5 } else { 4 };
        let places = (first..first + ids.len()).map(|place| format!("${place}"));
        let places: Vec<_> = places.collect();
        conditions.push(format!("environment_id IN ({})", places.join(", ")));
    }
    let text = format!(
        "SELECT number, id, environment_id, label, name, status, version, created_at, updated_at \
         FROM tenants {} WHERE {} ORDER BY created_at, id LIMIT {}",
        ops::BY_NAME,
        conditions.join(" AND "),
        limit_of(request)
    );
    let mut query = sql_query(text)
        .into_boxed::<Db>()
        .bind::<SqlTimestamp, _>(created_at)
        .bind::<SqlUuid, _>(id)
        .bind::<Text, _>(name.start().to_owned());
    if let Some(end) = end {
        query = query.bind::<Text, _>(end);
    }
    for &id in ids.into_iter().flatten() {
        query = query.bind::<SqlUuid, _>(DbUuid::from(id));
    }
    query.load(conn)
}

/// Folds the names of tenants that an older program has written.
pub(super) fn fold_names(conn: &mut Conn) -> QueryResult<()> {
    loop {
        let rows: Vec<(i64, String)> = tenants::table
            .filter(tenants::name_folded.eq(""))
            .select((tenants::number, tenants::name))
            .top(1000)
            .load(conn)?;
        if rows.is_empty() {
            return Ok(());
        }
        for (number, name) in rows {
            diesel::update(tenants::table.find(number))
                .set(tenants::name_folded.eq(name::fold(&name)))
                .execute(conn)?;
        }
    }
}

/// Whether there is a tenant whose name an older program has written.
pub(super) fn has_unfolded_names(conn: &mut Conn) -> QueryResult<bool> {
    let unfolded = tenants::table.filter(tenants::name_folded.eq(""));
    diesel::select(diesel::dsl::exists(unfolded)).get_result(conn)
}
