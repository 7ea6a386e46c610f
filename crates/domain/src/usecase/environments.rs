//! What can be done with environments.

use super::{Context, moment};
use crate::{
    change::ChangeType,
    environment::{
        AuthorizationServerDomain, DeploymentModel, Environment, EnvironmentAccess,
        EnvironmentRecord, Region,
    },
    error::{Error, Fault, FaultKind, Thing},
    id::{EnvironmentId, RegionId},
    name::Name,
    page::{Page, PageRequest},
    port::{Snapshot, StoreError, Unique, UnitOfWork},
    subdomain::DomainName,
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

/// Makes an environment, and its region where that is new. The first one there is
/// becomes the default.
pub fn create(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    command: CreateEnvironment,
) -> Result<Environment, Error> {
    let now = moment(unit, context)?;
    let region = choose_region(unit, context, command.region)?;
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
