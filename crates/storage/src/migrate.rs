//! What the crates above see of migrations.

use std::error::Error as StdError;

use tenantry_domain::port::StoreError;
use thiserror::Error;

use crate::error::{commit_error, store_error};

/// One migration, and whether the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its name, such as `0001_foundation`; the bare number of one that this program
    /// does not know.
    pub name: String,
    /// Whether it was applied.
    pub applied: bool,
}

/// Why the schema could not be brought up to date, or back. It is as it was before, unless the outcome is unknown.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// The database can't be reached, is full, or another process did not let go of it.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database went away while it committed: all of it is there, or nothing is. To be tried again.
    #[error("the outcome is unknown, and it can be tried again: {0}")]
    OutcomeUnknown(String),
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

/// How a transaction ended that did not go through: in what was to be done, or around it.
pub(crate) enum Ended<E> {
    /// What was to be done failed.
    Work(E),
    /// Its beginning did, or its end.
    Database(diesel::result::Error),
}

impl<E> From<diesel::result::Error> for Ended<E> {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error)
    }
}

impl<E: From<diesel::result::Error> + From<MigrateError>> Ended<E> {
    /// The error that it is, for who knows whether the end had come.
    pub(crate) fn into_error(self, was_committing: bool) -> E {
        match self {
            Self::Work(error) => error,
            Self::Database(error) if was_committing => MigrateError::of_commit(error).into(),
            Self::Database(error) => error.into(),
        }
    }
}

impl MigrateError {
    fn of_commit(error: diesel::result::Error) -> Self {
        match commit_error(error) {
            StoreError::OutcomeUnknown(text) => Self::OutcomeUnknown(text),
            StoreError::Unavailable(text) => Self::Unavailable(text),
            other => Self::Database(Box::new(other)),
        }
    }
}
