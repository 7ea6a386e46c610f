//! Noticing commits by NOTIFY, and by asking.

use std::time::{Duration, Instant};

use diesel::{
    ExpressionMethods, OptionalExtension, PgConnection, QueryDsl, RunQueryDsl,
    connection::SimpleConnection,
};
use tenantry_domain::port::StoreError;

use super::connection::{Manager, Role};
use crate::{
    error::{store_error, unreachable},
    schema::changes,
};

/// How often it asks for the last number, whatever it is told: the command line tells
/// nothing, and a server that was killed has not told its last change.
const ASKS_EVERY: Duration = Duration::from_millis(500);

/// A connection that is told by others, and asks from time to time.
pub(crate) struct Watch {
    conn: PgConnection,
    asked: Option<Instant>,
    last: Option<i64>,
}

impl Watch {
    /// What it tells needs not be durable, so nobody waits for a disk or a standby.
    pub(super) fn open(manager: &Manager) -> Result<Self, StoreError> {
        let conn = manager.of_role(Role::Reader).establish();
        let mut conn = conn.map_err(unreachable)?;
        conn.batch_execute("SET synchronous_commit = off; LISTEN tenantry_changes")
            .map_err(store_error)?;
        Ok(Self {
            conn,
            asked: None,
            last: None,
        })
    }

    pub(crate) fn look(&mut self) -> Result<bool, StoreError> {
        let mut heard = false;
        // What has arrived is taken from the socket; nothing is waited for.
        for notification in self.conn.notifications_iter() {
            notification.map_err(store_error)?;
            heard = true;
        }
        if self.asked.is_none_or(|asked| asked.elapsed() >= ASKS_EVERY) {
            let last: Option<i64> = changes::table
                .select(changes::sequence)
                .order(changes::sequence.desc())
                .first(&mut self.conn)
                .optional()
                .map_err(store_error)?;
            heard |= self.asked.is_none() || last != self.last;
            self.last = last;
            self.asked = Some(Instant::now());
        }
        Ok(heard)
    }

    pub(crate) fn tell(&mut self) -> Result<(), StoreError> {
        let told = self.conn.batch_execute("NOTIFY tenantry_changes");
        told.map_err(store_error)
    }
}
