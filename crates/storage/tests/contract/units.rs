//! Units: all or nothing, one state, and no waiting without end.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use tenantry_domain::{
    environment::Region,
    port::{Store, StoreError, Unique},
};
use tenantry_storage::testing::TestDatabase;

use crate::make::{
    account, count, environment_id, environments, insert, key, read, region, tenant_in, total,
    write,
};

pub(crate) fn dropped_without_commit_have_done_nothing(db: &TestDatabase) {
    environments(&**db, &[1]);
    for _ in 0..3 {
        let mut unit = db.begin().unwrap();
        unit.tenants().insert(&tenant_in(1, 1)).unwrap();
        unit.accounts().insert(&account(1)).unwrap();
        unit.keys().insert(&key(1)).unwrap();
        assert_eq!(total(unit.tenants()).unwrap(), 1);
        drop(unit);
        assert_eq!(count(&**db), 0);
    }
    assert!(!read(&**db, |unit| unit.accounts().any()));
    assert_eq!(read(&**db, |unit| unit.keys().all()), []);
    // And the writer is free.
    insert(&**db, tenant_in(1, 1));
}

pub(crate) fn that_panic_have_done_nothing(db: &TestDatabase) {
    environments(&**db, &[1]);
    let fell = catch_unwind(AssertUnwindSafe(|| {
        let mut unit = db.begin().unwrap();
        unit.tenants().insert(&tenant_in(1, 1)).unwrap();
        std::panic::resume_unwind(Box::new("as a handler may"));
    }));
    assert!(fell.is_err());
    assert_eq!(count(&**db), 0);
    insert(&**db, tenant_in(1, 1));
}

pub(crate) fn that_failed_can_only_be_dropped(db: &TestDatabase) {
    environments(&**db, &[1]);
    let mut unit = db.begin().unwrap();
    unit.tenants().insert(&tenant_in(1, 1)).unwrap();
    let again = Region {
        id: region(2).id,
        ..region(1)
    };
    let taken = unit.environments().insert_region(&again);
    assert!(
        matches!(taken, Err(StoreError::Taken(Unique::RegionName))),
        "{taken:?}"
    );
    assert!(matches!(total(unit.tenants()), Err(StoreError::Failed(_))));
    assert!(matches!(unit.commit(), Err(StoreError::Failed(_))));
    assert_eq!(count(&**db), 0, "what went before is undone too");
    insert(&**db, tenant_in(1, 1));
}

pub(crate) fn see_their_own_writes(db: &TestDatabase) {
    environments(&**db, &[1]);
    let mut unit = db.begin().unwrap();
    let new = tenant_in(1, 1);
    let number = unit.tenants().insert(&new).unwrap();
    assert_eq!(
        unit.tenants().by_id(new.id).unwrap(),
        Some(new.clone().numbered(number))
    );
    assert!(unit.environments().set_default(environment_id(1)).unwrap());
    assert!(unit.environments().default().unwrap().is_some());
    assert_eq!(count(&**db), 0, "nobody else does");
    unit.commit().unwrap();
    assert_eq!(count(&**db), 1, "until they are committed");
    assert_eq!(count(&db.open_again()), 1);
}

pub(crate) fn read_one_state(db: &TestDatabase) {
    environments(&**db, &[1]);
    let mut snapshot = db.snapshot().unwrap();
    assert_eq!(total(snapshot.tenants()).unwrap(), 0);
    let tenant = insert(&**db, tenant_in(1, 1));
    write(&**db, |unit| unit.keys().insert(&key(1)));
    assert_eq!(total(snapshot.tenants()).unwrap(), 0);
    assert_eq!(snapshot.tenants().by_id(tenant.id).unwrap(), None);
    assert_eq!(snapshot.keys().all().unwrap(), []);
    drop(snapshot);
    assert_eq!(count(&**db), 1);
}

pub(crate) fn wait_no_longer_than_they_may(db: &TestDatabase) {
    let patience = Duration::from_millis(300);
    let (hasty, other) = (db.open_impatient(patience), db.open_impatient(patience));
    let refused = |result: Result<(), StoreError>| {
        assert!(
            matches!(result, Err(StoreError::Unavailable(_))),
            "{result:?}"
        );
    };
    let asked = Instant::now();
    {
        // The one writer of this process is taken; then that of another process is.
        let _writing = hasty.begin().unwrap();
        refused(hasty.begin().map(drop));
        refused(other.begin().map(drop));
        let _reading: Vec<_> = (0..hasty.readers())
            .map(|_| hasty.snapshot().unwrap())
            .collect();
        refused(hasty.snapshot().map(drop));
        refused(hasty.check());
        assert!(other.snapshot().is_ok());
    }
    let waited = asked.elapsed();
    assert!(waited >= patience * 4, "{waited:?}");
    assert!(
        waited < patience * 4 + Duration::from_secs(10),
        "{waited:?}"
    );
    assert!(
        hasty.begin().is_ok() && other.begin().is_ok(),
        "and all is well again"
    );
    assert_eq!(hasty.check().map_err(|error| error.to_string()), Ok(()));
}
