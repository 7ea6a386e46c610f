//! One change on its way to one webhook.

use std::{fmt, ops::Deref, str::FromStr};

use thiserror::Error;

use crate::{
    clock::Timestamp,
    feed::Sequence,
    id::{DeliveryId, WebhookId},
    port::Entropy,
};

/// One change on its way to one webhook.
///
/// It can be read like the [`DeliveryRecord`] it holds, and changed only by the transitions
/// below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery(DeliveryRecord);

/// A delivery's fields, as a store keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its id, which every attempt carries: the receiver knows a repeat by it.
    pub id: DeliveryId,
    /// To whom.
    pub webhook_id: WebhookId,
    /// Which change.
    pub sequence: Sequence,
    /// What happened, as the change's type says.
    pub kind: String,
    /// How far it is.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub attempts: i32,
    /// Whether it has been delivered or given up before, and somebody has asked for one more
    /// attempt. It then keeps no other one waiting, and is tried once.
    pub is_repeat: bool,
    /// When its turn was foreseen.
    pub created_at: Timestamp,
    /// When it was first tried since it is pending.
    pub first_attempt_at: Option<Timestamp>,
    /// When it was last tried.
    pub last_attempt_at: Option<Timestamp>,
    /// When it is tried next, if it is pending; none where it waits for its turn.
    pub next_attempt_at: Option<Timestamp>,
    /// The status of the last answer, if there was one to the last attempt.
    pub last_status_code: Option<u16>,
    /// What went wrong the last time, for people.
    pub last_error: Option<String>,
    /// When it was delivered or given up.
    pub finished_at: Option<Timestamp>,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    /// It waits for its turn or for its next attempt.
    Pending,
    /// The receiver has taken it.
    Delivered,
    /// It was given up.
    Failed,
}

/// A text that names no such state.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be `pending`, `delivered` or `failed`")]
pub struct UnknownStatus;

impl DeliveryStatus {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for DeliveryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DeliveryStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "pending" => Ok(Self::Pending),
            "delivered" => Ok(Self::Delivered),
            "failed" => Ok(Self::Failed),
            _ => Err(UnknownStatus),
        }
    }
}

/// One attempt at a delivery, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it ended, by the database's clock.
    pub at: Timestamp,
    /// The status of the answer, if there was one.
    pub status_code: Option<u16>,
    /// What went wrong, for people; `None` where nothing did.
    pub error: Option<String>,
}

impl Attempt {
    /// The longest text of what went wrong, in characters.
    pub const MAX_ERROR: usize = 200;

    /// Whether the receiver has taken the delivery: any status of success (RFC 9110 §15.3).
    pub fn is_success(&self) -> bool {
        self.error.is_none() && matches!(self.status_code, Some(200..=299))
    }
}

/// When what has failed is tried again, and when that comes to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The waits between attempts, in seconds; the last one is repeated.
    delays: Vec<u32>,
    /// For how many seconds a delivery is tried.
    give_up_after: u32,
    /// After how many seconds of nothing but failures a webhook is disabled.
    disable_after: u32,
}

impl RetryPolicy {
    /// About 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 2 h, and then every 4 h.
    pub const DELAYS: [u32; 8] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400];
    /// A day.
    pub const GIVE_UP_AFTER: u32 = 86_400;
    /// Five days.
    pub const DISABLE_AFTER: u32 = 432_000;

    /// A policy of one's own; without any delay there is one of 4 hours.
    pub fn new(delays: Vec<u32>, give_up_after: u32, disable_after: u32) -> Self {
        Self {
            delays,
            give_up_after,
            disable_after,
        }
    }

    /// How many microseconds lie between an attempt and the next one, after so many: what the
    /// policy says, a fifth more or less, so that what has failed together does not come
    /// again together.
    fn delay(&self, attempts: i32, entropy: &dyn Entropy) -> i64 {
        let place = usize::try_from(attempts.saturating_sub(1)).unwrap_or(0);
        let seconds = self.delays.get(place).or(self.delays.last());
        let micros = i64::from(seconds.copied().unwrap_or(14_400)) * 1_000_000;
        let mut random = [0_u8; 2];
        entropy.fill(&mut random);
        let share = i64::from(u16::from_le_bytes(random));
        // From 4/5 to 6/5, in steps of 2⁻¹⁶ of that range.
        micros / 5 * 4 + (micros / 5 * 2) * share / 65_536
    }

    /// Whether a webhook that fails since then is to be disabled.
    pub fn disables(&self, failing_since: Timestamp, now: Timestamp) -> bool {
        failing_since.plus_seconds(self.disable_after.into()) <= now
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new(
            Self::DELAYS.to_vec(),
            Self::GIVE_UP_AFTER,
            Self::DISABLE_AFTER,
        )
    }
}

