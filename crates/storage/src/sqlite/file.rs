//! The file of an SQLite database, before SQLite sees it.
//!
//! SQLite answers most of what can be wrong with "unable to open database file", and
//! makes new files readable for everybody. So the file is made, and looked at, here.

use std::{
    fs::OpenOptions,
    io::{Error, ErrorKind},
    path::{Path, PathBuf, absolute},
};

use crate::database::OpenError;

/// Makes the file where there is none, readable for its owner alone, and gives its
/// absolute path, which SQLite takes for nothing but a path.
pub(super) fn prepare(path: &Path) -> Result<PathBuf, OpenError> {
    let path = absolute(path).map_err(|error| other(path, &error))?;
    if path.to_str().is_none() {
        return Err(OpenError::Path(path));
    }
    match path.parent() {
        Some(directory) if !directory.is_dir() => {
            return Err(OpenError::NoDirectory(directory.to_owned()));
        }
        _ => {}
    }
    if path.is_dir() {
        return Err(OpenError::NotAFile(path));
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    // SQLite gives the files beside it the same mode.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&path) {
        Ok(_) => Ok(path),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Err(OpenError::Permission(path))
        }
        Err(error) => Err(other(&path, &error)),
    }
}

/// Which file a path names, whatever else is done with its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

impl Identity {
    /// The file that has this name now, if there is one.
    #[cfg(unix)]
    pub(super) fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self(metadata.dev(), metadata.ino()))
    }

    /// Where files have no identity that can be asked for, only whether there is one.
    #[cfg(not(unix))]
    pub(super) fn of(path: &Path) -> Option<Self> {
        path.exists().then_some(Self(0, 0))
    }
}

fn other(path: &Path, error: &Error) -> OpenError {
    OpenError::Other {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}
