//! Pages by cursor.

use std::collections::BTreeSet;

use tenantry_domain::{
    environment::{Environment, EnvironmentAccess},
    id::TenantId,
    page::Cursor,
    port::VersionedWrite,
    tenant::{NewTenant, TenantFilter, TenantHead},
    version::Version,
};
use tenantry_storage::testing::TestDatabase;
use uuid::Uuid;

use crate::make::{
    at, client, environment_record, environments, insert, of_tenant, only, page, read, secret,
    tenant_in, write,
};

/// Tenant `n` of `many`, four to an instant, in an order of ids that is not that of `n`.
fn scattered(environment: u128, n: u128) -> NewTenant {
    NewTenant {
        id: TenantId::from_uuid(Uuid::from_u128((n * 7919) % 1009 + 1)),
        created_at: at(i64::try_from(n / 4).unwrap()),
        ..tenant_in(environment, n)
    }
}

fn place(head: &TenantHead) -> Cursor {
    Cursor {
        created_at: head.created_at,
        id: head.id.as_uuid(),
    }
}

/// Reads the whole list page by page; `between` is called after each page.
fn walk(
    db: &TestDatabase,
    access: &EnvironmentAccess,
    limit: usize,
    mut between: impl FnMut(usize),
) -> Vec<TenantHead> {
    let mut seen = Vec::new();
    let mut after = None;
    for pages in 1.. {
        let page = read(&**db, |unit| {
            unit.tenants()
                .page(access, &TenantFilter::default(), page(limit, after))
        });
        assert!(page.items.len() <= limit);
        assert_eq!(page.next, page.items.last().map(place));
        if page.items.is_empty() {
            break;
        }
        assert!(page.next > after, "a page begins behind the one before");
        after = page.next;
        seen.extend(page.items);
        between(pages);
    }
    seen
}

fn in_order(mut heads: Vec<TenantHead>) -> Vec<TenantHead> {
    heads.sort_by_key(place);
    heads
}

pub(crate) fn every_object_is_seen_once(db: &TestDatabase) {
    environments(&**db, &[1]);
    let all: Vec<_> = (1..=30)
        .map(|n| insert(&**db, scattered(1, n)).head().clone())
        .collect();
    let all = in_order(all);
    for limit in [1, 3, 4, 7, 29, 30, 31, 1000] {
        assert_eq!(
            walk(db, &EnvironmentAccess::All, limit, |_| ()),
            all,
            "{limit}"
        );
        assert_eq!(walk(db, &only(&[1]), limit, |_| ()), all, "{limit}");
    }
}

pub(crate) fn rows_that_come_and_go_disturb_no_other(db: &TestDatabase) {
    environments(&**db, &[1, 2]);
    for access in [EnvironmentAccess::All, only(&[1, 2])] {
        walk_while_rows_come_and_go(db, &access);
        db.execute("DELETE FROM tenants");
    }
}

fn walk_while_rows_come_and_go(db: &TestDatabase, access: &EnvironmentAccess) {
    let all: Vec<_> = (1..=40)
        .map(|n| insert(&**db, scattered(1 + n % 2, n)).head().clone())
        .collect();
    let all = in_order(all);
    let (mut gone, mut early, mut late) = (Vec::new(), Vec::new(), Vec::new());
    let seen = walk(db, access, 6, |pages| {
        if pages > 4 {
            return;
        }
        // The last one of the page (the cursor itself), one that was seen, one that was
        // not; then a new one before and one behind all of them.
        let end = pages * 6 - 1;
        for head in [&all[end], &all[end - 2], &all[39 - pages]] {
            let deleted = write(&**db, |unit| {
                unit.tenants().delete(head.number, Version::FIRST)
            });
            assert_eq!(deleted, VersionedWrite::Done);
            gone.push(head.number);
        }
        let n = 2000 + 10 * u128::try_from(pages).unwrap();
        let (first, last) = (tenant_in(1, n), tenant_in(2, n + 1));
        early.push(
            insert(
                &**db,
                NewTenant {
                    created_at: at(-100),
                    ..first
                },
            )
            .number,
        );
        late.push(
            insert(
                &**db,
                NewTenant {
                    created_at: at(5000),
                    ..last
                },
            )
            .number,
        );
    });
    assert_eq!(seen, in_order(seen.clone()), "in order");
    let numbers: BTreeSet<_> = seen.iter().map(|head| head.number).collect();
    assert_eq!(numbers.len(), seen.len(), "nothing twice");
    for head in &all {
        let number = &head.number;
        assert!(
            gone.contains(number) || numbers.contains(number),
            "{head:?}"
        );
    }
    assert!(late.iter().all(|number| numbers.contains(number)));
    assert!(early.iter().all(|number| !numbers.contains(number)));
}

