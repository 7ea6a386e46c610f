//! Who is asking, once that is proved.

use tenantry_domain::{
    account::Username, client::ClientId, clock::Timestamp, environment::EnvironmentAccess,
    id::SystemAccountId, scope::ScopeSet,
};

use crate::policy::Permission;

/// A management client that came with a good access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagementPrincipal {
    /// Which client.
    pub client_id: ClientId,
    /// What its token grants.
    pub scopes: ScopeSet,
    /// Which environments exist for it.
    pub access: EnvironmentAccess,
    /// The token's `jti` (RFC 7519 §4.1.7), for the log.
    pub token_id: String,
    /// The key that has signed the token.
    pub key_id: String,
    /// From when on the token is not good any more.
    pub expires_at: Timestamp,
    /// What the token claims to grant, which its client may not have any more.
    pub claimed_scope: String,
}

impl ManagementPrincipal {
    /// Whether its token grants that permission.
    pub fn may<P: Permission>(&self) -> bool {
        self.scopes.allows(P::SCOPE)
    }
}

/// A system account that signed in by HTTP Basic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemPrincipal {
    /// Which account.
    pub account: SystemAccountId,
    /// The name it signed in with.
    pub username: Username,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{ClientsRead, TenantsRead, TenantsWrite};

    #[test]
    fn a_principal_may_what_its_token_grants() {
        let principal = ManagementPrincipal {
            client_id: ClientId::parse("client").unwrap(),
            scopes: ScopeSet::parse("tenants:read events:read").unwrap(),
            access: EnvironmentAccess::All,
            token_id: "jti".to_owned(),
            key_id: "kid".to_owned(),
            expires_at: Timestamp::from_unix_seconds(1),
            claimed_scope: String::new(),
        };
        assert!(principal.may::<TenantsRead>());
        assert!(!principal.may::<TenantsWrite>());
        assert!(!principal.may::<ClientsRead>());
    }
}
