//! Access tokens: JWTs after RFC 9068, verified by the rules of RFC 8725.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use tenantry_domain::{
    clock::Timestamp,
    id::TenantId,
    json::{Object, Value},
    key::SigningAlgorithm,
};
use thiserror::Error;

use crate::keys::{KeyRing, RingKey};

/// The `typ` of an access token's header (RFC 9068 §2.1).
pub const TOKEN_TYPE: &str = "at+jwt";

/// The longest token that is looked at, in bytes.
///
/// Tenantry's own stay below 1 KiB as a rule, but a tenant client may have 64 scopes of
/// 128 characters each, and a token that is issued must be one that is taken.
pub const MAX_TOKEN_LENGTH: usize = 16 * 1024;

/// How far ahead of this server's clock the clock of the replica that issued a token
/// may have been, in seconds. It eases nothing but `iat`.
pub const MAX_CLOCK_SKEW_SECONDS: i64 = 60;

/// The claims of an access token (RFC 9068 §2.2).
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct AccessClaims {
    /// The issuer: the public URL.
    pub iss: String,
    /// The subject. No person takes part in the client credentials grant, so it is the
    /// client itself.
    pub sub: String,
    /// The client that the token was given to.
    pub client_id: String,
    /// Who is to believe it: one audience.
    pub aud: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// From when on it is not good any more, in seconds since 1970.
    pub exp: i64,
    /// Its own name, unique.
    pub jti: String,
    /// What it grants: a space-separated list (RFC 8693 §4.2), empty for nothing.
    pub scope: String,
    /// The tenant whose client it was given to; absent for a management client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<TenantId>,
}

/// What a token must say to be believed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected<'a> {
    /// The one issuer.
    pub issuer: &'a str,
    /// The one audience; `None` for whoever only asks about a token and does not take it.
    pub audience: Option<&'a str>,
}

/// Why a token is not believed. For log lines: it never holds any of the token.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TokenFault {
    /// Longer than [`MAX_TOKEN_LENGTH`].
    #[error("the token is too long")]
    TooLong,
    /// Not three parts of base64url, or JSON that is malformed or names a member twice.
    #[error("the token is malformed")]
    Malformed,
    /// An algorithm that is not in use here, or not the one of the key that is named.
    #[error("the token's algorithm is not that of its key")]
    Algorithm,
    /// Not an access token.
    #[error("the token's type is not at+jwt")]
    Type,
    /// A header parameter besides `alg`, `typ` and `kid`, such as `crit` or `jwk`.
    #[error("the token's header has a parameter that is not understood")]
    Header,
    /// No `kid`, or one that no key has, or that of an expired key.
    #[error("the token names no key that is known")]
    UnknownKey,
    /// The signature is not that key's.
    #[error("the token's signature is wrong")]
    Signature,
    /// A required claim is missing, or a claim is not what it must be.
    #[error("the token's claims are not those of an access token")]
    Claims,
    /// From another issuer.
    #[error("the token is from another issuer")]
    Issuer,
    /// For another audience.
    #[error("the token is for another audience")]
    Audience,
    /// Past its end.
    #[error("the token has expired")]
    Expired,
    /// Issued, or good, only in the future.
    #[error("the token is not good yet")]
    NotYetValid,
}

/// A token that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it says.
    pub claims: AccessClaims,
    /// The key that has signed it.
    pub kid: String,
}

