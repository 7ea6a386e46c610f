//! Stores when clients and secrets were last used.

use std::{sync::Arc, time::Duration};

use tenantry_domain::{
    port::{Store, StoreError, write},
    uses::{self, Uses},
};
use tenantry_http::RecentUses;

/// Stores the uses that requests have left.
#[derive(Clone)]
pub(crate) struct UseKeeper {
    store: Arc<dyn Store>,
    recent: RecentUses,
}

/// How many clients one unit of work touches: others want to write too.
const BATCH: usize = 200;

impl UseKeeper {
    /// How often they are stored: what is shown is at most ten seconds behind.
    pub(crate) const PERIOD: Duration = Duration::from_secs(5);

    pub(crate) fn new(store: Arc<dyn Store>, recent: RecentUses) -> Self {
        Self { store, recent }
    }

    /// Stores all there are. What can't be stored now is kept for the next time.
    pub(crate) fn store(&self) {
        let mut uses = self.recent.take();
        while !uses.is_empty() {
            let batch = uses.take(BATCH);
            if let Err(error) = self.store_batch(&batch) {
                tracing::warn!(%error, "when clients were last used could not be stored");
                uses.merge(batch);
                self.recent.put_back(uses);
                return;
            }
        }
    }

    fn store_batch(&self, batch: &Uses) -> Result<(), StoreError> {
        write(&*self.store, |unit| uses::store(unit, batch))
    }
}
