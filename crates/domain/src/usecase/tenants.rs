//! What can be done with tenants, by both families of routes.

use std::collections::{BTreeSet, HashMap};

use super::{
    Context,
    clients::{NewCredentials, first_state},
    moment,
};
use crate::{
    change::ChangeType,
    client::{Client, ClientOwner},
    data::{DataPatch, TenantData},
    environment::{Environment, EnvironmentAccess},
    error::{Error, Fault, FaultKind, Thing},
    host::{HostName, Subdomain},
    id::{EnvironmentId, TenantId},
    name::{Name, NamePrefix},
    page::{Cursor, Page, PageRequest},
    port::{
        EnvironmentQueries, Snapshot, StoreError, TenantQueries, Unique, UnitOfWork, VersionedWrite,
    },
    record::{RecordPage, RecordQuery},
    scope::ScopeSet,
    subdomain::{DomainName, Label},
    tenant::{
        NewTenant, Precondition, Tenant, TenantChange, TenantFilter, TenantHead, TenantStatus,
    },
    version::Version,
};

/// One page of tenants with the environments they live in.
#[derive(Clone, Debug)]
pub struct TenantPage {
    /// The tenants, oldest first.
    pub tenants: Vec<TenantHead>,
    /// Every environment that one of them lives in.
    pub environments: HashMap<EnvironmentId, Environment>,
    /// The last tenant's place.
    pub next: Option<Cursor>,
}

/// Asks for a new tenant with a first client of its own (management API).
#[derive(Clone, Debug)]
pub struct CreateTenant {
    /// The environment it is to live in.
    pub environment_id: EnvironmentId,
    /// The first label of its host name.
    pub label: Label,
    /// Its name; the label where there is none.
    pub name: Option<Name>,
    /// What the operator keeps with it.
    pub data: TenantData,
    /// The credentials of its first client.
    pub credentials: NewCredentials,
}

/// A new tenant with its first client.
#[derive(Clone, Debug)]
pub struct CreatedTenant {
    /// The tenant.
    pub tenant: Tenant,
    /// The environment it lives in.
    pub environment: Environment,
    /// Its client.
    pub client: Client,
}

/// Asks for a new tenant in the default environment, without a client (system API).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTenantRecord {
    /// Its id; a new one is made where there is none.
    pub id: Option<TenantId>,
    /// What the operator keeps with it.
    pub data: TenantData,
    /// The version it starts at.
    pub version: Version,
}

/// Asks for a change of a tenant from a version that was read (system API).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplaceTenantRecord {
    /// A new id.
    pub id: Option<TenantId>,
    /// New data in place of all of the old.
    pub data: Option<TenantData>,
    /// The version that was read.
    pub version: Version,
}

/// Asks for a change of a tenant from whatever version it is in (management API); what is
/// `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchTenant {
    /// A new name.
    pub name: Option<Name>,
    /// A merge patch of the data.
    pub data: Option<DataPatch>,
    /// A new status.
    pub status: Option<TenantStatus>,
}

/// By what a list of tenants is narrowed; all of what is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TenantQuery {
    /// Those of one environment.
    pub environment_id: Option<EnvironmentId>,
    /// Those of one subdomain.
    pub subdomain: Option<Subdomain>,
    /// Those of one status.
    pub status: Option<TenantStatus>,
    /// Those whose names begin so, in any letter case.
    pub name: Option<NamePrefix>,
}

/// Lists the tenants that the caller may know of, oldest first.
pub fn list(
    unit: &mut dyn Snapshot,
    access: &EnvironmentAccess,
    query: TenantQuery,
    request: PageRequest,
) -> Result<TenantPage, Error> {
    let page = match filter(unit, query)? {
        Some(filter) => unit.tenants().page(access, &filter, request)?,
        None => Page {
            items: Vec::new(),
            next: None,
        },
    };
    let ids: BTreeSet<_> = page
        .items
        .iter()
        .map(|tenant| tenant.environment_id)
        .collect();
    let environments = unit.environments().by_ids(&ids)?;
    let environments = environments.into_iter().map(|one| (one.id, one)).collect();
    Ok(TenantPage {
        tenants: page.items,
        environments,
        next: page.next,
    })
}

/// What a query asks of the store; `None` where nothing can be found.
fn filter(unit: &mut dyn Snapshot, query: TenantQuery) -> Result<Option<TenantFilter>, Error> {
    let mut filter = TenantFilter {
        environment_id: query.environment_id,
        label: None,
        status: query.status,
        name: query.name,
    };
    match query.subdomain {
        None => {}
        Some(Subdomain::Label(label)) => filter.label = Some(label),
        Some(Subdomain::Host(label, domain)) => {
            let environment = unit.environments().by_tenant_domain(&domain)?;
            let wanted = |id| filter.environment_id.is_none_or(|wanted| wanted == id);
            let Some(environment) = environment.filter(|found| wanted(found.id)) else {
                return Ok(None);
            };
            filter.environment_id = Some(environment.id);
            filter.label = Some(label);
        }
    }
    Ok(Some(filter))
}

