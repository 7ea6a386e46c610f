//! Clients.

use std::collections::BTreeSet;

use tenantry_domain::{
    client::{
        Client, ClientChange, ClientOwner, ClientStatus, KnownClient, OwningTenant, SecretHash,
    },
    environment::EnvironmentAccess,
    id::TenantNumber,
    port::StoreError,
    scope::ScopeSet,
    tenant::{Tenant, TenantChange, TenantStatus},
    uses::{self, Uses},
};
use tenantry_storage::testing::TestDatabase;

use crate::make::{
    at, client, client_record, environments, insert, name, of_tenant, only, page, read, secret,
    tenant_in, try_write, write,
};

fn add(db: &TestDatabase, client: &Client, n: u128) {
    write(&**db, |unit| unit.clients().insert(client, &secret(n)));
}

fn known(db: &TestDatabase, client: &Client) -> Option<KnownClient> {
    read(&**db, |unit| unit.clients().known(&client.id))
}

fn suspend(db: &TestDatabase, tenant: &Tenant) {
    let change = TenantChange {
        status: Some(TenantStatus::Suspended),
        ..TenantChange::default()
    };
    let changed = tenant.clone().change(change, at(999)).unwrap();
    let _ = write(&**db, |unit| {
        unit.tenants().update(&changed, tenant.version)
    });
}

pub(crate) fn come_back_with_all_that_decides_about_them(db: &TestDatabase) {
    environments(&**db, &[1, 2, 3]);
    let tenant = insert(&**db, tenant_in(2, 1));
    let mut record = client_record(1, of_tenant(tenant.number));
    record.status = ClientStatus::Disabled;
    record.scopes = ScopeSet::parse("orders:read Z").unwrap();
    record.last_used_at = Some(at(77));
    record.name = name("Überall 🌏");
    let of_tenant = Client::from_record(record);
    let free = client(2, ClientOwner::Operator(EnvironmentAccess::All));
    let bound = client(3, ClientOwner::Operator(only(&[1, 3])));
    let blind = client(4, ClientOwner::Operator(only(&[])));
    for (client, n) in [(&of_tenant, 1), (&free, 2), (&bound, 3), (&blind, 4)] {
        add(db, client, n);
        let found = known(db, client).unwrap();
        assert_eq!(found.client, *client);
        assert_eq!(found.secrets, [secret(n)]);
    }
    assert_eq!(known(db, &free).unwrap().tenant, None);
    let owner = |status| OwningTenant {
        id: tenant.id,
        status,
        host: "l1.t2.example".to_owned(),
    };
    let found = known(db, &of_tenant).unwrap();
    assert_eq!(found.tenant, Some(owner(TenantStatus::Active)));
    suspend(db, &tenant);
    let found = known(db, &of_tenant).unwrap();
    assert_eq!(found.tenant, Some(owner(TenantStatus::Suspended)));
    assert!(
        known(
            db,
            &client(5, ClientOwner::Operator(EnvironmentAccess::All))
        )
        .is_none()
    );
}

pub(crate) fn are_gone_with_their_tenant(db: &TestDatabase) {
    environments(&**db, &[1]);
    let (one, other) = (
        insert(&**db, tenant_in(1, 1)),
        insert(&**db, tenant_in(1, 2)),
    );
    let (of_one, of_other) = (
        client(1, of_tenant(one.number)),
        client(2, of_tenant(other.number)),
    );
    let operators = client(3, ClientOwner::Operator(EnvironmentAccess::All));
    add(db, &of_one, 1);
    add(db, &of_other, 2);
    add(db, &operators, 3);
    let _ = write(&**db, |unit| unit.tenants().delete(one.number, one.version));
    assert!(known(db, &of_one).is_none());
    assert_eq!(known(db, &of_other).unwrap().secrets, [secret(2)]);
    assert_eq!(known(db, &operators).unwrap().secrets, [secret(3)]);
    // Were its secret still there, its id would still be taken.
    let again = client(4, ClientOwner::Operator(EnvironmentAccess::All));
    add(db, &again, 1);
}

pub(crate) fn stay_bound_when_their_environments_are_gone(db: &TestDatabase) {
    environments(&**db, &[1, 2]);
    let bound = client(1, ClientOwner::Operator(only(&[1, 2])));
    add(db, &bound, 1);
    for (gone, left) in [(1, &[2][..]), (2, &[])] {
        db.execute(&format!(
            "DELETE FROM environments WHERE name = 'Environment {gone}'"
        ));
        let found = known(db, &bound).unwrap();
        assert_eq!(found.client.owner, ClientOwner::Operator(only(left)));
    }
}

pub(crate) fn need_their_owner(db: &TestDatabase) {
    environments(&**db, &[1]);
    for owner in [
        of_tenant(TenantNumber::new(1)),
        ClientOwner::Operator(only(&[1, 2])),
    ] {
        let result = try_write(&**db, |unit| {
            unit.clients().insert(&client(1, owner), &secret(1))
        });
        assert!(matches!(result, Err(StoreError::Referenced)), "{result:?}");
    }
}

pub(crate) fn are_told_apart_from_the_operators(db: &TestDatabase) {
    environments(&**db, &[1]);
    let any = || read(&**db, |unit| unit.clients().any_of_operator());
    assert!(!any());
    let tenant = insert(&**db, tenant_in(1, 1));
    add(db, &client(1, of_tenant(tenant.number)), 1);
    assert!(!any());
    add(db, &client(2, ClientOwner::Operator(only(&[1]))), 2);
    assert!(any());
}

