//! Units that share a commit: each is kept or undone alone, and all that are kept become
//! durable at once or not at all.

use std::{
    collections::{BTreeSet, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, mpsc},
    thread,
};

use tenantry_domain::{
    change::{ChangeType, Origin},
    error::Error,
    group::{self, Member, Task},
    port::{Store, StoreError, Unique, UnitOfWork},
    tenant::NewTenant,
};
use tenantry_storage::{Database, testing::TestDatabase};

use crate::make::{
    at, by_id, count, environment_id, environments, insert, label, read, tenant_in, total,
};

fn put(unit: &mut dyn UnitOfWork, new: &NewTenant) -> Result<(), StoreError> {
    unit.tenants().insert(new).map(drop)
}

pub(crate) fn keep_what_succeeds_and_undo_the_rest_alone(db: &TestDatabase) {
    environments(&**db, &[1]);
    let mut group = db.begin_group().unwrap();
    let mut kept = |n| {
        let mut unit = group.unit().unwrap();
        put(&mut *unit, &tenant_in(1, n)).unwrap();
        assert_eq!(
            total(unit.tenants()).unwrap() > 1,
            n > 1,
            "it sees those before it"
        );
        unit.commit().unwrap();
    };
    kept(1);
    kept(2);
    {
        let mut dropped = group.unit().unwrap();
        put(&mut *dropped, &tenant_in(1, 3)).unwrap();
    }
    {
        let mut failed = group.unit().unwrap();
        put(&mut *failed, &tenant_in(1, 4)).unwrap();
        let taken = put(&mut *failed, &tenant_in(1, 1));
        assert!(matches!(taken, Err(StoreError::Taken(_))), "{taken:?}");
        let further = total(failed.tenants());
        assert!(matches!(further, Err(StoreError::Failed(_))), "{further:?}");
        assert!(matches!(failed.commit(), Err(StoreError::Failed(_))));
    }
    let fell = catch_unwind(AssertUnwindSafe(|| {
        let mut unit = group.unit().unwrap();
        put(&mut *unit, &tenant_in(1, 5)).unwrap();
        std::panic::resume_unwind(Box::new("as work may"));
    }));
    assert!(fell.is_err());
    assert!(group.is_open());
    let mut last = group.unit().unwrap();
    assert_eq!(total(last.tenants()).unwrap(), 2);
    put(&mut *last, &tenant_in(1, 6)).unwrap();
    last.commit().unwrap();
    assert_eq!(count(&**db), 0, "nobody else sees any of them");
    group.commit().unwrap();
    assert_eq!(count(&db.open_again()), 3);
    for (n, there) in [
        (1, true),
        (2, true),
        (3, false),
        (4, false),
        (5, false),
        (6, true),
    ] {
        assert_eq!(by_id(&**db, tenant_in(1, n).id).is_some(), there, "{n}");
    }
    assert_eq!(db.miscounted().unwrap(), 0);
}

pub(crate) fn that_are_dropped_have_done_nothing(db: &TestDatabase) {
    environments(&**db, &[1]);
    let mut group = db.begin_group().unwrap();
    for n in 1..=3 {
        let mut unit = group.unit().unwrap();
        put(&mut *unit, &tenant_in(1, n)).unwrap();
        unit.commit().unwrap();
    }
    drop(group);
    assert_eq!(count(&**db), 0);
    db.begin_group().unwrap().commit().unwrap();
    // And the writer is free.
    insert(&**db, tenant_in(1, 1));
}

pub(crate) fn end_with_a_first_unit_that_fails(db: &TestDatabase) {
    environments(&**db, &[1]);
    insert(&**db, tenant_in(1, 1));
    let mut group = db.begin_group().unwrap();
    let mut unit = group.unit().unwrap();
    put(&mut *unit, &tenant_in(1, 2)).unwrap();
    assert!(put(&mut *unit, &tenant_in(1, 1)).is_err());
    drop(unit);
    assert!(!group.is_open());
    group.commit().unwrap();
    assert_eq!(count(&**db), 1);
    insert(&**db, tenant_in(1, 2));
}

