//! Passwords that were verified before.
//!
//! A system account sends its password with every request, and the check of a
//! password costs some 15 ms by intent. This cache remembers that a password was
//! right for a stored hash, so that only the first request pays.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use subtle::{Choice, ConstantTimeEq};
use tenantry_domain::{client::SecretHash, port::Entropy};
use zeroize::Zeroizing;

use crate::hashing::MAX_PRESENTED_LENGTH;

/// Pairs of a stored hash and a password that was right for it.
///
/// What is kept is HMAC-SHA-256 of both, under a key that is drawn for this process
/// and never leaves it: neither password nor hash can be read out. A pair says
/// nothing about accounts, so it can't outlive a change: the caller reads the account
/// anew at every request, and once its stored hash is another one, or is gone, no
/// pair fits. Only who has presented a right password gets into the cache, so nobody
/// else can crowd it.
pub struct VerifiedPasswords {
    key: PairKey,
    tags: Mutex<VecDeque<Tag>>,
}

/// A tag of a stored hash and a password: it tells pairs apart and nothing else.
pub(crate) type Tag = [u8; TAG_LENGTH];

const TAG_LENGTH: usize = 32;

impl VerifiedPasswords {
    /// How many pairs are remembered; the oldest makes room.
    pub const CAPACITY: usize = 256;

    /// An empty cache with a key of its own.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self {
            key: PairKey::new(entropy),
            tags: Mutex::new(VecDeque::with_capacity(Self::CAPACITY)),
        }
    }

    /// Whether this password was right for this stored hash before.
    ///
    /// It takes the same time wherever the pair stands, and whether it does.
    pub fn check(&self, stored: &SecretHash, presented: &str) -> bool {
        if presented.len() > MAX_PRESENTED_LENGTH {
            return false;
        }
        let tag = self.key.tag(stored, presented);
        let tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        let found = tags
            .iter()
            .fold(Choice::from(0), |found, known| found | known.ct_eq(&tag));
        found.into()
    }

    /// Remembers that this password is right for this stored hash. To be called only
    /// after [`Hasher::verify_password`](crate::hashing::Hasher::verify_password) has
    /// said so.
    pub fn remember(&self, stored: &SecretHash, presented: &str) {
        if presented.len() > MAX_PRESENTED_LENGTH || self.check(stored, presented) {
            return;
        }
        let tag = self.key.tag(stored, presented);
        let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        if tags.len() == Self::CAPACITY {
            tags.pop_front();
        }
        tags.push_back(tag);
    }
}

/// Makes tags under a key that is drawn for this process.
pub(crate) struct PairKey(hmac::Key);

impl PairKey {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let mut key = Zeroizing::new([0_u8; TAG_LENGTH]);
        entropy.fill(&mut *key);
        Self(hmac::Key::new(HMAC_SHA256, &*key))
    }

    pub(crate) fn tag(&self, stored: &SecretHash, presented: &str) -> Tag {
        let phc = stored.as_str().as_bytes();
        let mut context = hmac::Context::with_key(&self.0);
        // The length in front keeps the end of one from passing for the other's start.
        context.update(&(phc.len() as u64).to_be_bytes());
        context.update(phc);
        context.update(presented.as_bytes());
        let mut tag = [0; TAG_LENGTH];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }
}

impl fmt::Debug for VerifiedPasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedPasswords").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy::OsEntropy;

    fn hash(text: &str) -> SecretHash {
        SecretHash::new(text.to_owned())
    }

    #[test]
    fn only_the_remembered_pair_is_known() {
        let cache = VerifiedPasswords::new(&OsEntropy);
        assert!(!cache.check(&hash("a"), "password"));
        cache.remember(&hash("a"), "password");
        assert!(cache.check(&hash("a"), "password"));
        assert!(!cache.check(&hash("a"), "Password"));
        assert!(!cache.check(&hash("a"), ""));
    }

    #[test]
    fn a_changed_hash_is_not_known() {
        let cache = VerifiedPasswords::new(&OsEntropy);
        cache.remember(&hash("$argon2id$old"), "password");
        assert!(!cache.check(&hash("$argon2id$new"), "password"));
    }

    #[test]
    fn the_seam_between_hash_and_password_counts() {
        let cache = VerifiedPasswords::new(&OsEntropy);
        cache.remember(&hash("ab"), "cd");
        assert!(!cache.check(&hash("a"), "bcd"));
        assert!(!cache.check(&hash("abc"), "d"));
    }

    #[test]
    fn what_is_too_long_to_be_right_is_not_remembered() {
        let cache = VerifiedPasswords::new(&OsEntropy);
        let long = "x".repeat(MAX_PRESENTED_LENGTH + 1);
        cache.remember(&hash("a"), &long);
        assert!(!cache.check(&hash("a"), &long));
        assert_eq!(cache.tags.lock().unwrap().len(), 0);
    }

    #[test]
    fn it_stays_within_its_bounds_and_forgets_the_oldest() {
        let cache = VerifiedPasswords::new(&OsEntropy);
        for number in 0..=VerifiedPasswords::CAPACITY {
            cache.remember(&hash("a"), &number.to_string());
            cache.remember(&hash("a"), &number.to_string());
        }
        assert_eq!(
            cache.tags.lock().unwrap().len(),
            VerifiedPasswords::CAPACITY
        );
        assert!(!cache.check(&hash("a"), "0"));
        assert!(cache.check(&hash("a"), "1"));
        assert!(cache.check(&hash("a"), &VerifiedPasswords::CAPACITY.to_string()));
    }

    #[test]
    fn each_cache_has_its_own_key_and_prints_nothing() {
        let (first, second) = (
            VerifiedPasswords::new(&OsEntropy),
            VerifiedPasswords::new(&OsEntropy),
        );
        assert_ne!(
            first.key.tag(&hash("a"), "b"),
            second.key.tag(&hash("a"), "b")
        );
        assert_eq!(format!("{first:?}"), "VerifiedPasswords { .. }");
    }

    proptest! {
        #[test]
        fn no_pair_passes_for_another(
            known in (".{0,20}", ".{0,20}"),
            asked in (".{0,20}", ".{0,20}"),
        ) {
            let cache = VerifiedPasswords::new(&OsEntropy);
            cache.remember(&hash(&known.0), &known.1);
            prop_assert!(cache.check(&hash(&known.0), &known.1));
            prop_assert_eq!(cache.check(&hash(&asked.0), &asked.1), known == asked);
        }
    }
}
