//! Records: tenants by filter, order and page number, with their total.

use std::{collections::HashMap, ops::Range};

use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper, prelude::Connection,
};
use tenantry_domain::{
    page::NumberedPage,
    record::{Direction, RecordFilter, RecordKey, RecordOrder, RecordPage, RecordQuery},
    tenant::Tenant,
};

use super::{Conn, counts::Counts, ops, tenants::into_domain};
use crate::{
    error::{Corrupt, Failure},
    rows::TenantRow,
    schema::tenants,
    statements::Part,
    types::{DbTime, DbUuid},
};

/// A query whose conditions and order are known only when it is made.
type Records = tenants::BoxedQuery<'static, <Conn as Connection>::Backend>;

/// One page of the records that are asked for, and their total.
///
/// By the counts of tenants where only the creation matters to the filter and, for the page,
/// to the order: then neither costs more at a greater depth. All else costs what the filter
/// lets through, and an order by change what lies before the page.
pub(super) fn page(conn: &mut Conn, query: &RecordQuery) -> Result<RecordPage, Failure> {
    let RecordQuery {
        filter,
        order,
        page,
    } = query;
    if filter.is_none() {
        return Ok(RecordPage::default());
    }
    let counts = Counts::load(conn)?;
    let ranks = ranks(conn, &counts, filter)?;
    let total = match &ranks {
        Some(ranks) => (ranks.end - ranks.start).unsigned_abs(),
        None => total_of(conn, filter)?,
    };
    let is_past_the_end = u64::try_from(page.offset()).is_ok_and(|offset| offset >= total);
    let tenants = match (ranks, order.of_creation()) {
        _ if page.size() == 0 || is_past_the_end => Vec::new(),
        (Some(ranks), Some(direction)) => by_rank(conn, &counts, ranks, direction, *page)?,
        _ => page_of(conn, filter, order, *page)?,
    };
    Ok(RecordPage { tenants, total })
}

/// The ranks of the tenants that a filter lets through, if they are one range.
fn ranks(
    conn: &mut Conn,
    counts: &Counts,
    filter: &RecordFilter,
) -> QueryResult<Option<Range<i64>>> {
    let bounds = match filter.created.bounds() {
        Some(bounds) if filter.is_of_creation() => bounds,
        _ => return Ok(None),
    };
    if filter.is_all() {
        return Ok(Some(0..counts.total()));
    }
    let (first, last) = bounds;
    let start = counts.rank_of(conn, DbTime(first))?;
    let end = counts.rank_of(conn, DbTime(last.plus_micros(1)))?;
    Ok(Some(start..end))
}

/// One page of the tenants of these ranks.
fn by_rank(
    conn: &mut Conn,
    counts: &Counts,
    ranks: Range<i64>,
    direction: Direction,
    page: NumberedPage,
) -> Result<Vec<Tenant>, Failure> {
    // The page lies within the ranks. From the end it is the same page upside down.
    let (offset, size) = (page.offset(), i64::from(page.size()));
    let (start, end) = match direction {
        Direction::Ascending => {
            let start = ranks.start + offset;
            (start, ranks.end.min(start + size))
        }
        Direction::Descending => {
            let end = ranks.end - offset;
            (ranks.start.max(end - size), end)
        }
    };
    let Some(place) = counts.place(conn, start)? else {
        return Ok(Vec::new());
    };
    let rows = tenants::table
        .select((TenantRow::as_select(), tenants::data))
        .filter(tenants::number.ge(place.from))
        .order(tenants::number)
        .top_behind(place.skip, end - start)
        .load(conn)?;
    let mut tenants = all_into_domain(rows)?;
    if direction == Direction::Descending {
        tenants.reverse();
    }
    Ok(tenants)
}

/// How many tenants a filter lets through.
fn total_of(conn: &mut Conn, filter: &RecordFilter) -> Result<u64, Failure> {
    let count: i64 = filtered(filter).count().get_result(conn)?;
    Ok(count.unsigned_abs())
}

/// One page of those that a filter lets through, in any order.
///
/// It is found by numbers alone, and only what is on it is read: a database that sorts, or
/// steps over what lies before, would carry everybody's data along.
fn page_of(
    conn: &mut Conn,
    filter: &RecordFilter,
    order: &RecordOrder,
    page: NumberedPage,
) -> Result<Vec<Tenant>, Failure> {
    let numbers: Vec<i64> = ordered(filtered(filter), filter, order)
        .select(tenants::number)
        .top_behind(page.offset(), page.size().into())
        .load(conn)?;
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tenants::table
        .filter(ops::number_among(&numbers, true))
        .select((TenantRow::as_select(), tenants::data))
        .load(conn)?;
    let mut page = all_into_domain(rows)?;
    let places: HashMap<i64, usize> = numbers.into_iter().zip(0..).collect();
    page.sort_by_key(|tenant| places.get(&tenant.number.get()).copied());
    Ok(page)
}

fn filtered(filter: &RecordFilter) -> Records {
    let mut records = tenants::table.into_boxed();
    if let Some(numbers) = &filter.numbers {
        let numbers: Vec<_> = numbers.iter().map(|number| number.get()).collect();
        records = records.filter(ops::number_among(&numbers, filter.ids.is_none()));
    }
    if let Some(ids) = &filter.ids {
        let ids: Vec<_> = ids.iter().copied().map(DbUuid::from).collect();
        records = records.filter(ops::id_among(&ids));
    }
    // A range that holds nothing was seen to before.
    if let (false, Some((first, last))) = (filter.created.is_all(), filter.created.bounds()) {
        records = records.filter(tenants::created_at.between(DbTime(first), DbTime(last)));
    }
    if let (false, Some((first, last))) = (filter.updated.is_all(), filter.updated.bounds()) {
        records = records.filter(tenants::updated_at.between(DbTime(first), DbTime(last)));
    }
    records
}

fn ordered(records: Records, filter: &RecordFilter, order: &RecordOrder) -> Records {
    use Direction::{Ascending, Descending};
    use RecordKey::{CreatedAt, Number, UpdatedAt};
    // A range of changes is read from its index and sorted. By the bare number, a database may
    // choose to walk through all tenants in order until it has met enough of the range.
    let detour = !filter.updated.is_all();
    order.keys().iter().fold(records, |records, key| match key {
        (Number, Ascending) if detour => records.then_order_by((tenants::number + 0_i64).asc()),
        (Number, Descending) if detour => records.then_order_by((tenants::number + 0_i64).desc()),
        (Number, Ascending) => records.then_order_by(tenants::number.asc()),
        (Number, Descending) => records.then_order_by(tenants::number.desc()),
        (CreatedAt, Ascending) => records.then_order_by(tenants::created_at.asc()),
        (CreatedAt, Descending) => records.then_order_by(tenants::created_at.desc()),
        (UpdatedAt, Ascending) => records.then_order_by(tenants::updated_at.asc()),
        (UpdatedAt, Descending) => records.then_order_by(tenants::updated_at.desc()),
    })
}

fn all_into_domain(rows: Vec<(TenantRow, String)>) -> Result<Vec<Tenant>, Corrupt> {
    rows.into_iter().map(into_domain).collect()
}
