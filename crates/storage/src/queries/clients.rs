//! Clients, their secrets and the environments that they are bound to.

use std::collections::{BTreeMap, BTreeSet};

use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods,
    OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper,
};
use tenantry_domain::{
    client::{
        Client, ClientId, ClientOwner, ClientStatus, KnownClient, OwningTenant, SecretHash,
        SecretRecord,
    },
    clock::Timestamp,
    environment::EnvironmentAccess,
    id::{ClientKey, EnvironmentId, SecretId, TenantNumber},
    page::{Cursor, Page, PageRequest},
    port::{ClientQueries, ClientRepository, StoreError},
    subdomain::{DomainName, Label},
};

use super::{Conn, Session, limit_of, row_value, start_of};
use crate::{
    error::{Corrupt, Failure},
    rows::{ClientRow, Row, SecretRow},
    schema::{client_environments, client_secrets, clients},
    statements::Part,
    types::{DbTime, DbUuid},
};

/// A client with one of its secrets and one of the environments that it is bound to.
pub(super) type KnownRow = (
    ClientRow,
    Option<OwnerRow>,
    Option<SecretRow>,
    Option<DbUuid>,
);

/// A client with what it takes from its tenant, all its secrets, and all environments that
/// it is bound to, by one statement.
macro_rules! rows {
    ($id:expr) => {
        crate::schema::clients::table
            .left_join(crate::schema::tenants::table)
            .left_join(
                crate::schema::environments::table
                    .on(crate::schema::tenants::environment_id.eq(crate::schema::environments::id)),
            )
            .left_join(crate::schema::client_secrets::table)
            .left_join(crate::schema::client_environments::table)
            .filter(crate::schema::clients::client_id.eq($id.as_str()))
            .select((
                crate::rows::ClientRow::as_select(),
                (
                    crate::schema::tenants::id,
                    crate::schema::tenants::status,
                    crate::schema::tenants::label,
                    crate::schema::environments::tenant_domain.assume_not_null(),
                )
                    .nullable(),
                Option::<crate::rows::SecretRow>::as_select(),
                crate::schema::client_environments::environment_id.nullable(),
            ))
    };
}
pub(super) use rows;

/// The client that these rows are of, if there are any.
pub(super) fn known(rows: Vec<KnownRow>) -> Result<Option<KnownClient>, Failure> {
    let mut first = None;
    let mut secrets = BTreeMap::new();
    let mut environments = BTreeSet::new();
    for (client, owner, secret, environment) in rows {
        first.get_or_insert((client, owner));
        environments.extend(environment.map(EnvironmentId::from));
        let secret = secret.map(SecretRow::into_domain);
        secrets.extend(secret.map(|secret| ((secret.created_at, secret.id), secret)));
    }
    let Some((client, owner)) = first else {
        return Ok(None);
    };
    Ok(Some(KnownClient {
        client: client.into_domain(environments)?,
        secrets: secrets.into_values().collect(),
        tenant: owner.map(owner_into_domain).transpose()?,
    }))
}

/// Of the tenant: its id, its status, its label and its environment's tenant domain.
type OwnerRow = (DbUuid, String, String, String);

impl ClientQueries for Session {
    fn page_of_tenant(
        &mut self,
        tenant: TenantNumber,
        request: PageRequest,
    ) -> Result<Page<Client>, StoreError> {
        self.run(|conn| {
            let rows = clients::table
                .select(ClientRow::as_select())
                .filter(clients::tenant_number.eq(tenant.get()))
                .filter(row_value!(
                    "(clients.created_at, clients.key)",
                    ">",
                    start_of(request)
                ))
                .order((clients::created_at, clients::key))
                .top(limit_of(request))
                .load(conn)?;
            let clients = rows
                .into_iter()
                .map(|row| row.into_domain(BTreeSet::new()))
                .collect::<Result<_, _>>()?;
            Ok(Page::new(clients, |client: &Client| Cursor {
                created_at: client.created_at,
                id: client.key.as_uuid(),
            }))
        })
    }

