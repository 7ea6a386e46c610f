//! What can be done with clients.

use super::{Context, moment};
use crate::{
    change::ChangeType,
    client::{
        Client, ClientChange, ClientId, ClientOwner, ClientRecord, ClientSecret, ClientStatus,
        KnownClient, SecretHash, SecretRecord,
    },
    clock::Timestamp,
    environment::EnvironmentAccess,
    error::{Error, Fault, FaultKind, Thing},
    id::{ClientKey, SecretId, TenantId},
    name::Name,
    page::{Page, PageRequest},
    port::{Snapshot, StoreError, Unique, UnitOfWork},
    scope::{ManagementScope, ScopeSet},
    tenant::TenantHead,
};

/// A new client's id and secret, hashed before any transaction begins.
#[derive(Clone, Debug)]
pub struct NewCredentials {
    /// The id it will authenticate with.
    pub client_id: ClientId,
    /// The secret in the clear, to be shown once.
    pub secret: ClientSecret,
    /// What the store keeps of the secret.
    pub hash: SecretHash,
}

/// Asks for a new management client.
#[derive(Clone, Debug)]
pub struct CreateManagementClient {
    /// Its credentials.
    pub credentials: NewCredentials,
    /// Its name.
    pub name: Name,
    /// What it may ask for.
    pub scopes: Vec<ManagementScope>,
    /// The environments it is bound to.
    pub access: EnvironmentAccess,
}

/// Asks for a new client of a tenant's.
#[derive(Clone, Debug)]
pub struct CreateTenantClient {
    /// Its credentials.
    pub credentials: NewCredentials,
    /// Its name.
    pub name: Name,
    /// What it may ask for; what that means is for the tenant's own services to say.
    pub scopes: ScopeSet,
}

/// Lists a tenant's clients, oldest first.
pub fn list_of_tenant(
    unit: &mut dyn Snapshot,
    access: &EnvironmentAccess,
    tenant: TenantId,
    request: PageRequest,
) -> Result<Page<Client>, Error> {
    let tenant = super::tenants::find(unit.tenants(), access, tenant)?;
    Ok(unit.clients().page_of_tenant(tenant.number, request)?)
}

/// Gets one of a tenant's clients.
pub fn get_of_tenant(
    unit: &mut dyn Snapshot,
    access: &EnvironmentAccess,
    tenant: TenantId,
    client: &ClientId,
) -> Result<Client, Error> {
    let tenant = super::tenants::find(unit.tenants(), access, tenant)?;
    Ok(of_tenant(unit.clients().known(client)?, &tenant)?.client)
}

/// Makes a client for a tenant.
pub fn create_of_tenant(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    access: &EnvironmentAccess,
    tenant: TenantId,
    command: CreateTenantClient,
) -> Result<Client, Error> {
    let tenant = super::tenants::find(unit.tenants(), access, tenant)?;
    let now = moment(unit, context)?;
    let owner = ClientOwner::Tenant(tenant.number);
    let CreateTenantClient {
        credentials,
        name,
        scopes,
    } = command;
    let (client, secret) = first_state(context, now, credentials, owner, name, scopes);
    unit.clients().insert(&client, &secret)?;
    let kind = ChangeType::ClientCreated;
    let change = context.origin.client(kind, now, &client, Some(&tenant));
    unit.changes().append(&change)?;
    Ok(client)
}

/// Changes one of a tenant's clients.
pub fn patch_of_tenant(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    access: &EnvironmentAccess,
    tenant: TenantId,
    client: &ClientId,
    change: ClientChange,
) -> Result<Client, Error> {
    let tenant = super::tenants::find(unit.tenants(), access, tenant)?;
    let stored = of_tenant(unit.clients().known(client)?, &tenant)?.client;
    let now = moment(unit, context)?;
    let changed = stored.change(change);
    found(unit.clients().update(&changed)?)?;
    let kind = ChangeType::ClientUpdated;
    let change = context.origin.client(kind, now, &changed, Some(&tenant));
    unit.changes().append(&change)?;
    Ok(changed)
}

/// Deletes one of a tenant's clients; it may be the last.
pub fn delete_of_tenant(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    access: &EnvironmentAccess,
    tenant: TenantId,
    client: &ClientId,
) -> Result<(), Error> {
    let tenant = super::tenants::find(unit.tenants(), access, tenant)?;
    let client = of_tenant(unit.clients().known(client)?, &tenant)?.client;
    let now = moment(unit, context)?;
    found(unit.clients().delete(client.key)?)?;
    let kind = ChangeType::ClientDeleted;
    let change = context.origin.client(kind, now, &client, Some(&tenant));
    unit.changes().append(&change)?;
    Ok(())
}

/// A client that was looked up, if it is that tenant's.
pub(super) fn of_tenant(
    known: Option<KnownClient>,
    tenant: &TenantHead,
) -> Result<KnownClient, Error> {
    known
        .filter(|known| known.client.owner == ClientOwner::Tenant(tenant.number))
        .ok_or(Error::Missing(Thing::Client))
}

fn found(is_there: bool) -> Result<(), Error> {
    is_there.then_some(()).ok_or(Error::Missing(Thing::Client))
}

/// Makes a management client.
pub fn create_management(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    command: CreateManagementClient,
) -> Result<Client, Error> {
    if let EnvironmentAccess::Only(ids) = &command.access {
        let known = unit.environments().by_ids(ids)?;
        let unknown = ids
            .iter()
            .find(|&&id| !known.iter().any(|known| known.id == id));
        if let Some(id) = unknown {
            return Err(Fault::new("environment", FaultKind::NoSuchEnvironment)
                .showing(&id.to_string())
                .into());
        }
    }
    let now = moment(unit, context)?;
    let owner = ClientOwner::Operator(command.access);
    let scopes = command.scopes.into_iter().collect();
    let (client, secret) = first_state(
        context,
        now,
        command.credentials,
        owner,
        command.name,
        scopes,
    );
    unit.clients()
        .insert(&client, &secret)
        .map_err(|error| match error {
            StoreError::Taken(Unique::ClientId) => Fault::new("clientId", FaultKind::AlreadyUsed)
                .showing(client.id.as_str())
                .into(),
            other => Error::Store(other),
        })?;
    let change = context
        .origin
        .client(ChangeType::ClientCreated, now, &client, None);
    unit.changes().append(&change)?;
    Ok(client)
}

/// A client as it is when it was just made, with its first secret.
pub(super) fn first_state(
    context: &Context,
    now: Timestamp,
    credentials: NewCredentials,
    owner: ClientOwner,
    name: Name,
    scopes: ScopeSet,
) -> (Client, SecretRecord) {
    let client = Client::from_record(ClientRecord {
        key: ClientKey::generate(now, &*context.entropy),
        id: credentials.client_id,
        owner,
        name,
        status: ClientStatus::Active,
        scopes,
        created_at: now,
        last_used_at: None,
    });
    let secret = SecretRecord {
        id: SecretId::generate(now, &*context.entropy),
        hash: credentials.hash,
        created_at: now,
        expires_at: None,
        last_used_at: None,
    };
    (client, secret)
}
