//! What the domain needs of the world: a store, and chance.
//!
//! A store hands out units: a [`Snapshot`] to read, a [`UnitOfWork`] to write. A
//! unit owns its connection and its transaction, and hands out small repositories
//! over it, so that what a use case does through several of them happens wholly or
//! not at all. A unit of work that is dropped without [`commit`](UnitOfWork::commit)
//! has done nothing. The [clock](crate::clock::Clock) is the third thing; it stands
//! beside the instants that it gives.
//!
//! # The traits
//!
//! | trait | is |
//! |---|---|
//! | [`Store`] | the database; everything begins there |
//! | [`Snapshot`] | one consistent state to read from, which hands out the `…Queries` |
//! | [`UnitOfWork`] | one transaction to write in, which hands out the `…Repository`s; each of those is its `…Queries` as well |
//! | [`Group`] | several units of work that become durable by one commit |
//! | [`EnvironmentQueries`], [`TenantQueries`], [`ClientQueries`], [`AccountQueries`] | environments and regions, tenants, clients with their secrets, system accounts |
//! | [`ChangeQueries`], [`ChangeLog`] | the record of changes, which is the feed |
//! | [`WebhookQueries`], [`WebhookRepository`] | webhooks, their secrets and deliveries |
//! | [`EventQueries`], [`EventRepository`] | analytic events |
//! | [`KeyQueries`], [`TokenQueries`], [`AnswerQueries`], [`ServerSecretQueries`] | signing keys, revoked tokens, answers that are kept for repeats, secrets of all servers; each with its repository |
//! | [`Entropy`] | random bits |
//!
//! # What a store of one's own must hold
//!
//! Use cases rely on it, and a store that does not hold it breaks rules that they can't check:
//!
//! - A snapshot shows one state, whatever is committed meanwhile.
//! - Two units of work that change the same thing never both succeed from the same state. The easiest way is
//!   to let them queue.
//! - What must be [`Unique`] is, under any concurrency; the second one gets [`StoreError::Taken`].
//! - A write that names the version it has read is done in that version only ([`VersionedWrite`]).
//! - Numbers of tenants and of changes are given out in the order of commits, and never twice.
//! - What was committed is durable, and every later snapshot shows it.
//! - A unit that has met an error is dropped, and then nothing of it has happened. Where a commit may have
//!   happened or not, it says so ([`StoreError::OutcomeUnknown`]).
//!
//! `crates/storage/tests/contract` is the suite that both databases of `tenantry-storage` pass.

mod run;
mod webhook;

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error as StdError,
};

use thiserror::Error;

pub use self::{
    run::{glance, read, write, write_if},
    webhook::{WebhookQueries, WebhookRepository},
};
use crate::{
    account::{SystemAccount, Username},
    change::NewChange,
    client::{Client, ClientId, KnownClient, SecretHash, SecretRecord},
    clock::Timestamp,
    environment::{Environment, EnvironmentAccess, Region},
    event::{Event, EventId, EventQuery, ToldRequest},
    feed::{ChangePage, Sequence},
    id::{ClientKey, EnvironmentId, RegionId, SecretId, SystemAccountId, TenantId, TenantNumber},
    idempotency::{AnswerId, KeptAnswer},
    key::SealedKey,
    name::Name,
    page::{Limit, Page, PageRequest},
    record::{RecordPage, RecordQuery},
    server_secret::ServerSecret,
    subdomain::{DomainName, Label},
    tenant::{NewTenant, Tenant, TenantFilter, TenantHead},
    token::RevokedToken,
    version::Version,
};

/// Where random bits come from.
pub trait Entropy: Send + Sync {
    /// Fills the buffer with bits that nobody can guess.
    fn fill(&self, buffer: &mut [u8]);
}

/// A database, seen from the domain.
pub trait Store: Send + Sync {
    /// Opens a unit that reads one consistent state.
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError>;

    /// Opens a unit that reads without waiting for anything or anybody, for who must not block and
    /// looks up something small. `None` where that can't be had.
    fn snapshot_at_once(&self) -> Option<Box<dyn Snapshot>> {
        None
    }

