//! Tenants.

use std::collections::BTreeSet;

use tenantry_domain::{
    environment::EnvironmentAccess,
    id::{TenantId, TenantNumber},
    port::{Store, StoreError, VersionedWrite},
    tenant::{NewTenant, TenantChange, TenantFilter, TenantStatus},
    version::Version,
};
use tenantry_storage::testing::TestDatabase;
use uuid::Uuid;

use crate::make::{
    at, by_id, count, data, environments, insert, name, page, read, tenant_in, try_write, version,
    write,
};

pub(crate) fn come_back_as_they_went_in(db: &TestDatabase) {
    environments(&**db, &[1, 2]);
    let new = NewTenant {
        name: name("Überall 🌏"),
        data: data(r#"{"z":1,"a":[null,true]}"#),
        version: version(7),
        ..tenant_in(2, 1)
    };
    let tenant = insert(&**db, new.clone());
    assert_eq!(by_id(&**db, new.id), Some(tenant.clone()));
    assert_eq!(tenant.number, TenantNumber::new(1), "numbers begin at 1");
    assert_eq!(tenant.status, TenantStatus::Active);
    assert_eq!(by_id(&**db, tenant_in(1, 2).id), None);
    let heads = read(&**db, |unit| {
        unit.tenants().page(
            &EnvironmentAccess::All,
            &TenantFilter::default(),
            page(10, None),
        )
    });
    assert_eq!(heads.items, [tenant.head().clone()]);
}

pub(crate) fn get_rising_numbers_that_never_come_back(db: &TestDatabase) {
    environments(&**db, &[1]);
    let mut seen = BTreeSet::new();
    for n in 1..=5 {
        let tenant = insert(&**db, tenant_in(1, n));
        assert!(seen.iter().all(|&earlier| earlier < tenant.number));
        assert!(tenant.number.get() >= 1);
        seen.insert(tenant.number);
        // The largest number is the one that a mere maximum would give out again.
        let deleted = write(&**db, |unit| {
            unit.tenants().delete(tenant.number, tenant.version)
        });
        assert_eq!(deleted, VersionedWrite::Done);
    }
    assert_eq!(count(&**db), 0);
    let later = insert(&db.open_again(), tenant_in(1, 6));
    assert!(!seen.contains(&later.number), "also in another process");
}

pub(crate) fn are_updated_from_the_version_that_was_read(db: &TestDatabase) {
    environments(&**db, &[1]);
    let (one, other) = (
        insert(&**db, tenant_in(1, 1)),
        insert(&**db, tenant_in(1, 2)),
    );
    let change = TenantChange {
        name: Some(name("Other")),
        data: Some(data(r#"{"b":2}"#)),
        status: Some(TenantStatus::Suspended),
        ..TenantChange::default()
    };
    let changed = one.clone().change(change, at(500)).unwrap();
    let update = |read: Version| write(&**db, |unit| unit.tenants().update(&changed, read));

    assert_eq!(update(version(9)), VersionedWrite::Stale(one.version));
    assert_eq!(
        by_id(&**db, one.id),
        Some(one.clone()),
        "nothing was written"
    );
    assert_eq!(update(one.version), VersionedWrite::Done);
    assert_eq!(by_id(&**db, one.id), Some(changed.clone()));
    assert_eq!(update(one.version), VersionedWrite::Stale(changed.version));
    assert_eq!(
        by_id(&**db, other.id),
        Some(other),
        "no other one was written"
    );

    let gone = tenant_in(1, 3).numbered(TenantNumber::new(77));
    let missing = write(&**db, |unit| unit.tenants().update(&gone, Version::FIRST));
    assert_eq!(missing, VersionedWrite::Missing);
    assert_eq!(count(&**db), 2, "an update makes nothing");
}

pub(crate) fn are_deleted_in_the_version_that_was_read(db: &TestDatabase) {
    environments(&**db, &[1]);
    let (one, other) = (
        insert(&**db, tenant_in(1, 1)),
        insert(&**db, tenant_in(1, 2)),
    );
    let delete = |read| write(&**db, |unit| unit.tenants().delete(one.number, read));
    assert_eq!(delete(version(2)), VersionedWrite::Stale(Version::FIRST));
    assert_eq!(by_id(&**db, one.id), Some(one.clone()));
    assert_eq!(delete(Version::FIRST), VersionedWrite::Done);
    assert_eq!(by_id(&**db, one.id), None);
    assert_eq!(delete(Version::FIRST), VersionedWrite::Missing);
    assert_eq!(by_id(&**db, other.id), Some(other));
    let again = insert(&**db, tenant_in(1, 1));
    assert_ne!(
        again.number, one.number,
        "its id and label are free, its number is not"
    );
}

pub(crate) fn may_change_their_id(db: &TestDatabase) {
    environments(&**db, &[1]);
    let one = insert(&**db, tenant_in(1, 1));
    let change = TenantChange {
        id: Some(TenantId::from_uuid(Uuid::from_u128(99))),
        ..TenantChange::default()
    };
    let changed = one.clone().change(change, at(500)).unwrap();
    let written = write(&**db, |unit| unit.tenants().update(&changed, one.version));
    assert_eq!(written, VersionedWrite::Done);
    assert_eq!(by_id(&**db, one.id), None);
    assert_eq!(by_id(&**db, changed.id), Some(changed));
}

pub(crate) fn need_their_environment(db: &TestDatabase) {
    let result = try_write(&**db, |unit| unit.tenants().insert(&tenant_in(1, 1)));
    assert!(matches!(result, Err(StoreError::Referenced)), "{result:?}");
}

pub(crate) fn with_a_bad_row_are_corrupt(db: &TestDatabase) {
    environments(&**db, &[1]);
    let tenant = insert(&**db, tenant_in(1, 1));
    db.execute("UPDATE tenants SET label = 'Not A Label'");
    let result = db.snapshot().unwrap().tenants().by_id(tenant.id);
    match result {
        Err(StoreError::Corrupt(text)) => {
            assert!(text.contains("label of tenant 1"), "{text}");
            assert!(!text.contains("Not A Label"), "{text}");
        }
        other => panic!("{other:?}"),
    }
}
