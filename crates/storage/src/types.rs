//! SQL types that every database has in its own way, and the values that go into them.
//!
//! One `table!` and one set of rows serve all databases because these two names stand
//! for a different native type in each. JSON needs none: it is kept as text, since
//! every native type for it would change digits or the order of members.

use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    query_builder::QueryId,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{BigInt, SqlType},
    sqlite::{Sqlite, SqliteValue},
};
use tenantry_domain::{
    clock::Timestamp,
    id::{ClientKey, EnvironmentId, RegionId, SecretId, SystemAccountId, TenantId},
};
use uuid::Uuid;

/// A UUID: 16 bytes in a BLOB on SQLite. Both sort it byte by byte, as Rust does.
#[derive(Clone, Copy, Debug, Default, QueryId, SqlType)]
#[diesel(sqlite_type(name = "Binary"))]
pub struct SqlUuid;

/// An instant: microseconds since 1970 in an INTEGER on SQLite.
#[derive(Clone, Copy, Debug, Default, QueryId, SqlType)]
#[diesel(sqlite_type(name = "Long"))]
pub struct SqlTimestamp;

/// A value of [`SqlUuid`].
#[derive(AsExpression, Clone, Copy, Debug, FromSqlRow, PartialEq, Eq, PartialOrd, Ord)]
#[diesel(sql_type = SqlUuid)]
pub(crate) struct DbUuid(pub(crate) Uuid);

/// A value of [`SqlTimestamp`].
#[derive(AsExpression, Clone, Copy, Debug, FromSqlRow, PartialEq, Eq, PartialOrd, Ord)]
#[diesel(sql_type = SqlTimestamp)]
pub(crate) struct DbTime(pub(crate) Timestamp);

impl ToSql<SqlUuid, Sqlite> for DbUuid {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<SqlUuid, Sqlite> for DbUuid {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(value.read_blob())?))
    }
}

impl ToSql<SqlTimestamp, Sqlite> for DbTime {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.unix_micros());
        Ok(IsNull::No)
    }
}

impl FromSql<SqlTimestamp, Sqlite> for DbTime {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
        let instant = Timestamp::from_unix_micros(micros)
            .ok_or_else(|| format!("{micros} microseconds lie outside of the calendar"))?;
        Ok(Self(instant))
    }
}

impl From<Timestamp> for DbTime {
    fn from(instant: Timestamp) -> Self {
        Self(instant)
    }
}

impl From<DbTime> for Timestamp {
    fn from(time: DbTime) -> Self {
        time.0
    }
}

macro_rules! ids {
    ($($id:ident),*) => {
        $(
            impl From<$id> for DbUuid {
                fn from(id: $id) -> Self {
                    Self(id.as_uuid())
                }
            }

            impl From<DbUuid> for $id {
                fn from(uuid: DbUuid) -> Self {
                    Self::from_uuid(uuid.0)
                }
            }
        )*
    };
}

ids!(
    ClientKey,
    EnvironmentId,
    RegionId,
    SecretId,
    SystemAccountId,
    TenantId
);
