//! The first start: what an empty database is filled with.

use super::{
    Context,
    clients::{self, CreateManagementClient},
    environments::{self, CreateEnvironment},
};
use crate::{
    account::{SystemAccount, Username},
    client::SecretHash,
    error::Error,
    id::SystemAccountId,
    key::SealedKey,
    port::{StoreError, UnitOfWork},
};

/// All that a first start makes.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The environments; the first becomes the default.
    pub environments: Vec<CreateEnvironment>,
    /// The first management client.
    pub client: CreateManagementClient,
    /// The first system account's name.
    pub username: Username,
    /// The hash of its password.
    pub password_hash: SecretHash,
    /// The first signing key.
    pub key: SealedKey,
}

/// Whether nobody has ever started on this database.
///
/// Deleting the last environment or the last client does not make it so again: a
/// signing key stays as long as the database does.
pub fn is_needed(unit: &mut dyn UnitOfWork) -> Result<bool, StoreError> {
    Ok(unit.keys().all()?.is_empty()
        && !unit.clients().any_of_operator()?
        && !unit.accounts().any()?
        && unit.environments().default()?.is_none())
}

/// Fills an empty database. The caller has asked [`is_needed`] in the same unit.
pub fn run(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    bootstrap: Bootstrap,
) -> Result<(), Error> {
    for command in bootstrap.environments {
        environments::create(unit, context, command)?;
    }
    clients::create_management(unit, context, bootstrap.client)?;
    let now = context.clock.now();
    unit.accounts().insert(&SystemAccount {
        id: SystemAccountId::generate(now, &*context.entropy),
        username: bootstrap.username,
        password_hash: bootstrap.password_hash,
        created_at: now,
    })?;
    unit.keys().insert(&bootstrap.key)?;
    Ok(())
}
