//! Rotation of secrets, a client's or a webhook's: a new one beside the one before it, for as long as the
//! owner's machines need to learn of it.
//!
//! Of a client's secrets at most two are good at any time, and at least one: the current
//! one, which has no end, and the one before it, which has.

use thiserror::Error;

use crate::{client::SecretRecord, clock::Timestamp, id::SecretId};

/// How long the secret before a new one stays good, in whole seconds: none to a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap(u32);

/// A number of seconds that is no [`Overlap`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be a whole number of seconds from 0 to 604800")]
pub struct InvalidOverlap;

impl Overlap {
    /// The longest overlap: a week, in seconds.
    pub const MAX_SECONDS: u32 = 604_800;

    /// Takes a number of seconds.
    pub fn new(seconds: i64) -> Result<Self, InvalidOverlap> {
        u32::try_from(seconds)
            .ok()
            .filter(|&seconds| seconds <= Self::MAX_SECONDS)
            .map(Self)
            .ok_or(InvalidOverlap)
    }

    /// The number of seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl Default for Overlap {
    /// A day.
    fn default() -> Self {
        Self(86_400)
    }
}

/// A secret that is replaced by another one some day.
pub trait Expiring: Sized {
    /// Its id.
    fn id(&self) -> SecretId;
    /// When it was made.
    fn created_at(&self) -> Timestamp;
    /// From when on it is no good, if it has an end.
    fn expires_at(&self) -> Option<Timestamp>;
    /// The same with that end.
    #[must_use]
    fn ending(&self, expires_at: Option<Timestamp>) -> Self;

    /// Whether it is good at that instant.
    fn is_good(&self, now: Timestamp) -> bool {
        self.expires_at().is_none_or(|end| now < end)
    }
}

impl Expiring for SecretRecord {
    fn id(&self) -> SecretId {
        self.id
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    fn ending(&self, expires_at: Option<Timestamp>) -> Self {
        Self {
            expires_at,
            ..self.clone()
        }
    }
}

/// What becomes of the secrets there are when a new one is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation<S = SecretRecord> {
    /// The one that was the last, with the end that it has now; `None` if it is over at once.
    pub previous: Option<S>,
    /// Those that are no more.
    pub retired: Vec<SecretId>,
    /// From when on the new one is the only one.
    pub previous_expires_at: Timestamp,
}

/// Makes room for a new secret: the last one that is good gets an end, and all before it
/// are retired, the expired ones among them.
pub fn rotate<S: Expiring>(secrets: &[S], overlap: Overlap, now: Timestamp) -> Rotation<S> {
    let end = now.plus_seconds(i64::from(overlap.seconds()));
    let good = secrets.iter().filter(|secret| secret.is_good(now));
    let last = good.max_by_key(|secret| (secret.created_at(), secret.id()));
    let previous = last.map(|last| {
        let own = last.expires_at();
        last.ending(Some(own.map_or(end, |own| own.min(end))))
    });
    let previous = previous.filter(|secret| secret.is_good(now));
    let kept = previous.as_ref().map(Expiring::id);
    Rotation {
        retired: all_but(secrets, kept),
        previous_expires_at: previous
            .as_ref()
            .and_then(Expiring::expires_at)
            .unwrap_or(now),
        previous,
    }
}

/// What becomes of a client's secrets when one of them is retired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retirement {
    /// The one that is left, which is the current one now and has no end.
    pub current: SecretRecord,
    /// Those that are no more.
    pub retired: Vec<SecretId>,
}

/// Why a secret is not retired.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RetirementRefusal {
    /// There is none of that id, or it has expired.
    #[error("there is no such secret")]
    Missing,
    /// The client would be left without any.
    #[error("it is the client's last secret")]
    Last,
}

/// Retires one secret now. The one that is left loses its end if it has one: were it to
/// keep it, the client would be locked out when it comes.
pub fn retire(
    secrets: &[SecretRecord],
    id: SecretId,
    now: Timestamp,
) -> Result<Retirement, RetirementRefusal> {
    let good = || secrets.iter().filter(|secret| secret.is_good_at(now));
    if !good().any(|secret| secret.id == id) {
        return Err(RetirementRefusal::Missing);
    }
    let current = good()
        .filter(|secret| secret.id != id)
        .max_by_key(|secret| (secret.created_at, secret.id))
        .ok_or(RetirementRefusal::Last)?;
    Ok(Retirement {
        current: SecretRecord {
            expires_at: None,
            ..current.clone()
        },
        retired: all_but(secrets, Some(current.id)),
    })
}

