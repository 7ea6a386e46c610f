//! Rows, and how they become what the domain knows.
//!
//! They are apart from the aggregates: nothing gets out of here that the domain's own
//! parsers would not let in.

mod webhooks;

use std::{collections::BTreeSet, fmt::Display, str::FromStr};

use diesel::prelude::{Queryable, QueryableByName, Selectable};
use tenantry_domain::{
    account::{SystemAccount, Username},
    client::{Client, ClientId, ClientOwner, ClientRecord, SecretHash, SecretRecord},
    clock::Timestamp,
    data::TenantData,
    environment::{
        AuthorizationServerDomain, Environment, EnvironmentAccess, EnvironmentRecord, Region,
    },
    event::{EventId, InvalidRequestId, RequestEnd, StoredRequest},
    feed::{ChangeActor, Kind, Others, RawSubject, Sequence, StoredChange},
    id::{EnvironmentId, RequestId, TenantId, TenantNumber, WebhookId},
    key::SealedKey,
    name::Name,
    scope::ScopeSet,
    subdomain::{DomainName, Label},
    tenant::{Tenant, TenantHead},
    version::Version,
};

pub(crate) use self::webhooks::{DeliveryRow, LineRow, WebhookRow, WebhookSecretRow};
use crate::{
    error::Corrupt,
    schema::{
        changes, client_secrets, clients, environments, events, regions, signing_keys,
        system_accounts, tenants,
    },
    types::{DbTime, DbUuid},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = regions)]
pub(crate) struct RegionRow {
    id: DbUuid,
    name: String,
    display_name: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = environments)]
pub(crate) struct EnvironmentRow {
    id: DbUuid,
    name: String,
    domain: String,
    tenant_domain: String,
    authorization_server_domain: String,
    deployment_model: String,
    version: i32,
    created_at: DbTime,
    updated_at: DbTime,
}

/// All of a tenant's row but its data.
#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = tenants)]
pub(crate) struct TenantRow {
    number: i64,
    id: DbUuid,
    environment_id: DbUuid,
    label: String,
    name: String,
    status: String,
    version: i32,
    created_at: DbTime,
    updated_at: DbTime,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = clients)]
pub(crate) struct ClientRow {
    pub(crate) key: DbUuid,
    client_id: String,
    tenant_number: Option<i64>,
    pub(crate) bound: bool,
    name: String,
    status: String,
    scopes: String,
    created_at: DbTime,
    last_used_at: Option<DbTime>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = client_secrets)]
pub(crate) struct SecretRow {
    id: DbUuid,
    hash: String,
    created_at: DbTime,
    expires_at: Option<DbTime>,
    last_used_at: Option<DbTime>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = system_accounts)]
pub(crate) struct AccountRow {
    id: DbUuid,
    username: String,
    password_hash: String,
    created_at: DbTime,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = signing_keys)]
pub(crate) struct KeyRow {
    kid: String,
    algorithm: String,
    sealed: Vec<u8>,
    public_jwk: String,
    created_at: DbTime,
    signs_from: DbTime,
    expires_at: Option<DbTime>,
    token_ttl: i32,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = changes)]
pub(crate) struct ChangeRow {
    sequence: i64,
    kind: String,
    time: DbTime,
    tenant_id: Option<DbUuid>,
    client_id: Option<String>,
    environment_id: Option<DbUuid>,
    version: Option<i32>,
    actor_kind: String,
    actor_id: Option<String>,
    request_id: Option<String>,
    subject: String,
    previous_tenant_id: Option<DbUuid>,
    webhook_id: Option<DbUuid>,
}

/// A request of which events are made.
#[derive(Queryable, Selectable)]
#[diesel(table_name = events)]
pub(crate) struct EventRow {
    id: DbUuid,
    name: String,
    request_id: String,
    client_id: Option<String>,
    tenant_id: Option<DbUuid>,
    environment_id: Option<DbUuid>,
    status: Option<i16>,
    micros: Option<i64>,
    slow_end: Option<DbUuid>,
}

