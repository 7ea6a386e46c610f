//! Webhooks: who is told of changes, and how far the telling has come.
//!
//! A [`Webhook`] is what its owner has asked for: where to, and which changes. Its [`Line`]
//! is how far it is: every change up to the line's position has been looked at, and those
//! that the webhook asks for have become [`Delivery`] records, which are sent one after the
//! other. Which server may work on a line is settled by a [`Lease`].

mod delivery;
mod secret;
mod target;

use std::{collections::BTreeSet, ops::Deref};

use thiserror::Error;

pub use self::{
    delivery::{Attempt, Delivery, DeliveryRecord, DeliveryStatus, RetryPolicy, UnknownStatus},
    secret::{InvalidWebhookSecret, SealedWebhookSecret, WebhookSecret},
    target::{TargetHost, TargetPolicy, WebhookUrl, WebhookUrlFault, is_public},
};
use crate::{
    change::ChangeType,
    clock::Timestamp,
    environment::EnvironmentAccess,
    feed::{Kind, Sequence},
    id::{EnvironmentId, LeaseToken, WebhookId},
    version::{Version, VersionExhausted},
};

/// Somebody who is told of changes by HTTP.
///
/// It can be read like the [`WebhookRecord`] it holds, and changed only by the transitions
/// below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook(WebhookRecord);

/// A webhook's fields, as a store keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookRecord {
    /// Its id.
    pub id: WebhookId,
    /// Where deliveries go.
    pub url: WebhookUrl,
    /// Which changes are delivered.
    pub filter: WebhookFilter,
    /// Whether anything is sent.
    pub state: WebhookState,
    /// How often it was changed.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Whether anything is sent to a webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebhookState {
    /// Deliveries are sent.
    #[default]
    Enabled,
    /// Nothing is sent; changes wait.
    Disabled(DisabledBy),
}

/// Who has disabled a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisabledBy {
    /// Somebody who may change it.
    Request,
    /// The server, because nothing but failures came of it for days.
    Failures,
}

impl WebhookState {
    /// Whether nothing is sent.
    pub const fn is_disabled(self) -> bool {
        matches!(self, Self::Disabled(_))
    }

    /// The word that a store keeps.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled(DisabledBy::Request) => "disabled",
            Self::Disabled(DisabledBy::Failures) => "failing",
        }
    }
}

impl std::str::FromStr for WebhookState {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "enabled" => Ok(Self::Enabled),
            "disabled" => Ok(Self::Disabled(DisabledBy::Request)),
            "failing" => Ok(Self::Disabled(DisabledBy::Failures)),
            _ => Err(UnknownStatus),
        }
    }
}

/// What a change of a webhook sets; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookChange {
    /// Another place to deliver to.
    pub url: Option<WebhookUrl>,
    /// Other types of changes; `Some(None)` for all.
    pub types: Option<Option<TypeFilter>>,
    /// Other environments; `Some(None)` for all that the caller may know of.
    pub environment_ids: Option<Option<EnvironmentFilter>>,
    /// Whether it is disabled.
    pub disabled: Option<bool>,
}

/// One state of one webhook, as an entity tag names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebhookRevision {
    /// Which webhook.
    pub id: WebhookId,
    /// In which version.
    pub version: Version,
}

impl Webhook {
    /// Takes back the fields that a store has kept.
    pub fn from_record(record: WebhookRecord) -> Self {
        Self(record)
    }

    /// Which state of which webhook this is.
    pub fn revision(&self) -> WebhookRevision {
        WebhookRevision {
            id: self.0.id,
            version: self.0.version,
        }
    }

    /// Changes it. The version rises by one, also where nothing else is set, and the time of
    /// the last change never goes back. One that is disabled already stays so for the reason
    /// that it has.
    pub fn change(self, change: WebhookChange, now: Timestamp) -> Result<Self, VersionExhausted> {
        let Self(mut record) = self.touch(now)?;
        record.url = change.url.unwrap_or(record.url);
        record.filter.types = change.types.unwrap_or(record.filter.types);
        record.filter.environment_ids = change
            .environment_ids
            .unwrap_or(record.filter.environment_ids);
        record.state = match (change.disabled, record.state) {
            (Some(false), _) => WebhookState::Enabled,
            (Some(true), WebhookState::Enabled) => WebhookState::Disabled(DisabledBy::Request),
            (_, state) => state,
        };
        Ok(Self(record))
    }

