//! What is listened on: an address, or a Unix socket that is made and taken away.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener},
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use tokio::net::{TcpSocket, UnixSocket};

use crate::{
    config::{Listen, table::Key},
    failure::Failure,
};

/// How many connections may wait to be accepted. The usual 128 is less than a burst
/// of parallel clients.
const BACKLOG: u32 = 1024;

/// Who may connect to a Unix socket: its owner and its group. The directory that it lies in says
/// who gets as far as that.
const MODE: u32 = 0o660;

/// What is listened on.
pub(crate) enum Bound {
    /// An address, as it really is where a free port was asked for.
    Address(TcpListener, SocketAddr),
    /// A Unix socket.
    Socket(UnixListener, SocketFile),
}

impl Bound {
    /// The same as a setting names it.
    pub(crate) fn listen(&self) -> Listen {
        match self {
            Self::Address(_, address) => Listen::Address(*address),
            Self::Socket(_, file) => Listen::Socket(file.path.clone()),
        }
    }
}

/// Binds what the settings name. To be called within a runtime.
pub(crate) fn bind(listen: &Listen) -> Result<Bound, Failure> {
    let bound = match listen {
        Listen::Address(address) => listen_at(*address),
        Listen::Socket(path) => listen_on(path),
    };
    bound.map_err(|error| {
        Failure::setting(
            Key::Listen,
            &format!("{listen} can't be listened on: {error}"),
        )
    })
}

fn listen_at(address: SocketAddr) -> io::Result<Bound> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart need not wait for the connections of the process before it to fade.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?.into_std()?;
    let address = listener.local_addr()?;
    Ok(Bound::Address(listener, address))
}

fn listen_on(path: &Path) -> io::Result<Bound> {
    let _lock = lock_directory(path)?;
    if state_of(path)? == State::Left {
        fs::remove_file(path)?;
    }
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    let file = SocketFile::of(path)?;
    // Nobody can connect before it is listened on.
    fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
    let listener = socket.listen(BACKLOG)?.into_std()?;
    Ok(Bound::Socket(listener, file))
}

/// What lies where a socket is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing.
    Free,
    /// A socket that nobody listens on any more.
    Left,
}

/// Looks at what lies there. A socket that somebody listens on, and what is no socket, is an
/// error: neither is ours to remove.
pub(crate) fn state_of(path: &Path) -> io::Result<State> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(State::Free),
        Err(error) => return Err(error),
        Ok(found) if found.file_type().is_socket() => {}
        Ok(_) => {
            let problem = "there is a file already that is no socket";
            return Err(io::Error::new(ErrorKind::AlreadyExists, problem));
        }
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(
            ErrorKind::AddrInUse,
            "somebody listens there already",
        )),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(State::Left),
        Err(error) => Err(error),
    }
}

/// Has everybody who makes or removes a socket in that directory do so one after the other:
/// nobody takes for left behind what another one is just about to listen on.
fn lock_directory(path: &Path) -> io::Result<File> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let opened = File::open(directory)?;
    flock(&opened, FlockOperation::LockExclusive)?;
    Ok(opened)
}

/// The file of a socket that is ours. Dropped, it removes it, unless it is another one's
/// meanwhile.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            identity: identity(path)?,
            // The working directory may be another one when it is removed.
            path: std::path::absolute(path)?,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let Ok(_lock) = lock_directory(&self.path) else {
            return;
        };
        if identity(&self.path).is_ok_and(|found| found == self.identity)
            && let Err(error) = fs::remove_file(&self.path)
        {
            let path = self.path.display();
            tracing::warn!(%error, "the socket {path} could not be removed");
        }
    }
}

/// Tells a file from any other that there is.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(path: &Path) -> Result<Bound, String> {
        bind(&Listen::Socket(path.to_owned())).map_err(|failure| failure.to_string())
    }

    #[actix_web::test]
    async fn a_socket_that_was_left_is_taken_over_and_one_in_use_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        assert_eq!(state_of(&path).unwrap(), State::Left);
        let first = bound(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, MODE);
        let refused = bound(&path).err().unwrap();
        assert!(refused.contains("somebody listens there"), "{refused}");
        UnixStream::connect(&path).unwrap();
        drop(first);
        assert_eq!(state_of(&path).unwrap(), State::Free);
    }

    #[actix_web::test]
    async fn what_is_not_ours_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        fs::write(&path, "precious").unwrap();
        let refused = bound(&path).err().unwrap();
        assert!(refused.contains("no socket"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"precious");

        fs::remove_file(&path).unwrap();
        let first = bound(&path).unwrap();
        fs::rename(&path, directory.path().join("moved")).unwrap();
        let second = UnixListener::bind(&path).unwrap();
        drop(first);
        UnixStream::connect(&path).unwrap();
        drop(second);
        let nowhere = bound(&directory.path().join("missing/s"));
        assert!(nowhere.is_err_and(|failure| failure.contains("TENANTRY_LISTEN")));
    }
}