    /// Opens a unit for who has exactly one question: where a transaction takes round trips, this
    /// one goes without. A second question is refused.
    fn glance(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.snapshot()
    }

    /// Opens a unit that writes. Two units that change the same thing never both
    /// succeed from the same state.
    fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError>;

    /// Opens a group of units that write.
    fn begin_group(&self) -> Result<Box<dyn Group>, StoreError>;

    /// Whether the database answers and has the schema that this program needs; the
    /// reason where it does not.
    fn check(&self) -> Result<(), StoreError>;
}

/// Reads within one consistent state.
pub trait Snapshot {
    /// Names the state that this unit sees, where that costs next to nothing.
    fn state(&mut self) -> Option<State> {
        None
    }
    /// Environments and regions.
    fn environments(&mut self) -> &mut dyn EnvironmentQueries;
    /// Tenants.
    fn tenants(&mut self) -> &mut dyn TenantQueries;
    /// Clients.
    fn clients(&mut self) -> &mut dyn ClientQueries;
    /// System accounts.
    fn accounts(&mut self) -> &mut dyn AccountQueries;
    /// Signing keys.
    fn keys(&mut self) -> &mut dyn KeyQueries;
    /// Revoked tokens.
    fn tokens(&mut self) -> &mut dyn TokenQueries;
    /// Answers that are kept for a repeat.
    fn answers(&mut self) -> &mut dyn AnswerQueries;
    /// Secrets that all servers share.
    fn server_secrets(&mut self) -> &mut dyn ServerSecretQueries;
    /// The record of changes.
    fn changes(&mut self) -> &mut dyn ChangeQueries;
    /// Analytic events.
    fn events(&mut self) -> &mut dyn EventQueries;
    /// Webhooks and their deliveries.
    fn webhooks(&mut self) -> &mut dyn WebhookQueries;
}

/// Names one state of a store, for one reader of it: two snapshots with the same name see the
/// same, whoever has done whatever in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Who has named it. Readers name states in their own ways.
    pub reader: u64,
    /// How that one calls it.
    pub version: i64,
}

/// Reads and writes within one transaction; it is rolled back when it is dropped.
pub trait UnitOfWork {
    /// Environments and regions.
    fn environments(&mut self) -> &mut dyn EnvironmentRepository;
    /// Tenants.
    fn tenants(&mut self) -> &mut dyn TenantRepository;
    /// Clients.
    fn clients(&mut self) -> &mut dyn ClientRepository;
    /// System accounts.
    fn accounts(&mut self) -> &mut dyn AccountRepository;
    /// Signing keys.
    fn keys(&mut self) -> &mut dyn KeyRepository;
    /// Revoked tokens.
    fn tokens(&mut self) -> &mut dyn TokenRepository;
    /// Answers that are kept for a repeat.
    fn answers(&mut self) -> &mut dyn AnswerRepository;
    /// Secrets that all servers share.
    fn server_secrets(&mut self) -> &mut dyn ServerSecretRepository;
    /// Webhooks and their deliveries.
    fn webhooks(&mut self) -> &mut dyn WebhookRepository;
    /// The record of changes.
    fn changes(&mut self) -> &mut dyn ChangeLog;
    /// Analytic events.
    fn events(&mut self) -> &mut dyn EventRepository;
    /// Makes all of it durable. On success every later reader sees it, and a crash
    /// does not undo it.
    fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// Units of work that become durable together, by one commit: one after the other, as if each
/// had its own. A group that is dropped without [`commit`](Self::commit) has done nothing.
pub trait Group {
    /// Opens the next unit. It sees what those before it have done. Its own commit makes it a
    /// member and makes nothing durable; dropped without, or after an error, it alone is undone.
    fn unit(&mut self) -> Result<Box<dyn UnitOfWork + '_>, StoreError>;

    /// Whether there can be another unit. There can't after one that was undone with nothing
    /// before it, nor after one that could not be undone without all the others.
    fn is_open(&self) -> bool;

