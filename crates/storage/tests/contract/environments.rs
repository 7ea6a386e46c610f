//! Environments and regions.

use tenantry_domain::{
    environment::{DeploymentModel, Environment, EnvironmentAccess, EnvironmentChange},
    port::{StoreError, VersionedWrite},
    version::Version,
};
use tenantry_storage::testing::TestDatabase;

use crate::make::{
    at, domain, environment, environment_id, environment_record, environments, insert, name, only,
    page, read, region, tenant_in, try_write, version, write,
};

pub(crate) fn come_back_as_they_went_in(db: &TestDatabase) {
    let mut record = environment_record(2);
    record.deployment_model = DeploymentModel::Public;
    record.name = name("Überall 🌏");
    record.tenant_domain = domain("xn--mnchen-3ya.example");
    record.version = version(2_147_483_647);
    record.updated_at = at(9999);
    let other = Environment::from_record(record);
    write(&**db, |unit| {
        unit.environments().insert_region(&region(1))?;
        unit.environments().insert(&environment(1))?;
        unit.environments().insert(&other)
    });
    read(&**db, |unit| {
        let environments = unit.environments();
        assert_eq!(environments.by_id(other.id)?.as_ref(), Some(&other));
        assert_eq!(environments.by_id(environment_id(1))?, Some(environment(1)));
        assert_eq!(environments.by_id(environment_id(3))?, None);
        let by = environments.by_domain(&domain("e1.example"))?;
        assert_eq!(by, Some(environment(1)));
        assert_eq!(environments.by_domain(&domain("t1.example"))?, None);
        let by = environments.by_tenant_domain(&domain("xn--mnchen-3ya.example"))?;
        assert_eq!(by.as_ref(), Some(&other));
        assert_eq!(environments.by_tenant_domain(&domain("e1.example"))?, None);
        assert_eq!(environments.region_by_id(region(1).id)?, Some(region(1)));
        assert_eq!(environments.region_by_id(region(2).id)?, None);
        assert_eq!(environments.region_by_name(&name("R1"))?, Some(region(1)));
        assert_eq!(
            environments.region_by_name(&name("r1"))?,
            None,
            "letter case matters"
        );
        Ok(())
    });
}

pub(crate) fn are_found_several_at_once(db: &TestDatabase) {
    environments(&**db, &[1, 2, 3]);
    read(&**db, |unit| {
        let mut by_ids = |ids: &[u128]| {
            let ids = ids.iter().map(|&n| environment_id(n)).collect();
            unit.environments().by_ids(&ids)
        };
        assert_eq!(by_ids(&[3, 1, 77])?, [environment(1), environment(3)]);
        assert_eq!(by_ids(&[])?, []);
        Ok(())
    });
}

pub(crate) fn one_at_the_most_is_the_default(db: &TestDatabase) {
    environments(&**db, &[1, 2]);
    let default = || read(&**db, |unit| unit.environments().default());
    let set = |n| {
        write(&**db, |unit| {
            unit.environments().set_default(environment_id(n))
        })
    };
    assert_eq!(default(), None, "none is the default unasked");
    for n in [1, 2, 2, 1] {
        assert!(set(n));
        assert_eq!(default(), Some(environment(n)));
    }
    assert!(!set(3));
    assert_eq!(default(), Some(environment(1)), "a miss changes nothing");
}

pub(crate) fn need_their_region(db: &TestDatabase) {
    let result = try_write(&**db, |unit| unit.environments().insert(&environment(1)));
    assert!(matches!(result, Err(StoreError::Referenced)), "{result:?}");
}

pub(crate) fn are_shown_to_those_who_may_see_them(db: &TestDatabase) {
    environments(&**db, &[1, 2, 3]);
    let shown = |access: &EnvironmentAccess| {
        let page = read(&**db, |unit| {
            unit.environments().page(access, page(10, None))
        });
        page.items
    };
    assert_eq!(
        shown(&EnvironmentAccess::All),
        [environment(1), environment(2), environment(3)]
    );
    assert_eq!(shown(&only(&[3, 1, 9])), [environment(1), environment(3)]);
    assert_eq!(shown(&only(&[])), []);
}

pub(crate) fn are_changed_and_deleted_in_the_version_that_was_read(db: &TestDatabase) {
    environments(&**db, &[1, 2]);
    let change = EnvironmentChange {
        name: Some(name("Neu")),
        domain: Some(domain("new.example")),
        tenant_domain: Some(domain("t.new.example")),
    };
    let changed = environment(1).change(change, at(500)).unwrap();
    let update = |read| write(&**db, |unit| unit.environments().update(&changed, read));
    let by_id = |n| read(&**db, |unit| unit.environments().by_id(environment_id(n)));
    assert_eq!(update(version(7)), VersionedWrite::Stale(Version::FIRST));
    assert_eq!(by_id(1), Some(environment(1)));
    assert_eq!(update(Version::FIRST), VersionedWrite::Done);
    assert_eq!(by_id(1), Some(changed.clone()));
    assert_eq!(by_id(2), Some(environment(2)), "and no other");
    let delete = |n, read| {
        let id = environment_id(n);
        write(&**db, |unit| unit.environments().delete(id, read))
    };
    assert_eq!(delete(1, Version::FIRST), VersionedWrite::Stale(version(2)));
    assert_eq!(delete(1, version(2)), VersionedWrite::Done);
    assert_eq!(delete(1, version(2)), VersionedWrite::Missing);
    assert_eq!(update(version(2)), VersionedWrite::Missing);
    assert_eq!(by_id(1), None);
    assert_eq!(by_id(2), Some(environment(2)));
}

pub(crate) fn are_known_to_have_tenants(db: &TestDatabase) {
    environments(&**db, &[1, 2]);
    let any_in = |n| read(&**db, |unit| unit.tenants().any_in(environment_id(n)));
    assert!(!any_in(1));
    let tenant = insert(&**db, tenant_in(1, 1));
    assert!(any_in(1) && !any_in(2));
    let deleted = try_write(&**db, |unit| {
        unit.environments()
            .delete(environment_id(1), Version::FIRST)
    });
    assert!(
        matches!(deleted, Err(StoreError::Referenced)),
        "{deleted:?}"
    );
    let _ = write(&**db, |unit| {
        unit.tenants().delete(tenant.number, tenant.version)
    });
    assert!(!any_in(1));
}
