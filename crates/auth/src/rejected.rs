//! Passwords that were found wrong before.

use std::{
    collections::{HashSet, VecDeque},
    fmt,
    sync::{Mutex, PoisonError},
};

use tenantry_domain::{client::SecretHash, port::Entropy};

use crate::{
    hashing::MAX_PRESENTED_LENGTH,
    verified::{PairKey, Tag},
};

/// Pairs of a stored hash and a password that was wrong for it.
///
/// What is set up wrong sends the same wrong password again and again, and each time it
/// would cost a whole password hash to find out the same. As in
/// [`VerifiedPasswords`](crate::verified::VerifiedPasswords) only a tag of both is kept,
/// under a key of this process, so that another stored hash is another pair. For a name
/// that nobody has, a [`stand_in`](Self::stand_in) is the stored hash, so that what is
/// found out here says nothing of which names there are.
///
/// Whoever makes up passwords fills it with useless pairs, and so makes it forget others:
/// it costs that many hashes, and the others are then only found wrong anew.
pub struct RejectedPasswords {
    key: PairKey,
    tags: Mutex<Tags>,
}

#[derive(Default)]
struct Tags {
    known: HashSet<Tag>,
    oldest_first: VecDeque<Tag>,
}

impl RejectedPasswords {
    /// How many pairs are remembered; the oldest makes room.
    pub const CAPACITY: usize = 4096;

    /// Nothing remembered, and a key of its own.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self {
            key: PairKey::new(entropy),
            tags: Mutex::default(),
        }
    }

    /// What takes the place of a stored hash for a name that no account has.
    pub fn stand_in(name: &str) -> SecretHash {
        SecretHash::new(format!("no account: {name}"))
    }

    /// Whether this password was found wrong for this stored hash before.
    ///
    /// Tags are looked up as they come: nobody can make one that resembles another, so the
    /// time of the look-up tells nothing of those that are there.
    pub fn check(&self, stored: &SecretHash, presented: &str) -> bool {
        if presented.len() > MAX_PRESENTED_LENGTH {
            return false;
        }
        let tag = self.key.tag(stored, presented);
        let tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        tags.known.contains(&tag)
    }

    /// Remembers that this password is wrong for this stored hash.
    pub fn remember(&self, stored: &SecretHash, presented: &str) {
        if presented.len() > MAX_PRESENTED_LENGTH {
            return;
        }
        let tag = self.key.tag(stored, presented);
        let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        if !tags.known.insert(tag) {
            return;
        }
        tags.oldest_first.push_back(tag);
        if tags.oldest_first.len() > Self::CAPACITY
            && let Some(oldest) = tags.oldest_first.pop_front()
        {
            tags.known.remove(&oldest);
        }
    }
}

impl fmt::Debug for RejectedPasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RejectedPasswords").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;

    fn hash(text: &str) -> SecretHash {
        SecretHash::new(text.to_owned())
    }

    #[test]
    fn only_the_remembered_pair_is_known() {
        let rejected = RejectedPasswords::new(&OsEntropy);
        rejected.remember(&hash("a"), "wrong");
        assert!(rejected.check(&hash("a"), "wrong"));
        assert!(!rejected.check(&hash("a"), "right"));
        assert!(!rejected.check(&hash("b"), "wrong"));
        let stand_in = RejectedPasswords::stand_in("nobody");
        assert!(!rejected.check(&stand_in, "wrong"));
        assert_ne!(stand_in, RejectedPasswords::stand_in("anybody"));
        assert_eq!(format!("{rejected:?}"), "RejectedPasswords { .. }");
    }

    #[test]
    fn what_is_too_long_is_not_looked_at() {
        let rejected = RejectedPasswords::new(&OsEntropy);
        let long = "x".repeat(MAX_PRESENTED_LENGTH + 1);
        rejected.remember(&hash("a"), &long);
        assert!(!rejected.check(&hash("a"), &long));
    }

    #[test]
    fn it_stays_within_its_bounds_and_forgets_the_oldest() {
        let rejected = RejectedPasswords::new(&OsEntropy);
        for number in 0..=RejectedPasswords::CAPACITY {
            rejected.remember(&hash("a"), &number.to_string());
            rejected.remember(&hash("a"), &number.to_string());
        }
        let count = rejected.tags.lock().unwrap().known.len();
        assert_eq!(count, RejectedPasswords::CAPACITY);
        assert!(!rejected.check(&hash("a"), "0"));
        assert!(rejected.check(&hash("a"), "1"));
    }
}
