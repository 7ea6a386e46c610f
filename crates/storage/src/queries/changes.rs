//! The record of changes.

use std::collections::BTreeSet;

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper};
use tenantry_domain::{
    change::NewChange,
    client::ClientId,
    clock::Timestamp,
    environment::EnvironmentAccess,
    feed::{ChangePage, Sequence, StoredChange},
    id::{EnvironmentId, RequestId},
    page::Limit,
    port::{ChangeLog, ChangeQueries, StoreError},
    version::Version,
};

use super::{Conn, ROWS, Session, ops};
use crate::{
    error::Failure,
    rows::{ChangeRow, Row},
    schema::changes,
    statements::Part,
    types::{DbTime, DbUuid},
};

/// The columns of a change's row.
macro_rules! values {
    ($change:expr) => {{
        let change: &NewChange = $change;
        (
            changes::kind.eq(change.kind.as_str()),
            changes::time.eq(DbTime(change.time)),
            changes::tenant_id.eq(change.tenant_id.map(DbUuid::from)),
            changes::client_id.eq(change.client_id.as_ref().map(ClientId::as_str)),
            changes::environment_id.eq(change.environment_id.map(DbUuid::from)),
            changes::version.eq(change.version.map(Version::get)),
            changes::actor_kind.eq(change.actor.kind()),
            changes::actor_id.eq(change.actor.id()),
            changes::request_id.eq(change.request_id.as_ref().map(RequestId::as_str)),
            changes::subject.eq(&change.subject),
            changes::previous_tenant_id.eq(change.previous_tenant_id.map(DbUuid::from)),
            changes::webhook_id.eq(change.webhook_id.map(DbUuid::from)),
        )
    }};
}

/// How many changes are looked at, at the most, for a caller that knows of some environments
/// only: few enough that the look is short, whatever is there.
const WINDOW: i64 = 10_000;

impl ChangeQueries for Session {
    fn after(
        &mut self,
        access: &EnvironmentAccess,
        after: Sequence,
        limit: Limit,
    ) -> Result<ChangePage, StoreError> {
        self.run(|conn| match access {
            EnvironmentAccess::All => of_all(conn, after, limit),
            EnvironmentAccess::Only(ids) => of_some(conn, ids, after, limit),
        })
    }

    fn latest(&mut self) -> Result<Sequence, StoreError> {
        self.run(latest)
    }
}

fn latest(conn: &mut Conn) -> Result<Sequence, Failure> {
    let last: Option<i64> = changes::table
        .select(changes::sequence)
        .order(changes::sequence.desc())
        .first(conn)
        .optional()?;
    place(last.unwrap_or(0))
}

fn of_all(conn: &mut Conn, after: Sequence, limit: Limit) -> Result<ChangePage, Failure> {
    let rows: Vec<ChangeRow> = changes::table
        .select(ChangeRow::as_select())
        .filter(changes::sequence.gt(after.get()))
        .order(changes::sequence)
        .limit(limit.get().into())
        .load(conn)?;
    let is_end = rows.len() < usize::from(limit.get());
    let changes = into_domain(rows)?;
    let next = changes.last().map_or(after, |change| change.sequence);
    Ok(ChangePage {
        changes,
        next,
        is_end,
    })
}

/// Where others' changes are many, an index of each environment's would be read less, but be
/// written with every change.
fn of_some(
    conn: &mut Conn,
    ids: &BTreeSet<EnvironmentId>,
    after: Sequence,
    limit: Limit,
) -> Result<ChangePage, Failure> {
    let last = latest(conn)?.max(after).get();
    let end = after.get().saturating_add(WINDOW).min(last);
    let ids: Vec<_> = ids.iter().copied().map(DbUuid::from).collect();
    let rows: Vec<ChangeRow> = changes::table
        .select(ChangeRow::as_select())
        .filter(changes::sequence.gt(after.get()))
        .filter(changes::sequence.le(end))
        .filter(changes::environment_id.eq_any(ids))
        .order(changes::sequence)
        .limit(limit.get().into())
        .load(conn)?;
    let is_full = rows.len() == usize::from(limit.get());
    let changes = into_domain(rows)?;
    let next = match changes.last() {
        Some(change) if is_full => change.sequence,
        _ => place(end)?,
    };
    Ok(ChangePage {
        is_end: next.get() == last,
        changes,
        next,
    })
}

fn into_domain(rows: Vec<ChangeRow>) -> Result<Vec<StoredChange>, Failure> {
    let changes: Result<_, _> = rows.into_iter().map(ChangeRow::into_domain).collect();
    Ok(changes?)
}

fn place(number: i64) -> Result<Sequence, Failure> {
    let place = Row("change", number).field("sequence", Sequence::new(number));
    Ok(place?)
}

impl ChangeLog for Session {
    fn latest_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        if self.latest_change.is_none() {
            self.latest_change = self.run(|conn| {
                let latest: Option<DbTime> = changes::table
                    .select(changes::time)
                    .order(changes::sequence.desc())
                    .top(1)
                    .get_result(conn)
                    .optional()?;
                Ok(latest.map(|DbTime(time)| time))
            })?;
        }
        Ok(self.latest_change)
    }

    /// The database draws the number while the unit holds the write lock, so numbers
    /// rise in the order of commits, and one that is drawn in vain is drawn again.
    fn append(&mut self, change: &NewChange) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::insert_into(changes::table)
                .values(values!(change))
                .execute(conn)?;
            Ok(())
        })?;
        self.note_latest(change);
        Ok(())
    }

    fn append_all(&mut self, all: &[NewChange]) -> Result<(), StoreError> {
        self.run(|conn| {
            for some in all.chunks(ROWS) {
                let first = ops::draw_change_numbers(conn, some.len())?;
                let rows: Vec<_> = some
                    .iter()
                    .zip(first..)
                    .map(|(change, number)| (changes::sequence.eq(number), values!(change)))
                    .collect();
                diesel::insert_into(changes::table)
                    .values(rows)
                    .execute(conn)?;
            }
            Ok(())
        })?;
        if let Some(last) = all.last() {
            self.note_latest(last);
        }
        Ok(())
    }
}

impl Session {
    /// Notes the change that was appended last, if it is known what was the latest before. Where
    /// that is undone with its unit, a later one in the same transaction is behind it all
    /// the same.
    fn note_latest(&mut self, change: &NewChange) {
        if self.latest_change.is_some() {
            self.latest_change = Some(change.time);
        }
    }
}
