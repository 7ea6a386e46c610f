//! The record of changes.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};
use tenantry_domain::{
    change::NewChange,
    client::ClientId,
    clock::Timestamp,
    id::RequestId,
    port::{ChangeLog, StoreError},
    version::Version,
};

use super::{ROWS, Session, ops};
use crate::{
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
        )
    }};
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