impl RegionRow {
    pub(crate) fn into_domain(self) -> Result<Region, Corrupt> {
        let row = Row("region", self.id.0);
        Ok(Region {
            id: self.id.into(),
            name: row.field("name", Name::parse(&self.name))?,
            display_name: row.field("display_name", Name::parse(&self.display_name))?,
        })
    }
}

impl EnvironmentRow {
    pub(crate) fn into_domain(self, region: RegionRow) -> Result<Environment, Corrupt> {
        let row = Row("environment", self.id.0);
        let host = AuthorizationServerDomain::parse(&self.authorization_server_domain);
        Ok(Environment::from_record(EnvironmentRecord {
            id: self.id.into(),
            name: row.field("name", Name::parse(&self.name))?,
            domain: row.field("domain", DomainName::parse(&self.domain))?,
            tenant_domain: row.field("tenant_domain", DomainName::parse(&self.tenant_domain))?,
            authorization_server_domain: row.field("authorization_server_domain", host)?,
            deployment_model: row.word("deployment_model", &self.deployment_model)?,
            region: region.into_domain()?,
            version: row.field("version", Version::new(self.version.into()))?,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
        }))
    }
}

impl TenantRow {
    /// Where it stands in the order of pages.
    pub(crate) fn place(&self) -> (DbTime, DbUuid) {
        (self.created_at, self.id)
    }

    pub(crate) fn into_domain(self) -> Result<TenantHead, Corrupt> {
        let row = Row("tenant", self.number);
        Ok(TenantHead {
            number: TenantNumber::new(self.number),
            id: self.id.into(),
            environment_id: self.environment_id.into(),
            label: row.field("label", Label::parse(&self.label))?,
            name: row.field("name", Name::parse(&self.name))?,
            status: row.word("status", &self.status)?,
            version: row.field("version", Version::new(self.version.into()))?,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
        })
    }

    /// The whole tenant, with the data that lists leave out. The data is the one thing
    /// that is not checked again: it is large, and only checked data gets in.
    pub(crate) fn with_data(self, data: String) -> Result<Tenant, Corrupt> {
        let head = self.into_domain()?;
        Ok(Tenant::from_record(head, TenantData::from_store(data)))
    }
}

impl ClientRow {
    /// The client; `environments` are those that it is bound to, if it is bound.
    pub(crate) fn into_domain(
        self,
        environments: BTreeSet<EnvironmentId>,
    ) -> Result<Client, Corrupt> {
        let row = Row("client", self.key.0);
        let owner = match (self.tenant_number, self.bound) {
            (Some(number), false) => ClientOwner::Tenant(TenantNumber::new(number)),
            (None, false) => ClientOwner::Operator(EnvironmentAccess::All),
            (None, true) => ClientOwner::Operator(EnvironmentAccess::Only(environments)),
            (Some(_), true) => return Err(row.fault("bound", "is set for a tenant's client")),
        };
        Ok(Client::from_record(ClientRecord {
            key: self.key.into(),
            id: row.field("client_id", ClientId::parse(&self.client_id))?,
            owner,
            name: row.field("name", Name::parse(&self.name))?,
            status: row.word("status", &self.status)?,
            scopes: row.field("scopes", ScopeSet::parse(&self.scopes))?,
            created_at: self.created_at.into(),
            last_used_at: self.last_used_at.map(Timestamp::from),
        }))
    }
}

impl SecretRow {
    pub(crate) fn into_domain(self) -> SecretRecord {
        SecretRecord {
            id: self.id.into(),
            hash: SecretHash::new(self.hash),
            created_at: self.created_at.into(),
            expires_at: self.expires_at.map(Timestamp::from),
            last_used_at: self.last_used_at.map(Timestamp::from),
        }
    }
}

