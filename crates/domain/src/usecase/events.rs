//! Events: how they come into the store, are read and are forgotten.

use std::collections::BTreeSet;

use crate::{
    change::NewChange,
    clock::Timestamp,
    environment::EnvironmentAccess,
    error::Error,
    event::{Event, EventId, EventQuery, ToldRequest},
    feed::{ChangePage, Sequence},
    id::{EnvironmentId, TenantId},
    page::{Limit, Page},
    port::{
        AccountRepository, AnswerRepository, ChangeLog, ChangeQueries, ClientRepository,
        EnvironmentRepository, EventRepository, KeyRepository, ServerSecretRepository, Snapshot,
        StoreError, TenantRepository, TokenRepository, UnitOfWork, WebhookRepository,
    },
};

/// One page of the events that are asked for, newest first.
pub fn list(unit: &mut dyn Snapshot, query: &EventQuery) -> Result<Page<Event>, Error> {
    Ok(unit.events().page(query)?)
}

/// Stores requests. The environment of a tenant is filled in where it is not known yet and
/// the tenant is still there.
pub fn store(unit: &mut dyn UnitOfWork, requests: &mut [ToldRequest]) -> Result<(), StoreError> {
    let is_open = |one: &&ToldRequest| one.environment_id.is_none();
    let tenants = requests.iter().filter(is_open);
    let tenants: BTreeSet<TenantId> = tenants.filter_map(|one| one.tenant_id).collect();
    if !tenants.is_empty() {
        let environments = unit.tenants().environments_of(&tenants)?;
        for one in requests.iter_mut() {
            let found = one.tenant_id.and_then(|id| environments.get(&id));
            one.environment_id = one.environment_id.or(found.copied());
        }
    }
    unit.events().append(requests)
}

/// Forgets the oldest requests that came in before that instant, no more than so many.
/// Tells how many they were.
pub fn forget(
    unit: &mut dyn UnitOfWork,
    before: Timestamp,
    at_most: u32,
) -> Result<u32, StoreError> {
    unit.events().forget(EventId::first_at(before), at_most)
}

/// Does a request's work, and tells of its success in the same unit: what it has changed and
/// that it has are both there or neither. `told` makes of the result what is to be told, if
/// anything is.
pub fn telling<T>(
    unit: &mut dyn UnitOfWork,
    work: impl FnOnce(&mut dyn UnitOfWork) -> Result<T, Error>,
    told: impl FnOnce(&T) -> Option<ToldRequest>,
) -> Result<T, Error> {
    let mut noting = Noting {
        unit,
        tenant_id: None,
        environment_id: None,
    };
    let result = work(&mut noting)?;
    let Noting {
        unit,
        tenant_id,
        environment_id,
    } = noting;
    if let Some(mut told) = told(&result) {
        told.tenant_id = tenant_id.or(told.tenant_id);
        told.environment_id = environment_id.or(told.environment_id);
        store(unit, &mut [told])?;
    }
    Ok(result)
}

/// A unit that notes what its changes concern.
struct Noting<'a> {
    unit: &'a mut dyn UnitOfWork,
    tenant_id: Option<TenantId>,
    environment_id: Option<EnvironmentId>,
}

impl ChangeQueries for Noting<'_> {
    fn after(
        &mut self,
        access: &EnvironmentAccess,
        after: Sequence,
        limit: Limit,
    ) -> Result<ChangePage, StoreError> {
        self.unit.changes().after(access, after, limit)
    }

    fn latest(&mut self) -> Result<Sequence, StoreError> {
        self.unit.changes().latest()
    }
}

impl ChangeLog for Noting<'_> {
    fn latest_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        self.unit.changes().latest_time()
    }

    fn append(&mut self, change: &NewChange) -> Result<(), StoreError> {
        self.tenant_id = self.tenant_id.or(change.tenant_id);
        self.environment_id = self.environment_id.or(change.environment_id);
        self.unit.changes().append(change)
    }

    fn append_all(&mut self, changes: &[NewChange]) -> Result<(), StoreError> {
        self.unit.changes().append_all(changes)
    }
}

impl UnitOfWork for Noting<'_> {
    fn environments(&mut self) -> &mut dyn EnvironmentRepository {
        self.unit.environments()
    }

    fn tenants(&mut self) -> &mut dyn TenantRepository {
        self.unit.tenants()
    }

    fn clients(&mut self) -> &mut dyn ClientRepository {
        self.unit.clients()
    }

    fn accounts(&mut self) -> &mut dyn AccountRepository {
        self.unit.accounts()
    }

    fn keys(&mut self) -> &mut dyn KeyRepository {
        self.unit.keys()
    }

    fn tokens(&mut self) -> &mut dyn TokenRepository {
        self.unit.tokens()
    }

    fn answers(&mut self) -> &mut dyn AnswerRepository {
        self.unit.answers()
    }

    fn server_secrets(&mut self) -> &mut dyn ServerSecretRepository {
        self.unit.server_secrets()
    }

    fn changes(&mut self) -> &mut dyn ChangeLog {
        self
    }

    fn events(&mut self) -> &mut dyn EventRepository {
        self.unit.events()
    }

    fn webhooks(&mut self) -> &mut dyn WebhookRepository {
        self.unit.webhooks()
    }

    /// The unit belongs to whoever has begun it.
    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let reason = "a unit is committed by whoever has begun it";
        Err(StoreError::Failed(reason.into()))
    }
}
