//! Where the database is.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use thiserror::Error;

use crate::pg::PostgresUrl;

/// Names a database; the scheme says of which kind it is.
///
/// Displayed, it holds no password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Place);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Sqlite(PathBuf),
    Postgres(PostgresUrl),
}

/// A text that is no [`DatabaseUrl`]. It never repeats the text, which may hold a password.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum InvalidDatabaseUrl {
    /// The scheme is none that is known.
    #[error("must begin with sqlite:// or postgres://")]
    Scheme,
    /// It is no URL of a PostgreSQL server; what it must have.
    #[error("must have {0}")]
    Postgres(&'static str),
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
    /// relative path (`sqlite://data/tenantry.db`) or an absolute one (`sqlite:///srv/t.db`);
    /// or `postgres://` (`postgresql://`) as libpq does, with one host or several.
    pub fn parse(text: &str) -> Result<Self, InvalidDatabaseUrl> {
        let (scheme, path) = text.split_once("://").ok_or(InvalidDatabaseUrl::Scheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            "sqlite" => Self::parse_path(path),
            "postgres" | "postgresql" => PostgresUrl::parse(path)
                .map(|url| Self(Place::Postgres(url)))
                .map_err(InvalidDatabaseUrl::Postgres),
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
            Place::Postgres(_) => None,
        }
    }

    /// The same server with another database.
    #[cfg(feature = "testing")]
    pub(crate) fn with_database(&self, name: &str) -> Option<Self> {
        match &self.0 {
            Place::Sqlite(_) => None,
            Place::Postgres(url) => Some(Self(Place::Postgres(url.with_database(name)))),
        }
    }

    /// The text that it was read from, or one that means the same, with its secrets.
    #[cfg(feature = "testing")]
    pub(crate) fn exposed(&self) -> String {
        match &self.0 {
            Place::Sqlite(_) => self.to_string(),
            Place::Postgres(url) => url.exposed(),
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
            Place::Postgres(url) => url.fmt(f),
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
    fn a_server_is_named_without_its_password() {
        for scheme in ["postgres", "postgresql", "PostgreSQL"] {
            let text = format!("{scheme}://u:secret@a:5432,b:5433/t?sslmode=require");
            let url = DatabaseUrl::parse(&text).unwrap();
            assert_eq!(url.sqlite_path(), None);
            let shown = "postgres://u@a:5432,b:5433/t?sslmode=require";
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), format!("DatabaseUrl({shown})"));
        }
        let fault = DatabaseUrl::parse("postgres://u:sec@ret@db/t").unwrap_err();
        assert!(matches!(fault, InvalidDatabaseUrl::Postgres(_)));
        assert!(!fault.to_string().contains("ret@"), "{fault}");
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
