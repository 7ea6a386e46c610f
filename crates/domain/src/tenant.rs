//! Tenants, and how they change.

use std::{ops::Deref, str::FromStr};

use thiserror::Error;

use crate::{
    clock::Timestamp,
    data::TenantData,
    id::{EnvironmentId, TenantId, TenantNumber},
    name::{Name, NamePrefix},
    subdomain::Label,
    version::{Version, VersionExhausted},
};

/// A customer of the operator's, in exactly one environment.
///
/// It can be read like the [`TenantHead`] it begins with, and changed only by
/// [`change`](Self::change), which adds one to its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    head: TenantHead,
    data: TenantData,
}

/// All of a tenant but its data: what lists show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantHead {
    /// Its place in the order of creation.
    pub number: TenantNumber,
    /// Its id.
    pub id: TenantId,
    /// The environment it lives in.
    pub environment_id: EnvironmentId,
    /// The first label of its host name, unique within the environment.
    pub label: Label,
    /// Its name, for people.
    pub name: Name,
    /// Whether it may be used.
    pub status: TenantStatus,
    /// How often it was changed.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A tenant that no store has given a number yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTenant {
    /// Its id.
    pub id: TenantId,
    /// The environment it is to live in.
    pub environment_id: EnvironmentId,
    /// The first label of its host name.
    pub label: Label,
    /// Its name, for people.
    pub name: Name,
    /// What the operator keeps with it.
    pub data: TenantData,
    /// The version it starts at.
    pub version: Version,
    /// When it is made.
    pub created_at: Timestamp,
}

impl NewTenant {
    /// The tenant, once a store has given it a number.
    pub fn numbered(self, number: TenantNumber) -> Tenant {
        let head = TenantHead {
            number,
            id: self.id,
            environment_id: self.environment_id,
            label: self.label,
            name: self.name,
            status: TenantStatus::Active,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.created_at,
        };
        Tenant {
            head,
            data: self.data,
        }
    }
}

/// What a change sets; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantChange {
    /// A new id.
    pub id: Option<TenantId>,
    /// A new name.
    pub name: Option<Name>,
    /// New data, in place of all of the old.
    pub data: Option<TenantData>,
    /// A new status.
    pub status: Option<TenantStatus>,
}

impl Tenant {
    /// Takes back what a store has kept.
    pub fn from_record(head: TenantHead, data: TenantData) -> Self {
        Self { head, data }
    }

    /// What the operator keeps with it.
    pub fn data(&self) -> &TenantData {
        &self.data
    }

    /// All but the data.
    pub fn head(&self) -> &TenantHead {
        &self.head
    }

    /// Changes it. The version rises by one, also where nothing else is set, and the
    /// time of the last change never goes back, whatever the clock does.
    pub fn change(
        mut self,
        change: TenantChange,
        now: Timestamp,
    ) -> Result<Self, VersionExhausted> {
        let head = &mut self.head;
        head.version = head.version.next()?;
        head.updated_at = now.max(head.updated_at);
        head.id = change.id.unwrap_or(head.id);
        head.status = change.status.unwrap_or(head.status);
        if let Some(name) = change.name {
            head.name = name;
        }
        if let Some(data) = change.data {
            self.data = data;
        }
        Ok(self)
    }
}

impl Deref for Tenant {
    type Target = TenantHead;

    fn deref(&self) -> &TenantHead {
        &self.head
    }
}

impl TenantHead {
    /// Which state of which tenant this is.
    pub fn revision(&self) -> Revision {
        Revision {
            number: self.number,
            version: self.version,
        }
    }
}

/// One state of one tenant, as an entity tag names it.
///
/// It holds the number and not the id, so that a tenant that was deleted and made
/// again under the same id is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Which tenant.
    pub number: TenantNumber,
    /// In which version.
    pub version: Version,
}

