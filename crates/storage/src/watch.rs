//! Looking out for what other processes commit.

use tenantry_domain::port::StoreError;

use crate::{pg, sqlite};

/// A connection of its own that notices commits of whoever else works on the database.
///
/// It hangs on no transaction and on no pool, so that looking costs next to nothing and takes
/// nobody's place. One that has failed is of no more use; another is opened in its place.
pub struct CommitWatch(pub(crate) Watching);

pub(crate) enum Watching {
    Sqlite(sqlite::Watch),
    Postgres(pg::Watch),
}

impl CommitWatch {
    /// Whether anybody, this process included, may have committed a change since the last
    /// look; the first look says yes. It takes one round trip to the database at the most.
    pub fn look(&mut self) -> Result<bool, StoreError> {
        match &mut self.0 {
            Watching::Sqlite(watch) => watch.look(),
            Watching::Postgres(watch) => watch.look(),
        }
    }

    /// Tells the watches of other processes that this one has committed. They notice it
    /// without that too, but not as soon.
    pub fn tell(&mut self) -> Result<(), StoreError> {
        match &mut self.0 {
            // They are told by the file.
            Watching::Sqlite(_) => Ok(()),
            Watching::Postgres(watch) => watch.tell(),
        }
    }
}
