//! What can be done with signing keys.
//!
//! None of it is a change of a tenant, a client or an environment, so none leaves a
//! change record.

use thiserror::Error;

use crate::{
    clock::Timestamp,
    key::{KeyState, Lead, Schedules, SealedKey},
    port::{StoreError, UnitOfWork},
    token::RevokedToken,
};

/// For how many seconds a key that is dead is still shown to the operator.
const REMEMBERED_SECONDS: i64 = 86_400;

/// Why a key was not retired.
#[derive(Debug, Error)]
pub enum RetireError {
    /// There is none of that name.
    #[error("there is no such key")]
    Missing,
    /// It is the one that signs, and without it nobody would get a token.
    #[error("it is the key that signs: make another one that signs at once, then retire this one")]
    Signing,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Adds a key that was just made, published from now on and signing after that lead.
///
/// It is the newest one whatever the clocks say, since the newest one counts.
pub fn rotate(
    unit: &mut dyn UnitOfWork,
    mut key: SealedKey,
    lead: Lead,
    now: Timestamp,
) -> Result<SealedKey, StoreError> {
    let newest = unit.keys().all()?.into_iter().next_back();
    let behind = newest.map(|newest| newest.created_at.plus_micros(1));
    key.created_at = behind.map_or(now, |behind| behind.max(now));
    key.signs_from = key.created_at.plus_seconds(lead.seconds().into());
    unit.keys().insert(&key)?;
    Ok(key)
}

/// Ends a key at once, and with it every token that it has signed: for one that
/// somebody else may have. One that is dead already stays as it is.
pub fn retire(
    unit: &mut dyn UnitOfWork,
    kid: &str,
    now: Timestamp,
) -> Result<SealedKey, RetireError> {
    let keys = unit.keys().all()?;
    let place = keys.iter().position(|key| key.kid == kid);
    let place = place.ok_or(RetireError::Missing)?;
    let mut key = keys[place].clone();
    match Schedules::of(&keys).state(place, now) {
        None | Some(KeyState::Dead { .. }) => return Ok(key),
        Some(KeyState::Signing) => return Err(RetireError::Signing),
        Some(KeyState::Published { .. } | KeyState::Verifying { .. }) => {}
    }
    key.expires_at = Some(now);
    unit.keys().update(&key)?;
    // Servers that have not read the keys again yet find it here, at the next use of one
    // of its tokens. By the time it is forgotten, the last of them has expired by itself.
    let last_end = i64::from(key.token_ttl).saturating_add(REMEMBERED_SECONDS);
    unit.tokens().revoke(&RevokedToken {
        id: RevokedToken::all_of_key(kid),
        expires_at: now.plus_seconds(last_end),
    })?;
    Ok(key)
}

/// Whether [`upkeep`] has anything to do for a server whose tokens live that long.
pub fn needs_upkeep(keys: &[SealedKey], token_ttl: u32, now: Timestamp) -> bool {
    let schedules = Schedules::of(keys);
    let needs = |(place, key)| {
        may_sign_longer(&schedules, place, key, token_ttl, now)
            || is_forgotten(&schedules, place, now)
    };
    keys.iter().enumerate().any(needs)
}

/// What a server has to write down about the keys before it signs: that its tokens may
/// live that long. Keys that are dead for a day are deleted. Hands out all keys.
pub fn upkeep(
    unit: &mut dyn UnitOfWork,
    token_ttl: u32,
    now: Timestamp,
) -> Result<Vec<SealedKey>, StoreError> {
    let keys = unit.keys().all()?;
    let schedules = Schedules::of(&keys);
    let mut kept = Vec::with_capacity(keys.len());
    for (place, mut key) in keys.into_iter().enumerate() {
        if is_forgotten(&schedules, place, now) {
            unit.keys().delete(&key.kid)?;
            continue;
        }
        if may_sign_longer(&schedules, place, &key, token_ttl, now) {
            key.token_ttl = token_ttl;
            unit.keys().update(&key)?;
        }
        kept.push(key);
    }
    Ok(kept)
}

/// Seals every key anew. `seal` is given a key and makes its new sealed form.
pub fn reseal<E: From<StoreError>>(
    unit: &mut dyn UnitOfWork,
    mut seal: impl FnMut(&SealedKey) -> Result<Vec<u8>, E>,
) -> Result<usize, E> {
    let keys = unit.keys().all()?;
    let count = keys.len();
    for mut key in keys {
        key.sealed = seal(&key)?;
        unit.keys().update(&key)?;
    }
    Ok(count)
}

fn may_sign_longer(
    schedules: &Schedules,
    place: usize,
    key: &SealedKey,
    token_ttl: u32,
    now: Timestamp,
) -> bool {
    let state = schedules.state(place, now);
    let may_sign = matches!(state, Some(KeyState::Published { .. } | KeyState::Signing));
    may_sign && key.token_ttl < token_ttl
}

fn is_forgotten(schedules: &Schedules, place: usize, now: Timestamp) -> bool {
    let state = schedules.state(place, now);
    matches!(state, Some(KeyState::Dead { since }) if since.plus_seconds(REMEMBERED_SECONDS) <= now)
}
