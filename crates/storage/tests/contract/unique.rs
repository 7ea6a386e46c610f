//! What must be unique, each told apart from the others.

use tenantry_domain::{
    client::{Client, ClientOwner},
    environment::{Environment, EnvironmentAccess, EnvironmentRecord, Region},
    port::{StoreError, Unique, UnitOfWork},
    tenant::NewTenant,
};
use tenantry_storage::testing::TestDatabase;

use crate::make::{
    account, at, client, client_record, environment_record, environments, insert, key, region,
    secret, server_secret, tenant_in, try_write, write,
};

type Attempt = fn(&mut dyn UnitOfWork) -> Result<(), StoreError>;

fn operators() -> ClientOwner {
    ClientOwner::Operator(EnvironmentAccess::All)
}

fn environment(unit: &mut dyn UnitOfWork, record: EnvironmentRecord) -> Result<(), StoreError> {
    unit.environments()
        .insert(&Environment::from_record(record))
}

/// Each one repeats exactly one thing of what is stored.
const ATTEMPTS: [(Unique, Attempt); 15] = [
    (Unique::RegionId, |unit| {
        unit.environments().insert_region(&Region {
            id: region(1).id,
            ..region(9)
        })
    }),
    (Unique::RegionName, |unit| {
        unit.environments().insert_region(&Region {
            name: region(1).name,
            ..region(9)
        })
    }),
    (Unique::EnvironmentId, |unit| {
        environment(
            unit,
            EnvironmentRecord {
                id: environment_record(1).id,
                ..environment_record(9)
            },
        )
    }),
    (Unique::EnvironmentDomain, |unit| {
        let domain = environment_record(1).domain;
        environment(
            unit,
            EnvironmentRecord {
                domain,
                ..environment_record(9)
            },
        )
    }),
    (Unique::TenantDomain, |unit| {
        let tenant_domain = environment_record(1).tenant_domain;
        environment(
            unit,
            EnvironmentRecord {
                tenant_domain,
                ..environment_record(9)
            },
        )
    }),
    (Unique::TenantId, |unit| {
        let id = tenant_in(1, 1).id;
        unit.tenants()
            .insert(&NewTenant {
                id,
                ..tenant_in(2, 9)
            })
            .map(drop)
    }),
    (Unique::TenantLabel, |unit| {
        let label = tenant_in(1, 1).label;
        unit.tenants()
            .insert(&NewTenant {
                label,
                ..tenant_in(1, 9)
            })
            .map(drop)
    }),
    (Unique::TenantId, |unit| {
        // By an update: the second tenant takes the first one's id.
        let taken = NewTenant {
            id: tenant_in(1, 1).id,
            ..tenant_in(1, 2)
        };
        let number = unit.tenants().by_id(tenant_in(1, 2).id)?.unwrap().number;
        let tenant = taken.numbered(number);
        unit.tenants().update(&tenant, tenant.version).map(drop)
    }),
    (Unique::ClientKey, |unit| {
        let mut record = client_record(9, operators());
        record.key = client(1, operators()).key;
        unit.clients()
            .insert(&Client::from_record(record), &secret(9))
    }),
    (Unique::ClientId, |unit| {
        let mut record = client_record(9, operators());
        record.id = client(1, operators()).id.clone();
        unit.clients()
            .insert(&Client::from_record(record), &secret(9))
    }),
    (Unique::SecretId, |unit| {
        unit.clients().insert(&client(9, operators()), &secret(1))
    }),
    (Unique::AccountId, |unit| {
        let mut other = account(9);
        other.id = account(1).id;
        unit.accounts().insert(&other)
    }),
    (Unique::Username, |unit| {
        let mut other = account(9);
        other.username = account(1).username;
        unit.accounts().insert(&other)
    }),
    (Unique::KeyId, |unit| {
        let mut other = key(9);
        other.kid = key(1).kid;
        unit.keys().insert(&other)
    }),
    (Unique::ServerSecretName, |unit| {
        unit.server_secrets().insert(&server_secret(1))
    }),
];

pub(crate) fn everything_unique_is_told_apart(db: &TestDatabase) {
    environments(&**db, &[1, 2]);
    insert(&**db, tenant_in(1, 1));
    insert(&**db, tenant_in(1, 2));
    write(&**db, |unit| {
        unit.clients().insert(&client(1, operators()), &secret(1))?;
        unit.accounts().insert(&account(1))?;
        unit.keys().insert(&key(1))?;
        unit.server_secrets().insert(&server_secret(1))
    });
    for (unique, attempt) in ATTEMPTS {
        match try_write(&**db, attempt) {
            Err(StoreError::Taken(taken)) => assert_eq!(taken, unique),
            other => panic!("{unique:?}: {other:?}"),
        }
    }
    // The label of a tenant is free in every other environment.
    let elsewhere = NewTenant {
        label: tenant_in(1, 1).label,
        created_at: at(77),
        ..tenant_in(2, 9)
    };
    insert(&**db, elsewhere);
}
