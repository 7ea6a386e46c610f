//! What the crates above see of migrations.

use std::error::Error as StdError;

use tenantry_domain::port::StoreError;
use thiserror::Error;

use crate::error::store_error;

/// One migration, and whether the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its name, such as `0001_foundation`; the bare number of one that this program
    /// does not know.
    pub name: String,
    /// Whether it was applied.
    pub applied: bool,
}

/// Why the schema could not be brought up to date, or back. It is as it was before.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// The database can't be reached, is full, or another process did not let go of it.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database was migrated by a newer program.
    #[error("the database has migration `{0}`, which this version of the program does not know")]
    Unknown(String),
    /// A migration does not go through.
    #[error("migration `{name}` failed")]
    Failed {
        /// Which.
        name: String,
        /// Why.
        #[source]
        cause: Box<dyn StdError + Send + Sync>,
    },
    /// The migrated rows of that table refer to something that is not there.
    #[error("the migrated table `{0}` refers to rows that do not exist")]
    Dangling(String),
    /// Anything else.
    #[error("the database refused to be migrated")]
    Database(#[source] Box<dyn StdError + Send + Sync>),
}

impl From<diesel::result::Error> for MigrateError {
    fn from(error: diesel::result::Error) -> Self {
        match store_error(error) {
            StoreError::Unavailable(text) => Self::Unavailable(text),
            other => Self::Database(Box::new(other)),
        }
    }
}
