//! Analytic events. A row is a request; its two events are made of it here.

use std::collections::BTreeSet;

use diesel::{
    BoolExpressionMethods, BoxableExpression, Connection, ExpressionMethods,
    NullableExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl,
    SelectableHelper, sql_types::Bool,
};
use tenantry_domain::{
    client::ClientId,
    environment::EnvironmentAccess,
    event::{Event, EventFilter, EventId, EventName, EventPhase, EventQuery, ToldRequest},
    id::{RequestId, TenantId},
    page::{Cursor, Page},
    port::{EventQueries, EventRepository, StoreError},
};
use uuid::Uuid;

use super::{Conn, Session, event_rows::NewRow};
use crate::{error::Failure, rows::EventRow, schema::events, statements::Words, types::DbUuid};

type Db = <Conn as Connection>::Backend;
type Rows = events::BoxedQuery<'static, Db>;
type Condition = Box<dyn BoxableExpression<events::table, Db, SqlType = Bool>>;

/// From here on a request has failed: the first status that is a refusal.
const FAILED: i16 = 400;

/// The fewest rows that are read at once.
const LEAST_CHUNK: u16 = 50;

impl EventQueries for Session {
    fn page(&mut self, query: &EventQuery) -> Result<Page<Event>, StoreError> {
        self.run(|conn| page(conn, query))
    }
}

impl EventRepository for Session {
    fn append(&mut self, requests: &[ToldRequest]) -> Result<(), StoreError> {
        self.run(|conn| {
            let rows: Vec<NewRow<'_>> = requests.iter().map(NewRow::from).collect();
            super::event_rows::insert(conn, &rows)?;
            Ok(())
        })
    }

    fn forget(&mut self, before: EventId, at_most: u32) -> Result<u32, StoreError> {
        self.run(|conn| {
            let old = events::table.filter(events::id.lt(db(before)));
            let beyond: Option<DbUuid> = old
                .select(events::id)
                .order(events::id)
                .offset(at_most.into())
                .first(conn)
                .optional()?;
            let end = beyond.unwrap_or(db(before));
            let forgotten =
                diesel::delete(events::table.filter(events::id.lt(end))).execute(conn)?;
            Ok(u32::try_from(forgotten).unwrap_or(u32::MAX))
        })
    }
}

fn db(id: EventId) -> DbUuid {
    DbUuid(id.as_uuid())
}

/// From which rows a page is made. In the index of each of them its rows are in the order of
/// time.
enum Source {
    /// What a caller has named so.
    Request(RequestId),
    /// The one that nobody has named, and whose first event this is.
    Unnamed(DbUuid),
    Tenant(TenantId),
    All,
}

impl Source {
    /// The sources that a filter asks for. Asked for together, several would be read to
    /// their ends, or all other rows too.
    fn of(filter: &EventFilter) -> Vec<Self> {
        if let Some(requests) = &filter.request_ids {
            let named = requests.iter().cloned().map(Self::Request);
            let unnamed = requests.iter().filter_map(|request| {
                let id = Uuid::try_parse(request.as_str()).ok()?;
                let is_spelled_so = RequestId::of(EventId::from_uuid(id)) == *request;
                is_spelled_so.then_some(Self::Unnamed(DbUuid(id)))
            });
            return named.chain(unnamed).collect();
        }
        match &filter.tenant_ids {
            Some(tenants) => tenants.iter().copied().map(Self::Tenant).collect(),
            None => vec![Self::All],
        }
    }

    /// Its rows whose events the query may want: all of them, or their second ones alone.
    fn rows(&self, query: &EventQuery, with_first: bool) -> Rows {
        let filter = &query.filter;
        let mut rows = events::table.into_boxed();
        rows = match self {
            Self::Request(id) => rows
                .filter(events::request_id.eq(id.as_str().to_owned()))
                // Said again as the index has it.
                .filter(Words("events.request_id <> ''")),
            Self::Unnamed(id) => rows
                .filter(events::id.eq(*id))
                .filter(Words("events.request_id = ''")),
            Self::Tenant(id) => {
                rows.filter(events::tenant_id.assume_not_null().eq(DbUuid::from(*id)))
            }
            Self::All => rows,
        };
        if let (Self::Request(_) | Self::Unnamed(_), Some(tenants)) = (self, &filter.tenant_ids) {
            let tenants: Vec<_> = tenants.iter().copied().map(DbUuid::from).collect();
            rows = rows.filter(events::tenant_id.assume_not_null().eq_any(tenants));
        }
        if let Some(clients) = &filter.client_ids {
            let clients: Vec<_> = clients.iter().map(ClientId::to_string).collect();
            rows = rows.filter(events::client_id.assume_not_null().eq_any(clients));
        }
        if let EnvironmentAccess::Only(ids) = &query.access {
            let ids: Vec<_> = ids.iter().copied().map(DbUuid::from).collect();
            rows = rows.filter(events::environment_id.assume_not_null().eq_any(ids));
        }
        match of_types(filter, with_first) {
            Some(condition) => rows.filter(condition),
            None => rows,
        }
    }
}

