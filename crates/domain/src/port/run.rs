//! Running work in units.

use super::{Snapshot, Store, StoreError, UnitOfWork};
use crate::error::Error;

/// Runs `work` in a snapshot.
pub fn read<T, E: From<StoreError>>(
    store: &dyn Store,
    work: impl FnOnce(&mut dyn Snapshot) -> Result<T, E>,
) -> Result<T, E> {
    work(&mut *store.snapshot()?)
}

/// Runs `work`, which has exactly one question, in a unit for that.
///
/// Where it is not to be had, `work` is run again in a snapshot: beginning that finds out whether it
/// was the connection alone.
pub fn glance<T>(
    store: &dyn Store,
    work: impl Fn(&mut dyn Snapshot) -> Result<T, Error>,
) -> Result<T, Error> {
    let glanced = store.glance().map_err(Error::from);
    match glanced.and_then(|mut unit| work(&mut *unit)) {
        Err(Error::Store(StoreError::Unavailable(_))) => read(store, work),
        glanced => glanced,
    }
}

/// Runs `work` in a unit of work and commits it if it succeeds.
pub fn write<T, E: From<StoreError>>(
    store: &dyn Store,
    work: impl FnOnce(&mut dyn UnitOfWork) -> Result<T, E>,
) -> Result<T, E> {
    write_if(store, || true, work)
}

/// Runs `work` in a unit of work and commits it if it succeeds and `is_wanted` says yes,
/// which is asked right before: after a no, nothing was done and
/// [`StoreError::Unavailable`] says so.
pub fn write_if<T, E: From<StoreError>>(
    store: &dyn Store,
    is_wanted: impl FnOnce() -> bool,
    work: impl FnOnce(&mut dyn UnitOfWork) -> Result<T, E>,
) -> Result<T, E> {
    let mut unit = store.begin()?;
    let result = work(&mut *unit)?;
    if !is_wanted() {
        return Err(StoreError::called_off().into());
    }
    unit.commit()?;
    Ok(result)
}