pub(crate) fn pages_of_some_environments_are_merged_in_order(db: &TestDatabase) {
    environments(&**db, &[1, 2, 3, 4]);
    let all: Vec<_> = (1..=60)
        .map(|n| insert(&**db, scattered(1 + (n * n) % 4, n)).head().clone())
        .collect();
    for ids in [&[1][..], &[2, 1], &[1, 2, 3, 4], &[3, 99], &[99]] {
        let access = only(ids);
        let of_these = all
            .iter()
            .filter(|head| access.permits(head.environment_id));
        let of_these = in_order(of_these.cloned().collect());
        for limit in [1, 2, 5, 60] {
            assert_eq!(
                walk(db, &access, limit, |_| ()),
                of_these,
                "{ids:?} {limit}"
            );
        }
    }
}

pub(crate) fn nothing_is_visible_to_who_may_see_nothing(db: &TestDatabase) {
    environments(&**db, &[1]);
    insert(&**db, tenant_in(1, 1));
    read(&**db, |unit| {
        let tenants = unit
            .tenants()
            .page(&only(&[]), &TenantFilter::default(), page(10, None))?;
        assert_eq!((tenants.items, tenants.next), (Vec::new(), None));
        let environments = unit.environments().page(&only(&[]), page(10, None))?;
        assert_eq!((environments.items, environments.next), (Vec::new(), None));
        Ok(())
    });
}

pub(crate) fn a_last_page_says_where_to_go_on(db: &TestDatabase) {
    environments(&**db, &[1]);
    insert(&**db, tenant_in(1, 1));
    let all = &EnvironmentAccess::All;
    let last = read(&**db, |unit| {
        unit.tenants()
            .page(all, &TenantFilter::default(), page(10, None))
    });
    assert_eq!(last.items.len(), 1);
    let nothing = read(&**db, |unit| {
        unit.tenants()
            .page(all, &TenantFilter::default(), page(10, last.next))
    });
    assert_eq!((nothing.items, nothing.next), (Vec::new(), None));
    let newer = insert(&**db, tenant_in(1, 2));
    let more = read(&**db, |unit| {
        unit.tenants()
            .page(all, &TenantFilter::default(), page(10, last.next))
    });
    assert_eq!(more.items, [newer.head().clone()]);
}

pub(crate) fn clients_and_environments_are_paged_likewise(db: &TestDatabase) {
    environments(&**db, &[]);
    let all: Vec<_> = (1..=9)
        .map(|n| {
            let mut record = environment_record(n);
            // Three to an instant, the later ones first.
            record.created_at = at(i64::try_from((9 - n) / 3).unwrap());
            Environment::from_record(record)
        })
        .collect();
    for one in &all {
        write(&**db, |unit| unit.environments().insert(one));
    }
    let tenant = insert(&**db, tenant_in(1, 1));
    for n in (1..=9).rev() {
        let client = client(n, of_tenant(tenant.number));
        write(&**db, |unit| unit.clients().insert(&client, &secret(n)));
    }
    let mut expected = all;
    expected.sort_by_key(|one| (one.created_at, one.id));
    for access in [EnvironmentAccess::All, only(&[1, 2, 3, 4, 5, 6, 7, 8, 9])] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = read(&**db, |unit| {
                unit.environments().page(&access, page(2, after))
            });
            if page.items.is_empty() {
                break;
            }
            assert!(page.next > after);
            after = page.next;
            seen.extend(page.items);
        }
        assert_eq!(seen, expected);
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = read(&**db, |unit| {
            unit.clients().page_of_tenant(tenant.number, page(2, after))
        });
        if page.items.is_empty() {
            break;
        }
        assert!(page.next > after);
        after = page.next;
        seen.extend(
            page.items
                .into_iter()
                .map(|client| client.key.as_uuid().as_u128()),
        );
    }
    assert_eq!(seen, (1..=9).collect::<Vec<_>>());
}