impl Delivery {
    /// A change that is to be delivered when its turn comes.
    pub fn new(
        id: DeliveryId,
        webhook_id: WebhookId,
        sequence: Sequence,
        kind: String,
        now: Timestamp,
    ) -> Self {
        Self(DeliveryRecord {
            id,
            webhook_id,
            sequence,
            kind,
            status: DeliveryStatus::Pending,
            attempts: 0,
            is_repeat: false,
            created_at: now,
            first_attempt_at: None,
            last_attempt_at: None,
            next_attempt_at: None,
            last_status_code: None,
            last_error: None,
            finished_at: None,
        })
    }

    /// Takes back the fields that a store has kept.
    pub fn from_record(record: DeliveryRecord) -> Self {
        Self(record)
    }

    /// Whether it may be sent at that instant, when its turn has come.
    ///
    /// Where the last attempt lies ahead, the clock was set back since, and it need not wait until that has caught up.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let is_ahead = self.0.last_attempt_at.is_some_and(|last| last > now);
        self.0.status == DeliveryStatus::Pending
            && (is_ahead || self.0.next_attempt_at.is_none_or(|next| next <= now))
    }

    /// After an attempt: delivered, or to be tried again, or given up. One that is not pending
    /// stays as it is.
    ///
    /// It is given up where the next attempt would lie behind the time for which a delivery
    /// is tried, and where it is a repeat.
    #[must_use]
    pub fn attempted(self, attempt: &Attempt, policy: &RetryPolicy, entropy: &dyn Entropy) -> Self {
        if self.0.status != DeliveryStatus::Pending {
            return self;
        }
        let Self(mut record) = self;
        record.attempts = record.attempts.saturating_add(1);
        record.last_attempt_at = Some(attempt.at);
        record.last_status_code = attempt.status_code;
        let first = *record.first_attempt_at.get_or_insert(attempt.at);
        if attempt.is_success() {
            record.last_error = None;
            return Self(record.finished(DeliveryStatus::Delivered, attempt.at));
        }
        record.last_error = attempt
            .error
            .as_ref()
            .map(|error| error.chars().take(Attempt::MAX_ERROR).collect());
        let next = attempt
            .at
            .plus_micros(policy.delay(record.attempts, entropy));
        let end = first.plus_seconds(policy.give_up_after.into());
        if record.is_repeat || next > end {
            return Self(record.finished(DeliveryStatus::Failed, attempt.at));
        }
        record.next_attempt_at = Some(next);
        Self(record)
    }

    /// To be sent once more, at once: what is pending is not waited for any longer, and what
    /// was delivered or given up is repeated.
    #[must_use]
    pub fn again(self, now: Timestamp) -> Self {
        let Self(mut record) = self;
        if record.status != DeliveryStatus::Pending {
            record.status = DeliveryStatus::Pending;
            record.is_repeat = true;
            record.first_attempt_at = None;
            record.finished_at = None;
        }
        record.next_attempt_at = Some(now);
        Self(record)
    }

    /// Given up because the change is not there any more.
    #[must_use]
    pub fn without_change(self, now: Timestamp) -> Self {
        let Self(mut record) = self;
        record.last_error = Some("the change is no longer in the feed".to_owned());
        record.last_status_code = None;
        Self(record.finished(DeliveryStatus::Failed, now))
    }
}

impl DeliveryRecord {
    fn finished(mut self, status: DeliveryStatus, at: Timestamp) -> Self {
        self.status = status;
        self.is_repeat = false;
        self.next_attempt_at = None;
        self.finished_at = Some(at);
        self
    }
}

impl Deref for Delivery {
    type Target = DeliveryRecord;

