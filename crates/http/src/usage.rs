//! Uses of clients that are not stored yet.

use std::sync::{Arc, Mutex, PoisonError};

use tenantry_domain::{
    clock::Timestamp,
    id::{ClientKey, SecretId},
    uses::Uses,
};

/// Collects uses until somebody stores them. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct RecentUses(Arc<Mutex<Uses>>);

impl RecentUses {
    pub(crate) fn record(&self, client: ClientKey, secret: Option<SecretId>, at: Timestamp) {
        self.with(|uses| uses.record(client, secret, at));
    }

    /// Takes all of them, to be stored.
    pub fn take(&self) -> Uses {
        self.with(std::mem::take)
    }

    /// Gives back those that could not be stored, for the next time.
    pub fn put_back(&self, uses: Uses) {
        self.with(|recent| recent.merge(uses));
    }

    fn with<T>(&self, work: impl FnOnce(&mut Uses) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
