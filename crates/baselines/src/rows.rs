//! Rows as they come, on their way out.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// What is read of one tenant, in this order.
pub(crate) const COLUMNS: &str =
    "id, name, label, status, version, created_at, updated_at, environment_id";

/// What is read of its environment, in this order.
pub(crate) const ENVIRONMENT_COLUMNS: &str = "e.tenant_domain, e.id, e.name, e.domain, \
     e.authorization_server_domain, e.deployment_model, r.id, r.name, r.display_name";

/// Where those stand.
pub(crate) const ENVIRONMENT_TABLES: &str = "environments e JOIN regions r ON r.id = e.region_id";

/// A tenant with its environment, as the management API shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tenant<'a> {
    #[serde(serialize_with = "hyphenated")]
    pub(crate) id: Uuid,
    pub(crate) name: &'a str,
    pub(crate) subdomain: String,
    pub(crate) environment: &'a RawValue,
    pub(crate) status: &'a str,
    pub(crate) version: i32,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<&'a RawValue>,
}

/// An environment that is read once for an answer, and written once.
pub(crate) struct Known {
    pub(crate) id: Uuid,
    pub(crate) tenant_domain: String,
    pub(crate) json: Box<RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Environment<'a> {
    #[serde(serialize_with = "hyphenated")]
    pub(crate) id: Uuid,
    pub(crate) name: &'a str,
    /// With a dot in front.
    pub(crate) domain: String,
    pub(crate) tenant_domain: &'a str,
    pub(crate) authorization_server_domain: &'a str,
    pub(crate) deployment_model: &'a str,
    pub(crate) region: Region<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Region<'a> {
    #[serde(serialize_with = "hyphenated")]
    pub(crate) id: Uuid,
    pub(crate) name: &'a str,
    pub(crate) display_name: &'a str,
}

impl Environment<'_> {
    pub(crate) fn known(&self) -> Known {
        Known {
            id: self.id,
            tenant_domain: self.tenant_domain.to_owned(),
            // Texts can always be written.
            json: serde_json::value::to_raw_value(self).unwrap_or_default(),
        }
    }
}

fn hyphenated<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
}

/// A time of so many microseconds since 1970, with six digits of a second: written by hand, since a
/// page has two hundred of them.
pub(crate) fn rfc3339(micros: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000);
    let time = time.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let year = u32::try_from(time.year()).unwrap_or_default();
    let parts: [(u32, usize, char); 7] = [
        (year, 4, '-'),
        (u8::from(time.month()).into(), 2, '-'),
        (time.day().into(), 2, 'T'),
        (time.hour().into(), 2, ':'),
        (time.minute().into(), 2, ':'),
        (time.second().into(), 2, '.'),
        (time.microsecond(), 6, 'Z'),
    ];
    let mut text = String::with_capacity(27);
    for (value, digits, end) in parts {
        let mut unit = 10_u32.pow(u32::try_from(digits).unwrap_or_default());
        for _ in 0..digits {
            unit /= 10;
            text.extend(char::from_digit(value / unit % 10, 10));
        }
        text.push(end);
    }
    text
}

/// The microseconds since 1970.
pub(crate) fn micros(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos() / 1_000).ok()
}

/// The page's end, as the server's cursors name it.
pub(crate) fn cursor(created_at: &str, id: Uuid) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(format!("createdAt={created_at}&id={id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_wire() {
        assert_eq!(
            rfc3339(1_767_225_600_123_000),
            "2026-01-01T00:00:00.123000Z"
        );
        assert_eq!(
            micros("2026-01-01T00:00:00.123Z"),
            Some(1_767_225_600_123_000)
        );
        assert_eq!(
            micros("2026-01-01T01:00:00+01:00"),
            Some(1_767_225_600_000_000)
        );
        assert_eq!(micros("yesterday"), None);
    }
}
