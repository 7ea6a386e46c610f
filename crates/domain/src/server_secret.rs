//! Secrets that all servers of one database share, as a store keeps them: sealed.

use std::fmt;

/// A secret that only the master key opens.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerSecret {
    /// What it is for; unique.
    pub name: String,
    /// The secret, sealed.
    pub sealed: Vec<u8>,
}

impl fmt::Debug for ServerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSecret")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
