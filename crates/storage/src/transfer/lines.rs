//! The rows as they are carried: every column that the other database can't work out itself.

use diesel::prelude::{Insertable, Queryable, Selectable};
use serde::{Deserialize, Deserializer, Serialize};
use tenantry_domain::{
    account::Username,
    change::ChangeType,
    client::{ClientId, ClientStatus},
    clock::Timestamp,
    data::TenantData,
    environment::{AuthorizationServerDomain, DeploymentModel},
    feed::{RawSubject, Sequence},
    id::EnvironmentId,
    key::{SealedKey, SigningAlgorithm},
    name::Name,
    scope::ScopeSet,
    server_secret::ServerSecret,
    subdomain::{DomainName, Label},
    tenant::TenantStatus,
    version::Version,
    webhook::{DeliveryStatus, WebhookState, WebhookUrl},
};

use super::values::{JsonText, base64_text};
use crate::{
    error::Corrupt,
    rows::Row,
    schema::{
        changes, client_environments, client_secrets, clients, environments, regions,
        revoked_tokens, server_secrets, signing_keys, system_accounts, tenants, webhook_deliveries,
        webhook_secrets, webhooks,
    },
    types::{DbTime, DbUuid},
};

/// A member that may be `null`, but must be there.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// The last numbers that were given out: they may be higher than any that is left.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NumbersLine {
    pub(crate) tenants: i64,
    pub(crate) changes: i64,
}

#[derive(Deserialize, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = client_environments)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ClientEnvironmentLine {
    pub(crate) client_key: DbUuid,
    pub(crate) environment_id: DbUuid,
}

#[derive(Deserialize, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = signing_keys, treat_none_as_default_value = false)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct KeyLine {
    pub(crate) kid: String,
    pub(crate) algorithm: String,
    #[serde(with = "base64_text")]
    pub(crate) sealed: Vec<u8>,
    pub(crate) public_jwk: String,
    pub(crate) created_at: DbTime,
    pub(crate) signs_from: DbTime,
    #[serde(deserialize_with = "given")]
    pub(crate) expires_at: Option<DbTime>,
    pub(crate) token_ttl: i32,
}

#[derive(Deserialize, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = server_secrets, treat_none_as_default_value = false)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ServerSecretLine {
    pub(crate) name: String,
    #[serde(with = "base64_text")]
    pub(crate) sealed: Vec<u8>,
}

#[derive(Deserialize, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = regions, treat_none_as_default_value = false)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RegionLine {
    pub(crate) id: DbUuid,
    pub(crate) name: String,
    pub(crate) display_name: String,
}

#[derive(Deserialize, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = environments, treat_none_as_default_value = false)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EnvironmentLine {
    pub(crate) id: DbUuid,
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) tenant_domain: String,
    pub(crate) authorization_server_domain: String,
    pub(crate) deployment_model: String,
    pub(crate) region_id: DbUuid,
    pub(crate) is_default: bool,
    pub(crate) version: i32,
    pub(crate) created_at: DbTime,
    pub(crate) updated_at: DbTime,
}

#[derive(Deserialize, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = tenants, treat_none_as_default_value = false)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TenantLine {
    pub(crate) number: i64,
    pub(crate) id: DbUuid,
    pub(crate) environment_id: DbUuid,
    pub(crate) label: String,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) version: i32,
    pub(crate) created_at: DbTime,
    pub(crate) updated_at: DbTime,
    pub(crate) data: JsonText,
}

#[derive(Deserialize, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = clients, treat_none_as_default_value = false)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ClientLine {
    pub(crate) key: DbUuid,
    pub(crate) client_id: String,
    #[serde(deserialize_with = "given")]
    pub(crate) tenant_number: Option<i64>,
    pub(crate) bound: bool,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) scopes: String,
    pub(crate) created_at: DbTime,
    #[serde(deserialize_with = "given")]
    pub(crate) last_used_at: Option<DbTime>,
}

#[derive(Deserialize, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = client_secrets, treat_none_as_default_value = false)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ClientSecretLine {
    pub(crate) id: DbUuid,
    pub(crate) client_key: DbUuid,
    pub(crate) hash: String,
    pub(crate) created_at: DbTime,
    #[serde(deserialize_with = "given")]
    pub(crate) expires_at: Option<DbTime>,
    #[serde(deserialize_with = "given")]
    pub(crate) last_used_at: Option<DbTime>,
}

