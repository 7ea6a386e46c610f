//! Who is asking, once that is proved.

use tenantry_domain::{
    account::Username, client::ClientId, environment::EnvironmentAccess, id::SystemAccountId,
    scope::ScopeSet,
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
        };
        assert!(principal.may::<TenantsRead>());
        assert!(!principal.may::<TenantsWrite>());
        assert!(!principal.may::<ClientsRead>());
    }
}
