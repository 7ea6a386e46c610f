//! What can be done with clients.

use super::{Context, moment};
use crate::{
    change::ChangeType,
    client::{
        Client, ClientId, ClientOwner, ClientRecord, ClientSecret, ClientStatus, SecretHash,
        SecretRecord,
    },
    clock::Timestamp,
    environment::EnvironmentAccess,
    error::{Error, Fault, FaultKind},
    id::{ClientKey, SecretId, TenantId},
    name::Name,
    page::{Page, PageRequest},
    port::{Snapshot, StoreError, Unique, UnitOfWork},
    scope::{ManagementScope, ScopeSet},
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
