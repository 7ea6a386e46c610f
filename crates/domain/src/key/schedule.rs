//! Which key signs, which are listed, which verify, and until when.

use super::SealedKey;
use crate::clock::Timestamp;

/// How long after its end a key is still believed, in seconds: servers learn of its
/// successor a few seconds late, and their clocks differ by some.
const MARGIN_SECONDS: i64 = 60;

/// How long a new key is listed before it signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead {
    /// As long as it takes until every verifier that keeps the key set no longer than it
    /// is told has fetched it anew: [`Lead::USUAL_SECONDS`].
    Usual,
    /// That many seconds, for verifiers that keep it longer.
    Seconds(u32),
    /// None: it signs at once. Verifiers that don't look for a key that they have not
    /// heard of refuse its tokens until they fetch the key set again.
    None,
}

impl Lead {
    /// 300 s, for which the key set may be cached; 10 s, within which every server lists
    /// a new key; and 10 s by which their clocks may differ.
    pub const USUAL_SECONDS: u32 = 300 + 10 + 10;

    /// The time in seconds.
    pub const fn seconds(self) -> u32 {
        match self {
            Self::Usual => Self::USUAL_SECONDS,
            Self::Seconds(seconds) => seconds,
            Self::None => 0,
        }
    }
}

/// Where a key is on its way. Every key that is not dead is listed and verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is listed, so that it is known by the time it signs.
    Published {
        /// From when on it signs.
        signs_from: Timestamp,
    },
    /// It is the one that signs.
    Signing,
    /// Another one signs now; tokens of this one are still about.
    Verifying {
        /// When the last of them has expired.
        until: Timestamp,
    },
    /// It is neither listed nor believed any more.
    Dead {
        /// Since when.
        since: Timestamp,
    },
}

impl KeyState {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published { .. } => "published",
            Self::Signing => "signing",
            Self::Verifying { .. } => "verifying",
            Self::Dead { .. } => "dead",
        }
    }
}

/// What becomes of some keys, at any instant. A key is named by its place among those
/// that the schedules were made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedules(Vec<Schedule>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Schedule {
    signs_from: Timestamp,
    /// When a newer one signs in its place.
    superseded_at: Option<Timestamp>,
    /// When it is not believed any more.
    dies_at: Option<Timestamp>,
}

impl Schedules {
    /// Takes all keys there are, oldest first, as a store hands them out.
    ///
    /// The newest key counts: once it has begun to sign, no older one signs again,
    /// whatever becomes of the newer one. One that was retired before it could begin has
    /// never taken anybody's place.
    pub fn of(keys: &[SealedKey]) -> Self {
        let begins = |key: &SealedKey| {
            let ends_before = key.expires_at.is_some_and(|end| end <= key.signs_from);
            (!ends_before).then_some(key.signs_from)
        };
        let schedule = |(place, key): (usize, &SealedKey)| {
            let newer = keys.iter().skip(place + 1);
            let superseded_at = newer.filter_map(begins).min();
            let tokens_end = superseded_at.map(|instant| {
                let ttl = i64::from(key.token_ttl);
                instant.plus_seconds(ttl.saturating_add(MARGIN_SECONDS))
            });
            Schedule {
                signs_from: key.signs_from,
                superseded_at,
                dies_at: [key.expires_at, tokens_end].into_iter().flatten().min(),
            }
        };
        Self(keys.iter().enumerate().map(schedule).collect())
    }

    /// The place of the key that signs; `None` if every key is dead.
    ///
    /// Where none has begun yet, the oldest that lives steps in: verifiers have had the
    /// most time to learn of it. So a server signs whose clock is a little behind that of
    /// the one that has just made the first key.
    pub fn signer(&self, now: Timestamp) -> Option<usize> {
        let living = || (0..self.0.len()).filter(|&place| self.is_alive(place, now));
        living()
            .rev()
            .find(|&place| self.0[place].signs_from <= now)
            .or_else(|| living().next())
    }

    /// Whether the key in that place is listed and believed.
    pub fn is_alive(&self, place: usize, now: Timestamp) -> bool {
        let end = self.0.get(place).map(|schedule| schedule.dies_at);
        end.is_some_and(|end| end.is_none_or(|end| now < end))
    }