fn all_but<S: Expiring>(secrets: &[S], kept: Option<SecretId>) -> Vec<SecretId> {
    let ids = secrets.iter().map(Expiring::id);
    ids.filter(|&id| Some(id) != kept).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::{client::SecretHash, testing::instant};

    fn at(seconds: i64) -> Timestamp {
        instant("2026-01-01T00:00:00Z").plus_seconds(seconds)
    }

    fn id(n: i64) -> SecretId {
        SecretId::from_uuid(Uuid::from_u128(n.unsigned_abs().into()))
    }

    /// Made at that second, which is also its id.
    fn secret(made: i64, end: Option<i64>) -> SecretRecord {
        SecretRecord {
            id: id(made),
            hash: SecretHash::new("hash".to_owned()),
            created_at: at(made),
            expires_at: end.map(at),
            last_used_at: None,
        }
    }

    fn overlap(seconds: i64) -> Overlap {
        Overlap::new(seconds).unwrap()
    }

    #[test]
    fn an_overlap_is_at_most_a_week() {
        assert_eq!(Overlap::default().seconds(), 86_400);
        assert_eq!(overlap(0).seconds(), 0);
        assert_eq!(overlap(604_800).seconds(), 604_800);
        for bad in [-1, 604_801, i64::MAX, i64::MIN, 1 << 32] {
            assert_eq!(Overlap::new(bad), Err(InvalidOverlap), "{bad}");
        }
    }

    #[test]
    fn the_last_secret_gets_an_end() {
        let rotation = rotate(&[secret(1, None)], overlap(60), at(10));
        assert_eq!(rotation.previous, Some(secret(1, Some(70))));
        assert_eq!(rotation.previous_expires_at, at(70));
        assert_eq!(rotation.retired, []);
    }

    #[test]
    fn without_overlap_it_is_over_at_once() {
        let rotation = rotate(&[secret(1, None)], overlap(0), at(10));
        assert_eq!(rotation.previous, None);
        assert_eq!(rotation.previous_expires_at, at(10));
        assert_eq!(rotation.retired, [id(1)]);
    }

    #[test]
    fn a_rotation_while_two_are_good_retires_the_older_one() {
        let two = [secret(1, Some(100)), secret(2, None)];
        let rotation = rotate(&two, overlap(60), at(10));
        assert_eq!(rotation.previous, Some(secret(2, Some(70))));
        assert_eq!(rotation.retired, [id(1)]);
        let over = [secret(1, Some(5)), secret(2, None)];
        let rotation = rotate(&over, overlap(60), at(10));
        assert_eq!(rotation.retired, [id(1)], "an expired one is cleared away");
    }

    #[test]
    fn one_of_two_can_be_retired() {
        let two = [secret(1, Some(100)), secret(2, None)];
        let first = retire(&two, id(1), at(10)).unwrap();
        assert_eq!(
            (first.current, first.retired),
            (secret(2, None), vec![id(1)])
        );
        let second = retire(&two, id(2), at(10)).unwrap();
        assert_eq!(
            (second.current, second.retired),
            (secret(1, None), vec![id(2)]),
            "the one before it is the current one again"
        );
    }

    #[test]
    fn the_last_good_one_and_an_expired_one_can_not() {
        let two = [secret(1, Some(5)), secret(2, None)];
        assert_eq!(retire(&two, id(2), at(10)), Err(RetirementRefusal::Last));
        assert_eq!(retire(&two, id(1), at(10)), Err(RetirementRefusal::Missing));
        assert_eq!(retire(&two, id(9), at(10)), Err(RetirementRefusal::Missing));
        assert_eq!(retire(&[], id(1), at(10)), Err(RetirementRefusal::Missing));
    }

    proptest! {
        /// Whatever is done in whatever order: one or two are good, and exactly one of
        /// them has no end.
        #[test]
        fn one_or_two_are_always_good(
            steps in prop::collection::vec((0_u32..3, 0_i64..100, 0_i64..90), 1..30),
        ) {
            let mut secrets = vec![secret(0, None)];
            let mut now = 0;
            for (step, pause, seconds) in steps {
                now += 1 + pause;
                if step < 2 {
                    let rotation = rotate(&secrets, overlap(seconds), at(now));
                    secrets.retain(|one| !rotation.retired.contains(&one.id));
                    for one in &mut secrets {
                        one.clone_from(rotation.previous.as_ref().unwrap());
                    }
                    secrets.push(secret(now, None));
                } else if let Ok(retirement) = retire(&secrets, secrets[0].id, at(now)) {
                    secrets = vec![retirement.current];
                }
                let good: Vec<_> = secrets.iter().filter(|one| one.is_good_at(at(now))).collect();
                prop_assert!((1..=2).contains(&good.len()));
                prop_assert_eq!(good.iter().filter(|one| one.expires_at.is_none()).count(), 1);
            }
        }
    }
}