    /// The same after something that hangs on it was changed, its secrets for instance.
    pub fn touch(self, now: Timestamp) -> Result<Self, VersionExhausted> {
        let Self(mut record) = self;
        record.version = record.version.next()?;
        record.updated_at = now.max(record.updated_at);
        Ok(Self(record))
    }

    /// The same, disabled because nothing but failures came of it.
    pub fn give_up(self, now: Timestamp) -> Result<Self, VersionExhausted> {
        let Self(mut record) = self.touch(now)?;
        record.state = WebhookState::Disabled(DisabledBy::Failures);
        Ok(Self(record))
    }
}

impl Deref for Webhook {
    type Target = WebhookRecord;

    fn deref(&self) -> &WebhookRecord {
        &self.0
    }
}

/// Which changes are delivered: those that pass both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookFilter {
    /// Of these types; all, later ones too, where there is none.
    pub types: Option<TypeFilter>,
    /// Of these environments, their tenants and these tenants' clients; all there are, and
    /// what belongs to none, where there is none.
    pub environment_ids: Option<EnvironmentFilter>,
}

impl WebhookFilter {
    /// What a reader of the feed with that choice of environments knows of.
    pub fn access(&self) -> EnvironmentAccess {
        match &self.environment_ids {
            None => EnvironmentAccess::All,
            Some(filter) => EnvironmentAccess::Only(filter.ids().clone()),
        }
    }

    /// Whether changes of that type are delivered.
    pub fn takes(&self, kind: &Kind) -> bool {
        match (&self.types, kind) {
            (None, _) => true,
            (Some(types), Kind::Known(kind)) => types.0.contains(kind),
            (Some(_), Kind::Other(_)) => false,
        }
    }
}

/// Some types of changes: at least one, each once, in the order in which they are listed
/// everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeFilter(Vec<ChangeType>);

/// Some environments: at least one, at most 100.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentFilter(BTreeSet<EnvironmentId>);

/// Why a list is no filter.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FilterFault {
    /// It would let nothing through.
    #[error("must not be empty; null stands for all")]
    Empty,
    /// It is longer than a filter may be.
    #[error("must have at most 100 elements")]
    TooMany,
}

impl TypeFilter {
    /// Makes one of a list.
    pub fn new(types: impl IntoIterator<Item = ChangeType>) -> Result<Self, FilterFault> {
        let given: Vec<_> = types.into_iter().collect();
        if given.is_empty() {
            return Err(FilterFault::Empty);
        }
        let each_once = ChangeType::ALL.into_iter();
        Ok(Self(
            each_once.filter(|kind| given.contains(kind)).collect(),
        ))
    }

    /// The types.
    pub fn iter(&self) -> impl Iterator<Item = ChangeType> {
        self.0.iter().copied()
    }
}

impl EnvironmentFilter {
    /// The longest list.
    pub const MAX: usize = 100;

    /// Makes one of a list; an id that is there twice counts once.
    pub fn new(ids: impl IntoIterator<Item = EnvironmentId>) -> Result<Self, FilterFault> {
        let ids: BTreeSet<_> = ids.into_iter().collect();
        if ids.is_empty() {
            return Err(FilterFault::Empty);
        }
        if ids.len() > Self::MAX {
            return Err(FilterFault::TooMany);
        }
        Ok(Self(ids))
    }

    /// The environments.
    pub fn ids(&self) -> &BTreeSet<EnvironmentId> {
        &self.0
    }
}

/// How far the deliveries of a webhook are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Every change up to here was looked at.
    pub position: Sequence,
    /// When there is something to be sent again, or at once where that instant has passed;
    /// `None` where nothing is pending.
    pub due_at: Option<Timestamp>,
    /// Since when there have been nothing but failures.
    pub failing_since: Option<Timestamp>,
    /// Who works on it.
    pub lease: Option<Lease>,
}

/// The right to work on a line. It is given to one server for a time, which that server makes
/// longer as it goes on; what a server brings that has lost it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Whose it is: a number that is drawn for each time of working.
    pub token: LeaseToken,
    /// From when on another server may take it, by the database's clock.
    pub until: Timestamp,
}

