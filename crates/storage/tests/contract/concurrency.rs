//! Many at the same time.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tenantry_domain::{
    environment::EnvironmentAccess,
    port::{Store, StoreError, Unique, VersionedWrite},
    tenant::{NewTenant, TenantChange, TenantFilter},
    version::Version,
};
use tenantry_storage::{Database, testing::TestDatabase};

use crate::make::{
    at, by_id, count, data, environment_id, environments, insert, label, page, read, tenant_in,
    total, try_write, write,
};

/// Runs `work` in many threads that begin together, and gives their results.
fn together<T: Send>(threads: u128, work: impl Fn(u128) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(usize::try_from(threads).unwrap());
    thread::scope(|scope| {
        let (start, work) = (&start, &work);
        let running: Vec<_> = (1..=threads)
            .map(|n| {
                scope.spawn(move || {
                    start.wait();
                    work(n)
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

pub(crate) fn one_of_many_gets_a_label(db: &TestDatabase) {
    environments(&**db, &[1]);
    let other_process = db.open_again();
    let results = together(16, |n| {
        let new = NewTenant {
            label: label("wanted"),
            ..tenant_in(1, n)
        };
        let store: &Database = if n % 2 == 0 { db } else { &other_process };
        try_write(store, |unit| unit.tenants().insert(&new))
    });
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for result in lost {
        let taken = matches!(result, Err(StoreError::Taken(Unique::TenantLabel)));
        assert!(taken, "{result:?}");
    }
    assert_eq!(count(&**db), 1);
}

pub(crate) fn one_of_many_changes_a_version(db: &TestDatabase) {
    environments(&**db, &[1]);
    let tenant = insert(&**db, tenant_in(1, 1));
    let results = together(16, |n| {
        let change = TenantChange {
            data: Some(data(&format!("{{\"by\":{n}}}"))),
            ..TenantChange::default()
        };
        let changed = tenant.clone().change(change, at(500)).unwrap();
        let done = write(&**db, |unit| {
            unit.tenants().update(&changed, tenant.version)
        });
        (done, changed)
    });
    let next = tenant.version.next().unwrap();
    let mut winners = Vec::new();
    for (outcome, changed) in results {
        match outcome {
            VersionedWrite::Done => winners.push(changed),
            VersionedWrite::Stale(stored) => assert_eq!(stored, next),
            VersionedWrite::Missing => panic!("it is there"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(by_id(&**db, tenant.id), winners.pop());
}

pub(crate) fn no_update_is_lost(db: &TestDatabase) {
    environments(&**db, &[1]);
    let tenant = insert(&**db, tenant_in(1, 1));
    // Each reads, then writes in another unit, and tries again where it was too late.
    together(8, |_| {
        let mut done = 0;
        while done < 10 {
            let read = by_id(&**db, tenant.id).unwrap();
            let version = read.version;
            let changed = read.change(TenantChange::default(), at(500)).unwrap();
            if write(&**db, |unit| unit.tenants().update(&changed, version)) == VersionedWrite::Done
            {
                done += 1;
            }
        }
    });
    assert_eq!(
        by_id(&**db, tenant.id).unwrap().version,
        Version::new(81).unwrap()
    );
}

pub(crate) fn snapshots_hold_while_others_write(db: &TestDatabase) {
    environments(&**db, &[1, 2]);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Always one in each environment, both or none.
            for n in 1..=100 {
                write(&**db, |unit| {
                    unit.tenants().insert(&tenant_in(1, 2 * n))?;
                    unit.tenants().insert(&tenant_in(2, 2 * n + 1))
                });
            }
            done.store(true, Ordering::SeqCst);
        });
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    read(&**db, |unit| {
                        let all = total(unit.tenants())?;
                        let access = EnvironmentAccess::All;
                        let listed = unit
                            .tenants()
                            .page(&access, &TenantFilter::default(), page(1000, None))?
                            .items;
                        let here = |n| {
                            let id = environment_id(n);
                            listed
                                .iter()
                                .filter(move |head| head.environment_id == id)
                                .count()
                        };
                        assert_eq!(u64::try_from(listed.len()).unwrap(), all);
                        assert_eq!(here(1), here(2));
                        Ok(())
                    });
                }
            });
        }
    });
    assert_eq!(count(&**db), 200);
}

pub(crate) fn two_processes_write_side_by_side(db: &TestDatabase) {
    environments(&**db, &[1]);
    let other_process = db.open_again();
    together(8, |thread| {
        let store: &Database = if thread % 2 == 0 { db } else { &other_process };
        for n in 1..=25 {
            let new = tenant_in(1, 1000 * thread + n);
            // A unit that reads before it writes is the one that can meet a lock half way.
            write(store, |unit| {
                let before = total(unit.tenants())?;
                unit.tenants().insert(&new)?;
                assert_eq!(total(unit.tenants())?, before + 1);
                Ok(())
            });
            assert!(
                by_id(store, new.id).is_some(),
                "what was acknowledged is seen"
            );
            store.check().unwrap();
        }
    });
    assert_eq!(count(&**db), 200);
}

pub(crate) fn numbers_rise_in_the_order_of_changes(db: &TestDatabase) {
    use tenantry_domain::{change::ChangeType, change::Origin};

    environments(&**db, &[1]);
    let environment = read(&**db, |unit| unit.environments().by_id(environment_id(1))).unwrap();
    let other_process = db.open_again();
    together(8, |thread| {
        let store: &Database = if thread % 2 == 0 { db } else { &other_process };
        for n in 1..=10 {
            let mut unit = store.begin().unwrap();
            let new = tenant_in(1, 1000 * thread + n);
            let number = unit.tenants().insert(&new).unwrap();
            let tenant = new.numbered(number);
            let kind = ChangeType::TenantCreated;
            let change = Origin::CLI.tenant(kind, at(number.get()), &tenant, &environment);
            unit.changes().append(&change).unwrap();
            // Every third one is rolled back.
            if n % 3 != 0 {
                unit.commit().unwrap();
            }
        }
    });
    let changes = db.changes();
    let sequences: Vec<_> = changes.iter().map(|one| one.sequence).collect();
    assert_eq!(sequences, (1..=56).collect::<Vec<_>>(), "no gap");
    let times: Vec<_> = changes.iter().map(|one| one.time).collect();
    assert!(
        times.is_sorted(),
        "in the order in which tenants got their numbers"
    );
}