    /// The state of the key in that place; `None` if there is none.
    pub fn state(&self, place: usize, now: Timestamp) -> Option<KeyState> {
        let schedule = self.0.get(place)?;
        Some(match schedule.dies_at {
            Some(since) if since <= now => KeyState::Dead { since },
            _ if self.signer(now) == Some(place) => KeyState::Signing,
            Some(until) if schedule.superseded_at.is_some_and(|at| at <= now) => {
                KeyState::Verifying { until }
            }
            _ => KeyState::Published {
                signs_from: schedule.signs_from,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        key::SigningAlgorithm,
        testing::{instant, sealed_key},
    };

    fn now() -> Timestamp {
        instant("2026-01-01T00:00:00Z")
    }

    fn at(seconds: i64) -> Timestamp {
        now().plus_seconds(seconds)
    }

    /// Keys with an hour's tokens, given as (made, signs from, retired) in seconds.
    fn keys(times: &[(i64, i64, Option<i64>)]) -> Vec<SealedKey> {
        let make = |&(made, signs, retired): &(i64, i64, Option<i64>)| SealedKey {
            signs_from: at(signs),
            expires_at: retired.map(at),
            token_ttl: 3600,
            ..sealed_key("key", SigningAlgorithm::EdDsa, at(made))
        };
        times.iter().map(make).collect()
    }

    fn states(times: &[(i64, i64, Option<i64>)], when: i64) -> Vec<&'static str> {
        let schedules = Schedules::of(&keys(times));
        let state = |place| schedules.state(place, at(when)).unwrap().as_str();
        (0..times.len()).map(state).collect()
    }

    #[test]
    fn a_rotation_goes_through_every_state() {
        let rotated = [(-9000, -9000, None), (0, 320, None)];
        assert_eq!(states(&rotated, 0), ["signing", "published"]);
        assert_eq!(states(&rotated, 319), ["signing", "published"]);
        assert_eq!(states(&rotated, 320), ["verifying", "signing"]);
        // The last token of the old key, made by a server that learnt of the new one a
        // minute late, has expired by then.
        assert_eq!(states(&rotated, 320 + 3600 + 59), ["verifying", "signing"]);
        assert_eq!(states(&rotated, 320 + 3600 + 60), ["dead", "signing"]);
        let schedules = Schedules::of(&keys(&rotated));
        assert_eq!(
            schedules.state(0, at(400)),
            Some(KeyState::Verifying {
                until: at(320 + 3600 + 60)
            })
        );
        assert_eq!(schedules.state(2, at(0)), None);
        assert!(!schedules.is_alive(2, at(0)));
    }

    #[test]
    fn the_longest_life_of_a_token_keeps_a_key() {
        let mut rotated = keys(&[(-9, -9, None), (0, 0, None)]);
        rotated[0].token_ttl = 86_400;
        let schedules = Schedules::of(&rotated);
        assert!(schedules.is_alive(0, at(86_400 + 59)));
        assert!(!schedules.is_alive(0, at(86_400 + 60)));
        rotated[0].token_ttl = u32::MAX;
        assert!(Schedules::of(&rotated).is_alive(0, at(i64::from(u32::MAX))));
    }

    #[test]
    fn one_that_signs_at_once_overtakes_one_that_waits() {
        let hurried = [(-9, -9, None), (0, 320, None), (10, 10, None)];
        assert_eq!(states(&hurried, 9), ["signing", "published", "published"]);
        assert_eq!(states(&hurried, 10), ["verifying", "verifying", "signing"]);
        assert_eq!(states(&hurried, 320), ["verifying", "verifying", "signing"]);
    }

    #[test]
    fn one_that_is_retired_before_it_signs_takes_nobodys_place() {
        let recalled = [(-9, -9, None), (0, 320, Some(100))];
        assert_eq!(states(&recalled, 99), ["signing", "published"]);
        assert_eq!(states(&recalled, 100), ["signing", "dead"]);
        assert_eq!(states(&recalled, 90_000), ["signing", "dead"]);
    }

    #[test]
    fn one_that_was_replaced_never_signs_again() {
        let retired = [(-9, -9, None), (0, 0, Some(50)), (40, 40, None)];
        assert_eq!(states(&retired, 60), ["verifying", "dead", "signing"]);
        assert_eq!(states(&retired, 3600 + 60), ["dead", "dead", "signing"]);
    }

    #[test]
    fn where_none_signs_yet_the_oldest_steps_in() {
        // The first key, seen by a server whose clock is behind.
        assert_eq!(states(&[(5, 5, None)], 0), ["signing"]);
        let early = [(-5, -5, Some(0)), (5, 300, None), (6, 400, None)];
        assert_eq!(states(&early, 1), ["dead", "signing", "published"]);
        let dead = Schedules::of(&keys(&[(-5, -5, Some(0))]));
        assert_eq!(dead.signer(at(0)), None);
        assert_eq!(Schedules::of(&[]).signer(at(0)), None);
    }

    #[test]
    fn exactly_one_signs_at_any_instant() {
        let many = [
            (0, 0, None),
            (10, 330, None),
            (20, 20, Some(400)),
            (300, 620, None),
            (310, 310, Some(700)),
            (650, 650, None),
        ];
        let schedules = Schedules::of(&keys(&many));
        for second in 0..8000 {
            let states = (0..many.len()).map(|place| schedules.state(place, at(second)));
            let signing = states.filter(|state| *state == Some(KeyState::Signing));
            assert_eq!(signing.count(), 1, "{second}");
        }
    }
}