type Told = (u128, Result<(), Error>);

/// Work that makes that tenant, whoever has its label already, and sends what it is told.
fn making(new: NewTenant, wanted: bool, told: mpsc::Sender<Told>) -> Box<dyn Member> {
    let n = new.id.as_uuid().as_u128();
    Box::new(Task::new(
        move |unit: &mut dyn UnitOfWork| Ok(put(unit, &new)?),
        move || wanted,
        move |result| told.send((n, result)).unwrap(),
    ))
}

pub(crate) fn tell_each_how_its_own_work_went(db: &TestDatabase) {
    environments(&**db, &[1]);
    let (tell, told) = mpsc::channel();
    let twice = NewTenant {
        label: label("l1"),
        ..tenant_in(1, 3)
    };
    let mut work = VecDeque::from([
        making(tenant_in(1, 1), true, tell.clone()),
        making(tenant_in(1, 2), true, tell.clone()),
        making(twice, true, tell.clone()),
        making(tenant_in(1, 4), false, tell.clone()),
        making(tenant_in(1, 5), true, tell),
    ]);
    group::run(&**db, || {
        assert!(told.try_recv().is_err(), "nobody is told before the commit");
        work.pop_front()
    });
    let told: Vec<_> = told.iter().collect();
    assert_eq!(told.len(), 5);
    for (n, result) in told {
        let expected = match n {
            3 => matches!(
                result,
                Err(Error::Store(StoreError::Taken(Unique::TenantLabel)))
            ),
            4 => matches!(result, Err(Error::Store(StoreError::Unavailable(_)))),
            _ => result.is_ok(),
        };
        assert!(expected, "{n}: {result:?}");
    }
    assert_eq!(count(&**db), 3);
}

pub(crate) fn of_many_servers_keep_the_order_of_changes(db: &TestDatabase) {
    environments(&**db, &[1]);
    let environment = read(&**db, |unit| unit.environments().by_id(environment_id(1))).unwrap();
    let other_process = db.open_again();
    let acknowledged = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        for thread in 1..=6_u128 {
            let store: &Database = if thread % 2 == 0 { db } else { &other_process };
            let (environment, acknowledged) = (&environment, &acknowledged);
            scope.spawn(move || {
                for round in 1..=5 {
                    let mut group = store.begin_group().unwrap();
                    let mut kept = Vec::new();
                    for n in 1..=5 {
                        let mut unit = group.unit().unwrap();
                        let new = tenant_in(1, 1000 * thread + 10 * round + n);
                        let number = unit.tenants().insert(&new).unwrap();
                        let latest = unit.changes().latest_time().unwrap();
                        let time = latest.map_or(at(1), |latest| latest.plus_micros(1));
                        let tenant = new.numbered(number);
                        let kind = ChangeType::TenantCreated;
                        let change = Origin::CLI.tenant(kind, time, &tenant, environment);
                        unit.changes().append(&change).unwrap();
                        // The third is undone, and the first in one round of two.
                        if n != 3 && (n, round % 2) != (1, 0) {
                            unit.commit().unwrap();
                            kept.push(tenant.id);
                        } else {
                            drop(unit);
                            if !group.is_open() {
                                break;
                            }
                        }
                    }
                    group.commit().unwrap();
                    acknowledged.lock().unwrap().extend(kept);
                }
            });
        }
    });
    let acknowledged = acknowledged.into_inner().unwrap();
    assert_eq!(acknowledged.len(), 6 * 3 * 4);
    for id in &acknowledged {
        assert!(by_id(&**db, *id).is_some());
    }
    let changes = db.changes();
    let sequences: Vec<_> = changes.iter().map(|one| one.sequence).collect();
    assert_eq!(sequences, (1..=72).collect::<Vec<_>>(), "no gap");
    assert!(
        changes.is_sorted_by(|a, b| a.time < b.time),
        "numbers and times have one order"
    );
    assert_eq!(db.miscounted().unwrap(), 0);
}
