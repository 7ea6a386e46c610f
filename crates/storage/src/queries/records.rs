//! Records: tenants by filter, order and page number, with their total.

use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper, prelude::Connection};
use tenantry_domain::{
    page::NumberedPage,
    record::{Direction, RecordFilter, RecordKey, RecordOrder, RecordPage, RecordQuery},
    tenant::Tenant,
};

use super::{Conn, ops, tenants::into_domain};
use crate::{
    error::{Corrupt, Failure},
    rows::TenantRow,
    schema::tenants,
    types::{DbTime, DbUuid},
};

/// A query whose conditions and order are known only when it is made.
type Records = tenants::BoxedQuery<'static, <Conn as Connection>::Backend>;

/// One page of the records that are asked for, and their total.
pub(super) fn page(conn: &mut Conn, query: &RecordQuery) -> Result<RecordPage, Failure> {
    let RecordQuery {
        filter,
        order,
        page,
    } = query;
    if filter.is_none() {
        return Ok(RecordPage::default());
    }
    let total = if filter.is_all() {
        total(conn)?
    } else {
        total_of(conn, filter)?
    };
    let is_past_the_end = u64::try_from(page.offset()).is_ok_and(|offset| offset >= total);
    let tenants = if page.size() == 0 || is_past_the_end {
        Vec::new()
    } else if filter.is_all() && order.is_default() {
        by_rank(conn, *page)?
    } else {
        page_of(conn, filter, order, *page)?
    };
    Ok(RecordPage { tenants, total })
}

/// How many tenants there are.
fn total(conn: &mut Conn) -> Result<u64, Failure> {
    let count: i64 = tenants::table.count().get_result(conn)?;
    Ok(count.unsigned_abs())
}

/// One page of all tenants in the order of their numbers.
fn by_rank(conn: &mut Conn, page: NumberedPage) -> Result<Vec<Tenant>, Failure> {
    let rows = tenants::table
        .select((TenantRow::as_select(), tenants::data))
        .order(tenants::number)
        .limit(page.size().into())
        .offset(page.offset())
        .load(conn)?;
    Ok(all_into_domain(rows)?)
}

/// How many tenants a filter lets through.
fn total_of(conn: &mut Conn, filter: &RecordFilter) -> Result<u64, Failure> {
    let count: i64 = filtered(filter).count().get_result(conn)?;
    Ok(count.unsigned_abs())
}

/// One page of those that a filter lets through, in any order.
fn page_of(
    conn: &mut Conn,
    filter: &RecordFilter,
    order: &RecordOrder,
    page: NumberedPage,
) -> Result<Vec<Tenant>, Failure> {
    let rows = ordered(filtered(filter), order)
        .select((TenantRow::as_select(), tenants::data))
        .limit(page.size().into())
        .offset(page.offset())
        .load(conn)?;
    Ok(all_into_domain(rows)?)
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

fn ordered(records: Records, order: &RecordOrder) -> Records {
    use Direction::{Ascending, Descending};
    use RecordKey::{CreatedAt, Number, UpdatedAt};
    order.keys().iter().fold(records, |records, key| match key {
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