    fn deref(&self) -> &DeliveryRecord {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::testing::{CountingEntropy, instant};

    fn at(seconds: i64) -> Timestamp {
        instant("2026-01-01T00:00:00Z").plus_seconds(seconds)
    }

    fn delivery() -> Delivery {
        Delivery::new(
            DeliveryId::from_uuid(Uuid::from_u128(1)),
            WebhookId::from_uuid(Uuid::from_u128(2)),
            Sequence::new(7).unwrap(),
            "tenant.created".to_owned(),
            at(0),
        )
    }

    fn answer(status: u16, at: Timestamp) -> Attempt {
        let error = (!(200..300).contains(&status)).then(|| format!("answered {status}"));
        Attempt {
            at,
            status_code: Some(status),
            error,
        }
    }

    fn silence(at: Timestamp) -> Attempt {
        Attempt {
            at,
            status_code: None,
            error: Some("x".repeat(1000)),
        }
    }

    fn attempted(delivery: Delivery, attempt: &Attempt) -> Delivery {
        let entropy = CountingEntropy::default();
        delivery.attempted(attempt, &RetryPolicy::default(), &entropy)
    }

    #[test]
    fn only_an_answer_of_success_delivers() {
        for status in [200, 201, 202, 204, 299] {
            let done = attempted(delivery(), &answer(status, at(1)));
            assert_eq!(done.status, DeliveryStatus::Delivered, "{status}");
            assert_eq!(done.finished_at, Some(at(1)));
            assert_eq!(done.next_attempt_at, None);
        }
        for status in [100, 301, 302, 307, 400, 401, 404, 410, 429, 500, 503, 599] {
            let failed = attempted(delivery(), &answer(status, at(1)));
            assert_eq!(failed.status, DeliveryStatus::Pending, "{status}");
            assert_eq!(failed.last_status_code, Some(status));
            assert_eq!((failed.attempts, failed.finished_at), (1, None));
        }
        let silent = attempted(attempted(delivery(), &answer(500, at(1))), &silence(at(9)));
        assert_eq!(silent.last_status_code, None);
        assert_eq!(silent.last_error.as_ref().unwrap().len(), 200);
        let done = attempted(silent, &answer(204, at(40)));
        assert_eq!((done.last_error.as_ref(), done.attempts), (None, 3));
    }

    #[test]
    fn waits_grow_to_the_end_of_a_day() {
        let entropy = CountingEntropy::default();
        let policy = RetryPolicy::default();
        let (mut one, mut waits, mut now) = (delivery(), Vec::new(), at(0));
        while one.status == DeliveryStatus::Pending {
            one = one.attempted(&answer(500, now), &policy, &entropy);
            if let Some(next) = one.next_attempt_at {
                waits.push((next.unix_micros() - now.unix_micros()) / 1_000_000);
                now = next;
            }
        }
        assert_eq!(one.status, DeliveryStatus::Failed);
        assert!((10..=16).contains(&one.attempts), "{}", one.attempts);
        for (wait, about) in waits.iter().zip(RetryPolicy::DELAYS) {
            let about = i64::from(about);
            assert!((about * 4 / 5..=about * 6 / 5).contains(wait), "{waits:?}");
        }
        let whole: i64 = waits.iter().sum();
        assert!((60_000..=86_400).contains(&whole), "{whole}");
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nothing_waiting() {
        let failed = attempted(delivery(), &answer(500, at(1)));
        assert!(!failed.is_due(at(2)));
        assert!(failed.is_due(at(-86_400)));
        let done = attempted(delivery(), &answer(200, at(1)));
        assert!(!done.is_due(at(-86_400)));
    }

    #[test]
    fn a_repeat_is_tried_once_and_at_once() {
        let failed = attempted(delivery(), &answer(500, at(1)));
        let soon = failed.clone().again(at(2));
        assert!(soon.is_due(at(2)) && !failed.is_due(at(2)));
        assert!(!soon.is_repeat, "it goes on as it was, but sooner");

        let done = attempted(delivery(), &answer(200, at(1)));
        let repeat = done.clone().again(at(100));
        assert_eq!(repeat.id, done.id);
        assert!(repeat.is_repeat && repeat.is_due(at(100)));
        let failed = attempted(repeat.clone(), &answer(500, at(101)));
        assert_eq!(
            (failed.status, failed.attempts),
            (DeliveryStatus::Failed, 2)
        );
        let done = attempted(repeat, &answer(200, at(101)));
        assert_eq!(
            (done.status, done.is_repeat),
            (DeliveryStatus::Delivered, false)
        );
        let gone = done.again(at(200)).without_change(at(201));
        assert_eq!(gone.status, DeliveryStatus::Failed);
    }

    #[test]
    fn a_webhook_is_disabled_after_days_of_failure() {
        let policy = RetryPolicy::new(vec![1], 10, 100);
        assert!(!policy.disables(at(0), at(99)));
        assert!(policy.disables(at(0), at(100)));
        assert!(!RetryPolicy::default().disables(at(0), at(431_999)));
    }

    #[test]
    fn statuses_round_trip() {
        use DeliveryStatus::{Delivered, Failed, Pending};
        for status in [Pending, Delivered, Failed] {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert_eq!("done".parse::<DeliveryStatus>(), Err(UnknownStatus));
    }

    proptest! {
        /// Whatever is answered and asked for: a delivery is due at some time, or finished.
        #[test]
        fn a_delivery_never_gets_lost(
            steps in prop::collection::vec((0_u16..4, 0_i64..20_000), 1..60),
        ) {
            let entropy = CountingEntropy::default();
            let policy = RetryPolicy::default();
            let (mut one, mut now) = (delivery(), at(0));
            for (step, pause) in steps {
                now = now.plus_seconds(pause);
                one = match step {
                    0 => one.attempted(&answer(200, now), &policy, &entropy),
                    1 => one.again(now),
                    _ => one.attempted(&answer(503, now), &policy, &entropy),
                };
                let is_pending = one.status == DeliveryStatus::Pending;
                prop_assert_eq!(is_pending, one.next_attempt_at.is_some());
                prop_assert_eq!(is_pending, one.finished_at.is_none());
                prop_assert!(is_pending || !one.is_repeat);
                if let Some(next) = one.next_attempt_at {
                    prop_assert!(next <= now.plus_seconds(14_400 * 6 / 5));
                }
            }
        }
    }
}
