//! What the operator can do with management clients, beside making them
//! ([`clients::create_management`](super::clients::create_management)).

use thiserror::Error;

use super::{
    Context, moment,
    secrets::{self, RotateSecret},
};
use crate::{
    change::ChangeType,
    client::{Client, ClientChange, ClientId, ClientOwner, ClientStatus, KnownClient},
    clock::Timestamp,
    error::{Error, Thing},
    page::{Page, PageRequest},
    port::{Snapshot, StoreError, UnitOfWork},
};

/// Why a management client is not as it was asked for.
#[derive(Debug, Error)]
pub enum ManagementError {
    /// Without it nobody could use the management API.
    #[error("it is the last management client that is active")]
    Last,
    /// Any other reason.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<StoreError> for ManagementError {
    fn from(error: StoreError) -> Self {
        Self::Other(error.into())
    }
}

/// Lists management clients, oldest first.
pub fn list(unit: &mut dyn Snapshot, request: PageRequest) -> Result<Page<Client>, Error> {
    Ok(unit.clients().page_of_operator(request)?)
}

/// Disables a management client, or lets it be used again; the last active one is
/// disabled only if `even_the_last`. One that has the status already stays as it is.
pub fn set_status(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    id: &ClientId,
    status: ClientStatus,
    even_the_last: bool,
) -> Result<Client, ManagementError> {
    let known = find(unit, id)?;
    if known.client.status == status {
        return Ok(known.client);
    }
    let now = moment(unit, context)?;
    let changed = known.client.change(ClientChange {
        status: Some(status),
        ..ClientChange::default()
    });
    unit.clients().update(&changed)?;
    keep_one(unit, status == ClientStatus::Active || even_the_last)?;
    let kind = ChangeType::ClientUpdated;
    let change = context.origin.client(kind, now, &changed, None);
    unit.changes().append(&change)?;
    Ok(changed)
}

/// Deletes a management client; the last active one only if `even_the_last`.
pub fn delete(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    id: &ClientId,
    even_the_last: bool,
) -> Result<Client, ManagementError> {
    let client = find(unit, id)?.client;
    let now = moment(unit, context)?;
    unit.clients().delete(client.key)?;
    let was_of_no_use = client.status == ClientStatus::Disabled;
    keep_one(unit, was_of_no_use || even_the_last)?;
    let kind = ChangeType::ClientDeleted;
    let change = context.origin.client(kind, now, &client, None);
    unit.changes().append(&change)?;
    Ok(client)
}

/// Gives a management client a new secret; tells until when the one before it is good.
pub fn rotate(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    id: &ClientId,
    command: RotateSecret,
) -> Result<Timestamp, Error> {
    let known = find(unit, id)?;
    secrets::rotate(unit, context, &known, None, command)
}

fn keep_one(unit: &mut dyn UnitOfWork, even_none: bool) -> Result<(), ManagementError> {
    if even_none || unit.clients().any_active_of_operator()? {
        Ok(())
    } else {
        Err(ManagementError::Last)
    }
}

fn find(unit: &mut dyn UnitOfWork, id: &ClientId) -> Result<KnownClient, Error> {
    let known = unit.clients().known(id)?;
    known
        .filter(|known| matches!(known.client.owner, ClientOwner::Operator(_)))
        .ok_or(Error::Missing(Thing::Client))
}
