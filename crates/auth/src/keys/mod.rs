//! Signing keys: made, sealed, opened once, kept.
//!
//! A key pair is made by [`generate`], which hands out a
//! [`SealedKey`]: the private half under the master key, for the store. A server opens
//! all of them at start and at each rotation into a [`KeyRing`], which signs and
//! verifies with parsed keys: parsing an RSA key anew for each token would cost twice
//! as much as the signature itself.

mod pair;
mod ring;
mod shared;

use std::iter;

use tenantry_domain::{
    clock::Timestamp,
    key::{SealedKey, SigningAlgorithm},
    port::Entropy,
};
use thiserror::Error;

use self::pair::{KeyPair, thumbprint};
pub(crate) use self::ring::RingKey;
pub use self::{ring::KeyRing, shared::SharedKeyRing};
use crate::master_key::MasterKey;

/// Why a key was not made or a token not signed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum KeyError {
    /// The library made no key pair.
    #[error("no key pair could be generated")]
    Generation,
    /// There is no key that has not expired.
    #[error("there is no signing key that has not expired")]
    NoKey,
    /// The claims have no JSON form, or the library made no signature.
    #[error("the token could not be signed")]
    Signing,
}

/// A stored key that did not open.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the signing key {kid} does not open: another master key, or not the key it was")]
pub struct OpenKeyError {
    /// Which key.
    pub kid: String,
}

/// Makes a key pair and seals it: RSA with 2048 bits, P-256, or Ed25519.
///
/// Its `kid` is the SHA-256 thumbprint of its public half (RFC 7638), so that the name
/// can't be given to another key. The pair itself comes from AWS-LC with the chance
/// that AWS-LC draws; `entropy` is for the sealing. It signs from `now` on, tokens that
/// live `token_ttl` seconds at most.
pub fn generate(
    algorithm: SigningAlgorithm,
    now: Timestamp,
    token_ttl: u32,
    entropy: &dyn Entropy,
    master_key: &MasterKey,
) -> Result<SealedKey, KeyError> {
    let make = || {
        let pair = KeyPair::generate(algorithm)?;
        let jwk = pair.public_jwk()?;
        let kid = thumbprint(&jwk)?;
        Some((pair, jwk, kid))
    };
    // One name of 64 begins with a hyphen, and command lines take that for a flag.
    let (pair, jwk, kid) = iter::repeat_with(make)
        .find(|made| made.as_ref().is_none_or(|(.., kid)| !kid.starts_with('-')))
        .flatten()
        .ok_or(KeyError::Generation)?;
    let private = pair.to_pkcs8().ok_or(KeyError::Generation)?;
    let public_jwk = pair::published(jwk, &kid, algorithm).ok_or(KeyError::Generation)?;
    let sealed = master_key.seal(entropy, &context(&kid, algorithm), &private);
    Ok(SealedKey {
        kid,
        algorithm,
        sealed,
        public_jwk,
        created_at: now,
        signs_from: now,
        expires_at: None,
        token_ttl,
    })
}

/// Seals a stored key under another master key than the one that opens it.
pub fn reseal(
    key: &SealedKey,
    old: &MasterKey,
    new: &MasterKey,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, OpenKeyError> {
    let context = context(&key.kid, key.algorithm);
    let private = old.open(&context, &key.sealed).map_err(|_| OpenKeyError {
        kid: key.kid.clone(),
    })?;
    Ok(new.seal(entropy, &context, &private))
}

/// What a private key is sealed for: its own name and algorithm, and nothing else.
pub(crate) fn context(kid: &str, algorithm: SigningAlgorithm) -> Vec<u8> {
    format!("signing-key/{}/{kid}", algorithm.as_str()).into_bytes()
}

#[cfg(test)]
mod tests;
