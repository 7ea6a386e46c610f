//! Where the server listens.

use std::{
    fmt,
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
};

use thiserror::Error;

/// What a socket's path begins with, in the setting.
const UNIX: &str = "unix:";

/// The longest path that a socket can have, in bytes (unix(7): 108 with the zero at its end).
const LONGEST: usize = 107;

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// At an address and a port; port 0 stands for a free one.
    Address(SocketAddr),
    /// At a Unix socket, which is made there.
    Socket(PathBuf),
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ListenFault {
    /// Neither of the two.
    #[error(
        "must be an address and a port such as 127.0.0.1:8080 or [::1]:8080, or unix:/path/of/a/socket"
    )]
    Form,
    /// No path of a file.
    #[error("must name a socket by the path of a file, such as unix:/run/tenantry/tenantry.sock")]
    Path,
    /// A path that no socket can have.
    #[error("must name a socket by a path of at most 107 bytes")]
    TooLong,
}

impl Listen {
    /// Checks the form, and looks a host up where one is named.
    pub fn parse(text: &str) -> Result<Self, ListenFault> {
        if let Some(path) = text.strip_prefix(UNIX) {
            return match path {
                "" => Err(ListenFault::Path),
                path if path.ends_with('/') || path.contains('\0') => Err(ListenFault::Path),
                path if path.len() > LONGEST => Err(ListenFault::TooLong),
                path => Ok(Self::Socket(path.into())),
            };
        }
        let mut addresses = text.to_socket_addrs().map_err(|_| ListenFault::Form)?;
        let first = addresses.next().ok_or(ListenFault::Form)?;
        Ok(Self::Address(first))
    }

    /// The address, if it is one.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Socket(_) => None,
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Socket(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_addresses_and_sockets() {
        for text in [
            "127.0.0.1:8080",
            "[::1]:0",
            "unix:/run/tenantry.sock",
            "unix:here",
        ] {
            assert_eq!(Listen::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_can_t_be_listened_on() {
        let long = format!("unix:/{}", "x".repeat(LONGEST));
        for (text, fault) in [
            ("8080", ListenFault::Form),
            ("/run/tenantry.sock", ListenFault::Form),
            ("unix:", ListenFault::Path),
            ("unix:/run/", ListenFault::Path),
            (&long, ListenFault::TooLong),
        ] {
            assert_eq!(Listen::parse(text), Err(fault), "{text}");
        }
    }
}