impl AccountRow {
    pub(crate) fn into_domain(self) -> Result<SystemAccount, Corrupt> {
        let row = Row("system account", self.id.0);
        Ok(SystemAccount {
            id: self.id.into(),
            username: row.field("username", Username::parse(&self.username))?,
            password_hash: SecretHash::new(self.password_hash),
            created_at: self.created_at.into(),
        })
    }
}

impl KeyRow {
    pub(crate) fn into_domain(self) -> Result<SealedKey, Corrupt> {
        let row = Row("signing key", &self.kid);
        let algorithm = row.word("algorithm", &self.algorithm)?;
        let token_ttl = row.field("token_ttl", self.token_ttl.try_into())?;
        Ok(SealedKey {
            kid: self.kid,
            algorithm,
            sealed: self.sealed,
            public_jwk: self.public_jwk,
            created_at: self.created_at.into(),
            signs_from: self.signs_from.into(),
            expires_at: self.expires_at.map(Timestamp::from),
            token_ttl,
        })
    }
}

impl ChangeRow {
    pub(crate) fn into_domain(self) -> Result<StoredChange, Corrupt> {
        let row = Row("change", self.sequence);
        let version = self.version.map(|version| Version::new(version.into()));
        Ok(StoredChange {
            sequence: row.field("sequence", Sequence::new(self.sequence))?,
            // A word that this program does not know is a later one's.
            kind: Kind::from(self.kind),
            time: self.time.into(),
            tenant_id: self.tenant_id.map(TenantId::from),
            client_id: self.client_id,
            environment_id: self.environment_id.map(EnvironmentId::from),
            version: row.field("version", version.transpose())?,
            actor: ChangeActor {
                kind: self.actor_kind,
                id: self.actor_id,
                others: Others::new(),
            },
            request_id: self.request_id,
            subject: row.field("subject", RawSubject::new(self.subject))?,
            previous_tenant_id: self.previous_tenant_id.map(TenantId::from),
            webhook_id: self.webhook_id.map(WebhookId::from),
            others: Others::new(),
        })
    }
}

impl EventRow {
    /// Whether its second event is found by itself.
    pub(crate) fn is_slow(&self) -> bool {
        self.slow_end.is_some()
    }

    pub(crate) fn into_domain(self) -> Result<StoredRequest, Corrupt> {
        let row = Row("request", self.id.0);
        let id = EventId::from_uuid(self.id.0);
        let request_id = match self.request_id.as_str() {
            "" => Some(RequestId::of(id)),
            named => RequestId::parse(named),
        };
        let client_id = self.client_id.as_deref().map(ClientId::parse).transpose();
        let end = match (self.status, self.micros) {
            (Some(status), Some(micros)) => Some(RequestEnd {
                status: row.field("status", status.try_into())?,
                micros,
            }),
            _ => None,
        };
        Ok(StoredRequest {
            id,
            name: self.name,
            request_id: row.field("request_id", request_id.ok_or(InvalidRequestId))?,
            client_id: row.field("client_id", client_id)?,
            tenant_id: self.tenant_id.map(TenantId::from),
            environment_id: self.environment_id.map(EnvironmentId::from),
            end,
        })
    }
}

/// Names a row, so that what is wrong with it can be found.
pub(crate) struct Row<K>(pub(crate) &'static str, pub(crate) K);

impl<K: Display> Row<K> {
    /// A field that was parsed.
    pub(crate) fn field<T, E: Display>(
        &self,
        column: &str,
        parsed: Result<T, E>,
    ) -> Result<T, Corrupt> {
        parsed.map_err(|error| self.fault(column, error))
    }

    /// A field that is one of some words.
    pub(crate) fn word<T: FromStr<Err: Display>>(
        &self,
        column: &str,
        text: &str,
    ) -> Result<T, Corrupt> {
        self.field(column, text.parse())
    }

    // The value itself stays out: it may be anything.
    fn fault(&self, column: &str, what: impl Display) -> Corrupt {
        let Self(kind, key) = self;
        Corrupt(format!("{column} of {kind} {key} {what}"))
    }
}
