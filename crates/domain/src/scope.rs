//! OAuth 2.0 scopes (RFC 6749 §3.3).

use std::{collections::BTreeSet, fmt, str::FromStr};

use thiserror::Error;

/// A scope that a management client may have: what it may do at the management API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ManagementScope {
    /// See environments and regions.
    EnvironmentsRead,
    /// Make, change and delete environments.
    EnvironmentsWrite,
    /// See tenants.
    TenantsRead,
    /// Make, change and delete tenants.
    TenantsWrite,
    /// See tenants' clients, never their secrets.
    ClientsRead,
    /// Make, change, rotate and delete tenants' clients.
    ClientsWrite,
    /// Read analytic events and the change feed.
    EventsRead,
    /// See webhooks and their deliveries.
    WebhooksRead,
    /// Make, change and delete webhooks.
    WebhooksWrite,
}

/// A text that names no [`ManagementScope`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a scope of the management API")]
pub struct UnknownScope(pub String);

impl ManagementScope {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::EnvironmentsRead,
        Self::EnvironmentsWrite,
        Self::TenantsRead,
        Self::TenantsWrite,
        Self::ClientsRead,
        Self::ClientsWrite,
        Self::EventsRead,
        Self::WebhooksRead,
        Self::WebhooksWrite,
    ];

    /// The scope as it stands in a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EnvironmentsRead => "environments:read",
            Self::EnvironmentsWrite => "environments:write",
            Self::TenantsRead => "tenants:read",
            Self::TenantsWrite => "tenants:write",
            Self::ClientsRead => "clients:read",
            Self::ClientsWrite => "clients:write",
            Self::EventsRead => "events:read",
            Self::WebhooksRead => "webhooks:read",
            Self::WebhooksWrite => "webhooks:write",
        }
    }
}

impl fmt::Display for ManagementScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ManagementScope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// One scope by name: a `scope-token` of RFC 6749 §3.3.
///
/// What a tenant's own services mean by it is theirs to say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeToken(String);

/// A text that is no `scope-token`.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be 1 to 128 visible ASCII characters without quote and backslash")]
pub struct InvalidScopeToken;

impl ScopeToken {
    /// The longest scope, in characters.
    pub const MAX_LENGTH: usize = 128;

    /// Checks the characters: `%x21 / %x23-5B / %x5D-7E`.
    pub fn parse(text: &str) -> Result<Self, InvalidScopeToken> {
        let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if (1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidScopeToken)
        }
    }

    /// The scope.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScopeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ManagementScope> for ScopeToken {
    fn from(scope: ManagementScope) -> Self {
        Self(scope.as_str().to_owned())
    }
}

/// A set of scopes, as a client has it, asks for it, or is granted it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeSet(BTreeSet<ScopeToken>);

impl ScopeSet {
    /// How many scopes a tenant client may have.
    pub const MAX_SCOPES: usize = 64;

    /// Every scope of the management API.
    pub fn all_management() -> Self {
        ManagementScope::ALL.into_iter().collect()
    }

    /// Reads a space-separated list (RFC 6749 §3.3); no scope at all is the empty set.
    pub fn parse(text: &str) -> Result<Self, InvalidScopeToken> {
        text.split(' ')
            .filter(|part| !part.is_empty())
            .map(ScopeToken::parse)
            .collect()
    }

    /// Whether one scope is in the set.
    pub fn contains(&self, scope: &ScopeToken) -> bool {
        self.0.contains(scope)
    }

    /// Whether a scope of the management API is in the set.
    pub fn allows(&self, scope: ManagementScope) -> bool {
        self.0.iter().any(|token| token.as_str() == scope.as_str())
    }

    /// Whether every scope of this set is also in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Whether there is no scope in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many scopes there are in it.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The scopes, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &ScopeToken> {
        self.0.iter()
    }
}

impl fmt::Display for ScopeSet {
    /// The space-separated form of a token's `scope` claim.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl FromIterator<ScopeToken> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = ScopeToken>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl FromIterator<ManagementScope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = ManagementScope>>(scopes: I) -> Self {
        scopes.into_iter().map(ScopeToken::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn management_scopes_round_trip() {
        for scope in ManagementScope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            assert!(ScopeSet::all_management().allows(scope));
        }
        assert!("tenants:delete".parse::<ManagementScope>().is_err());
    }

    #[test]
    fn sets_read_and_show_lists() {
        let set = ScopeSet::parse("tenants:write  tenants:read tenants:read").unwrap();
        assert_eq!(set.len(), 2);
        assert_eq!(set.to_string(), "tenants:read tenants:write");
        assert!(set.is_subset(&ScopeSet::all_management()));
        assert!(!ScopeSet::all_management().is_subset(&set));
        assert!(ScopeSet::parse("").unwrap().is_empty());
        for bad in ["tab\there", "quo\"te", "back\\slash", "é", "nul\0"] {
            assert_eq!(ScopeSet::parse(bad), Err(InvalidScopeToken), "{bad:?}");
        }
        assert!(ScopeToken::parse(&"x".repeat(129)).is_err());
    }
}