    /// Makes all members durable, or none. Fails with [`StoreError::Unavailable`] where nothing
    /// was changed, and with [`StoreError::OutcomeUnknown`] where that is not known of any.
    fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// Why a store did not do what it was asked for.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It can't be reached, is full, or is too busy to answer in time; nothing was
    /// changed, and it may be tried again.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// It is there, but was not migrated to what this program needs, or was migrated further:
    /// the text names the migration. Nothing was changed.
    #[error("the database has another schema than this program needs: {0}")]
    WrongSchema(String),
    /// The connection was lost during commit: the change may have happened or not.
    #[error("the outcome of the change is unknown: {0}")]
    OutcomeUnknown(String),
    /// Something unique is there already.
    #[error("{0:?} is already used")]
    Taken(Unique),
    /// Something that is named is not there, or something that is still named was to
    /// be deleted.
    #[error("a reference would be broken")]
    Referenced,
    /// A row is not what a row of this program can be.
    #[error("the database holds what it should not: {0}")]
    Corrupt(String),
    /// Anything else.
    #[error("the database refused")]
    Failed(#[source] Box<dyn StdError + Send + Sync>),
}

impl StoreError {
    /// Nothing was done, because at the end nobody wanted it any more.
    pub(crate) fn called_off() -> Self {
        Self::Unavailable("the change was called off before it was committed".to_owned())
    }

    /// The same for somebody else who has waited for the same.
    #[must_use]
    pub fn again(&self) -> Self {
        match self {
            Self::Unavailable(text) => Self::Unavailable(text.clone()),
            Self::WrongSchema(text) => Self::WrongSchema(text.clone()),
            Self::OutcomeUnknown(text) => Self::OutcomeUnknown(text.clone()),
            Self::Taken(unique) => Self::Taken(*unique),
            Self::Referenced => Self::Referenced,
            Self::Corrupt(text) => Self::Corrupt(text.clone()),
            Self::Failed(source) => Self::Failed(source.to_string().into()),
        }
    }
}

/// What must be unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unique {
    /// An environment's id.
    EnvironmentId,
    /// An environment's domain.
    EnvironmentDomain,
    /// An environment's domain for tenants.
    TenantDomain,
    /// A region's id.
    RegionId,
    /// A region's name.
    RegionName,
    /// A tenant's id.
    TenantId,
    /// A tenant's label within its environment.
    TenantLabel,
    /// A client's key.
    ClientKey,
    /// A client's id.
    ClientId,
    /// A secret's id.
    SecretId,
    /// A system account's id.
    AccountId,
    /// A system account's user name.
    Username,
    /// A signing key's id.
    KeyId,
    /// A server secret's name.
    ServerSecretName,
}

/// How a write went that named the version it had read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum VersionedWrite {
    /// It is done.
    Done,
    /// The stored version is another one.
    Stale(Version),
    /// There is no such thing.
    Missing,
}

/// Reads environments and regions.
pub trait EnvironmentQueries {
    /// One page of those that the caller may know of, oldest first.
    fn page(
        &mut self,
        access: &EnvironmentAccess,
        request: PageRequest,
    ) -> Result<Page<Environment>, StoreError>;
    /// One by its id.
    fn by_id(&mut self, id: EnvironmentId) -> Result<Option<Environment>, StoreError>;
    /// Several by their ids; those that are not there are left out.
    fn by_ids(&mut self, ids: &BTreeSet<EnvironmentId>) -> Result<Vec<Environment>, StoreError>;
    /// The one that is known by that domain.
    fn by_domain(&mut self, domain: &DomainName) -> Result<Option<Environment>, StoreError>;
    /// The one whose tenants' hosts live directly below that domain.
    fn by_tenant_domain(&mut self, domain: &DomainName) -> Result<Option<Environment>, StoreError>;
    /// The one that tenants of the system API go to.
    fn default(&mut self) -> Result<Option<Environment>, StoreError>;
    /// A region by its id.
    fn region_by_id(&mut self, id: RegionId) -> Result<Option<Region>, StoreError>;
    /// A region by its name.
    fn region_by_name(&mut self, name: &Name) -> Result<Option<Region>, StoreError>;
}

