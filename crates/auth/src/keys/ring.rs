//! All signing keys of a server, opened and parsed once.

use std::{fmt, sync::Arc};

use aws_lc_rs::signature::ParsedPublicKey;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header};
use tenantry_domain::{
    clock::Timestamp,
    key::{Schedules, SealedKey, SigningAlgorithm},
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
    keys: Vec<Entry>,
    /// When each of them signs and ends, in the same order.
    schedules: Schedules,
}

struct Entry {
    key: Arc<RingKey>,
    token_ttl: u32,
}

impl KeyRing {
    /// Opens and parses every key. One that does not open is an error and not a key
    /// less: a server that left it out would refuse the tokens of its replicas.
    pub fn open(keys: &[SealedKey], master_key: &MasterKey) -> Result<Self, OpenKeyError> {
        let none = Self {
            keys: Vec::new(),
            schedules: Schedules::of(&[]),
        };
        none.renewed(keys, master_key)
    }

    /// The ring of the keys as they are stored now, which opens only those that this one
    /// has not opened already. A key is the same under the same name, however it is
    /// sealed: its name is made of it.
    pub fn renewed(
        &self,
        keys: &[SealedKey],
        master_key: &MasterKey,
    ) -> Result<Self, OpenKeyError> {
        let mut keys = keys.to_vec();
        // With the kid as a tie-breaker all servers agree on who is the newest.
        keys.sort_by(|a, b| (a.created_at, &a.kid).cmp(&(b.created_at, &b.kid)));
        let entry = |sealed: &SealedKey| {
            let key = match self.opened(sealed) {
                Some(key) => key,
                None => RingKey::open(sealed, master_key)
                    .map(Arc::new)
                    .ok_or_else(|| OpenKeyError {
                        kid: sealed.kid.clone(),
                    })?,
            };
            Ok(Entry {
                key,
                token_ttl: sealed.token_ttl,
            })
        };
        Ok(Self {
            keys: keys.iter().map(entry).collect::<Result<_, _>>()?,
            schedules: Schedules::of(&keys),
        })
    }

    /// The JSON text of the public keys that are not dead (RFC 7517 §5).
    pub fn jwks(&self, now: Timestamp) -> String {
        let keys: Vec<_> = self.alive(now).map(|key| key.jwk.as_str()).collect();
        format!("{{\"keys\":[{}]}}", keys.join(","))
    }

    /// Signs an access token (RFC 9068 §2, JWS compact serialization) with the key that
    /// signs at that instant ([`Schedules::signer`]).
    pub fn sign(&self, claims: &AccessClaims, now: Timestamp) -> Result<String, KeyError> {
        let key = &self.signer(now).ok_or(KeyError::NoKey)?.key;
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
        self.signer(now).map(|entry| entry.key.kid.as_str())
    }

    /// How many seconds a token may live at most that is signed at that instant. When the
    /// key has been replaced, it is kept for as long, and no longer.
    pub fn longest_token_ttl(&self, now: Timestamp) -> Option<u32> {
        self.signer(now).map(|entry| entry.token_ttl)
    }

    /// The names of all keys, dead ones among them, oldest first.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|entry| entry.key.kid.as_str())
    }

    /// The key of that name, if it is not dead.
    pub(crate) fn find(&self, kid: &str, now: Timestamp) -> Option<&RingKey> {
        self.alive(now).find(|key| key.kid == kid)
    }

    fn signer(&self, now: Timestamp) -> Option<&Entry> {
        self.keys.get(self.schedules.signer(now)?)
    }

    fn alive(&self, now: Timestamp) -> impl Iterator<Item = &RingKey> {
        let is_alive = move |place: &usize| self.schedules.is_alive(*place, now);
        let places = (0..self.keys.len()).filter(is_alive);
        places.map(|place| &*self.keys[place].key)
    }

    fn opened(&self, sealed: &SealedKey) -> Option<Arc<RingKey>> {
        let mut keys = self.keys.iter().map(|entry| &entry.key);
        let same = |key: &&Arc<RingKey>| key.kid == sealed.kid && key.algorithm == sealed.algorithm;
        keys.find(same).map(Arc::clone)
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
}

impl RingKey {
    /// The name by which tokens name it.
    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

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
