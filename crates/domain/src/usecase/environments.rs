//! What can be done with environments.

use super::{Context, moment};
use crate::{
    change::ChangeType,
    environment::{
        AuthorizationServerDomain, DeploymentModel, Environment, EnvironmentAccess,
        EnvironmentChange, EnvironmentRecord, EnvironmentRevision, Region,
    },
    error::{Error, Fault, FaultKind, Thing},
    id::{EnvironmentId, RegionId},
    name::Name,
    page::{Page, PageRequest},
    port::{Snapshot, StoreError, Unique, UnitOfWork, VersionedWrite},
    subdomain::DomainName,
    tenant::Precondition,
    version::Version,
};

/// Asks for a new environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateEnvironment {
    /// Its id; a new one is made where there is none.
    pub id: Option<EnvironmentId>,
    /// Its name.
    pub name: Name,
    /// The domain it is known by.
    pub domain: DomainName,
    /// The domain directly below which its tenants' hosts live; `domain` where there is none.
    pub tenant_domain: Option<DomainName>,
    /// The host that issues tokens for it.
    pub authorization_server_domain: AuthorizationServerDomain,
    /// Who shares it.
    pub deployment_model: DeploymentModel,
    /// Where it is.
    pub region: RegionChoice,
}

/// Names a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegionChoice {
    /// One that exists.
    Existing(RegionId),
    /// The one of that name; it is made where there is none.
    Named {
        /// Its id where it is made; a new one is drawn where there is none.
        id: Option<RegionId>,
        /// Its short name.
        name: Name,
        /// Its name for people.
        display_name: Name,
    },
}

/// Lists the environments that the caller may know of, oldest first.
pub fn list(
    unit: &mut dyn Snapshot,
    access: &EnvironmentAccess,
    request: PageRequest,
) -> Result<Page<Environment>, Error> {
    Ok(unit.environments().page(access, request)?)
}

/// Gets one environment.
pub fn get(
    unit: &mut dyn Snapshot,
    access: &EnvironmentAccess,
    id: EnvironmentId,
) -> Result<Environment, Error> {
    let missing = Error::Missing(Thing::Environment);
    if !access.permits(id) {
        return Err(missing);
    }
    unit.environments().by_id(id)?.ok_or(missing)
}

/// Makes an environment for a caller that is bound to none: a bound one could not see
/// what it has made.
pub fn create_as(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    access: &EnvironmentAccess,
    command: CreateEnvironment,
) -> Result<Environment, Error> {
    match access {
        EnvironmentAccess::All => create(unit, context, command),
        EnvironmentAccess::Only(_) => Err(Error::Bound),
    }
}

