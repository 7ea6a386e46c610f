//! What can be done with a client's secrets.

use super::{Context, clients::of_tenant, moment, tenants::find};
use crate::{
    change::ChangeType,
    client::{ClientId, ClientSecret, KnownClient, SecretHash, SecretRecord},
    clock::Timestamp,
    environment::EnvironmentAccess,
    error::{Error, Thing},
    id::{SecretId, TenantId},
    page::{Cursor, Page, PageRequest},
    port::{Snapshot, UnitOfWork},
    rotation::{self, Overlap, RetirementRefusal},
    tenant::TenantHead,
};

/// A new secret, hashed before any transaction begins.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// The secret in the clear, to be shown once.
    pub secret: ClientSecret,
    /// What the store keeps of it.
    pub hash: SecretHash,
}

/// Asks for a new secret beside the one there is.
#[derive(Clone, Debug)]
pub struct RotateSecret {
    /// What the store is to keep of the new one.
    pub hash: SecretHash,
    /// How long the one before it stays good.
    pub overlap: Overlap,
}

/// Lists the secrets of a tenant's client that are good at that instant, oldest first.
pub fn list_of_tenants_client(
    unit: &mut dyn Snapshot,
    access: &EnvironmentAccess,
    tenant: TenantId,
    client: &ClientId,
    request: PageRequest,
    now: Timestamp,
) -> Result<Page<SecretRecord>, Error> {
    let tenant = find(unit.tenants(), access, tenant)?;
    let known = of_tenant(unit.clients().known(client)?, &tenant)?;
    let place = |secret: &SecretRecord| Cursor {
        created_at: secret.created_at,
        id: secret.id.as_uuid(),
    };
    // There are at most two, so a page is cut out of all of them.
    let secrets = known
        .secrets_at(now)
        .filter(|secret| request.after.is_none_or(|after| place(secret) > after))
        .take(request.limit.get().into())
        .cloned()
        .collect();
    Ok(Page::new(secrets, place))
}

/// Gives a tenant's client a new secret; tells until when the one before it is good.
pub fn rotate_of_tenants_client(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    access: &EnvironmentAccess,
    tenant: TenantId,
    client: &ClientId,
    command: RotateSecret,
) -> Result<Timestamp, Error> {
    let tenant = find(unit.tenants(), access, tenant)?;
    let known = of_tenant(unit.clients().known(client)?, &tenant)?;
    rotate(unit, context, &known, Some(&tenant), command)
}

/// Gives a client a new secret; tells until when the one before it is good. `tenant` is
/// the one that the client belongs to, if any.
pub fn rotate(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    known: &KnownClient,
    tenant: Option<&TenantHead>,
    command: RotateSecret,
) -> Result<Timestamp, Error> {
    let now = moment(unit, context)?;
    let rotation = rotation::rotate(&known.secrets, command.overlap, now);
    let key = known.client.key;
    let clients = unit.clients();
    for retired in rotation.retired {
        clients.delete_secret(key, retired)?;
    }
    if let Some(previous) = &rotation.previous {
        clients.set_expiry(key, previous.id, previous.expires_at)?;
    }
    let secret = SecretRecord {
        id: SecretId::generate(now, &*context.entropy),
        hash: command.hash,
        created_at: now,
        expires_at: None,
        last_used_at: None,
    };
    clients.insert_secret(key, &secret)?;
    let kind = ChangeType::ClientSecretRotated;
    let change = context.origin.client(kind, now, &known.client, tenant);
    unit.changes().append(&change)?;
    Ok(rotation.previous_expires_at)
}

/// Retires one secret of a tenant's client now. The last one stays.
pub fn retire_of_tenants_client(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    access: &EnvironmentAccess,
    tenant: TenantId,
    client: &ClientId,
    secret: SecretId,
) -> Result<(), Error> {
    let tenant = find(unit.tenants(), access, tenant)?;
    let known = of_tenant(unit.clients().known(client)?, &tenant)?;
    let now = moment(unit, context)?;
    let retirement =
        rotation::retire(&known.secrets, secret, now).map_err(|refusal| match refusal {
            RetirementRefusal::Missing => Error::Missing(Thing::Secret),
            RetirementRefusal::Last => Error::LastSecret,
        })?;
    let key = known.client.key;
    let clients = unit.clients();
    for retired in retirement.retired {
        clients.delete_secret(key, retired)?;
    }
    clients.set_expiry(key, retirement.current.id, retirement.current.expires_at)?;
    let kind = ChangeType::ClientUpdated;
    let change = context
        .origin
        .client(kind, now, &known.client, Some(&tenant));
    unit.changes().append(&change)?;
    Ok(())
}
