//! Tokens that were verified before.
//!
//! A client sends the same token with every request until it expires, and verifying its
//! signature costs as much as looking up what it asks for. This cache remembers what a token
//! says whose signature was good.

use std::{
    collections::HashMap,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use tenantry_domain::{clock::Timestamp, port::Entropy};
use zeroize::Zeroizing;

use crate::{
    keys::KeyRing,
    token::{self, Expected, MAX_TOKEN_LENGTH, TokenFault, Verified},
};

const TAG_LENGTH: usize = 32;

/// An HMAC of a token, under a key of this process alone: no token is kept.
type Tag = [u8; TAG_LENGTH];

/// What was verified before.
///
/// Only what a token is made of is remembered, which never changes: its signature and its
/// claims. Everything that does is looked at each time: whether its key is still believed, the
/// time, and who the token is for. Whether it was revoked, or its client may not be used any
/// more, is for the caller to ask the store each time, as for any other token.
pub struct VerifiedTokens {
    key: hmac::Key,
    known: Mutex<Known>,
}

/// Two halves: when the new one is full, the old one makes room. What is in use moves to the new
/// one.
#[derive(Default)]
struct Known {
    new: HashMap<Tag, Arc<Verified>>,
    old: HashMap<Tag, Arc<Verified>>,
}

impl VerifiedTokens {
    /// How many tokens each of the two halves holds.
    pub const HALF: usize = 1024;

    /// An empty cache with a key of its own.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut key = Zeroizing::new([0_u8; TAG_LENGTH]);
        entropy.fill(&mut *key);
        Self {
            key: hmac::Key::new(HMAC_SHA256, &*key),
            known: Mutex::default(),
        }
    }

    /// Verifies a token as [`token::verify`] does, and with the same answer.
    pub fn verify(
        &self,
        ring: &KeyRing,
        token: &str,
        expected: &Expected<'_>,
        now: Timestamp,
    ) -> Result<Arc<Verified>, TokenFault> {
        if token.len() > MAX_TOKEN_LENGTH {
            return Err(TokenFault::TooLong);
        }
        let mut tag = Tag::default();
        tag.copy_from_slice(hmac::sign(&self.key, token.as_bytes()).as_ref());
        if let Some(verified) = self.known().find(&tag) {
            ring.find(&verified.kid, now)
                .ok_or(TokenFault::UnknownKey)?;
            token::check(&verified.claims, expected, now)?;
            return Ok(verified);
        }
        let (verified, is_always_the_same) = token::examine(ring, token, expected, now)?;
        let verified = Arc::new(verified);
        if is_always_the_same {
            self.known().put(tag, Arc::clone(&verified));
        }
        Ok(verified)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn find(&mut self, tag: &Tag) -> Option<Arc<Verified>> {
        if let Some(verified) = self.new.get(tag) {
            return Some(Arc::clone(verified));
        }
        let verified = self.old.remove(tag)?;
        self.put(*tag, Arc::clone(&verified));
        Some(verified)
    }

    fn put(&mut self, tag: Tag, verified: Arc<Verified>) {
        if self.new.len() >= VerifiedTokens::HALF {
            self.old = mem::take(&mut self.new);
        }
        self.new.insert(tag, verified);
    }
}

impl fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedTokens").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tenantry_domain::key::SigningAlgorithm;

    use super::*;
    use crate::{
        entropy::OsEntropy,
        testing::{KEYS, claims, encode, now},
        token::AccessClaims,
    };

    const EXPECTED: Expected<'static> = Expected {
        issuer: "https://tenantry.example",
        audience: Some("https://my-tenant.vii.mattr.global"),
    };

    fn cache() -> VerifiedTokens {
        VerifiedTokens::new(&OsEntropy)
    }

    fn size(cache: &VerifiedTokens) -> usize {
        let known = cache.known();
        known.new.len() + known.old.len()
    }

    fn forged(change: impl FnOnce(&mut serde_json::Value)) -> String {
        let kid = &KEYS.of(SigningAlgorithm::EdDsa).kid;
        let header = serde_json::json!({"typ": "at+jwt", "alg": "EdDSA", "kid": kid});
        let mut payload = serde_json::to_value(claims()).unwrap();
        change(&mut payload);
        KEYS.forge(&header.to_string(), payload.to_string().as_bytes())
    }

    #[test]
    fn a_token_is_the_same_each_time() {
        let cache = cache();
        let token = KEYS.ring.sign(&claims(), now()).unwrap();
        for _ in 0..3 {
            let verified = cache.verify(&KEYS.ring, &token, &EXPECTED, now()).unwrap();
            assert_eq!(verified.claims, claims());
            assert_eq!(verified.kid, KEYS.of(SigningAlgorithm::EdDsa).kid);
        }
        assert_eq!(size(&cache), 1);
    }

    #[test]
    fn what_changes_is_looked_at_each_time() {
        let cache = cache();
        let token = KEYS.ring.sign(&claims(), now()).unwrap();
        let check = |ring: &KeyRing, expected: &Expected<'_>, at: Timestamp| {
            let verified = cache.verify(ring, &token, expected, at);
            verified.map(|verified| verified.claims.clone())
        };
        assert_eq!(check(&KEYS.ring, &EXPECTED, now()), Ok(claims()));
        let end = now().plus_seconds(86_400);
        assert_eq!(check(&KEYS.ring, &EXPECTED, end), Err(TokenFault::Expired));
        let long_ago = now().plus_seconds(-61);
        assert_eq!(
            check(&KEYS.ring, &EXPECTED, long_ago),
            Err(TokenFault::NotYetValid)
        );
        let another = Expected {
            audience: Some("https://another.vii.mattr.global"),
            ..EXPECTED
        };
        assert_eq!(
            check(&KEYS.ring, &another, now()),
            Err(TokenFault::Audience)
        );
        let another = Expected {
            issuer: "https://another.example",
            ..EXPECTED
        };
        assert_eq!(check(&KEYS.ring, &another, now()), Err(TokenFault::Issuer));
        let without = KEYS.ring_of(SigningAlgorithm::Rs256);
        assert_eq!(
            check(&without, &EXPECTED, now()),
            Err(TokenFault::UnknownKey),
            "the key is not believed any more"
        );
        assert_eq!(check(&KEYS.ring, &EXPECTED, now()), Ok(claims()));
    }

    #[test]
    fn only_what_is_good_is_remembered() {
        let cache = cache();
        let token = KEYS.ring.sign(&claims(), now()).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let mut other = claims();
        "admin".clone_into(&mut other.scope);
        let (header, _) = signed.split_once('.').unwrap();
        let altered = encode(serde_json::to_vec(&other).unwrap());
        let altered = format!("{header}.{altered}.{signature}");
        let before_its_time = forged(|claims| {
            claims["nbf"] = (now().unix_seconds() + 10).into();
        });
        for _ in 0..2 {
            assert!(cache.verify(&KEYS.ring, &token, &EXPECTED, now()).is_ok());
            assert_eq!(
                cache.verify(&KEYS.ring, &altered, &EXPECTED, now()),
                Err(TokenFault::Signature)
            );
            assert_eq!(
                cache.verify(&KEYS.ring, &before_its_time, &EXPECTED, now()),
                Err(TokenFault::NotYetValid)
            );
        }
        let later = now().plus_seconds(10);
        assert!(
            cache
                .verify(&KEYS.ring, &before_its_time, &EXPECTED, later)
                .is_ok()
        );
        assert_eq!(
            cache.verify(&KEYS.ring, &before_its_time, &EXPECTED, now()),
            Err(TokenFault::NotYetValid),
            "also where it was good before"
        );
        assert_eq!(size(&cache), 1);
        let too_long = "a".repeat(MAX_TOKEN_LENGTH + 1);
        assert_eq!(
            cache.verify(&KEYS.ring, &too_long, &EXPECTED, now()),
            Err(TokenFault::TooLong)
        );
    }

    #[test]
    fn it_has_bounds_and_keeps_what_is_in_use() {
        let mut known = Known::default();
        let verified = Arc::new(Verified {
            claims: AccessClaims { ..claims() },
            kid: String::new(),
        });
        let tag = |n: usize| {
            let mut tag = Tag::default();
            tag[..8].copy_from_slice(&n.to_be_bytes());
            tag
        };
        let half = VerifiedTokens::HALF;
        for n in 0..10 * half {
            known.put(tag(n), Arc::clone(&verified));
            assert!(known.find(&tag(0)).is_some(), "{n}");
            assert!(known.new.len() <= half && known.old.len() <= half);
        }
        assert!(known.find(&tag(1)).is_none());
        assert!(known.find(&tag(10 * half - 1)).is_some());
    }
}