/// Makes an environment, and its region where that is new. The first one there is
/// becomes the default.
pub fn create(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    command: CreateEnvironment,
) -> Result<Environment, Error> {
    let now = moment(unit, context)?;
    let (domain, tenant_domain) = (&command.domain, command.tenant_domain.as_ref());
    let taken_domains =
        refuse_taken_domains(unit, None, Some(domain), tenant_domain.or(Some(domain)));
    // Of a unit that has failed nothing more is asked.
    if let Err(error @ Error::Store(_)) = taken_domains {
        return Err(error);
    }
    let region = match (choose_region(unit, context, command.region), taken_domains) {
        (Ok(region), Ok(())) => region,
        // All that is wrong is told at once.
        (Err(Error::Invalid(mut faults)), Err(Error::Invalid(others))) => {
            faults.extend(others);
            return Err(Error::Invalid(faults));
        }
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    let tenant_domain = command
        .tenant_domain
        .unwrap_or_else(|| command.domain.clone());
    let environment = Environment::from_record(EnvironmentRecord {
        id: command
            .id
            .unwrap_or_else(|| EnvironmentId::generate(now, &*context.entropy)),
        name: command.name,
        domain: command.domain,
        tenant_domain,
        authorization_server_domain: command.authorization_server_domain,
        deployment_model: command.deployment_model,
        region,
        version: Version::FIRST,
        created_at: now,
        updated_at: now,
    });
    let environments = unit.environments();
    environments
        .insert(&environment)
        .map_err(|error| taken(error, &environment))?;
    if environments.default()?.is_none() {
        environments.set_default(environment.id)?;
    }
    let change = context
        .origin
        .environment(ChangeType::EnvironmentCreated, now, &environment);
    unit.changes().append(&change)?;
    Ok(environment)
}

/// Changes an environment, in whatever version the unit finds it, if the precondition
/// holds for that. Its domains can change only while it has no tenant; a tenant domain
/// that is the domain itself goes along with it.
pub fn patch(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    access: &EnvironmentAccess,
    id: EnvironmentId,
    precondition: &Precondition<EnvironmentRevision>,
    mut change: EnvironmentChange,
) -> Result<Environment, Error> {
    let stored = find(unit, access, id)?;
    if !precondition.holds_for(stored.revision()) {
        return Err(Error::PreconditionFailed(Thing::Environment));
    }
    refuse_used_domains(unit, &stored, &change)?;
    if change.tenant_domain.is_none() && stored.tenant_domain == stored.domain {
        change.tenant_domain.clone_from(&change.domain);
    }
    let (domain, tenant_domain) = (change.domain.as_ref(), change.tenant_domain.as_ref());
    refuse_taken_domains(unit, Some(id), domain, tenant_domain)?;
    let now = moment(unit, context)?;
    let read = stored.version;
    let changed = stored
        .change(change, now)
        .map_err(|_| Error::Exhausted(Thing::Environment))?;
    let written = unit.environments().update(&changed, read);
    outcome(written.map_err(|error| taken(error, &changed))?)?;
    let kind = ChangeType::EnvironmentUpdated;
    let change = context.origin.environment(kind, now, &changed);
    unit.changes().append(&change)?;
    Ok(changed)
}

/// Deletes an environment that has no tenant and is not the default one. Its region stays.
pub fn delete(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    access: &EnvironmentAccess,
    id: EnvironmentId,
    precondition: &Precondition<EnvironmentRevision>,
) -> Result<(), Error> {
    let environment = find(unit, access, id)?;
    if !precondition.holds_for(environment.revision()) {
        return Err(Error::PreconditionFailed(Thing::Environment));
    }
    if unit.tenants().any_in(id)? {
        return Err(Error::NotEmpty);
    }
    let default = unit.environments().default()?;
    if default.is_some_and(|default| default.id == id) {
        return Err(Error::IsDefault);
    }
    let now = moment(unit, context)?;
    outcome(unit.environments().delete(id, environment.version)?)?;
    let kind = ChangeType::EnvironmentDeleted;
    let change = context.origin.environment(kind, now, &environment);
    unit.changes().append(&change)?;
    Ok(())
}

fn find(
    unit: &mut dyn UnitOfWork,
    access: &EnvironmentAccess,
    id: EnvironmentId,
) -> Result<Environment, Error> {
    let found = unit.environments().by_id(id)?;
    found
        .filter(|found| access.permits(found.id))
        .ok_or(Error::Missing(Thing::Environment))
}

fn refuse_used_domains(
    unit: &mut dyn UnitOfWork,
    stored: &Environment,
    change: &EnvironmentChange,
) -> Result<(), Error> {
    let wanted = [
        ("domain", &change.domain, &stored.domain),
        ("tenantDomain", &change.tenant_domain, &stored.tenant_domain),
    ];
    let changes = wanted
        .into_iter()
        .filter_map(|(member, new, old)| Some((member, new.as_ref().filter(|&new| new != old)?)));
    let faults: Vec<_> = changes
        .map(|(member, new)| Fault::new(member, FaultKind::DomainInUse).showing(new.as_str()))
        .collect();
    if faults.is_empty() || !unit.tenants().any_in(stored.id)? {
        return Ok(());
    }
    Err(Error::Invalid(faults))
}

/// Looks for both domains before the store does, which tells of one only, and not of the
/// same one on every database. A tenant domain that is the domain itself is one fault.
fn refuse_taken_domains(
    unit: &mut dyn UnitOfWork,
    own: Option<EnvironmentId>,
    domain: Option<&DomainName>,
    tenant_domain: Option<&DomainName>,
) -> Result<(), Error> {
    let environments = unit.environments();
    let mut faults = Vec::new();
    let is_anothers = |found: Option<Environment>| found.is_some_and(|one| Some(one.id) != own);
    if let Some(domain) = domain
        && is_anothers(environments.by_domain(domain)?)
    {
        faults.push(Fault::new("domain", FaultKind::DomainTaken).showing(domain.as_str()));
    }
    if let Some(domain) = tenant_domain.filter(|&own| faults.is_empty() || Some(own) != domain)
        && is_anothers(environments.by_tenant_domain(domain)?)
    {
        let fault = Fault::new("tenantDomain", FaultKind::DomainTaken);
        faults.push(fault.showing(domain.as_str()));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(faults))
    }
}

fn outcome(write: VersionedWrite) -> Result<(), Error> {
    match write {
        VersionedWrite::Done => Ok(()),
        VersionedWrite::Stale(stored) => Err(Error::Stale {
            thing: Thing::Environment,
            stored,
        }),
        VersionedWrite::Missing => Err(Error::Missing(Thing::Environment)),
    }
}

/// Makes one the environment that tenants of the system API go to.
pub fn set_default(unit: &mut dyn UnitOfWork, id: EnvironmentId) -> Result<(), Error> {
    if unit.environments().set_default(id)? {
        Ok(())
    } else {
        Err(Error::Missing(Thing::Environment))
    }
}

fn choose_region(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    choice: RegionChoice,
) -> Result<Region, Error> {
    let environments = unit.environments();
    match choice {
        RegionChoice::Existing(id) => environments.region_by_id(id)?.ok_or_else(|| {
            Fault::new("region.id", FaultKind::NoSuchRegion)
                .showing(&id.to_string())
                .into()
        }),
        RegionChoice::Named {
            id,
            name,
            display_name,
        } => {
            if let Some(region) = environments.region_by_name(&name)? {
                return Ok(region);
            }
            let id =
                id.unwrap_or_else(|| RegionId::generate(context.clock.now(), &*context.entropy));
            let region = Region {
                id,
                name,
                display_name,
            };
            environments
                .insert_region(&region)
                .map_err(|error| match error {
                    StoreError::Taken(Unique::RegionId) => {
                        Fault::new("region.id", FaultKind::AlreadyUsed)
                            .showing(&id.to_string())
                            .into()
                    }
                    other => Error::Store(other),
                })?;
            Ok(region)
        }
    }
}

fn taken(error: StoreError, environment: &Environment) -> Error {
    match error {
        StoreError::Taken(Unique::EnvironmentDomain) => {
            Fault::new("domain", FaultKind::DomainTaken)
                .showing(environment.domain.as_str())
                .into()
        }
        StoreError::Taken(Unique::TenantDomain) => {
            Fault::new("tenantDomain", FaultKind::DomainTaken)
                .showing(environment.tenant_domain.as_str())
                .into()
        }
        StoreError::Taken(Unique::EnvironmentId) => Fault::new("id", FaultKind::AlreadyUsed)
            .showing(&environment.id.to_string())
            .into(),
        other => Error::Store(other),
    }
}
