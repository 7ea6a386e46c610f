//! Management clients, as the command line manages them.

use tenantry_domain::{
    client::{Client, ClientOwner, ClientStatus, SecretHash},
    environment::EnvironmentAccess,
    error::{Error, Thing},
    port,
    rotation::Overlap,
    scope::ManagementScope,
    testing::{context, credentials},
    usecase::{
        clients::{self, CreateManagementClient},
        management::{self, ManagementError},
        secrets::RotateSecret,
    },
};
use tenantry_storage::testing::TestDatabase;

use crate::make::{client, environments, insert, name, only, page, read, secret, tenant_in, write};

pub(crate) fn management_clients_are_listed_disabled_rotated_and_deleted(db: &TestDatabase) {
    environments(&**db, &[1]);
    let context = context();
    let create = |access| {
        let command = CreateManagementClient {
            credentials: credentials(&context),
            name: name("ci"),
            scopes: vec![ManagementScope::TenantsRead],
            access,
        };
        port::write(&**db, |unit| {
            clients::create_management(unit, &context, command)
        })
        .unwrap()
    };
    let one = create(EnvironmentAccess::All);
    let other = create(only(&[1]));
    let list = || {
        read(&**db, |unit| {
            unit.clients().page_of_operator(page(10, None))
        })
    };
    assert_eq!(list().items, [one.clone(), other.clone()]);

    let set = |client: &Client, status, force| {
        port::write(&**db, |unit| {
            management::set_status(unit, &context, &client.id, status, force)
        })
    };
    let (active, disabled) = (ClientStatus::Active, ClientStatus::Disabled);
    assert_eq!(set(&one, disabled, false).unwrap().status, disabled);
    assert!(matches!(
        set(&other, disabled, false),
        Err(ManagementError::Last)
    ));
    let statuses = || {
        list()
            .items
            .iter()
            .map(|client| client.status)
            .collect::<Vec<_>>()
    };
    assert_eq!(statuses(), [disabled, active], "a refusal changes nothing");
    // Twice is no mistake, and no change.
    let changes = || db.changes().len();
    let before = changes();
    set(&one, disabled, false).unwrap();
    assert_eq!(changes(), before);
    set(&other, disabled, true).unwrap();
    set(&one, active, false).unwrap();
    assert_eq!(statuses(), [active, disabled]);
    assert_eq!(changes(), before + 2);

    let secret = |hash: &str| RotateSecret {
        hash: SecretHash::new(hash.to_owned()),
        overlap: Overlap::default(),
    };
    let end = port::write(&**db, |unit| {
        management::rotate(unit, &context, &one.id, secret("$new"))
    })
    .unwrap();
    let known = read(&**db, |unit| unit.clients().known(&one.id)).unwrap();
    let ends: Vec<_> = known
        .secrets
        .iter()
        .map(|secret| secret.expires_at)
        .collect();
    assert_eq!(ends, [Some(end), None]);

    let delete = |client: &Client, force| {
        port::write(&**db, |unit| {
            management::delete(unit, &context, &client.id, force)
        })
    };
    delete(&other, false).unwrap();
    assert!(matches!(delete(&one, false), Err(ManagementError::Last)));
    delete(&one, true).unwrap();
    assert_eq!(list().items, []);
    assert!(matches!(
        delete(&one, true),
        Err(ManagementError::Other(Error::Missing(Thing::Client)))
    ));
}

pub(crate) fn a_tenants_client_is_none_of_the_operators(db: &TestDatabase) {
    environments(&**db, &[1]);
    let context = context();
    let tenant = insert(&**db, tenant_in(1, 1));
    let client = client(1, ClientOwner::Tenant(tenant.number));
    write(&**db, |unit| unit.clients().insert(&client, &secret(1)));
    let listed = read(&**db, |unit| {
        unit.clients().page_of_operator(page(10, None))
    });
    assert_eq!(listed.items, []);
    let deleted = port::write(&**db, |unit| {
        management::delete(unit, &context, &client.id, true)
    });
    assert!(deleted.is_err());
    assert!(read(&**db, |unit| unit.clients().known(&client.id)).is_some());
}
