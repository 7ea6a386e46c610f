//! Time, chance and hashing, as the whole process shares them.

use std::sync::Arc;

use tenantry_auth::{entropy::OsEntropy, hashing::Hasher};
use tenantry_domain::{change::Origin, clock::Clock, port::Entropy, usecase::Context};

use crate::{clock::SystemClock, config::Settings};

/// What a process takes of the world beside its database.
#[derive(Clone)]
pub(crate) struct World {
    /// Where the time comes from.
    pub(crate) clock: Arc<dyn Clock>,
    /// Where chance comes from.
    pub(crate) entropy: Arc<dyn Entropy>,
    /// What hashes secrets and passwords.
    pub(crate) hasher: Hasher,
}

impl World {
    /// The real one.
    pub(crate) fn real() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
            hasher: Hasher::new(),
        }
    }

    /// What a write of this process needs beside its command.
    pub(crate) fn context(&self, settings: &Settings) -> Context {
        Context {
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            reserved: Arc::new(settings.reserved.clone()),
            origin: Origin::CLI,
        }
    }
}