/// Writes environments and regions.
pub trait EnvironmentRepository: EnvironmentQueries {
    /// Adds a region.
    fn insert_region(&mut self, region: &Region) -> Result<(), StoreError>;
    /// Adds an environment; its region is there.
    fn insert(&mut self, environment: &Environment) -> Result<(), StoreError>;
    /// Stores a changed environment if the stored one is still in version `read`: its
    /// name, its domains, and what every change sets.
    fn update(
        &mut self,
        environment: &Environment,
        read: Version,
    ) -> Result<VersionedWrite, StoreError>;
    /// Deletes an environment if it is still in version `read`. Clients that are bound to
    /// it stay bound to the others.
    fn delete(&mut self, id: EnvironmentId, read: Version) -> Result<VersionedWrite, StoreError>;
    /// Makes one the default, in place of the one that was; `false` if there is no such one.
    fn set_default(&mut self, id: EnvironmentId) -> Result<bool, StoreError>;
}

/// Reads tenants.
pub trait TenantQueries {
    /// One page of those in environments that the caller may know of and that the filter
    /// lets through, oldest first.
    fn page(
        &mut self,
        access: &EnvironmentAccess,
        filter: &TenantFilter,
        request: PageRequest,
    ) -> Result<Page<TenantHead>, StoreError>;
    /// One by its id.
    fn by_id(&mut self, id: TenantId) -> Result<Option<Tenant>, StoreError>;
    /// One by its id, with the environment it lives in: one question.
    fn with_environment(
        &mut self,
        id: TenantId,
    ) -> Result<Option<(Tenant, Environment)>, StoreError>;
    /// One by its host name: its environment and its label.
    fn by_label(
        &mut self,
        environment: EnvironmentId,
        label: &Label,
    ) -> Result<Option<Tenant>, StoreError>;
    /// The environment of each of some tenants; those that are not there are left out.
    fn environments_of(
        &mut self,
        ids: &BTreeSet<TenantId>,
    ) -> Result<BTreeMap<TenantId, EnvironmentId>, StoreError>;
    /// Whether there is any tenant in that environment.
    fn any_in(&mut self, environment: EnvironmentId) -> Result<bool, StoreError>;
    /// Whether a tenant of that environment has that label.
    fn has_label(&mut self, environment: EnvironmentId, label: &Label) -> Result<bool, StoreError>;
    /// One page of the records that are asked for, and how many of them there are. In a
    /// [`Snapshot`] both are of its one state.
    fn record_page(&mut self, query: &RecordQuery) -> Result<RecordPage, StoreError>;
}

/// Writes tenants.
pub trait TenantRepository: TenantQueries {
    /// Adds one, and gives it the next number. Its time of creation lies behind those of all
    /// that were added before it, so that both orders are the same. Fails with
    /// [`StoreError::Taken`] for [`Unique::TenantId`] and [`Unique::TenantLabel`].
    fn insert(&mut self, tenant: &NewTenant) -> Result<TenantNumber, StoreError>;
    /// Adds many, in that order, and gives their numbers. Fails as [`insert`](Self::insert) does.
    fn insert_all(&mut self, tenants: &[NewTenant]) -> Result<Vec<TenantNumber>, StoreError>;
    /// Stores a changed tenant if the stored one is still in version `read`. The
    /// tenant is found by its number, so its id may change.
    fn update(&mut self, tenant: &Tenant, read: Version) -> Result<VersionedWrite, StoreError>;
    /// Deletes a tenant, its clients and their secrets if it is still in version `read`.
    fn delete(&mut self, number: TenantNumber, read: Version)
    -> Result<VersionedWrite, StoreError>;
}

/// Reads clients.
pub trait ClientQueries {
    /// One page of a tenant's clients, oldest first.
    fn page_of_tenant(
        &mut self,
        tenant: TenantNumber,
        request: PageRequest,
    ) -> Result<Page<Client>, StoreError>;
    /// One together with all that decides whether it may be used.
    fn known(&mut self, id: &ClientId) -> Result<Option<KnownClient>, StoreError>;
    /// One page of the management clients, oldest first.
    fn page_of_operator(&mut self, request: PageRequest) -> Result<Page<Client>, StoreError>;
    /// Whether there is any management client.
    fn any_of_operator(&mut self) -> Result<bool, StoreError>;
    /// Whether there is any management client that is active.
    fn any_active_of_operator(&mut self) -> Result<bool, StoreError>;
}

