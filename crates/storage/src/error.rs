//! From a database's errors to the domain's.

use diesel::result::{DatabaseErrorKind, Error};
use tenantry_domain::port::{StoreError, Unique};

/// What is unique, by the name that a database gives in its message. SQLite names the
/// columns.
const UNIQUE: [(&str, Unique); 13] = [
    ("regions.id", Unique::RegionId),
    ("regions.name", Unique::RegionName),
    ("environments.id", Unique::EnvironmentId),
    ("environments.domain", Unique::EnvironmentDomain),
    ("environments.tenant_domain", Unique::TenantDomain),
    ("tenants.id", Unique::TenantId),
    ("tenants.environment_id, tenants.label", Unique::TenantLabel),
    ("clients.key", Unique::ClientKey),
    ("clients.client_id", Unique::ClientId),
    ("client_secrets.id", Unique::SecretId),
    ("system_accounts.id", Unique::AccountId),
    ("system_accounts.username", Unique::Username),
    ("signing_keys.kid", Unique::KeyId),
];

/// What a message without a class of its own means. Diesel hands on SQLite's text and
/// not its code; the texts are a fixed table of SQLite's own.
const MEANINGS: [(&str, Meaning); 13] = [
    (
        "database is locked",
        Meaning::Busy("another process is writing to it"),
    ),
    (
        "database table is locked",
        Meaning::Busy("one of its tables is in use"),
    ),
    (
        "database schema is locked",
        Meaning::Busy("its schema is in use"),
    ),
    (
        "locking protocol",
        Meaning::Busy("its lock could not be taken"),
    ),
    (
        "database or disk is full",
        Meaning::Full("the disk is full"),
    ),
    ("disk I/O error", Meaning::Away("its disk failed")),
    (
        "unable to open database file",
        Meaning::Away("its file can't be opened"),
    ),
    (
        "attempt to write a readonly database",
        Meaning::Away("it is read-only"),
    ),
    (
        "authorization denied",
        Meaning::Away("it is not accessible"),
    ),
    ("out of memory", Meaning::Away("memory ran out")),
    ("interrupted", Meaning::Away("it was interrupted")),
    ("database disk image is malformed", Meaning::Damaged),
    ("file is not a database", Meaning::Damaged),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// Somebody else holds a lock; nothing was done.
    Busy(&'static str),
    /// There is no room; nothing was done.
    Full(&'static str),
    /// It can't be reached or used now.
    Away(&'static str),
    /// Its file is broken.
    Damaged,
}

/// Why a repository's work failed: the database's error, or a row that can't be.
#[derive(Debug)]
pub(crate) enum Failure {
    Database(Error),
    Corrupt(Corrupt),
}

/// A row that is not what a row of this program can be, told in words.
#[derive(Debug)]
pub(crate) struct Corrupt(pub(crate) String);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<Corrupt> for Failure {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Database(error) => store_error(error),
            Failure::Corrupt(Corrupt(text)) => Self::Corrupt(text),
        }
    }
}

/// What an error of any statement but COMMIT means.
pub(crate) fn store_error(error: Error) -> StoreError {
    match &error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, information) => {
            match taken(information.message()) {
                Some(unique) => StoreError::Taken(unique),
                None => failed(error),
            }
        }
        Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => StoreError::Referenced,
        Error::DatabaseError(_, information) => {
            let message = information.message();
            match meaning(message) {
                Some(Meaning::Busy(text) | Meaning::Full(text) | Meaning::Away(text)) => {
                    unavailable(text, message)
                }
                Some(Meaning::Damaged) => StoreError::Corrupt(message.to_owned()),
                None => failed(error),
            }
        }
        Error::DeserializationError(cause) => StoreError::Corrupt(cause.to_string()),
        _ => failed(error),
    }
}

