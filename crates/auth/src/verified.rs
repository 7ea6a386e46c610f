//! Passwords and client secrets that were verified before.
//!
//! A system account sends its password with every request, and the check of a
//! password costs some 15 ms by intent; a client sends its secret for every token, at some
//! 50 µs. This cache remembers what was right for a stored hash, so that only the first
//! request pays.

use std::{fmt, hint::black_box};

use tenantry_domain::{client::SecretHash, port::Entropy};

use crate::pairs::Pairs;

/// Pairs of a stored hash and a password or secret that was right for it.
///
/// Of a pair only a tag is kept, under a key of this process. A pair says
/// nothing about who it belongs to, so it can't outlive a change: the caller reads the account
/// or client anew at every request, and once its stored hash is another one, or is gone, no
/// pair fits. Only who has presented what is right gets into the cache, so nobody
/// else can crowd it.
pub struct VerifiedSecrets(Pairs);

impl VerifiedSecrets {
    /// How many pairs are remembered; the oldest makes room.
    pub const CAPACITY: usize = 4096;

    /// An empty cache with a key of its own.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self(Pairs::new(entropy, Self::CAPACITY))
    }

    /// Whether this was right for this stored hash before.
    pub fn check(&self, stored: &SecretHash, presented: &str) -> bool {
        self.0.contain(stored, presented)
    }

    /// Takes as long as a [`check`](Self::check), for somebody who has nothing to be checked.
    pub fn burn(&self, presented: &str) {
        // As long as the hash of a client secret.
        const STAND_IN: &str = "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                                AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        black_box(self.check(&SecretHash::new(STAND_IN.to_owned()), presented));
    }

    /// Remembers that this is right for this stored hash. To be called only after a
    /// [`Hasher`](crate::hashing::Hasher) has said so.
    pub fn remember(&self, stored: &SecretHash, presented: &str) {
        self.0.remember(stored, presented);
    }
}

impl fmt::Debug for VerifiedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedSecrets").finish_non_exhaustive()
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
        let cache = VerifiedSecrets::new(&OsEntropy);
        assert!(!cache.check(&hash("a"), "password"));
        cache.remember(&hash("a"), "password");
        assert!(cache.check(&hash("a"), "password"));
        assert!(!cache.check(&hash("a"), "Password"));
        assert!(!cache.check(&hash("a"), ""));
        assert_eq!(format!("{cache:?}"), "VerifiedSecrets { .. }");
    }

    #[test]
    fn a_changed_hash_is_not_known() {
        let cache = VerifiedSecrets::new(&OsEntropy);
        cache.remember(&hash("$argon2id$old"), "password");
        assert!(!cache.check(&hash("$argon2id$new"), "password"));
    }
}
