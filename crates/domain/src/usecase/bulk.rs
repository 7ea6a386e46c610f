//! Many tenants at once, for who fills a database.

use super::{Context, moment};
use crate::{
    change::ChangeType,
    data::TenantData,
    environment::Environment,
    error::Error,
    id::TenantId,
    name::Name,
    port::UnitOfWork,
    subdomain::Label,
    tenant::{NewTenant, Tenant},
    version::Version,
};

/// Asks for a tenant among many, without a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadTenant {
    /// The first label of its host name; nobody has it yet.
    pub label: Label,
    /// Its name.
    pub name: Name,
    /// What the operator keeps with it.
    pub data: TenantData,
}

/// Makes all of them in one environment, or none: with what a tenant that is made alone has too,
/// a place behind all others and a change record.
///
/// A label that is taken is the store's error, since no caller is there to be told of it.
pub fn load(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    environment: &Environment,
    commands: Vec<LoadTenant>,
) -> Result<Vec<Tenant>, Error> {
    let first = moment(unit, context)?;
    let new: Vec<_> = (0..)
        .zip(commands)
        .map(|(place, command)| {
            let created_at = first.plus_micros(place);
            NewTenant {
                id: TenantId::generate(created_at, &*context.entropy),
                environment_id: environment.id,
                label: command.label,
                name: command.name,
                data: command.data,
                version: Version::FIRST,
                created_at,
            }
        })
        .collect();
    let numbers = unit.tenants().insert_all(&new)?;
    let tenants: Vec<_> = new
        .into_iter()
        .zip(numbers)
        .map(|(new, number)| new.numbered(number))
        .collect();
    let kind = ChangeType::TenantCreated;
    let changes: Vec<_> = tenants
        .iter()
        .map(|tenant| {
            let origin = &context.origin;
            origin.tenant(kind, tenant.created_at, tenant, environment)
        })
        .collect();
    unit.changes().append_all(&changes)?;
    Ok(tenants)
}