    fn known(&mut self, id: &ClientId) -> Result<Option<KnownClient>, StoreError> {
        self.remembered(
            |memo| &mut memo.clients,
            id,
            |conn| known(rows!(id).load(conn)?),
        )
    }

    fn page_of_operator(&mut self, request: PageRequest) -> Result<Page<Client>, StoreError> {
        self.run(|conn| {
            let rows = clients::table
                .select(ClientRow::as_select())
                .filter(clients::tenant_number.is_null())
                .filter(row_value!(
                    "(clients.created_at, clients.key)",
                    ">",
                    start_of(request)
                ))
                .order((clients::created_at, clients::key))
                .top(limit_of(request))
                .load(conn)?;
            let mut page = Vec::with_capacity(rows.len());
            for row in rows {
                let environments = if row.bound {
                    bound_to(conn, row.key)?
                } else {
                    BTreeSet::new()
                };
                page.push(row.into_domain(environments)?);
            }
            Ok(Page::new(page, |client: &Client| Cursor {
                created_at: client.created_at,
                id: client.key.as_uuid(),
            }))
        })
    }

    fn any_active_of_operator(&mut self) -> Result<bool, StoreError> {
        self.run(|conn| {
            let found = clients::table
                .filter(clients::tenant_number.is_null())
                .filter(clients::status.eq(ClientStatus::Active.as_str()))
                .select(clients::key)
                .top(1)
                .get_result::<DbUuid>(conn)
                .optional()?;
            Ok(found.is_some())
        })
    }

    fn any_of_operator(&mut self) -> Result<bool, StoreError> {
        self.run(|conn| {
            let found = clients::table
                .filter(clients::tenant_number.is_null())
                .select(clients::key)
                .top(1)
                .get_result::<DbUuid>(conn)
                .optional()?;
            Ok(found.is_some())
        })
    }
}

impl ClientRepository for Session {
    fn insert(&mut self, client: &Client, secret: &SecretRecord) -> Result<(), StoreError> {
        self.run(|conn| {
            insert_client(conn, client)?;
            if let ClientOwner::Operator(EnvironmentAccess::Only(ids)) = &client.owner {
                bind(conn, client.key, ids)?;
            }
            insert_secret(conn, client.key, secret)?;
            Ok(())
        })
    }