#[derive(Deserialize, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = system_accounts, treat_none_as_default_value = false)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AccountLine {
    pub(crate) id: DbUuid,
    pub(crate) username: String,
    pub(crate) password_hash: String,
    pub(crate) created_at: DbTime,
}

#[derive(Deserialize, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = revoked_tokens, treat_none_as_default_value = false)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RevokedTokenLine {
    pub(crate) id: String,
    pub(crate) expires_at: DbTime,
}

#[derive(Deserialize, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = webhooks, treat_none_as_default_value = false)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WebhookLine {
    pub(crate) id: DbUuid,
    pub(crate) url: String,
    #[serde(deserialize_with = "given")]
    pub(crate) types: Option<String>,
    #[serde(deserialize_with = "given")]
    pub(crate) environment_ids: Option<String>,
    pub(crate) state: String,
    pub(crate) version: i32,
    pub(crate) created_at: DbTime,
    pub(crate) updated_at: DbTime,
    pub(crate) position: i64,
    #[serde(deserialize_with = "given")]
    pub(crate) due_at: Option<DbTime>,
    #[serde(deserialize_with = "given")]
    pub(crate) failing_since: Option<DbTime>,
}

#[derive(Deserialize, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = webhook_secrets, treat_none_as_default_value = false)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WebhookSecretLine {
    pub(crate) id: DbUuid,
    pub(crate) webhook_id: DbUuid,
    #[serde(with = "base64_text")]
    pub(crate) sealed: Vec<u8>,
    pub(crate) created_at: DbTime,
    #[serde(deserialize_with = "given")]
    pub(crate) expires_at: Option<DbTime>,
}

#[derive(Deserialize, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = webhook_deliveries, treat_none_as_default_value = false)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeliveryLine {
    pub(crate) id: DbUuid,
    pub(crate) webhook_id: DbUuid,
    pub(crate) sequence: i64,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) attempts: i32,
    pub(crate) is_repeat: bool,
    pub(crate) created_at: DbTime,
    #[serde(deserialize_with = "given")]
    pub(crate) first_attempt_at: Option<DbTime>,
    #[serde(deserialize_with = "given")]
    pub(crate) last_attempt_at: Option<DbTime>,
    #[serde(deserialize_with = "given")]
    pub(crate) next_attempt_at: Option<DbTime>,
    #[serde(deserialize_with = "given")]
    pub(crate) last_status_code: Option<i32>,
    #[serde(deserialize_with = "given")]
    pub(crate) last_error: Option<String>,
    #[serde(deserialize_with = "given")]
    pub(crate) finished_at: Option<DbTime>,
}

#[derive(Deserialize, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = changes, treat_none_as_default_value = false)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChangeLine {
    pub(crate) sequence: i64,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) time: DbTime,
    #[serde(deserialize_with = "given")]
    pub(crate) tenant_id: Option<DbUuid>,
    #[serde(deserialize_with = "given")]
    pub(crate) client_id: Option<String>,
    #[serde(deserialize_with = "given")]
    pub(crate) environment_id: Option<DbUuid>,
    #[serde(deserialize_with = "given")]
    pub(crate) version: Option<i32>,
    pub(crate) actor_kind: String,
    #[serde(deserialize_with = "given")]
    pub(crate) actor_id: Option<String>,
    #[serde(deserialize_with = "given")]
    pub(crate) request_id: Option<String>,
    pub(crate) subject: JsonText,
    #[serde(deserialize_with = "given")]
    pub(crate) previous_tenant_id: Option<DbUuid>,
    #[serde(deserialize_with = "given")]
    pub(crate) webhook_id: Option<DbUuid>,
}

type Checked = Result<(), Corrupt>;

impl KeyLine {
    pub(super) fn to_domain(&self) -> Result<SealedKey, Corrupt> {
        let row = Row("signing key", &self.kid);
        Ok(SealedKey {
            kid: self.kid.clone(),
            algorithm: row.word::<SigningAlgorithm>("algorithm", &self.algorithm)?,
            sealed: self.sealed.clone(),
            public_jwk: self.public_jwk.clone(),
            created_at: self.created_at.into(),
            signs_from: self.signs_from.into(),
            expires_at: self.expires_at.map(Timestamp::from),
            token_ttl: row.field("token_ttl", self.token_ttl.try_into())?,
        })
    }