impl Lease {
    /// The longest time that one is given for, in seconds: more than twice the longest time-out.
    pub const MAX_SECONDS: i64 = 180;

    /// Whether it holds at that instant. One that ends later than any can was given before the clock was set back,
    /// and who had it may be gone.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.until && self.until <= now.plus_seconds(Self::MAX_SECONDS)
    }
}

impl Line {
    /// Whether somebody else works on it.
    pub fn is_held_from(&self, token: LeaseToken, now: Timestamp) -> bool {
        self.lease
            .is_some_and(|lease| lease.token != token && lease.holds(now))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::testing::{instant, webhook};

    fn at(seconds: i64) -> Timestamp {
        instant("2026-01-01T00:00:00Z").plus_seconds(seconds)
    }

    #[test]
    fn states_round_trip() {
        for state in [
            WebhookState::Enabled,
            WebhookState::Disabled(DisabledBy::Request),
            WebhookState::Disabled(DisabledBy::Failures),
        ] {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("paused".parse::<WebhookState>().is_err());
    }

    #[test]
    fn a_change_counts_and_keeps_the_reason() {
        let disable = |disabled| WebhookChange {
            disabled: Some(disabled),
            ..WebhookChange::default()
        };
        let one = webhook();
        let failing = one.clone().give_up(at(10)).unwrap();
        assert_eq!(failing.state, WebhookState::Disabled(DisabledBy::Failures));
        assert_eq!(failing.version, one.version.next().unwrap());
        let again = failing.clone().change(disable(true), at(20)).unwrap();
        assert_eq!(again.state, failing.state, "it is disabled already");
        let enabled = again.change(disable(false), at(5)).unwrap();
        assert_eq!(enabled.state, WebhookState::Enabled);
        assert_eq!(enabled.updated_at, at(20), "it never goes back");
        let asked = enabled.change(disable(true), at(30)).unwrap();
        assert_eq!(asked.state, WebhookState::Disabled(DisabledBy::Request));
    }

    #[test]
    fn a_filter_lets_through_what_it_names() {
        let all = WebhookFilter::default();
        let other = Kind::Other("tenant.moved".to_owned());
        assert!(all.takes(&other) && all.takes(&Kind::Known(ChangeType::TenantDeleted)));
        let types = [
            ChangeType::TenantDeleted,
            ChangeType::TenantCreated,
            ChangeType::TenantDeleted,
        ];
        let some = WebhookFilter {
            types: Some(TypeFilter::new(types).unwrap()),
            environment_ids: None,
        };
        assert!(some.takes(&Kind::Known(ChangeType::TenantDeleted)));
        assert!(!some.takes(&Kind::Known(ChangeType::TenantUpdated)));
        assert!(!some.takes(&other));
        let listed: Vec<_> = some.types.unwrap().iter().collect();
        assert_eq!(
            listed,
            [ChangeType::TenantCreated, ChangeType::TenantDeleted]
        );
    }

    #[test]
    fn a_filter_is_never_empty_and_never_endless() {
        assert_eq!(TypeFilter::new([]), Err(FilterFault::Empty));
        assert_eq!(EnvironmentFilter::new([]), Err(FilterFault::Empty));
        let ids = |count: u128| (0..count).map(|n| EnvironmentId::from_uuid(Uuid::from_u128(n)));
        assert!(EnvironmentFilter::new(ids(100)).is_ok());
        assert_eq!(EnvironmentFilter::new(ids(101)), Err(FilterFault::TooMany));
    }

    #[test]
    fn a_lease_is_over_when_its_time_is() {
        let token = |n| LeaseToken::from_uuid(Uuid::from_u128(n));
        let mut line = Line::default();
        assert!(!line.is_held_from(token(1), at(0)));
        line.lease = Some(Lease {
            token: token(1),
            until: at(10),
        });
        assert!(!line.is_held_from(token(1), at(0)));
        assert!(line.is_held_from(token(2), at(9)));
        assert!(!line.is_held_from(token(2), at(10)));
        // The clock was set back by a day since.
        assert!(!line.is_held_from(token(2), at(10 - 86_400)));
    }
}
