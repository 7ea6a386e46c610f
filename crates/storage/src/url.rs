//! Where the database is.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use thiserror::Error;

/// Names a database; the scheme says of which kind it is.
///
/// Displayed, it holds no password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Place);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Sqlite(PathBuf),
}

/// A text that is no [`DatabaseUrl`]. It never repeats the text, which may hold a password.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum InvalidDatabaseUrl {
    /// The scheme is none that is known.
    #[error("must begin with sqlite:// or postgres://")]
    Scheme,
    /// It names a PostgreSQL server.
    #[error("names a PostgreSQL server, but PostgreSQL is not built in yet: use sqlite://<path>")]
    PostgresNotBuiltIn,
    /// `sqlite://` without a path.
    #[error("has no path: write sqlite://<path>, such as sqlite:///var/lib/tenantry/tenantry.db")]
    NoPath,
    /// A path that can't be that of a file.
    #[error("has a path with a NUL character")]
    Nul,
    /// Something that looks like parameters.
    #[error("must not have parameters: sqlite:// is followed by a path and nothing else")]
    Parameters,
    /// A database that would be gone with its last connection.
    #[error("must name a file: a database in memory would be lost, and not shared by connections")]
    InMemory,
}

impl DatabaseUrl {
    /// Reads `sqlite://<path>`: what follows the two slashes is taken as it is, as a
    /// relative path (`sqlite://data/tenantry.db`) or an absolute one (`sqlite:///srv/t.db`).
    pub fn parse(text: &str) -> Result<Self, InvalidDatabaseUrl> {
        let (scheme, path) = text.split_once("://").ok_or(InvalidDatabaseUrl::Scheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            "sqlite" => Self::parse_path(path),
            "postgres" | "postgresql" => Err(InvalidDatabaseUrl::PostgresNotBuiltIn),
            _ => Err(InvalidDatabaseUrl::Scheme),
        }
    }

    /// Names an SQLite database by the path of its file, whatever characters that holds.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(Place::Sqlite(path.into()))
    }

    /// The file of an SQLite database; `None` for every other kind.
    pub fn sqlite_path(&self) -> Option<&Path> {
        match &self.0 {
            Place::Sqlite(path) => Some(path),
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.0
    }

    fn parse_path(path: &str) -> Result<Self, InvalidDatabaseUrl> {
        if path.is_empty() {
            return Err(InvalidDatabaseUrl::NoPath);
        }
        if path.starts_with(":memory:") {
            return Err(InvalidDatabaseUrl::InMemory);
        }
        if path.contains('\0') {
            return Err(InvalidDatabaseUrl::Nul);
        }
        // Others read options there; taking them for a part of the name would make a
        // file that nobody meant.
        if path.contains('?') {
            return Err(InvalidDatabaseUrl::Parameters);
        }
        Ok(Self::sqlite(path))
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_as_they_are() {
        for (text, path) in [
            ("sqlite:///srv/tenantry.db", "/srv/tenantry.db"),
            ("sqlite://data/tenantry.db", "data/tenantry.db"),
            ("sqlite://./a b%20c.db", "./a b%20c.db"),
            ("SQLite://x.db", "x.db"),
        ] {
            let url = DatabaseUrl::parse(text).unwrap();
            assert_eq!(url.sqlite_path(), Some(Path::new(path)), "{text}");
            assert_eq!(url.to_string(), format!("sqlite://{path}"));
            assert_eq!(DatabaseUrl::parse(&url.to_string()), Ok(url));
        }
        assert_eq!(
            DatabaseUrl::sqlite("/a?b").sqlite_path(),
            Some(Path::new("/a?b"))
        );
    }

    #[test]
    fn everything_else_is_refused_for_its_own_reason() {
        use InvalidDatabaseUrl as Fault;
        for (text, fault) in [
            ("", Fault::Scheme),
            ("tenantry.db", Fault::Scheme),
            ("/srv/tenantry.db", Fault::Scheme),
            ("sqlite:tenantry.db", Fault::Scheme),
            ("mysql://root@localhost/t", Fault::Scheme),
            (" sqlite://x.db", Fault::Scheme),
            ("postgres://u:secret@db/t", Fault::PostgresNotBuiltIn),
            ("postgresql://u:secret@a,b/t", Fault::PostgresNotBuiltIn),
            ("sqlite://", Fault::NoPath),
            ("sqlite://:memory:", Fault::InMemory),
            ("sqlite://x.db?mode=ro", Fault::Parameters),
            ("sqlite://x\0.db", Fault::Nul),
        ] {
            assert_eq!(DatabaseUrl::parse(text), Err(fault), "{text:?}");
            assert!(!fault.to_string().contains("secret"));
        }
        let text = Fault::Scheme.to_string();
        assert!(text.contains("sqlite://") && text.contains("postgres://"));
    }
}
