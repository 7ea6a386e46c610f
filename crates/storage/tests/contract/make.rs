//! Small objects, numbered, so that a test shows only what it is about.

use std::collections::BTreeSet;

use tenantry_domain::{
    account::{SystemAccount, Username},
    client::{Client, ClientId, ClientOwner, ClientRecord, ClientStatus, SecretHash, SecretRecord},
    clock::Timestamp,
    data::TenantData,
    environment::{
        AuthorizationServerDomain, DeploymentModel, Environment, EnvironmentAccess,
        EnvironmentRecord, Region,
    },
    id::{ClientKey, EnvironmentId, RegionId, SecretId, SystemAccountId, TenantId, TenantNumber},
    key::{SealedKey, SigningAlgorithm},
    name::Name,
    page::{Cursor, Limit, PageRequest},
    port::{self, Snapshot, Store, StoreError, TenantQueries, UnitOfWork},
    record::RecordQuery,
    scope::ScopeSet,
    subdomain::{DomainName, Label},
    tenant::{NewTenant, Tenant},
    testing::instant,
    version::Version,
};
use uuid::Uuid;

pub(crate) fn at(seconds: i64) -> Timestamp {
    instant("2026-01-01T00:00:00.000001Z").plus_seconds(seconds)
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(crate) fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

pub(crate) fn label(text: &str) -> Label {
    Label::parse(text).unwrap()
}

pub(crate) fn version(number: i64) -> Version {
    Version::new(number).unwrap()
}

pub(crate) fn data(text: &str) -> TenantData {
    TenantData::parse(text).unwrap()
}

pub(crate) fn environment_id(n: u128) -> EnvironmentId {
    EnvironmentId::from_uuid(Uuid::from_u128(n))
}

pub(crate) fn only(ids: &[u128]) -> EnvironmentAccess {
    EnvironmentAccess::Only(
        ids.iter()
            .map(|&n| environment_id(n))
            .collect::<BTreeSet<_>>(),
    )
}

pub(crate) fn region(n: u128) -> Region {
    Region {
        id: RegionId::from_uuid(Uuid::from_u128(n)),
        name: name(&format!("R{n}")),
        display_name: name(&format!("Region {n}")),
    }
}

pub(crate) fn environment_record(n: u128) -> EnvironmentRecord {
    let created_at = at(i64::try_from(n).unwrap());
    EnvironmentRecord {
        id: environment_id(n),
        name: name(&format!("Environment {n}")),
        domain: domain(&format!("e{n}.example")),
        tenant_domain: domain(&format!("t{n}.example")),
        authorization_server_domain: AuthorizationServerDomain::parse("auth.example:8443").unwrap(),
        deployment_model: DeploymentModel::Private,
        region: region(1),
        version: Version::FIRST,
        created_at,
        updated_at: created_at,
    }
}

pub(crate) fn environment(n: u128) -> Environment {
    Environment::from_record(environment_record(n))
}

pub(crate) fn tenant_in(environment: u128, n: u128) -> NewTenant {
    NewTenant {
        id: TenantId::from_uuid(Uuid::from_u128(n)),
        environment_id: environment_id(environment),
        label: label(&format!("l{n}")),
        name: name(&format!("Tenant {n}")),
        data: TenantData::default(),
        version: Version::FIRST,
        created_at: at(i64::try_from(n).unwrap()),
    }
}

pub(crate) fn client_record(n: u128, owner: ClientOwner) -> ClientRecord {
    ClientRecord {
        key: ClientKey::from_uuid(Uuid::from_u128(n)),
        id: ClientId::parse(&format!("client-{n}")).unwrap(),
        owner,
        name: name(&format!("Client {n}")),
        status: ClientStatus::Active,
        scopes: ScopeSet::default(),
        created_at: at(i64::try_from(n).unwrap()),
        last_used_at: None,
    }
}

pub(crate) fn client(n: u128, owner: ClientOwner) -> Client {
    Client::from_record(client_record(n, owner))
}

pub(crate) fn secret(n: u128) -> SecretRecord {
    SecretRecord {
        id: SecretId::from_uuid(Uuid::from_u128(n)),
        hash: SecretHash::new(format!("$hash${n}")),
        created_at: at(i64::try_from(n).unwrap()),
        expires_at: None,
        last_used_at: None,
    }
}

pub(crate) fn account(n: u128) -> SystemAccount {
    SystemAccount {
        id: SystemAccountId::from_uuid(Uuid::from_u128(n)),
        username: Username::parse(&format!("user {n}")).unwrap(),
        password_hash: SecretHash::new(format!("$hash${n}")),
        created_at: at(i64::try_from(n).unwrap()),
    }
}

pub(crate) fn key(n: u128) -> SealedKey {
    let created_at = at(i64::try_from(n).unwrap());
    SealedKey {
        kid: format!("key-{n}"),
        algorithm: SigningAlgorithm::Es256,
        sealed: vec![0, 255, 0, 1],
        public_jwk: r#"{"kty":"EC"}"#.to_owned(),
        created_at,
        signs_from: created_at.plus_seconds(300),
        expires_at: None,
        token_ttl: 3600,
    }
}

pub(crate) fn page(limit: usize, after: Option<Cursor>) -> PageRequest {
    PageRequest {
        limit: Limit::parse(&limit.to_string()).unwrap(),
        after,
    }
}

/// Writes and commits, or hands back the store's error.
pub(crate) fn try_write<T>(
    store: &dyn Store,
    work: impl FnOnce(&mut dyn UnitOfWork) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    port::write(store, work)
}

/// Writes and commits what has to succeed.
pub(crate) fn write<T>(
    store: &dyn Store,
    work: impl FnOnce(&mut dyn UnitOfWork) -> Result<T, StoreError>,
) -> T {
    try_write(store, work).unwrap()
}

/// Reads what has to be readable.
pub(crate) fn read<T>(
    store: &dyn Store,
    work: impl FnOnce(&mut dyn Snapshot) -> Result<T, StoreError>,
) -> T {
    port::read(store, work).unwrap()
}

/// Stores region 1 and these environments in it.
pub(crate) fn environments(store: &dyn Store, numbers: &[u128]) {
    write(store, |unit| {
        unit.environments().insert_region(&region(1))?;
        for &n in numbers {
            unit.environments().insert(&environment(n))?;
        }
        Ok(())
    });
}

/// Stores a tenant.
pub(crate) fn insert(store: &dyn Store, tenant: NewTenant) -> Tenant {
    let number = write(store, |unit| unit.tenants().insert(&tenant));
    tenant.numbered(number)
}

pub(crate) fn by_id(store: &dyn Store, id: TenantId) -> Option<Tenant> {
    read(store, |unit| unit.tenants().by_id(id))
}

/// How many tenants a unit sees.
pub(crate) fn total<Q: TenantQueries + ?Sized>(tenants: &mut Q) -> Result<u64, StoreError> {
    Ok(tenants.record_page(&RecordQuery::total_only())?.total)
}

pub(crate) fn count(store: &dyn Store) -> u64 {
    read(store, |unit| total(unit.tenants()))
}

pub(crate) fn of_tenant(number: TenantNumber) -> ClientOwner {
    ClientOwner::Tenant(number)
}
