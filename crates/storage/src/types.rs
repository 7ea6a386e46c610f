//! SQL types that every database has in its own way, and the values that go into them.
//!
//! One `table!` and one set of rows serve all databases because these two names stand
//! for a different native type in each. JSON needs none: it is kept as text, since
//! every native type for it would change digits or the order of members.

use std::io::Write;

use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, PgValue},
    query_builder::QueryId,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{BigInt, SqlType},
    sqlite::{Sqlite, SqliteValue},
};
use tenantry_domain::{
    clock::Timestamp,
    id::{
        ClientKey, DeliveryId, EnvironmentId, LeaseToken, RegionId, SecretId, SystemAccountId,
        TenantId, WebhookId,
    },
};
use uuid::Uuid;

/// A UUID: 16 bytes in a BLOB on SQLite, `uuid` on PostgreSQL. Both sort it byte by byte,
/// as Rust does.
#[derive(Clone, Copy, Debug, Default, QueryId, SqlType)]
#[diesel(sqlite_type(name = "Binary"))]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
pub struct SqlUuid;

/// An instant: microseconds since 1970 in an INTEGER on SQLite, `timestamptz` on PostgreSQL,
/// which counts microseconds too, but since 2000.
#[derive(Clone, Copy, Debug, Default, QueryId, SqlType)]
#[diesel(sqlite_type(name = "Long"))]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
pub struct SqlTimestamp;

/// 2000-01-01 00:00 in UTC, in microseconds since 1970.
const YEAR_2000: i64 = 946_684_800_000_000;

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
        instant(<i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?)
    }
}

impl ToSql<SqlUuid, Pg> for DbUuid {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<SqlUuid, Pg> for DbUuid {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(value.as_bytes())?))
    }
}

impl ToSql<SqlTimestamp, Pg> for DbTime {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let micros = self.0.unix_micros() - YEAR_2000;
        ToSql::<BigInt, Pg>::to_sql(&micros, &mut out.reborrow())
    }
}

impl FromSql<SqlTimestamp, Pg> for DbTime {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        // `infinity` is the largest number there is.
        let micros = <i64 as FromSql<BigInt, Pg>>::from_sql(value)?;
        instant(micros.saturating_add(YEAR_2000))
    }
}

fn instant(micros: i64) -> deserialize::Result<DbTime> {
    let instant = Timestamp::from_unix_micros(micros)
        .ok_or_else(|| format!("{micros} microseconds lie outside of the calendar"))?;
    Ok(DbTime(instant))
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
    DeliveryId,
    EnvironmentId,
    LeaseToken,
    RegionId,
    SecretId,
    SystemAccountId,
    TenantId,
    WebhookId
);