/// What an error of COMMIT means.
///
/// A database that was busy or full has said before it wrote the end of the
/// transaction that it would not. Behind any other error the change may be there.
pub(crate) fn commit_error(error: Error) -> StoreError {
    match &error {
        Error::DatabaseError(
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::NotNullViolation,
            _,
        ) => store_error(error),
        Error::DatabaseError(_, information) => match meaning(information.message()) {
            Some(Meaning::Busy(_) | Meaning::Full(_)) => store_error(error),
            Some(Meaning::Away(_) | Meaning::Damaged) | None => {
                StoreError::OutcomeUnknown(information.message().to_owned())
            }
        },
        _ => StoreError::OutcomeUnknown(error.to_string()),
    }
}

/// Whether an error says nothing worse than that somebody else holds a lock.
pub(crate) fn is_busy(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(_, information)
        if matches!(meaning(information.message()), Some(Meaning::Busy(_))))
}

fn taken(message: &str) -> Option<Unique> {
    let name = message.strip_prefix("UNIQUE constraint failed: ")?;
    let known = UNIQUE.iter().find(|(known, _)| *known == name)?;
    Some(known.1)
}

fn meaning(message: &str) -> Option<Meaning> {
    let known = MEANINGS
        .iter()
        .find(|(text, _)| message.starts_with(text))?;
    Some(known.1)
}

fn unavailable(text: &str, message: &str) -> StoreError {
    StoreError::Unavailable(format!("{text} ({message})"))
}

fn failed(error: Error) -> StoreError {
    StoreError::Failed(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: DatabaseErrorKind, message: &str) -> Error {
        Error::DatabaseError(kind, Box::new(message.to_owned()))
    }

    fn unknown(message: &str) -> Error {
        error(DatabaseErrorKind::Unknown, message)
    }

    #[test]
    fn an_unknown_unique_index_is_no_claim_about_a_known_one() {
        for name in ["environments.is_default", "tenants.ids", "tenants.i", ""] {
            let message = format!("UNIQUE constraint failed: {name}");
            let mapped = store_error(error(DatabaseErrorKind::UniqueViolation, &message));
            assert!(matches!(mapped, StoreError::Failed(_)), "{name}");
        }
    }

    #[test]
    fn a_busy_or_broken_database_is_unavailable_and_says_why() {
        for (message, word) in [
            ("database is locked", "another process"),
            ("database table is locked: tenants", "in use"),
            ("database or disk is full", "the disk is full"),
            ("disk I/O error", "disk failed"),
            ("unable to open database file", "can't be opened"),
            ("attempt to write a readonly database", "read-only"),
        ] {
            match store_error(unknown(message)) {
                StoreError::Unavailable(text) => assert!(text.contains(word), "{text}"),
                other => panic!("{message}: {other:?}"),
            }
        }
        assert!(is_busy(&unknown("database is locked")));
        assert!(!is_busy(&unknown("database or disk is full")));
    }

    #[test]
    fn a_failed_commit_claims_nothing_that_is_not_known() {
        for message in ["database is locked", "database or disk is full"] {
            let mapped = commit_error(unknown(message));
            assert!(matches!(mapped, StoreError::Unavailable(_)), "{message}");
        }
        for message in ["disk I/O error", "server closed the connection", ""] {
            let mapped = commit_error(unknown(message));
            assert!(matches!(mapped, StoreError::OutcomeUnknown(_)), "{message}");
        }
        let mapped = commit_error(Error::BrokenTransactionManager);
        assert!(matches!(mapped, StoreError::OutcomeUnknown(_)));
        let mapped = commit_error(error(DatabaseErrorKind::ForeignKeyViolation, "FOREIGN KEY"));
        assert!(matches!(mapped, StoreError::Referenced));
    }

    #[test]
    fn what_is_wrong_with_the_file_or_a_row_is_corrupt() {
        for mapped in [
            store_error(unknown("database disk image is malformed")),
            store_error(Error::DeserializationError("field `id`".into())),
            Failure::from(Corrupt("tenant 1".to_owned())).into(),
        ] {
            assert!(matches!(mapped, StoreError::Corrupt(_)), "{mapped:?}");
        }
        let mapped = store_error(unknown("near \"SELEC\": syntax error"));
        assert!(matches!(mapped, StoreError::Failed(_)));
    }
}
