//! Environments: where tenants live, and in which region.

use std::{collections::BTreeSet, fmt, ops::Deref, str::FromStr};

use thiserror::Error;

use crate::{
    clock::Timestamp,
    id::{EnvironmentId, RegionId},
    name::Name,
    subdomain::{DomainName, Label},
    version::{Version, VersionExhausted},
};

/// A set of tenants that share hardware, settings and a domain.
///
/// It can be read like the [`EnvironmentRecord`] it holds, and changed only by the
/// transitions below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment(EnvironmentRecord);

/// An environment's fields, as a store keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentRecord {
    /// Its id.
    pub id: EnvironmentId,
    /// Its name, for people.
    pub name: Name,
    /// The domain it is known by, unique.
    pub domain: DomainName,
    /// The domain directly below which its tenants' hosts live, unique.
    pub tenant_domain: DomainName,
    /// The host that issues tokens for it.
    pub authorization_server_domain: AuthorizationServerDomain,
    /// Who shares it.
    pub deployment_model: DeploymentModel,
    /// Where it is.
    pub region: Region,
    /// How often it was changed.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Environment {
    /// Takes back the fields that a store has kept.
    pub fn from_record(record: EnvironmentRecord) -> Self {
        Self(record)
    }

    /// Which state of which environment this is.
    pub fn revision(&self) -> EnvironmentRevision {
        EnvironmentRevision {
            id: self.0.id,
            version: self.0.version,
        }
    }

    /// Changes it. The version rises by one, also where nothing else is set, and the time
    /// of the last change never goes back. That no tenant uses a domain that is changed
    /// is for the use case to see to.
    pub fn change(
        self,
        change: EnvironmentChange,
        now: Timestamp,
    ) -> Result<Self, VersionExhausted> {
        let Self(mut record) = self;
        record.version = record.version.next()?;
        record.updated_at = now.max(record.updated_at);
        record.name = change.name.unwrap_or(record.name);
        record.domain = change.domain.unwrap_or(record.domain);
        record.tenant_domain = change.tenant_domain.unwrap_or(record.tenant_domain);
        Ok(Self(record))
    }

    /// The whole host name of a tenant with that label.
    pub fn host(&self, label: &Label) -> String {
        self.0.tenant_domain.host(label)
    }
}

/// What a change of an environment sets; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvironmentChange {
    /// A new name.
    pub name: Option<Name>,
    /// A new domain.
    pub domain: Option<DomainName>,
    /// A new domain for tenants' hosts.
    pub tenant_domain: Option<DomainName>,
}

/// One state of one environment, as an entity tag names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvironmentRevision {
    /// Which environment.
    pub id: EnvironmentId,
    /// In which version.
    pub version: Version,
}

impl Deref for Environment {
    type Target = EnvironmentRecord;

    fn deref(&self) -> &EnvironmentRecord {
        &self.0
    }
}

/// A place on the map in which environments lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its id.
    pub id: RegionId,
    /// Its short name, such as `AU01`; unique.
    pub name: Name,
    /// Its name for people, such as `Sydney, Australia`.
    pub display_name: Name,
}

/// Who shares an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeploymentModel {
    /// Tenants of many customers.
    #[default]
    Public,
    /// Tenants of one customer.
    Private,
}

/// A text that names no [`DeploymentModel`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be `public` or `private`")]
pub struct UnknownDeploymentModel;

impl DeploymentModel {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

impl FromStr for DeploymentModel {
    type Err = UnknownDeploymentModel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "public" => Ok(Self::Public),
            "private" => Ok(Self::Private),
            _ => Err(UnknownDeploymentModel),
        }
    }
}

/// The host that issues tokens for an environment: 1 to 253 visible ASCII characters.
///
/// It is shown, never resolved, and may be a host of someone else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationServerDomain(String);

/// A text that is no [`AuthorizationServerDomain`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be 1 to 253 visible ASCII characters")]
pub struct InvalidAuthorizationServerDomain;

impl AuthorizationServerDomain {
    /// Checks the form.
    pub fn parse(text: &str) -> Result<Self, InvalidAuthorizationServerDomain> {
        let sane = (1..=253).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if sane {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidAuthorizationServerDomain)
        }
    }

    /// The host.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AuthorizationServerDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which environments, and so which tenants, somebody may know of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum EnvironmentAccess {
    /// All there are and all there will be.
    #[default]
    All,
    /// These; every other one does not exist for the caller.
    Only(BTreeSet<EnvironmentId>),
}

impl EnvironmentAccess {
    /// Whether that environment is one of them.
    pub fn permits(&self, id: EnvironmentId) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(&id),
        }
    }
}
