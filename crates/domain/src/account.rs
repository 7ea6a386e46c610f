//! System accounts: who may use the system API.

use std::fmt;

use thiserror::Error;

use crate::{client::SecretHash, clock::Timestamp, id::SystemAccountId};

/// An account that signs in to the system API by HTTP Basic (RFC 7617).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemAccount {
    /// Its id.
    pub id: SystemAccountId,
    /// The name it signs in with, unique.
    pub username: Username,
    /// What its password is checked against.
    pub password_hash: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A user name: 1 to 128 characters without colon (RFC 7617 §2) and control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Username(String);

/// A text that is no [`Username`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be 1 to 128 characters without colon and control characters")]
pub struct InvalidUsername;

impl Username {
    /// Checks the form.
    pub fn parse(text: &str) -> Result<Self, InvalidUsername> {
        let allowed = |c: char| c != ':' && !c.is_control();
        if (1..=128).contains(&text.chars().count()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidUsername)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_can_stand_in_basic_credentials() {
        assert!(Username::parse("system").is_ok());
        assert!(Username::parse("Jürgen Q. Public").is_ok());
        for bad in ["", "a:b", "a\nb", "nul\0", &"x".repeat(129)] {
            assert_eq!(Username::parse(bad), Err(InvalidUsername), "{bad:?}");
        }
    }
}