/// The rows that have an event of the wanted types, their first ones counted or not.
fn of_types(filter: &EventFilter, with_first: bool) -> Option<Condition> {
    let texts = |names: BTreeSet<EventName>| -> Vec<&'static str> {
        names.into_iter().map(EventName::as_str).collect()
    };
    let of = |phase| filter.names(phase).map(texts);
    let started = of(EventPhase::Start)?;
    let started = if with_first { started } else { Vec::new() };
    let succeeded = of(EventPhase::Success)?;
    let failed = of(EventPhase::Fail)?;
    let status = || events::status.assume_not_null();
    let succeeded = events::name.eq_any(succeeded).and(status().lt(FAILED));
    let failed = events::name.eq_any(failed).and(status().ge(FAILED));
    Some(Box::new(
        events::name.eq_any(started).or(succeeded).or(failed),
    ))
}

/// One page, newest first.
fn page(conn: &mut Conn, query: &EventQuery) -> Result<Page<Event>, Failure> {
    let wanted = usize::from(query.page.limit.get());
    let mut found: Vec<Event> = Vec::new();
    for source in Source::of(&query.filter) {
        found.extend(newest(conn, query, &source)?);
        found.sort_unstable_by_key(|event| std::cmp::Reverse(event.id));
        found.truncate(wanted);
    }
    Ok(Page::new(found, |event| Cursor {
        created_at: event.time(),
        id: event.id.as_uuid(),
    }))
}

/// The newest events of a source, and perhaps some more.
///
/// Rows are read in the order of their first events. A second event lies no further behind
/// than a request takes that is not slow, and those of slow requests are found by
/// themselves; so after a row has been read, all events are known that lie as far behind it.
fn newest(conn: &mut Conn, query: &EventQuery, source: &Source) -> Result<Vec<Event>, Failure> {
    let (first, end) = query.bounds();
    let filter = &query.filter;
    let wanted = usize::from(query.page.limit.get());
    let is_wanted = |event: &Event| (first..end).contains(&event.id) && filter.permits_type(event);
    let mut found: Vec<Event> = Vec::new();
    for request in slow(conn, query, source, first..end)? {
        found.extend(request.into_domain()?.finish().filter(is_wanted));
    }
    let near = |id: EventId, micros: i64| EventId::first_at(id.time().plus_micros(micros));
    let floor = near(first, -ToldRequest::SLOW_MICROS - 1);
    let chunk = i64::from(query.page.limit.get().max(LEAST_CHUNK));
    let mut before = end;
    loop {
        let rows: Vec<EventRow> = source
            .rows(query, true)
            .filter(events::id.lt(db(before)))
            .filter(events::id.ge(db(floor)))
            .select(EventRow::as_select())
            .order(events::id.desc())
            .limit(chunk)
            .load(conn)?;
        let is_last = rows.len() < usize::try_from(chunk).unwrap_or(usize::MAX);
        for row in rows {
            let is_slow = row.is_slow();
            let request = row.into_domain()?;
            before = request.id;
            found.extend(Some(request.start()).filter(is_wanted));
            if !is_slow {
                found.extend(request.finish().filter(is_wanted));
            }
        }
        let settled = near(before, ToldRequest::SLOW_MICROS + 1);
        let is_settled = |event: &&Event| event.id >= settled;
        if is_last || found.iter().filter(is_settled).count() >= wanted {
            return Ok(found);
        }
    }
}

/// The slow requests of a source whose second events lie there, the newest of them.
fn slow(
    conn: &mut Conn,
    query: &EventQuery,
    source: &Source,
    bounds: std::ops::Range<EventId>,
) -> QueryResult<Vec<EventRow>> {
    let end = events::slow_end.assume_not_null();
    source
        .rows(query, false)
        .filter(end.ge(db(bounds.start)))
        .filter(end.lt(db(bounds.end)))
        .select(EventRow::as_select())
        .order(events::slow_end.desc())
        .limit(query.page.limit.get().into())
        .load(conn)
}
