//! What each operation of the management API demands, as types.
//!
//! A handler names the permission it needs in its signature, as a type parameter of
//! the extractor that hands it the principal. There is no handler that forgets to
//! ask, and no list beside the handlers that could say something else.

use tenantry_domain::scope::ManagementScope;

/// A permission, as a type.
pub trait Permission: 'static {
    /// The scope that grants it (contract of the management API; RFC 6749 §3.3).
    const SCOPE: ManagementScope;
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            pub struct $name;

            impl Permission for $name {
                const SCOPE: ManagementScope = ManagementScope::$name;
            }
        )*

        #[cfg(test)]
        const SCOPES: &[ManagementScope] = &[$(<$name as Permission>::SCOPE),*];
    };
}

permissions! {
    /// To see environments and regions.
    EnvironmentsRead
    /// To make, change and delete environments.
    EnvironmentsWrite
    /// To see tenants.
    TenantsRead
    /// To make, change and delete tenants.
    TenantsWrite
    /// To see tenants' clients, never their secrets.
    ClientsRead
    /// To make, change, rotate and delete tenants' clients.
    ClientsWrite
    /// To read analytic events and the change feed.
    EventsRead
    /// To see webhooks and their deliveries.
    WebhooksRead
    /// To make, change and delete webhooks.
    WebhooksWrite
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_permission_for_each_scope() {
        assert_eq!(SCOPES, ManagementScope::ALL);
    }
}