pub(crate) fn are_listed_for_their_tenant(db: &TestDatabase) {
    environments(&**db, &[1]);
    let (one, other) = (
        insert(&**db, tenant_in(1, 1)),
        insert(&**db, tenant_in(1, 2)),
    );
    let of_one = [
        client(1, of_tenant(one.number)),
        client(3, of_tenant(one.number)),
    ];
    add(db, &of_one[1], 3);
    add(db, &of_one[0], 1);
    add(db, &client(2, of_tenant(other.number)), 2);
    add(
        db,
        &client(4, ClientOwner::Operator(EnvironmentAccess::All)),
        4,
    );
    let listed = |number| {
        let page = read(&**db, |unit| {
            unit.clients().page_of_tenant(number, page(10, None))
        });
        page.items
    };
    assert_eq!(listed(one.number), of_one);
    assert_eq!(listed(TenantNumber::new(77)), []);
}

pub(crate) fn get_a_new_hash_only_for_the_old_one(db: &TestDatabase) {
    let (one, other) = (
        client(
            1,
            ClientOwner::Operator(EnvironmentAccess::Only(BTreeSet::new())),
        ),
        client(2, ClientOwner::Operator(EnvironmentAccess::All)),
    );
    add(db, &one, 1);
    add(db, &other, 2);
    let hash = |text: &str| SecretHash::new(text.to_owned());
    let rehash = |client: &Client, old: &SecretHash, new: &str| {
        write(&**db, |unit| {
            unit.clients()
                .rehash(client.key, secret(1).id, old, &hash(new))
        });
        known(db, &one).unwrap().secrets[0].hash.clone()
    };
    let old = secret(1).hash;
    assert_eq!(
        rehash(&one, &hash("$other"), "$new"),
        old,
        "not the old one"
    );
    assert_eq!(rehash(&other, &old, "$new"), old, "not this client's");
    assert_eq!(rehash(&one, &old, "$new"), hash("$new"));
    assert_eq!(
        rehash(&one, &old, "$newer"),
        hash("$new"),
        "already replaced"
    );
    assert_eq!(known(db, &other).unwrap().secrets, [secret(2)]);
}

pub(crate) fn are_used_later_and_later(db: &TestDatabase) {
    let one = client(1, ClientOwner::Operator(EnvironmentAccess::All));
    add(db, &one, 1);
    let gone = client(9, ClientOwner::Operator(EnvironmentAccess::All));
    let used = |seconds| {
        let mut uses = Uses::default();
        uses.record(one.key, Some(secret(1).id), at(seconds));
        uses.record(gone.key, Some(secret(9).id), at(seconds));
        write(&**db, |unit| uses::store(unit, &uses));
        let known = known(db, &one).unwrap();
        (known.client.last_used_at, known.secrets[0].last_used_at)
    };
    let both = |seconds| (Some(at(seconds)), Some(at(seconds)));
    assert_eq!(used(100), both(100));
    assert_eq!(used(200), both(200));
    // Another server was slower with what it had noted.
    assert_eq!(used(150), both(200));
}

pub(crate) fn are_changed_and_deleted(db: &TestDatabase) {
    environments(&**db, &[1]);
    let tenant = insert(&**db, tenant_in(1, 1));
    let (one, other) = (
        client(1, of_tenant(tenant.number)),
        client(2, of_tenant(tenant.number)),
    );
    add(db, &one, 1);
    add(db, &other, 2);
    let changed = one.clone().change(ClientChange {
        name: Some(name("Neu")),
        status: Some(ClientStatus::Disabled),
        scopes: Some(ScopeSet::parse("a b").unwrap()),
    });
    assert!(write(&**db, |unit| unit.clients().update(&changed)));
    assert_eq!(known(db, &one).unwrap().client, changed);
    assert_eq!(known(db, &other).unwrap().client, other, "and no other");

    assert!(write(&**db, |unit| unit.clients().delete(one.key)));
    assert!(known(db, &one).is_none());
    assert_eq!(known(db, &other).unwrap().secrets, [secret(2)]);
    assert!(!write(&**db, |unit| unit.clients().delete(one.key)));
    assert!(!write(&**db, |unit| unit.clients().update(&changed)));
    // Were its secret still there, its id would still be taken.
    add(db, &client(3, of_tenant(tenant.number)), 1);
}

pub(crate) fn get_and_lose_secrets(db: &TestDatabase) {
    let (one, other) = (
        client(1, ClientOwner::Operator(EnvironmentAccess::All)),
        client(2, ClientOwner::Operator(EnvironmentAccess::All)),
    );
    add(db, &one, 1);
    add(db, &other, 2);
    write(&**db, |unit| {
        unit.clients().insert_secret(one.key, &secret(3))
    });
    let secrets = |client: &Client| known(db, client).unwrap().secrets;
    assert_eq!(secrets(&one), [secret(1), secret(3)], "oldest first");
    let set = |client: &Client, n, end| {
        let id = secret(n).id;
        write(&**db, |unit| unit.clients().set_expiry(client.key, id, end))
    };
    assert!(set(&one, 1, Some(at(99))));
    assert_eq!(secrets(&one)[0].expires_at, Some(at(99)));
    assert_eq!(secrets(&one)[1], secret(3));
    assert!(set(&one, 1, None));
    assert_eq!(secrets(&one), [secret(1), secret(3)]);
    assert!(!set(&one, 2, Some(at(99))), "not this client's");
    let delete = |client: &Client, n| {
        let id = secret(n).id;
        write(&**db, |unit| unit.clients().delete_secret(client.key, id))
    };
    assert!(!delete(&one, 2));
    assert!(delete(&one, 1));
    assert!(!delete(&one, 1));
    assert_eq!(secrets(&one), [secret(3)]);
    assert_eq!(secrets(&other), [secret(2)]);
}
