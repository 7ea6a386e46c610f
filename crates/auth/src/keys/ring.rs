//! All signing keys of a server, opened and parsed once.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::signature::ParsedPublicKey;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header};
use tenantry_domain::{
    clock::Timestamp,
    key::{SealedKey, SigningAlgorithm},
};

use super::{
    KeyError, OpenKeyError, context,
    pair::{KeyPair, published, thumbprint},
};
use crate::{
    master_key::MasterKey,
    token::{AccessClaims, TOKEN_TYPE},
};

/// The keys that sign and verify, opened.
///
/// Of a stored key only the sealed private half is believed: the public half, its
/// `kid` and its published form are derived from it. Whoever can write to the store
/// but lacks the master key can't have a key of their own published or believed.
pub struct KeyRing {
    /// Oldest first.
    keys: Vec<RingKey>,
}

impl KeyRing {
    /// Opens and parses every key. One that does not open is an error and not a key
    /// less: a server that left it out would refuse the tokens of its replicas.
    pub fn open(keys: &[SealedKey], master_key: &MasterKey) -> Result<Self, OpenKeyError> {
        let mut opened = keys
            .iter()
            .map(|sealed| {
                RingKey::open(sealed, master_key).ok_or_else(|| OpenKeyError {
                    kid: sealed.kid.clone(),
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        // With the kid as a tie-breaker all servers agree on who is the newest.
        opened.sort_by(|a, b| (a.created_at, &a.kid).cmp(&(b.created_at, &b.kid)));
        Ok(Self { keys: opened })
    }

    /// The JSON text of the public keys that have not expired (RFC 7517 §5).
    pub fn jwks(&self, now: Timestamp) -> String {
        let keys: Vec<_> = self.alive(now).map(|key| key.jwk.as_str()).collect();
        format!("{{\"keys\":[{}]}}", keys.join(","))
    }

    /// Signs an access token (RFC 9068 §2, JWS compact serialization).
    ///
    /// The newest key that signs already is taken. Where none does, the oldest one
    /// that has not expired steps in: it is the one that verifiers have had most time
    /// to learn of.
    pub fn sign(&self, claims: &AccessClaims, now: Timestamp) -> Result<String, KeyError> {
        let key = self.signer(now).ok_or(KeyError::NoKey)?;
        let payload = serde_json::to_vec(claims).map_err(|_| KeyError::Signing)?;
        let mut token = String::with_capacity(key.header.len() + payload.len() * 4 / 3 + 360);
        token.push_str(&key.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = key.pair.sign(token.as_bytes()).ok_or(KeyError::Signing)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// The key that signs at that instant, by its `kid`.
    pub fn signing_kid(&self, now: Timestamp) -> Option<&str> {
        self.signer(now).map(|key| key.kid.as_str())
    }

    /// The names of all keys, expired ones among them, oldest first.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.kid.as_str())
    }

    /// The key of that name, if it has not expired.
    pub(crate) fn find(&self, kid: &str, now: Timestamp) -> Option<&RingKey> {
        self.alive(now).find(|key| key.kid == kid)
    }

    fn signer(&self, now: Timestamp) -> Option<&RingKey> {
        self.alive(now)
            .filter(|key| key.signs_from <= now)
            .last()
            .or_else(|| self.alive(now).next())
    }

    fn alive(&self, now: Timestamp) -> impl Iterator<Item = &RingKey> {
        self.keys
            .iter()
            .filter(move |key| key.expires_at.is_none_or(|end| now < end))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("kids", &self.kids().collect::<Vec<_>>())
            .finish()
    }
}

/// One opened key.
pub(crate) struct RingKey {
    kid: String,
    algorithm: SigningAlgorithm,
    pair: KeyPair,
    verifier: ParsedPublicKey,
    /// The encoded header of each token it signs.
    header: String,
    /// The published form of the public half.
    jwk: String,
    created_at: Timestamp,
    signs_from: Timestamp,
    expires_at: Option<Timestamp>,
}

impl RingKey {
    /// The one algorithm that it signs and verifies with.
    pub(crate) fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// Whether it has signed that message.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifier.verify_sig(message, signature).is_ok()
    }

    fn open(sealed: &SealedKey, master_key: &MasterKey) -> Option<Self> {
        let algorithm = sealed.algorithm;
        let private = master_key
            .open(&context(&sealed.kid, algorithm), &sealed.sealed)
            .ok()?;
        let pair = KeyPair::from_pkcs8(algorithm, &private)?;
        let jwk = pair.public_jwk()?;
        if thumbprint(&jwk)? != sealed.kid {
            return None;
        }
        Some(Self {
            kid: sealed.kid.clone(),
            algorithm,
            verifier: pair.verifier()?,
            pair,
            header: encoded_header(&sealed.kid, algorithm)?,
            jwk: published(jwk, &sealed.kid, algorithm)?,
            created_at: sealed.created_at,
            signs_from: sealed.signs_from,
            expires_at: sealed.expires_at,
        })
    }
}

/// The header of an access token (RFC 9068 §2.1): `typ`, `alg`, `kid`, and nothing else.
fn encoded_header(kid: &str, algorithm: SigningAlgorithm) -> Option<String> {
    let mut header = Header::new(match algorithm {
        SigningAlgorithm::Rs256 => Algorithm::RS256,
        SigningAlgorithm::Es256 => Algorithm::ES256,
        SigningAlgorithm::EdDsa => Algorithm::EdDSA,
    });
    header.typ = Some(TOKEN_TYPE.to_owned());
    header.kid = Some(kid.to_owned());
    let json = serde_json::to_vec(&header).ok()?;
    Some(URL_SAFE_NO_PAD.encode(json))
}

/// A key ring that can be replaced while others use it.
///
/// Whoever asks for the current one keeps it for as long as they need; the next who
/// asks gets the new one.
#[derive(Clone, Debug)]
pub struct SharedKeyRing(Arc<RwLock<Arc<KeyRing>>>);

impl SharedKeyRing {
    /// Begins with that ring.
    pub fn new(ring: KeyRing) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(ring))))
    }

    /// The ring as it is now.
    pub fn current(&self) -> Arc<KeyRing> {
        // Nothing is done under the lock that could leave a ring half replaced.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another one in its place, for all clones.
    pub fn replace(&self, ring: KeyRing) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }
}
