//! What a change is about.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Kind, Others};
use crate::{
    clock::Timestamp,
    id::{EnvironmentId, RegionId, TenantId, WebhookId},
};

/// What a change is about, as it was after the change (before it, for a delete).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Subject {
    /// A tenant: types that begin with `tenant.`.
    Tenant(Box<TenantSubject>),
    /// A client: types that begin with `client.`.
    Client(Box<ClientSubject>),
    /// An environment: types that begin with `environment.`.
    Environment(Box<EnvironmentSubject>),
    /// A webhook: types that begin with `webhook.`.
    Webhook(Box<WebhookSubject>),
    /// Something that only a later program knows.
    Other(Value),
}

impl Subject {
    /// Reads the subject of a change of that type.
    pub(super) fn read(kind: &Kind, value: Value) -> Result<Self, serde_json::Error> {
        Ok(match kind.of() {
            "tenant" => Self::Tenant(serde_json::from_value(value)?),
            "client" => Self::Client(serde_json::from_value(value)?),
            "environment" => Self::Environment(serde_json::from_value(value)?),
            "webhook" => Self::Webhook(serde_json::from_value(value)?),
            _ => Self::Other(value),
        })
    }
}

/// A tenant: as lists of the management API show it, without its data.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantSubject {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Its whole host name, which no other tenant has at the same time.
    pub subdomain: String,
    /// The environment it lives in, as that was at the time of the change.
    pub environment: EnvironmentSubject,
    /// `active`, `suspended`, or a word of a later program.
    pub status: String,
    /// Its version, at least 1.
    pub version: i32,
    /// When it was made.
    #[serde(serialize_with = "micros", deserialize_with = "instant")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(serialize_with = "micros", deserialize_with = "instant")]
    pub updated_at: Timestamp,
    /// What else a later program says of it.
    #[serde(flatten)]
    pub others: Others,
}

/// A client, never with a secret.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientSubject {
    /// The id it authenticates with.
    pub client_id: String,
    /// Its name.
    pub name: String,
    /// `active`, `disabled`, or a word of a later program.
    pub status: String,
    /// When it was made.
    #[serde(serialize_with = "micros", deserialize_with = "instant")]
    pub created_at: Timestamp,
    /// When it was last used, as far as that was known at the time of the change. Its use
    /// alone is no change.
    #[serde(
        default,
        serialize_with = "some_micros",
        deserialize_with = "some_instant"
    )]
    pub last_used_at: Option<Timestamp>,
    /// What it may ask for.
    pub scopes: Vec<String>,
    /// What else a later program says of it.
    #[serde(flatten)]
    pub others: Others,
}

/// An environment.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentSubject {
    /// Its id.
    pub id: EnvironmentId,
    /// Its name.
    pub name: String,
    /// The domain it is known by, with a leading dot.
    pub domain: String,
    /// The domain directly below which its tenants' hosts live.
    pub tenant_domain: String,
    /// The host that issues tokens for it.
    pub authorization_server_domain: String,
    /// `public`, `private`, or a word of a later program.
    pub deployment_model: String,
    /// Where it is.
    pub region: RegionSubject,
    /// What else a later program says of it.
    #[serde(flatten)]
    pub others: Others,
}

/// A webhook, never with a secret, and so without its URL, which may be one.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookSubject {
    /// Its id.
    pub id: WebhookId,
    /// Scheme, host and port of where deliveries go.
    pub origin: String,
    /// The types of changes that it is told of; none for all.
    pub types: Option<Vec<String>>,
    /// The environments of whose changes it is told; none for all.
    pub environment_ids: Option<Vec<EnvironmentId>>,
    /// Whether nothing is sent to it.
    pub disabled: bool,
    /// Why: `request`, `failures`, or a word of a later program.
    pub disabled_reason: Option<String>,
    /// Its version, at least 1.
    pub version: i32,
    /// When it was made.
    #[serde(serialize_with = "micros", deserialize_with = "instant")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(serialize_with = "micros", deserialize_with = "instant")]
    pub updated_at: Timestamp,
    /// What else a later program says of it.
    #[serde(flatten)]
    pub others: Others,
}

/// A region.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegionSubject {
    /// Its id.
    pub id: RegionId,
    /// Its short name.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What else a later program says of it.
    #[serde(flatten)]
    pub others: Others,
}

pub(super) fn millis<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&instant.to_rfc3339_millis())
}

fn micros<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&instant.to_rfc3339())
}

#[expect(clippy::ref_option, reason = "serde calls it with this reference")]
fn some_micros<S: Serializer>(
    instant: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    instant.map(Timestamp::to_rfc3339).serialize(serializer)
}

pub(super) fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    Timestamp::parse(&text).map_err(serde::de::Error::custom)
}

fn some_instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Option::<String>::deserialize(deserializer)?
        .map(|text| Timestamp::parse(&text).map_err(serde::de::Error::custom))
        .transpose()
}

/// A version that may be missing.
pub(super) mod version {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::version::Version;

    #[expect(
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        reason = "serde calls it with this reference"
    )]
    pub(in crate::feed) fn write<S: Serializer>(
        version: &Option<Version>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        version.map(Version::get).serialize(serializer)
    }

    pub(in crate::feed) fn read<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Version>, D::Error> {
        Option::<i64>::deserialize(deserializer)?
            .map(|number| Version::new(number).map_err(serde::de::Error::custom))
            .transpose()
    }
}
