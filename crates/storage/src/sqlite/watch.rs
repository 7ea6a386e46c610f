//! Noticing commits by the file itself.

use diesel::{QueryableByName, RunQueryDsl, SqliteConnection, sql_query, sql_types::BigInt};
use tenantry_domain::port::StoreError;

use super::connection::{Manager, Role};
use crate::error::{store_error, unreachable};

/// A connection that asks the file whether it has changed.
pub(crate) struct Watch {
    conn: SqliteConnection,
    seen: Option<i64>,
}

#[derive(QueryableByName)]
struct DataVersion {
    #[diesel(sql_type = BigInt)]
    data_version: i64,
}

impl Watch {
    pub(super) fn open(manager: &Manager) -> Result<Self, StoreError> {
        let conn = manager.of_role(Role::Reader).establish();
        Ok(Self {
            conn: conn.map_err(unreachable)?,
            seen: None,
        })
    }

    /// The number changes whenever another connection has committed. It is kept in memory
    /// that all processes share, so asking reads nothing from the disk.
    pub(crate) fn look(&mut self) -> Result<bool, StoreError> {
        let now: DataVersion = sql_query("PRAGMA data_version")
            .get_result(&mut self.conn)
            .map_err(store_error)?;
        let before = self.seen.replace(now.data_version);
        Ok(before != Some(now.data_version))
    }
}
