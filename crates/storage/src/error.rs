//! From a database's errors to the domain's.

use diesel::{
    ConnectionError,
    result::{DatabaseErrorInformation, DatabaseErrorKind, Error},
};
use tenantry_domain::port::{StoreError, Unique};

/// What is unique, as SQLite names it, by the columns, and as PostgreSQL does, by the
/// constraint.
const UNIQUE: [(&str, &str, Unique); 14] = [
    ("regions.id", "regions_id", Unique::RegionId),
    ("regions.name", "regions_name", Unique::RegionName),
    ("environments.id", "environments_id", Unique::EnvironmentId),
    (
        "environments.domain",
        "environments_domain",
        Unique::EnvironmentDomain,
    ),
    (
        "environments.tenant_domain",
        "environments_tenant_domain",
        Unique::TenantDomain,
    ),
    ("tenants.id", "tenants_id", Unique::TenantId),
    (
        "tenants.environment_id, tenants.label",
        "tenants_label",
        Unique::TenantLabel,
    ),
    ("clients.key", "clients_key", Unique::ClientKey),
    ("clients.client_id", "clients_client_id", Unique::ClientId),
    ("client_secrets.id", "client_secrets_id", Unique::SecretId),
    (
        "system_accounts.id",
        "system_accounts_id",
        Unique::AccountId,
    ),
    (
        "system_accounts.username",
        "system_accounts_username",
        Unique::Username,
    ),
    ("signing_keys.kid", "signing_keys_kid", Unique::KeyId),
    (
        "server_secrets.name",
        "server_secrets_name",
        Unique::ServerSecretName,
    ),
];

/// What a message without a class of its own means, by its beginning.
///
/// Diesel hands on texts and not codes. SQLite's are a fixed table of its own.
/// PostgreSQL's are translated where its `lc_messages` says so, which a connection asks it
/// not to do; what tells that a connection or a server is gone has a class of its own.
const MEANINGS: [(&str, Meaning); 29] = [
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
    // Another database has taken its place, or somebody works on it by hand.
    ("no such table", Meaning::Away("a table is missing")),
    ("relation \"", Meaning::Away("a table is missing")),
    (
        "permission denied for",
        Meaning::Away("its permissions refuse this role"),
    ),
    ("out of memory", Meaning::Away("memory ran out")),
    ("interrupted", Meaning::Away("it was interrupted")),
    ("database disk image is malformed", Meaning::Damaged),
    ("file is not a database", Meaning::Damaged),
    (
        "canceling statement due to lock timeout",
        Meaning::Busy("another server is writing to it"),
    ),
    (
        "canceling statement due to statement timeout",
        Meaning::Busy("it took too long to answer"),
    ),
    (
        "deadlock detected",
        Meaning::Busy("others held what was needed"),
    ),
    ("out of shared memory", Meaning::Full("memory ran out")),
    ("could not extend file", Meaning::Full("its disk is full")),
    ("could not write to", Meaning::Away("its disk failed")),
    ("could not fsync", Meaning::Away("its disk failed")),
    (
        "canceling statement due to user request",
        Meaning::Away("its operator ended the statement"),
    ),
    (
        "terminating connection",
        Meaning::Away("it ended the connection"),
    ),
    ("the database system is", Meaning::Away("it is not ready")),
    (
        "server closed the connection",
        Meaning::Away("the connection was lost"),
    ),
    (
        "sorry, too many clients",
        Meaning::Away("it has too many connections"),
    ),
    (
        "remaining connection slots",
        Meaning::Away("it has too many connections"),
    ),
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
            match taken(&**information) {
                Some(unique) => StoreError::Taken(unique),
                None => failed(error),
            }
        }
        Error::DatabaseError(
            DatabaseErrorKind::ForeignKeyViolation | DatabaseErrorKind::RestrictViolation,
            _,
        ) => StoreError::Referenced,
        Error::DatabaseError(kind, information) => {
            let message = information.message();
            if let Some(text) = away(*kind) {
                return unavailable(text, message);
            }
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
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::SerializationFailure,
            _,
        ) => store_error(error),
        Error::DatabaseError(kind, information) => match meaning(information.message()) {
            Some(Meaning::Busy(_) | Meaning::Full(_)) if away(*kind).is_none() => {
                store_error(error)
            }
            _ => StoreError::OutcomeUnknown(one_line(information.message())),
        },
        _ => StoreError::OutcomeUnknown(error.to_string()),
    }
}

/// Whether a connection can be used on after an error: the statement was refused, and
/// nothing is wrong with who refused it.
pub(crate) fn spares_connection(error: &Error) -> bool {
    match error {
        Error::DatabaseError(
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ReadOnlyTransaction,
            _,
        )
        | Error::BrokenTransactionManager => false,
        Error::DatabaseError(DatabaseErrorKind::Unknown, information) => {
            matches!(meaning(information.message()), Some(Meaning::Busy(_)))
        }
        _ => true,
    }
}

/// Whether an error says nothing worse than that somebody else holds a lock.
pub(crate) fn is_busy(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(_, information)
        if matches!(meaning(information.message()), Some(Meaning::Busy(_))))
}

/// Whether a connection turns out to be for reading alone.
pub(crate) fn is_read_only(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(_, information)
        if information.message().starts_with("attempt to write a readonly database"))
}

fn taken(information: &dyn DatabaseErrorInformation) -> Option<Unique> {
    let known = if let Some(constraint) = information.constraint_name() {
        UNIQUE.iter().find(|(_, known, _)| *known == constraint)
    } else {
        let columns = information
            .message()
            .strip_prefix("UNIQUE constraint failed: ")?;
        UNIQUE.iter().find(|(known, _, _)| *known == columns)
    };
    known.map(|(_, _, unique)| *unique)
}

/// The classes of PostgreSQL's errors that say that it can't be used now.
fn away(kind: DatabaseErrorKind) -> Option<&'static str> {
    match kind {
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
            Some("the connection was lost")
        }
        DatabaseErrorKind::ReadOnlyTransaction => Some("it is read-only"),
        DatabaseErrorKind::SerializationFailure => Some("another change came in between"),
        _ => None,
    }
}

fn meaning(message: &str) -> Option<Meaning> {
    let known = MEANINGS
        .iter()
        .find(|(text, _)| message.starts_with(text))?;
    Some(known.1)
}

fn unavailable(text: &str, message: &str) -> StoreError {
    StoreError::Unavailable(format!("{text} ({})", one_line(message)))
}

/// A message of libpq's, which may have several lines, as one.
pub(crate) fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What it means that a connection could not be made.
pub(crate) fn unreachable(error: ConnectionError) -> StoreError {
    match error {
        ConnectionError::CouldntSetupConfiguration(error) => store_error(error),
        other => StoreError::Unavailable(one_line(&other.to_string())),
    }
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
