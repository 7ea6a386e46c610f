//! Access tokens (RFC 9068), verified by the rules of RFC 8725.

use jsonwebtoken::{Validation, decode, decode_header};
use serde::Deserialize;
use tenantry_domain::client::ClientId;

use crate::{keys::KeySet, tenants::Served};

/// Who has come with a token.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) client_id: ClientId,
    /// The token's id (`jti`), by which it can be revoked.
    pub(crate) token_id: String,
    /// The key that has signed it, all of whose tokens can be revoked.
    pub(crate) key_id: String,
    /// What the token was given, with spaces in between.
    pub(crate) scope: String,
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is not good here. The caller is not told why: it is nothing that he could mend.
    Invalid,
    /// There are no keys to verify it with.
    NoKeys,
}

/// What a tenant's token must have beside `iss`, `aud`, `sub` and `exp`, which are compared.
#[derive(Deserialize)]
struct Claims {
    client_id: String,
    jti: String,
    tenant_id: String,
    #[serde(default)]
    scope: String,
}

/// Verifies that a token was issued by that server, for that tenant's host, to one of its clients.
pub(crate) async fn verify(
    keys: &KeySet,
    issuer: &str,
    tenant: &Served,
    token: &str,
) -> Result<Caller, Refusal> {
    let header = decode_header(token).map_err(|_| Refusal::Invalid)?;
    // RFC 9068 §4: any other type, such as an ID token's, is refused. `crit` would name what must be
    // understood, and nothing is.
    let kind = header.typ.unwrap_or_default().to_ascii_lowercase();
    let is_access_token = matches!(kind.as_str(), "at+jwt" | "application/at+jwt");
    let key_id = header
        .kid
        .filter(|_| is_access_token && header.crit.is_none());
    let key_id = key_id.ok_or(Refusal::Invalid)?;
    let key = keys.get(&key_id).await?;

    let mut rules = Validation::new(key.algorithm);
    // A tenant's tokens are for the tenant's own origin, so one tenant's token opens no other's.
    let host = tenant.environment.host(&tenant.tenant.label);
    rules.set_audience(&[format!("https://{host}")]);
    rules.set_issuer(&[issuer]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // The issuer promises to end a token at the second of its `exp`.
    rules.leeway = 0;
    let claims = decode::<Claims>(token, &key.key, &rules);
    let claims = claims.map_err(|_| Refusal::Invalid)?.claims;

    // A host can be another tenant's by now; then the id tells.
    if claims.tenant_id != tenant.tenant.id.to_string() {
        return Err(Refusal::Invalid);
    }
    Ok(Caller {
        client_id: ClientId::parse(&claims.client_id).map_err(|_| Refusal::Invalid)?,
        token_id: claims.jti,
        key_id,
        scope: claims.scope,
    })
}

#[cfg(test)]
mod tests;
