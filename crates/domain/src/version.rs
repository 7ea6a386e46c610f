//! The version of a tenant, by which writers lock it.

use std::fmt;

use thiserror::Error;

/// How often a tenant was changed, counted from the version it started at.
///
/// Optimistic locking rests on it: a writer names the version it has read, and
/// loses if the store holds another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(i32);

/// What is wrong with a number that should be a version.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum VersionFault {
    /// Below 1.
    #[error("must be 1 or more")]
    TooSmall,
    /// Above [`Version::MAX`].
    #[error("must be at most 2147483647")]
    TooLarge,
}

/// A tenant at [`Version::MAX`] can't be changed any more, only deleted.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the largest version is reached")]
pub struct VersionExhausted;

impl Version {
    /// The version of a thing that was just made.
    pub const FIRST: Self = Self(1);
    /// The largest version, 2³¹ − 1.
    pub const MAX: Self = Self(i32::MAX);

    /// Takes a number from 1 to 2³¹ − 1.
    pub fn new(number: i64) -> Result<Self, VersionFault> {
        if number < 1 {
            return Err(VersionFault::TooSmall);
        }
        i32::try_from(number)
            .map(Self)
            .map_err(|_| VersionFault::TooLarge)
    }

    /// The number.
    pub const fn get(self) -> i32 {
        self.0
    }

    /// The version after one more change.
    pub fn next(self) -> Result<Self, VersionExhausted> {
        self.0.checked_add(1).map(Self).ok_or(VersionExhausted)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_of_the_range() {
        assert_eq!(Version::new(0), Err(VersionFault::TooSmall));
        assert_eq!(Version::new(i64::MIN), Err(VersionFault::TooSmall));
        assert_eq!(Version::new(1), Ok(Version::FIRST));
        assert_eq!(Version::new(2_147_483_647), Ok(Version::MAX));
        assert_eq!(Version::new(2_147_483_648), Err(VersionFault::TooLarge));
        assert_eq!(Version::MAX.next(), Err(VersionExhausted));
    }

    proptest! {
        #[test]
        fn each_change_adds_exactly_one(number in 1_i64..2_147_483_647) {
            let version = Version::new(number).unwrap();
            let next = version.next().unwrap();
            prop_assert_eq!(i64::from(next.get()), number + 1);
            prop_assert!(next > version);
        }
    }
}
