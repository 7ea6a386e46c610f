//! Pairs of a stored hash and what was presented for it.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use tenantry_domain::{client::SecretHash, port::Entropy};
use zeroize::Zeroizing;

use crate::hashing::MAX_PRESENTED_LENGTH;

/// Remembers pairs, a bounded number of them.
///
/// What is kept is HMAC-SHA-256 of both, under a key that is drawn for this process
/// and never leaves it: neither of the two can be read out. Tags are looked up as they come:
/// nobody can make one that resembles another, so the time of the look-up tells nothing of those that
/// are there.
pub(crate) struct Pairs {
    key: hmac::Key,
    capacity: usize,
    tags: Mutex<Tags>,
}

/// A tag of a stored hash and what was presented: it tells pairs apart and nothing else.
type Tag = [u8; TAG_LENGTH];

const TAG_LENGTH: usize = 32;

#[derive(Default)]
struct Tags {
    known: HashSet<Tag>,
    oldest_first: VecDeque<Tag>,
}

impl Pairs {
    /// Nothing remembered, and a key of its own. The oldest of so many pairs makes room.
    pub(crate) fn new(entropy: &dyn Entropy, capacity: usize) -> Self {
        let mut key = Zeroizing::new([0_u8; TAG_LENGTH]);
        entropy.fill(&mut *key);
        Self {
            key: hmac::Key::new(HMAC_SHA256, &*key),
            capacity,
            tags: Mutex::default(),
        }
    }

    /// Whether this pair is remembered.
    pub(crate) fn contain(&self, stored: &SecretHash, presented: &str) -> bool {
        if presented.len() > MAX_PRESENTED_LENGTH {
            return false;
        }
        let tag = self.tag(stored, presented);
        let tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        tags.known.contains(&tag)
    }

    /// Remembers this pair.
    pub(crate) fn remember(&self, stored: &SecretHash, presented: &str) {
        if presented.len() > MAX_PRESENTED_LENGTH {
            return;
        }
        let tag = self.tag(stored, presented);
        let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        if !tags.known.insert(tag) {
            return;
        }
        tags.oldest_first.push_back(tag);
        if tags.oldest_first.len() > self.capacity
            && let Some(oldest) = tags.oldest_first.pop_front()
        {
            tags.known.remove(&oldest);
        }
    }

    fn tag(&self, stored: &SecretHash, presented: &str) -> Tag {
        let phc = stored.as_str().as_bytes();
        let mut context = hmac::Context::with_key(&self.key);
        // The length in front keeps the end of one from passing for the other's start.
        context.update(&(phc.len() as u64).to_be_bytes());
        context.update(phc);
        context.update(presented.as_bytes());
        let mut tag = [0; TAG_LENGTH];
        tag.copy_from_slice(context.sign().as_ref());
        tag
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

    fn pairs() -> Pairs {
        Pairs::new(&OsEntropy, 256)
    }

    #[test]
    fn the_seam_between_both_counts() {
        let pairs = pairs();
        pairs.remember(&hash("ab"), "cd");
        assert!(pairs.contain(&hash("ab"), "cd"));
        assert!(!pairs.contain(&hash("a"), "bcd"));
        assert!(!pairs.contain(&hash("abc"), "d"));
    }

    #[test]
    fn what_is_too_long_is_not_looked_at() {
        let pairs = pairs();
        let long = "x".repeat(MAX_PRESENTED_LENGTH + 1);
        pairs.remember(&hash("a"), &long);
        assert!(!pairs.contain(&hash("a"), &long));
        assert_eq!(pairs.tags.lock().unwrap().known.len(), 0);
    }

    #[test]
    fn they_stay_within_their_bounds_and_the_oldest_is_forgotten() {
        let pairs = pairs();
        for number in 0..=pairs.capacity {
            pairs.remember(&hash("a"), &number.to_string());
            pairs.remember(&hash("a"), &number.to_string());
        }
        assert_eq!(pairs.tags.lock().unwrap().known.len(), pairs.capacity);
        assert!(!pairs.contain(&hash("a"), "0"));
        assert!(pairs.contain(&hash("a"), "1"));
        assert!(pairs.contain(&hash("a"), &pairs.capacity.to_string()));
    }

    #[test]
    fn each_has_its_own_key() {
        assert_ne!(pairs().tag(&hash("a"), "b"), pairs().tag(&hash("a"), "b"));
    }

    proptest! {
        #[test]
        fn no_pair_passes_for_another(
            known in (".{0,20}", ".{0,20}"),
            asked in (".{0,20}", ".{0,20}"),
        ) {
            let pairs = pairs();
            pairs.remember(&hash(&known.0), &known.1);
            prop_assert!(pairs.contain(&hash(&known.0), &known.1));
            prop_assert_eq!(pairs.contain(&hash(&asked.0), &asked.1), known == asked);
        }
    }
}