/// Writes clients.
pub trait ClientRepository: ClientQueries {
    /// Adds one with its first secret.
    fn insert(&mut self, client: &Client, secret: &SecretRecord) -> Result<(), StoreError>;
    /// Stores a client's name, status and scopes anew; `false` if there is no such client.
    fn update(&mut self, client: &Client) -> Result<bool, StoreError>;
    /// Deletes a client with its secrets; `false` if there is no such client.
    fn delete(&mut self, client: ClientKey) -> Result<bool, StoreError>;
    /// Adds a secret to a client.
    fn insert_secret(&mut self, client: ClientKey, secret: &SecretRecord)
    -> Result<(), StoreError>;
    /// Gives a client's secret another end, or none; `false` if there is no such secret.
    fn set_expiry(
        &mut self,
        client: ClientKey,
        secret: SecretId,
        expires_at: Option<Timestamp>,
    ) -> Result<bool, StoreError>;
    /// Deletes one of a client's secrets; `false` if there is no such secret.
    fn delete_secret(&mut self, client: ClientKey, secret: SecretId) -> Result<bool, StoreError>;
    /// Replaces the hash of a secret by one with newer parameters, if it is still the
    /// old one.
    fn rehash(
        &mut self,
        client: ClientKey,
        secret: SecretId,
        old: &SecretHash,
        new: &SecretHash,
    ) -> Result<(), StoreError>;
    /// Notes that a client was used at that instant, if it is there and was not used later.
    fn touch(&mut self, client: ClientKey, at: Timestamp) -> Result<(), StoreError>;
    /// Notes that a secret was used at that instant, if it is there and was not used later.
    fn touch_secret(&mut self, secret: SecretId, at: Timestamp) -> Result<(), StoreError>;
}

/// Reads system accounts.
pub trait AccountQueries {
    /// One by its user name.
    fn by_username(&mut self, username: &Username) -> Result<Option<SystemAccount>, StoreError>;
    /// Whether there is any.
    fn any(&mut self) -> Result<bool, StoreError>;
    /// All of them, by their names: there are as many as people and programs that an
    /// operator knows by name.
    fn all(&mut self) -> Result<Vec<SystemAccount>, StoreError>;
}

/// Writes system accounts.
pub trait AccountRepository: AccountQueries {
    /// Adds one. Fails with [`StoreError::Taken`] for [`Unique::Username`].
    fn insert(&mut self, account: &SystemAccount) -> Result<(), StoreError>;
    /// Gives one another password; `false` if there is no such account.
    fn set_password(&mut self, id: SystemAccountId, hash: &SecretHash) -> Result<bool, StoreError>;
    /// Deletes one; `false` if there is no such account.
    fn delete(&mut self, id: SystemAccountId) -> Result<bool, StoreError>;
    /// Replaces the hash of a password by one with newer parameters, if it is still
    /// the old one.
    fn rehash(
        &mut self,
        id: SystemAccountId,
        old: &SecretHash,
        new: &SecretHash,
    ) -> Result<(), StoreError>;
}

/// Reads signing keys.
pub trait KeyQueries {
    /// All of them, oldest first.
    fn all(&mut self) -> Result<Vec<SealedKey>, StoreError>;
}

/// Writes signing keys.
pub trait KeyRepository: KeyQueries {
    /// Adds one.
    fn insert(&mut self, key: &SealedKey) -> Result<(), StoreError>;
    /// Stores anew how a key is sealed, when it signs and ends, and how long its tokens
    /// live; `false` if there is no such key.
    fn update(&mut self, key: &SealedKey) -> Result<bool, StoreError>;
    /// Deletes one, if it is there.
    fn delete(&mut self, kid: &str) -> Result<(), StoreError>;
}

