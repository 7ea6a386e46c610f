//! What can be done with tokens: finding out whether one may still be used, and giving
//! one back.

use crate::{
    client::{ClientId, ClientOwner, KnownClient},
    clock::{REMEMBERED_SECONDS, Timestamp},
    error::Error,
    port::{Snapshot, UnitOfWork},
    token::RevokedToken,
};

/// The client of a token whose signature and claims are good, if both may still be used:
/// neither the token nor the key that has signed it is revoked, and the client is there
/// and in good standing.
pub fn client_of_active(
    unit: &mut dyn Snapshot,
    client_id: &ClientId,
    token_id: &str,
    kid: &str,
) -> Result<Option<KnownClient>, Error> {
    let known = unit.tokens().client_of(client_id, token_id, kid)?;
    Ok(known.filter(|known| known.standing().is_ok()))
}

/// Whether a client may be told of another client's token (contract §3.3): a management
/// client of any, a tenant client only of those of its own tenant.
pub fn may_introspect(asking: &KnownClient, subject: &KnownClient) -> bool {
    match (&asking.client.owner, &subject.client.owner) {
        (ClientOwner::Operator(_), _) => true,
        (ClientOwner::Tenant(asking), ClientOwner::Tenant(subject)) => asking == subject,
        (ClientOwner::Tenant(_), ClientOwner::Operator(_)) => false,
    }
}

/// Revokes a token, and forgets those that have expired long ago: one that is forgotten while the clock is ahead
/// would be good again when it is set right.
pub fn revoke(
    unit: &mut dyn UnitOfWork,
    token: &RevokedToken,
    now: Timestamp,
) -> Result<(), Error> {
    let long_ago = now.plus_seconds(-REMEMBERED_SECONDS);
    unit.tokens().forget_expired(long_ago)?;
    Ok(unit.tokens().revoke(token)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{client::Client, environment::EnvironmentAccess, id::TenantNumber, testing};

    fn owned_by(owner: ClientOwner) -> KnownClient {
        let known = testing::known_tenant_client();
        let mut record = (*known.client).clone();
        record.owner = owner;
        KnownClient {
            client: Client::from_record(record),
            ..known
        }
    }

    #[test]
    fn a_tenant_client_is_told_of_its_own_tenants_tokens_only() {
        let operator = owned_by(ClientOwner::Operator(EnvironmentAccess::All));
        let one = owned_by(ClientOwner::Tenant(TenantNumber::new(1)));
        let other = owned_by(ClientOwner::Tenant(TenantNumber::new(2)));
        assert!(may_introspect(&operator, &one) && may_introspect(&operator, &operator));
        assert!(may_introspect(&one, &one));
        assert!(!may_introspect(&one, &other) && !may_introspect(&one, &operator));
    }
}
