//! Environments and regions.

use tenantry_domain::{
    environment::{DeploymentModel, Environment, EnvironmentAccess},
    port::StoreError,
};
use tenantry_storage::testing::TestDatabase;

use crate::make::{
    at, domain, environment, environment_id, environment_record, environments, name, only, page,
    read, region, try_write, version, write,
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