/// Reads which tokens are revoked.
pub trait TokenQueries {
    /// Whether the token of that `jti`, or the key that has signed it, is revoked.
    fn is_revoked(&mut self, id: &str, kid: &str) -> Result<bool, StoreError>;
    /// The client of that id, unless the token of that `jti`, or the key that has signed it, is
    /// revoked. It is one question, since it is asked at every use of a token.
    fn client_of(
        &mut self,
        client: &ClientId,
        id: &str,
        kid: &str,
    ) -> Result<Option<KnownClient>, StoreError>;
    /// Whether all tokens of that key are revoked.
    fn is_key_revoked(&mut self, kid: &str) -> Result<bool, StoreError>;
}

/// Writes which tokens are revoked.
pub trait TokenRepository: TokenQueries {
    /// Remembers a revoked token; one that is revoked already stays so.
    fn revoke(&mut self, token: &RevokedToken) -> Result<(), StoreError>;
    /// Forgets tokens that have expired before that instant.
    fn forget_expired(&mut self, now: Timestamp) -> Result<(), StoreError>;
}

/// Reads answers that are kept for a repeat.
pub trait AnswerQueries {
    /// One by its id, whether it has expired or not.
    fn by_id(&mut self, id: AnswerId) -> Result<Option<KeptAnswer>, StoreError>;
}

/// Writes answers that are kept for a repeat.
pub trait AnswerRepository: AnswerQueries {
    /// Keeps one, in place of another one of the same id.
    fn keep(&mut self, answer: &KeptAnswer) -> Result<(), StoreError>;
    /// Forgets the oldest of those that have expired by that instant, no more than so many.
    fn forget_expired(&mut self, now: Timestamp, at_most: u32) -> Result<(), StoreError>;
}

/// Reads secrets that all servers share.
pub trait ServerSecretQueries {
    /// All of them, by name.
    fn all(&mut self) -> Result<Vec<ServerSecret>, StoreError>;
}

/// Writes secrets that all servers share.
pub trait ServerSecretRepository: ServerSecretQueries {
    /// Adds one.
    fn insert(&mut self, secret: &ServerSecret) -> Result<(), StoreError>;
    /// Stores one sealed anew; `false` if there is none of that name.
    fn replace(&mut self, secret: &ServerSecret) -> Result<bool, StoreError>;
}

/// Reads the record of changes.
///
/// Once a reader has met a change, none with a lower number ever appears.
pub trait ChangeQueries {
    /// Those behind that place which the caller may know of, in order: no more than the
    /// limit, and as few as none where many others have to be passed over
    /// ([`ChangePage::is_end`] tells). A caller that is bound to environments knows of the
    /// changes of those, of their tenants and of these tenants' clients.
    fn after(
        &mut self,
        access: &EnvironmentAccess,
        after: Sequence,
        limit: Limit,
    ) -> Result<ChangePage, StoreError>;
    /// The number of the last change; [`Sequence::START`] where there is none.
    fn latest(&mut self) -> Result<Sequence, StoreError>;
}

/// Writes the record of changes.
pub trait ChangeLog: ChangeQueries {
    /// The time of the last change.
    fn latest_time(&mut self) -> Result<Option<Timestamp>, StoreError>;
    /// Adds a change behind all that were committed before it.
    fn append(&mut self, change: &NewChange) -> Result<(), StoreError>;
    /// Adds many, in that order.
    fn append_all(&mut self, changes: &[NewChange]) -> Result<(), StoreError>;
}

/// Reads analytic events.
pub trait EventQueries {
    /// One page of the events that are asked for, newest first.
    fn page(&mut self, query: &EventQuery) -> Result<Page<Event>, StoreError>;
}

/// Writes analytic events.
pub trait EventRepository: EventQueries {
    /// Stores requests, no two of the same id. Of one that is there already, its end is
    /// stored, unless that is there too: so it does no harm to store the same again.
    fn append(&mut self, requests: &[ToldRequest]) -> Result<(), StoreError>;
    /// Forgets the oldest of those that lie before that id, no more than so many; tells how
    /// many they were.
    fn forget(&mut self, before: EventId, at_most: u32) -> Result<u32, StoreError>;
}