    fn update(&mut self, client: &Client) -> Result<bool, StoreError> {
        self.run(|conn| {
            let changed = diesel::update(clients::table.find(DbUuid::from(client.key)))
                .set((
                    clients::name.eq(client.name.as_str()),
                    clients::status.eq(client.status.as_str()),
                    clients::scopes.eq(client.scopes.to_string()),
                ))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn delete(&mut self, client: ClientKey) -> Result<bool, StoreError> {
        self.run(|conn| {
            let deleted =
                diesel::delete(clients::table.find(DbUuid::from(client))).execute(conn)?;
            Ok(deleted > 0)
        })
    }

    fn insert_secret(
        &mut self,
        client: ClientKey,
        secret: &SecretRecord,
    ) -> Result<(), StoreError> {
        self.run(|conn| insert_secret(conn, client, secret))
    }

    fn set_expiry(
        &mut self,
        client: ClientKey,
        secret: SecretId,
        expires_at: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        self.run(|conn| {
            let changed = diesel::update(client_secrets::table)
                .filter(client_secrets::id.eq(DbUuid::from(secret)))
                .filter(client_secrets::client_key.eq(DbUuid::from(client)))
                .set(client_secrets::expires_at.eq(expires_at.map(DbTime)))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn delete_secret(&mut self, client: ClientKey, secret: SecretId) -> Result<bool, StoreError> {
        self.run(|conn| {
            let deleted = diesel::delete(client_secrets::table)
                .filter(client_secrets::id.eq(DbUuid::from(secret)))
                .filter(client_secrets::client_key.eq(DbUuid::from(client)))
                .execute(conn)?;
            Ok(deleted > 0)
        })
    }

    fn rehash(
        &mut self,
        client: ClientKey,
        secret: SecretId,
        old: &SecretHash,
        new: &SecretHash,
    ) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::update(client_secrets::table)
                .filter(client_secrets::id.eq(DbUuid::from(secret)))
                .filter(client_secrets::client_key.eq(DbUuid::from(client)))
                .filter(client_secrets::hash.eq(old.as_str()))
                .set(client_secrets::hash.eq(new.as_str()))
                .execute(conn)?;
            Ok(())
        })
    }

    fn touch(&mut self, client: ClientKey, at: Timestamp) -> Result<(), StoreError> {
        use clients::last_used_at;
        self.run(|conn| {
            let earlier = last_used_at.is_null().or(last_used_at.lt(DbTime(at)));
            diesel::update(clients::table.find(DbUuid::from(client)))
                .filter(earlier)
                .set(last_used_at.eq(DbTime(at)))
                .execute(conn)?;
            Ok(())
        })
    }

    fn touch_secret(&mut self, secret: SecretId, at: Timestamp) -> Result<(), StoreError> {
        use client_secrets::last_used_at;
        self.run(|conn| {
            let earlier = last_used_at.is_null().or(last_used_at.lt(DbTime(at)));
            diesel::update(client_secrets::table.find(DbUuid::from(secret)))
                .filter(earlier)
                .set(last_used_at.eq(DbTime(at)))
                .execute(conn)?;
            Ok(())
        })
    }
}

fn bound_to(conn: &mut Conn, key: DbUuid) -> QueryResult<BTreeSet<EnvironmentId>> {
    let ids: Vec<DbUuid> = client_environments::table
        .filter(client_environments::client_key.eq(key))
        .select(client_environments::environment_id)
        .load(conn)?;
    Ok(ids.into_iter().map(EnvironmentId::from).collect())
}

fn owner_into_domain((id, status, label, domain): OwnerRow) -> Result<OwningTenant, Corrupt> {
    let row = Row("tenant", id.0);
    let label = row.field("label", Label::parse(&label))?;
    let domain = row.field("tenant_domain", DomainName::parse(&domain))?;
    Ok(OwningTenant {
        id: id.into(),
        status: row.field("status", status.parse())?,
        host: domain.host(&label),
    })
}

fn insert_client(conn: &mut Conn, client: &Client) -> Result<(), Failure> {
    let (tenant, bound) = match &client.owner {
        ClientOwner::Tenant(number) => (Some(number.get()), false),
        ClientOwner::Operator(EnvironmentAccess::All) => (None, false),
        ClientOwner::Operator(EnvironmentAccess::Only(_)) => (None, true),
    };
    diesel::insert_into(clients::table)
        .values((
            clients::key.eq(DbUuid::from(client.key)),
            clients::client_id.eq(client.id.as_str()),
            clients::tenant_number.eq(tenant),
            clients::bound.eq(bound),
            clients::name.eq(client.name.as_str()),
            clients::status.eq(client.status.as_str()),
            clients::scopes.eq(client.scopes.to_string()),
            clients::created_at.eq(DbTime(client.created_at)),
            clients::last_used_at.eq(client.last_used_at.map(DbTime)),
        ))
        .execute(conn)?;
    Ok(())
}

fn bind(conn: &mut Conn, key: ClientKey, ids: &BTreeSet<EnvironmentId>) -> Result<(), Failure> {
    for &id in ids {
        diesel::insert_into(client_environments::table)
            .values((
                client_environments::client_key.eq(DbUuid::from(key)),
                client_environments::environment_id.eq(DbUuid::from(id)),
            ))
            .execute(conn)?;
    }
    Ok(())
}

fn insert_secret(conn: &mut Conn, key: ClientKey, secret: &SecretRecord) -> Result<(), Failure> {
    diesel::insert_into(client_secrets::table)
        .values((
            client_secrets::id.eq(DbUuid::from(secret.id)),
            client_secrets::client_key.eq(DbUuid::from(key)),
            client_secrets::hash.eq(secret.hash.as_str()),
            client_secrets::created_at.eq(DbTime(secret.created_at)),
            client_secrets::expires_at.eq(secret.expires_at.map(DbTime)),
            client_secrets::last_used_at.eq(secret.last_used_at.map(DbTime)),
        ))
        .execute(conn)?;
    Ok(())
}