    pub(super) fn check(&self) -> Checked {
        self.to_domain().map(drop)
    }
}

impl ServerSecretLine {
    pub(super) fn to_domain(&self) -> ServerSecret {
        ServerSecret {
            name: self.name.clone(),
            sealed: self.sealed.clone(),
        }
    }
}

/// What has no form of its own beyond its columns' types.
macro_rules! any {
    ($($line:ident),+) => {
        $(impl $line {
            pub(super) fn check(&self) -> Checked {
                Ok(())
            }
        })+
    };
}

any!(
    ServerSecretLine,
    ClientEnvironmentLine,
    ClientSecretLine,
    RevokedTokenLine,
    WebhookSecretLine
);

impl NumbersLine {
    pub(super) fn check(&self) -> Checked {
        let row = Row("last numbers", "");
        row.field("tenants", u64::try_from(self.tenants))?;
        row.field("changes", u64::try_from(self.changes))?;
        Ok(())
    }
}

impl RegionLine {
    pub(super) fn check(&self) -> Checked {
        let row = Row("region", self.id.0);
        row.field("name", Name::parse(&self.name))?;
        row.field("display_name", Name::parse(&self.display_name))?;
        Ok(())
    }
}

impl EnvironmentLine {
    pub(super) fn check(&self) -> Checked {
        let row = Row("environment", self.id.0);
        let host = AuthorizationServerDomain::parse(&self.authorization_server_domain);
        row.field("name", Name::parse(&self.name))?;
        row.field("domain", DomainName::parse(&self.domain))?;
        row.field("tenant_domain", DomainName::parse(&self.tenant_domain))?;
        row.field("authorization_server_domain", host)?;
        row.word::<DeploymentModel>("deployment_model", &self.deployment_model)?;
        row.field("version", Version::new(self.version.into()))?;
        Ok(())
    }
}

impl TenantLine {
    pub(super) fn check(&self) -> Checked {
        let row = Row("tenant", self.number);
        row.field("label", Label::parse(&self.label))?;
        row.field("name", Name::parse(&self.name))?;
        row.word::<TenantStatus>("status", &self.status)?;
        row.field("version", Version::new(self.version.into()))?;
        row.field("data", TenantData::parse(&self.data.0))?;
        Ok(())
    }
}

impl ClientLine {
    pub(super) fn check(&self) -> Checked {
        let row = Row("client", self.key.0);
        row.field("client_id", ClientId::parse(&self.client_id))?;
        row.field("name", Name::parse(&self.name))?;
        row.word::<ClientStatus>("status", &self.status)?;
        row.field("scopes", ScopeSet::parse(&self.scopes))?;
        Ok(())
    }
}

impl AccountLine {
    pub(super) fn check(&self) -> Checked {
        let row = Row("system account", self.id.0);
        row.field("username", Username::parse(&self.username))?;
        Ok(())
    }
}

impl WebhookLine {
    pub(super) fn check(&self) -> Checked {
        let row = Row("webhook", self.id.0);
        row.field("url", WebhookUrl::parse(&self.url))?;
        for word in self.types.iter().flat_map(|words| words.split(' ')) {
            row.word::<ChangeType>("types", word)?;
        }
        for id in self.environment_ids.iter().flat_map(|ids| ids.split(' ')) {
            row.field("environment_ids", EnvironmentId::parse(id))?;
        }
        row.word::<WebhookState>("state", &self.state)?;
        row.field("version", Version::new(self.version.into()))?;
        row.field("position", Sequence::new(self.position))?;
        Ok(())
    }
}

impl DeliveryLine {
    pub(super) fn check(&self) -> Checked {
        let row = Row("delivery", self.id.0);
        row.field("sequence", Sequence::new(self.sequence))?;
        row.word::<DeliveryStatus>("status", &self.status)?;
        let code = self.last_status_code.map(u16::try_from).transpose();
        row.field("last_status_code", code)?;
        Ok(())
    }
}

impl ChangeLine {
    pub(super) fn check(&self) -> Checked {
        let row = Row("change", self.sequence);
        row.field("sequence", Sequence::new(self.sequence))?;
        let version = self.version.map(|version| Version::new(version.into()));
        row.field("version", version.transpose())?;
        row.field("subject", RawSubject::new(self.subject.0.clone()))?;
        Ok(())
    }
}