/// Gets the tenant that a host is of. A host below no domain of the caller's, and one that
/// no tenant there has, are told apart.
pub fn resolve(
    unit: &mut dyn Snapshot,
    access: &EnvironmentAccess,
    host: &HostName,
) -> Result<(Tenant, Environment), Error> {
    let (label, domain) = host.split();
    let environment = match domain.map(DomainName::parse) {
        Some(Ok(domain)) => unit.environments().by_tenant_domain(&domain)?,
        Some(Err(_)) | None => None,
    };
    let environment = environment
        .filter(|found| access.permits(found.id))
        .ok_or_else(|| Error::NoSuchDomain(domain.unwrap_or(host.as_str()).to_owned()))?;
    let tenant = match Label::parse(label) {
        Ok(label) => unit.tenants().by_label(environment.id, &label)?,
        Err(_) => None,
    };
    match tenant {
        Some(tenant) => Ok((tenant, environment)),
        None => Err(Error::NoSuchLabel {
            label: label.to_owned(),
            domain: environment.tenant_domain.as_str().to_owned(),
        }),
    }
}

/// Gets one tenant with the environment it lives in.
pub fn get(
    unit: &mut dyn Snapshot,
    access: &EnvironmentAccess,
    id: TenantId,
) -> Result<(Tenant, Environment), Error> {
    unit.tenants()
        .with_environment(id)?
        .filter(|(_, environment)| access.permits(environment.id))
        .ok_or(Error::Missing(Thing::Tenant))
}

/// Gets one page of the records that are asked for, and how many of them there are.
pub fn records(unit: &mut dyn Snapshot, query: &RecordQuery) -> Result<RecordPage, Error> {
    Ok(unit.tenants().record_page(query)?)
}

/// Makes a tenant and its first client, both or none.
pub fn create(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    access: &EnvironmentAccess,
    command: CreateTenant,
) -> Result<CreatedTenant, Error> {
    if !access.permits(command.environment_id) {
        return Err(Error::OutOfBounds);
    }
    let mut faults = Vec::new();
    if let Err(fault) = context.reserved.check(&command.label) {
        faults.push(Fault::new("subdomain", fault).showing(command.label.as_str()));
    }
    let environment = unit.environments().by_id(command.environment_id)?;
    if environment.is_none() {
        let fault = Fault::new("environmentId", FaultKind::NoSuchEnvironment);
        faults.push(fault.showing(&command.environment_id.to_string()));
    }
    let Some(environment) = environment.filter(|_| faults.is_empty()) else {
        return Err(Error::Invalid(faults));
    };

    let now = moment(unit, context)?;
    let name = command.name.unwrap_or_else(|| Name::from(&command.label));
    let new = NewTenant {
        id: TenantId::generate(now, &*context.entropy),
        environment_id: environment.id,
        label: command.label,
        name,
        data: command.data,
        version: Version::FIRST,
        created_at: now,
    };
    let tenant = insert(unit, new)?;
    let (client, secret) = first_state(
        context,
        now,
        command.credentials,
        ClientOwner::Tenant(tenant.number),
        tenant.name.clone(),
        ScopeSet::default(),
    );
    unit.clients().insert(&client, &secret)?;

    let origin = &context.origin;
    let changes = unit.changes();
    changes.append(&origin.tenant(ChangeType::TenantCreated, now, &tenant, &environment))?;
    changes.append(&origin.client(ChangeType::ClientCreated, now, &client, Some(&tenant)))?;
    Ok(CreatedTenant {
        tenant,
        environment,
        client,
    })
}

/// Makes a tenant in the default environment, with a label and a name derived from its id.
pub fn create_record(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    command: CreateTenantRecord,
) -> Result<Tenant, Error> {
    let environment = unit
        .environments()
        .default()?
        .ok_or(Error::Missing(Thing::Environment))?;
    let now = moment(unit, context)?;
    if let Some(id) = command.id
        && unit.tenants().by_id(id)?.is_some()
    {
        return Err(id_in_use(id));
    }
    let fresh = || TenantId::generate(now, &*context.entropy);
    let id = command.id.unwrap_or_else(fresh);
    let mut label = Label::derived_from(id);
    if unit.tenants().has_label(environment.id, &label)? {
        // The tenant that had this id before has another one now, and has kept its host.
        label = Label::derived_from(fresh());
    }
    let new = NewTenant {
        id,
        environment_id: environment.id,
        name: Name::from(&label),
        label,
        data: command.data,
        version: command.version,
        created_at: now,
    };
    let tenant = insert(unit, new)?;
    let change = context
        .origin
        .tenant(ChangeType::TenantCreated, now, &tenant, &environment);
    unit.changes().append(&change)?;
    Ok(tenant)
}

