//! What the suite runs on.

/// One of the deployments that must answer alike. Each has a test binary of the whole
/// suite, whose root says which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum World {
    /// One process on a file.
    Sqlite,
    /// One process on a database of its own in PostgreSQL.
    Postgres,
    /// Two processes on one database in PostgreSQL, taking requests in turn.
    Pair,
}

impl World {
    /// As how many processes a server runs.
    pub(super) fn processes(self) -> usize {
        match self {
            Self::Sqlite | Self::Postgres => 1,
            Self::Pair => 2,
        }
    }
}
