//! What can be done with answers that are kept for a repeat.

use crate::{
    clock::{REMEMBERED_SECONDS, Timestamp},
    error::Error,
    idempotency::{AnswerId, Fingerprint, KeptAnswer, Repeat},
    port::{Snapshot, UnitOfWork},
};

/// How many forgotten answers are cleared away at the most when one is kept. It is more
/// than one, so that the store shrinks, and not many, so that no caller waits for it.
const CLEARED_AT_ONCE: u32 = 100;

/// Finds out whether a request was done before, in the unit that would do it.
pub fn recall(
    unit: &mut dyn UnitOfWork,
    id: AnswerId,
    fingerprint: Fingerprint,
    now: Timestamp,
) -> Result<Repeat, Error> {
    Ok(Repeat::of(unit.answers().by_id(id)?, fingerprint, now))
}

/// Finds out whether a request was done before, for one that will not be done.
pub fn look_up(
    unit: &mut dyn Snapshot,
    id: AnswerId,
    fingerprint: Fingerprint,
    now: Timestamp,
) -> Result<Repeat, Error> {
    Ok(Repeat::of(unit.answers().by_id(id)?, fingerprint, now))
}

/// Keeps the answer of a request that the same unit has done, and clears away some of
/// those that are forgotten, and were so long ago: a repeat must find its answer also after the clock was ahead for a
/// while.
pub fn keep(unit: &mut dyn UnitOfWork, answer: &KeptAnswer, now: Timestamp) -> Result<(), Error> {
    let long_ago = now.plus_seconds(-REMEMBERED_SECONDS);
    unit.answers().forget_expired(long_ago, CLEARED_AT_ONCE)?;
    Ok(unit.answers().keep(answer)?)
}
