//! Passwords that were found wrong before.

use std::fmt;

use tenantry_domain::{client::SecretHash, port::Entropy};

use crate::pairs::Pairs;

/// Pairs of a stored hash and a password that was wrong for it.
///
/// What is set up wrong sends the same wrong password again and again, and each time it
/// would cost a whole password hash to find out the same. As in
/// [`VerifiedSecrets`](crate::verified::VerifiedSecrets) only a tag of both is kept,
/// under a key of this process, so that another stored hash is another pair. For a name
/// that nobody has, a [`stand_in`](Self::stand_in) is the stored hash, so that what is
/// found out here says nothing of which names there are.
///
/// Whoever makes up passwords fills it with useless pairs, and so makes it forget others:
/// it costs that many hashes, and the others are then only found wrong anew.
pub struct RejectedPasswords(Pairs);

impl RejectedPasswords {
    /// How many pairs are remembered; the oldest makes room.
    pub const CAPACITY: usize = 4096;

    /// Nothing remembered, and a key of its own.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self(Pairs::new(entropy, Self::CAPACITY))
    }

    /// What takes the place of a stored hash for a name that no account has.
    pub fn stand_in(name: &str) -> SecretHash {
        SecretHash::new(format!("no account: {name}"))
    }

    /// Whether this password was found wrong for this stored hash before.
    pub fn check(&self, stored: &SecretHash, presented: &str) -> bool {
        self.0.contain(stored, presented)
    }

    /// Remembers that this password is wrong for this stored hash.
    pub fn remember(&self, stored: &SecretHash, presented: &str) {
        self.0.remember(stored, presented);
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
}