/// What a caller demands of the state that it changes (`If-Match`, RFC 9110 §13.1.1);
/// `R` names a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition<R = Revision> {
    /// Nothing, or that there is one at all (`*`).
    #[default]
    None,
    /// That it is in one of these states.
    OneOf(Vec<R>),
}

impl<R: Copy + PartialEq> Precondition<R> {
    /// Whether a thing in that state may be changed.
    pub fn holds_for(&self, revision: R) -> bool {
        match self {
            Self::None => true,
            Self::OneOf(revisions) => revisions.contains(&revision),
        }
    }
}

/// Which tenants a list shows; what is `None` lets all of them through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantFilter {
    /// Those of one environment.
    pub environment_id: Option<EnvironmentId>,
    /// Those of one label.
    pub label: Option<Label>,
    /// Those of one status.
    pub status: Option<TenantStatus>,
    /// Those whose names begin so, in any letter case.
    pub name: Option<NamePrefix>,
}

/// Whether a tenant may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TenantStatus {
    /// Its clients get tokens.
    Active,
    /// Its clients get none, and those they have are not active.
    Suspended,
}

/// A text that names no [`TenantStatus`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be `active` or `suspended`")]
pub struct UnknownTenantStatus;

impl TenantStatus {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

impl FromStr for TenantStatus {
    type Err = UnknownTenantStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "active" => Ok(Self::Active),
            "suspended" => Ok(Self::Suspended),
            _ => Err(UnknownTenantStatus),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{self, instant};

    #[test]
    fn an_empty_change_still_counts() {
        let before = testing::tenant();
        let later = before.updated_at.plus_seconds(60);
        let after = before
            .clone()
            .change(TenantChange::default(), later)
            .unwrap();
        assert_eq!(after.version, before.version.next().unwrap());
        assert_eq!(after.updated_at, later);
        assert_eq!(
            (after.name.clone(), after.data()),
            (before.name.clone(), before.data())
        );
        assert_eq!(after.created_at, before.created_at);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_take_the_change_with_it() {
        let before = testing::tenant();
        let earlier = instant("1999-01-01T00:00:00Z");
        let after = before
            .clone()
            .change(TenantChange::default(), earlier)
            .unwrap();
        assert_eq!(after.updated_at, before.updated_at);
    }

    #[test]
    fn the_largest_version_is_the_last() {
        let mut head = testing::tenant().head().clone();
        head.version = Version::MAX;
        let tenant = Tenant::from_record(head, TenantData::default());
        let now = tenant.updated_at;
        assert_eq!(
            tenant.change(TenantChange::default(), now),
            Err(VersionExhausted)
        );
    }

    #[test]
    fn a_tenant_made_again_is_another_one() {
        let tenant = testing::tenant();
        let tag = Precondition::OneOf(vec![tenant.revision()]);
        assert!(tag.holds_for(tenant.revision()));
        let again = Revision {
            number: TenantNumber::new(99),
            version: tenant.version,
        };
        assert!(!tag.holds_for(again));
        assert!(Precondition::<Revision>::None.holds_for(again));
        assert!(!Precondition::<Revision>::OneOf(vec![]).holds_for(again));
    }

    proptest! {
        #[test]
        fn n_changes_add_n_to_the_version(changes in prop::collection::vec(testing::tenant_changes(), 0..20)) {
            let start = testing::tenant();
            let first = i64::from(start.version.get());
            let count = i64::try_from(changes.len()).unwrap();
            let end = changes.into_iter().fold(start, |tenant, change| {
                let now = tenant.updated_at.plus_seconds(1);
                let wanted = change.clone();
                let after = tenant.change(change, now).unwrap();
                assert!(wanted.id.is_none_or(|id| after.id == id));
                assert!(wanted.name.is_none_or(|name| after.name == name));
                assert!(wanted.data.is_none_or(|data| *after.data() == data));
                assert!(wanted.status.is_none_or(|status| after.status == status));
                after
            });
            prop_assert_eq!(i64::from(end.version.get()), first + count);
        }
    }
}