/// Verifies an access token, and hands out what it says.
///
/// The algorithm is the one of the key that `kid` names, and a header that says
/// another one is refused (RFC 8725 §3.1); no key is ever taken from the token
/// (§3.5, §3.10); the type is required (§3.11), issuer and audience are compared
/// exactly (§3.8, §3.9). There is no leeway on `exp`: at its second the token is over.
///
/// The JOSE library's own verification is not used: it reads the system's clock,
/// takes what is signed for whatever type, and parses the key anew each time.
pub fn verify(
    ring: &KeyRing,
    token: &str,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Verified, TokenFault> {
    examine(ring, token, expected, now).map(|(verified, _)| verified)
}

/// Verifies an access token; says also whether the same token, with a key that is still believed,
/// is good at any later time for which [`check`] says so.
pub(crate) fn examine(
    ring: &KeyRing,
    token: &str,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<(Verified, bool), TokenFault> {
    if token.len() > MAX_TOKEN_LENGTH {
        return Err(TokenFault::TooLong);
    }
    let parts = Parts::of(token).ok_or(TokenFault::Malformed)?;
    let key = key_of(ring, parts.header, now)?;
    let signature = decode(parts.signature)?;
    if !key.has_signed(parts.signed.as_bytes(), &signature) {
        return Err(TokenFault::Signature);
    }
    let payload = decode(parts.payload)?;
    let members = object(&payload)?;
    let claims = serde_json::from_slice(&payload).map_err(|_| TokenFault::Claims)?;
    check(&claims, expected, now)?;
    let start = members.get("nbf");
    let is_timeless = start.is_none();
    check_start(start, now)?;
    let verified = Verified {
        claims,
        kid: key.kid().to_owned(),
    };
    Ok((verified, is_timeless))
}

/// The three parts of the compact serialization (RFC 7515 §3.1), and what is signed.
struct Parts<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    signed: &'a str,
}

impl<'a> Parts<'a> {
    fn of(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        (!payload.contains('.')).then_some(Self {
            header,
            payload,
            signature,
            signed,
        })
    }
}

/// Reads the header, and finds the key that it names.
fn key_of<'r>(ring: &'r KeyRing, header: &str, now: Timestamp) -> Result<&'r RingKey, TokenFault> {
    let header = decode(header)?;
    let header = object(&header)?;
    let text = |name: &str| header.get(name).and_then(Value::as_str);

    let algorithm: SigningAlgorithm = text("alg")
        .and_then(|name| name.parse().ok())
        .ok_or(TokenFault::Algorithm)?;
    let typ = text("typ").ok_or(TokenFault::Type)?;
    // The prefix may be left out, and its letter case is free (RFC 7515 §4.1.9).
    let bare = match typ.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
        _ => typ.as_ref(),
    };
    if !bare.eq_ignore_ascii_case(TOKEN_TYPE) {
        return Err(TokenFault::Type);
    }
    // Only tokens of Tenantry are ever believed, and they have no other parameter.
    // Whatever `crit`, `jwk`, `jku`, `x5c` or `b64` ask for, this is the answer.
    if header
        .iter()
        .any(|(name, _)| !["alg", "typ", "kid"].contains(&name))
    {
        return Err(TokenFault::Header);
    }
    let key = text("kid")
        .and_then(|kid| ring.find(&kid, now))
        .ok_or(TokenFault::UnknownKey)?;
    if key.algorithm() != algorithm {
        return Err(TokenFault::Algorithm);
    }
    Ok(key)
}

/// Whether claims are good at that instant, for whom it is expected.
pub(crate) fn check(
    claims: &AccessClaims,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<(), TokenFault> {
    if claims.jti.is_empty() || claims.sub.is_empty() || claims.sub != claims.client_id {
        return Err(TokenFault::Claims);
    }
    if claims.iss != expected.issuer {
        return Err(TokenFault::Issuer);
    }
    if expected
        .audience
        .is_some_and(|audience| claims.aud != audience)
    {
        return Err(TokenFault::Audience);
    }
    let now = now.unix_seconds();
    if claims.exp <= now {
        return Err(TokenFault::Expired);
    }
    if claims.iat > claims.exp {
        return Err(TokenFault::Claims);
    }
    if claims.iat > now.saturating_add(MAX_CLOCK_SKEW_SECONDS) {
        return Err(TokenFault::NotYetValid);
    }
    Ok(())
}

/// Whether a token's time has begun, if it says when it does.
fn check_start(start: Option<Value<'_>>, now: Timestamp) -> Result<(), TokenFault> {
    match start.map(Value::as_integer) {
        Some(None) => Err(TokenFault::Claims),
        Some(Some(start)) if start > now.unix_seconds() => Err(TokenFault::NotYetValid),
        None | Some(Some(_)) => Ok(()),
    }
}

fn decode(part: &str) -> Result<Vec<u8>, TokenFault> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenFault::Malformed)
}

/// A JSON object in which no name stands twice: two readers of such a one could take
/// different members for the claim.
fn object(json: &[u8]) -> Result<Object<'_>, TokenFault> {
    Value::parse(json)
        .ok()
        .and_then(Value::as_object)
        .ok_or(TokenFault::Malformed)
}

#[cfg(test)]
mod tests;