/// Changes a tenant from the version that the command names.
pub fn replace_record(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    id: TenantId,
    precondition: &Precondition,
    command: ReplaceTenantRecord,
) -> Result<Tenant, Error> {
    let stored = find(unit.tenants(), &EnvironmentAccess::All, id)?;
    if !precondition.holds_for(stored.revision()) {
        return Err(Error::PreconditionFailed(Thing::Tenant));
    }
    if stored.version != command.version {
        return Err(Error::Stale {
            thing: Thing::Tenant,
            stored: stored.version,
        });
    }
    let change = TenantChange {
        id: command.id,
        data: command.data,
        ..TenantChange::default()
    };
    let (changed, _) = change_stored(unit, context, stored, change)?;
    Ok(changed)
}

/// Changes a tenant, in whatever version the unit finds it, if the precondition holds for that.
pub fn patch(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    access: &EnvironmentAccess,
    id: TenantId,
    precondition: &Precondition,
    command: PatchTenant,
) -> Result<(Tenant, Environment), Error> {
    let stored = find(unit.tenants(), access, id)?;
    if !precondition.holds_for(stored.revision()) {
        return Err(Error::PreconditionFailed(Thing::Tenant));
    }
    let data = command
        .data
        .map(|patch| stored.data().patched(&patch))
        .transpose()
        .map_err(|fault| Fault::new("data", fault))?;
    let change = TenantChange {
        name: command.name,
        data,
        status: command.status,
        ..TenantChange::default()
    };
    change_stored(unit, context, stored, change)
}

/// Deletes a tenant with its clients.
pub fn delete(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    access: &EnvironmentAccess,
    id: TenantId,
    precondition: &Precondition,
) -> Result<(), Error> {
    let tenant = find(unit.tenants(), access, id)?;
    if !precondition.holds_for(tenant.revision()) {
        return Err(Error::PreconditionFailed(Thing::Tenant));
    }
    let environment = environment_of(unit.environments(), &tenant)?;
    let now = moment(unit, context)?;
    outcome(unit.tenants().delete(tenant.number, tenant.version)?)?;
    let change = context
        .origin
        .tenant(ChangeType::TenantDeleted, now, &tenant, &environment);
    unit.changes().append(&change)?;
    Ok(())
}

/// Finds a tenant that the caller may know of.
pub(super) fn find<Q: TenantQueries + ?Sized>(
    tenants: &mut Q,
    access: &EnvironmentAccess,
    id: TenantId,
) -> Result<Tenant, Error> {
    tenants
        .by_id(id)?
        .filter(|tenant| access.permits(tenant.environment_id))
        .ok_or(Error::Missing(Thing::Tenant))
}

fn environment_of<Q: EnvironmentQueries + ?Sized>(
    environments: &mut Q,
    tenant: &TenantHead,
) -> Result<Environment, Error> {
    let lost = || StoreError::Corrupt(format!("tenant {} has no environment", tenant.id));
    Ok(environments
        .by_id(tenant.environment_id)?
        .ok_or_else(lost)?)
}

fn insert(unit: &mut dyn UnitOfWork, new: NewTenant) -> Result<Tenant, Error> {
    match unit.tenants().insert(&new) {
        Ok(number) => Ok(new.numbered(number)),
        Err(StoreError::Taken(Unique::TenantLabel)) => {
            Err(Fault::new("subdomain", FaultKind::SubdomainTaken)
                .showing(new.label.as_str())
                .into())
        }
        Err(StoreError::Taken(Unique::TenantId)) => Err(id_in_use(new.id)),
        Err(other) => Err(other.into()),
    }
}

fn change_stored(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    stored: Tenant,
    change: TenantChange,
) -> Result<(Tenant, Environment), Error> {
    let now = moment(unit, context)?;
    let (read, status, id) = (stored.version, stored.status, stored.id);
    let changed = stored
        .change(change, now)
        .map_err(|_| Error::Exhausted(Thing::Tenant))?;
    match unit.tenants().update(&changed, read) {
        Ok(write) => outcome(write)?,
        Err(StoreError::Taken(Unique::TenantId)) => return Err(id_in_use(changed.id)),
        Err(other) => return Err(other.into()),
    }
    let environment = environment_of(unit.environments(), &changed)?;
    let kind = ChangeType::of_tenant(status, changed.status);
    let mut change = context.origin.tenant(kind, now, &changed, &environment);
    change.previous_tenant_id = (changed.id != id).then_some(id);
    unit.changes().append(&change)?;
    Ok((changed, environment))
}

fn id_in_use(id: TenantId) -> Error {
    Fault::new("uuid", FaultKind::AlreadyUsed)
        .showing(&id.to_string())
        .into()
}

fn outcome(write: VersionedWrite) -> Result<(), Error> {
    match write {
        VersionedWrite::Done => Ok(()),
        VersionedWrite::Stale(stored) => Err(Error::Stale {
            thing: Thing::Tenant,
            stored,
        }),
        VersionedWrite::Missing => Err(Error::Missing(Thing::Tenant)),
    }
}
