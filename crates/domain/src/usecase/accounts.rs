//! What can be done with system accounts.
//!
//! An account is no tenant, client or environment, so none of it leaves a change record.

use thiserror::Error;

use crate::{
    account::{SystemAccount, Username},
    client::SecretHash,
    clock::Timestamp,
    id::SystemAccountId,
    port::{Entropy, StoreError, Unique, UnitOfWork},
};

/// Why an account is not as it was asked for.
#[derive(Debug, Error)]
pub enum AccountError {
    /// Another account has the name.
    #[error("there is an account of that name already")]
    Taken,
    /// There is none of that name.
    #[error("there is no account of that name")]
    Missing,
    /// Without it nobody could use the system API.
    #[error("it is the last account")]
    Last,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes an account.
pub fn create(
    unit: &mut dyn UnitOfWork,
    username: Username,
    password_hash: SecretHash,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<SystemAccount, AccountError> {
    let account = SystemAccount {
        id: SystemAccountId::generate(now, entropy),
        username,
        password_hash,
        created_at: now,
    };
    match unit.accounts().insert(&account) {
        Ok(()) => Ok(account),
        Err(StoreError::Taken(Unique::Username)) => Err(AccountError::Taken),
        Err(error) => Err(error.into()),
    }
}

/// Gives an account another password; the old one is good for nothing at once.
pub fn set_password(
    unit: &mut dyn UnitOfWork,
    username: &Username,
    hash: &SecretHash,
) -> Result<SystemAccount, AccountError> {
    let account = find(unit, username)?;
    unit.accounts().set_password(account.id, hash)?;
    Ok(account)
}

/// Deletes an account; the last one only if `even_the_last`.
pub fn delete(
    unit: &mut dyn UnitOfWork,
    username: &Username,
    even_the_last: bool,
) -> Result<SystemAccount, AccountError> {
    let account = find(unit, username)?;
    unit.accounts().delete(account.id)?;
    if !even_the_last && !unit.accounts().any()? {
        return Err(AccountError::Last);
    }
    Ok(account)
}

fn find(unit: &mut dyn UnitOfWork, username: &Username) -> Result<SystemAccount, AccountError> {
    let account = unit.accounts().by_username(username)?;
    account.ok_or(AccountError::Missing)
}
