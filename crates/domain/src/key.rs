//! Signing keys as a store keeps them, and when each of them signs and verifies.
//!
//! A key is published first, so that verifiers and the other servers know of it before
//! it signs; then it signs until a newer one does; then it only verifies, until the last
//! token that it may have signed has expired. Which of that holds is never stored: it
//! follows from the keys there are and the instant ([`Schedules`]), so that servers which
//! know the same keys agree without talking to one another.

mod schedule;

use std::{fmt, str::FromStr};

use thiserror::Error;

pub use self::schedule::{KeyState, Lead, Schedules};
use crate::clock::Timestamp;

/// A signature algorithm for tokens (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// RSA 2048 with SHA-256, PKCS #1 v1.5.
    #[default]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// A text that names no [`SigningAlgorithm`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be RS256, ES256 or EdDSA")]
pub struct UnknownAlgorithm;

impl SigningAlgorithm {
    /// The `alg` value of a JOSE header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl FromStr for SigningAlgorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "RS256" => Ok(Self::Rs256),
            "ES256" => Ok(Self::Es256),
            "EdDSA" => Ok(Self::EdDsa),
            _ => Err(UnknownAlgorithm),
        }
    }
}

/// A key pair whose private half only the master key opens.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKey {
    /// The `kid` by which tokens name it.
    pub kid: String,
    /// What it signs with.
    pub algorithm: SigningAlgorithm,
    /// The private half, sealed.
    pub sealed: Vec<u8>,
    /// The public half, as a JWK (RFC 7517).
    pub public_jwk: String,
    /// When it was made, and so published.
    pub created_at: Timestamp,
    /// From when on it signs: verifiers need time to learn of it.
    pub signs_from: Timestamp,
    /// From when on it is neither listed nor believed, because it was retired; `None` for
    /// one that is left to come to its end by itself.
    pub expires_at: Option<Timestamp>,
    /// How long a token that it has signed lives at most, in seconds. Servers may be set
    /// differently, and may have been set otherwise before; none signs for longer with a
    /// key than stands here.
    pub token_ttl: u32,
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .field("created_at", &self.created_at)
            .field("signs_from", &self.signs_from)
            .field("expires_at", &self.expires_at)
            .field("token_ttl", &self.token_ttl)
            .finish_non_exhaustive()
    }
}
