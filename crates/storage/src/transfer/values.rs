//! How values are written in records: ids and instants as the APIs write them, instants to the
//! microsecond, bytes in base64, JSON as JSON.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{self, Output, ToSql},
    sql_types::Text,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};
use serde_json::value::RawValue;
use tenantry_domain::clock::Timestamp;
use uuid::Uuid;

use crate::types::{DbTime, DbUuid};

impl Serialize for DbUuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.hyphenated())
    }
}

impl<'de> Deserialize<'de> for DbUuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let parsed = Uuid::try_parse(&text).ok().filter(|_| text.len() == 36);
        parsed
            .map(Self)
            .ok_or_else(|| D::Error::custom("an id is no UUID"))
    }
}

impl Serialize for DbTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339())
    }
}

impl<'de> Deserialize<'de> for DbTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let parsed = Timestamp::parse(&text);
        parsed
            .map(Self)
            .map_err(|error| D::Error::custom(format_args!("a time {error}")))
    }
}

/// A JSON text, digit for digit.
#[derive(AsExpression, Clone, Debug, FromSqlRow, PartialEq, Eq)]
#[diesel(sql_type = Text)]
pub(crate) struct JsonText(pub(crate) String);

impl JsonText {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<DB: Backend> FromSql<Text, DB> for JsonText
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        String::from_sql(value).map(Self)
    }
}

impl<DB: Backend> ToSql<Text, DB> for JsonText
where
    String: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.to_sql(out)
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Line breaks between tokens, which no text of this program has, would break the line.
        let one_line: Cow<'_, str> = if self.0.contains(['\n', '\r']) {
            self.0.replace(['\n', '\r'], " ").into()
        } else {
            (&*self.0).into()
        };
        let text: &RawValue = serde_json::from_str(&one_line).map_err(S::Error::custom)?;
        text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(text.get().to_owned()))
    }
}

/// Bytes as base64 (RFC 4648 §4).
pub(super) mod base64_text {
    use super::{Cow, Deserialize, Deserializer, Engine, STANDARD, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        bytes: &[u8],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        use serde::de::Error as _;

        let text = Cow::<str>::deserialize(deserializer)?;
        STANDARD
            .decode(text.as_bytes())
            .map_err(|_| D::Error::custom("bytes are no base64"))
    }
}
