//! Records by filter, order and page number: what the domain's own model finds.

use std::collections::BTreeSet;

use tenantry_domain::{
    id::{TenantId, TenantNumber},
    page::NumberedPage,
    port::Store,
    record::{
        Bound, Direction, RecordFilter, RecordKey, RecordOrder, RecordPage, RecordQuery, Second,
        SecondRange,
    },
    tenant::{NewTenant, Tenant, TenantChange},
};
use tenantry_storage::testing::TestDatabase;
use uuid::Uuid;

use crate::make::{at, data, environments, insert, read, tenant_in, write};

pub(crate) fn numbered(page: u64, size: u64) -> NumberedPage {
    NumberedPage::parse(Some(&page.to_string()), Some(&size.to_string())).unwrap()
}

fn records(db: &TestDatabase, query: &RecordQuery) -> RecordPage {
    read(&**db, |unit| unit.tenants().record_page(query))
}

/// What a query finds among these tenants, by the domain's own rules.
fn model(all: &[Tenant], query: &RecordQuery) -> RecordPage {
    let mut found: Vec<_> = all
        .iter()
        .filter(|tenant| query.filter.matches(tenant))
        .collect();
    found.sort_by(|one, other| query.order.compare(one, other));
    let offset = usize::try_from(query.page.offset()).unwrap();
    RecordPage {
        total: u64::try_from(found.len()).unwrap(),
        tenants: found
            .into_iter()
            .skip(offset)
            .take(query.page.size().into())
            .cloned()
            .collect(),
    }
}

pub(crate) fn are_shown_by_number(db: &TestDatabase) {
    environments(&**db, &[1]);
    // Their times run against their numbers.
    let tenants: Vec<_> = (1..=5)
        .map(|n| {
            let created_at = at(100 - i64::try_from(n).unwrap());
            insert(
                &**db,
                NewTenant {
                    created_at,
                    data: data(&format!("{{\"n\":{n}}}")),
                    ..tenant_in(1, n)
                },
            )
        })
        .collect();
    let shown = |page, size| {
        let query = RecordQuery {
            page: numbered(page, size),
            ..RecordQuery::default()
        };
        let page = records(db, &query);
        assert_eq!(page.total, 5, "on every page, the empty ones too");
        page.tenants
    };
    assert_eq!(shown(1, 2), tenants[..2]);
    assert_eq!(shown(3, 2), tenants[4..]);
    assert_eq!(shown(4, 2), []);
    assert_eq!(shown(1, 0), []);
    assert_eq!(shown(u64::MAX, 1000), []);
}

/// Twelve tenants with gaps between their numbers, made and changed at times that are close
/// together.
fn scattered(db: &TestDatabase) -> Vec<Tenant> {
    environments(&**db, &[1]);
    (1..=24_u128)
        .filter_map(|n| {
            let half_seconds = i64::try_from(n / 3).unwrap();
            // In part in the same second, but never at the same instant.
            let micros = 500_000 * half_seconds + i64::try_from(n).unwrap();
            let created_at = at(0).plus_micros(micros);
            let new = NewTenant {
                id: TenantId::from_uuid(Uuid::from_u128((n * 7919) % 1009 + 1)),
                created_at,
                ..tenant_in(1, n)
            };
            let tenant = insert(&**db, new);
            if n % 2 == 0 {
                let _ = write(&**db, |unit| {
                    unit.tenants().delete(tenant.number, tenant.version)
                });
                return None;
            }
            let changed_at = created_at.plus_micros(700_000 * i64::try_from(n % 5).unwrap());
            let read = tenant.version;
            let changed = tenant.change(TenantChange::default(), changed_at).unwrap();
            let _ = write(&**db, |unit| unit.tenants().update(&changed, read));
            Some(changed)
        })
        .collect()
}

fn filters(all: &[Tenant]) -> Vec<RecordFilter> {
    let numbers = |picked: &[usize]| -> Option<BTreeSet<TenantNumber>> {
        Some(picked.iter().map(|&place| all[place].number).collect())
    };
    let ids = |picked: &[usize]| -> Option<BTreeSet<TenantId>> {
        Some(picked.iter().map(|&place| all[place].id).collect())
    };
    let range = |bound, seconds| SecondRange::default().within(bound, Second::of(at(seconds)));
    let nowhere = TenantNumber::new(i64::MAX);
    let none = RecordFilter::default();
    let mut filters = vec![
        none.clone(),
        RecordFilter {
            numbers: numbers(&[3]),
            ..none.clone()
        },
        RecordFilter {
            numbers: numbers(&[0, 5, 11, 2]),
            ..none.clone()
        },
        RecordFilter {
            numbers: Some([nowhere, TenantNumber::new(-1), all[1].number].into()),
            ..none.clone()
        },
        RecordFilter {
            numbers: Some([nowhere].into()),
            ..none.clone()
        },
        RecordFilter {
            numbers: Some(BTreeSet::new()),
            ..none.clone()
        },
        RecordFilter {
            ids: ids(&[7]),
            ..none.clone()
        },
        RecordFilter {
            ids: ids(&[1, 4, 9]),
            ..none.clone()
        },
        RecordFilter {
            ids: Some([TenantId::from_uuid(Uuid::max())].into()),
            ..none.clone()
        },
        RecordFilter {
            ids: Some(BTreeSet::new()),
            ..none.clone()
        },
        RecordFilter {
            numbers: numbers(&[1, 2, 3, 4]),
            ids: ids(&[3, 4, 5]),
            ..none.clone()
        },
        RecordFilter {
            numbers: numbers(&[1]),
            ids: ids(&[2]),
            ..none.clone()
        },
    ];
    for bound in Bound::ALL {
        for seconds in [-1, 0, 1, 2, 4, 100] {
            let range = range(bound, seconds);
            filters.push(RecordFilter {
                created: range,
                ..none.clone()
            });
            filters.push(RecordFilter {
                updated: range,
                ..none.clone()
            });
        }
    }
    let one_second = range(Bound::After, 1).within(Bound::Before, Second::of(at(1)));
    let nothing = range(Bound::After, 2).within(Bound::StrictlyBefore, Second::of(at(2)));
    filters.extend([
        RecordFilter {
            created: one_second,
            ..none.clone()
        },
        RecordFilter {
            created: one_second,
            updated: range(Bound::StrictlyAfter, 1),
            ..none.clone()
        },
        RecordFilter {
            created: nothing,
            ..none.clone()
        },
        RecordFilter {
            updated: nothing,
            ..none.clone()
        },
        RecordFilter {
            created: range(Bound::Before, 2),
            ids: ids(&[0, 1, 11]),
            ..none
        },
    ]);
    filters
}

fn orders() -> Vec<RecordOrder> {
    use Direction::{Ascending, Descending};
    use RecordKey::{CreatedAt, Number, UpdatedAt};
    let mut orders = vec![RecordOrder::default()];
    for direction in [Ascending, Descending] {
        for key in [Number, CreatedAt, UpdatedAt] {
            orders.push(RecordOrder::by([(key, direction)]));
            orders.push(RecordOrder::by([(CreatedAt, direction), (key, Descending)]));
            orders.push(RecordOrder::by([
                (UpdatedAt, direction),
                (key, Ascending),
                (Number, Descending),
            ]));
        }
    }
    orders
}

pub(crate) fn are_those_that_the_model_finds(db: &TestDatabase) {
    let all = scattered(db);
    assert_eq!(all.len(), 12);
    for filter in filters(&all) {
        for order in orders() {
            for page in [
                numbered(1, 10),
                numbered(2, 5),
                numbered(3, 5),
                numbered(1, 0),
            ] {
                let query = RecordQuery {
                    filter: filter.clone(),
                    order: order.clone(),
                    page,
                };
                assert_eq!(records(db, &query), model(&all, &query), "{query:?}");
            }
        }
    }
}

pub(crate) fn may_be_asked_for_by_very_many_names(db: &TestDatabase) {
    let all = scattered(db);
    // More than a statement of either database takes values.
    let numbers = (1..=100_000).map(TenantNumber::new).collect();
    let others = (1..=100_000_u128).map(|n| TenantId::from_uuid(Uuid::from_u128(n << 64)));
    let ids = all.iter().map(|tenant| tenant.id).chain(others).collect();
    let query = RecordQuery {
        filter: RecordFilter {
            numbers: Some(numbers),
            ids: Some(ids),
            ..RecordFilter::default()
        },
        ..RecordQuery::default()
    };
    assert_eq!(records(db, &query), model(&all, &query));
}

pub(crate) fn have_their_total_from_the_same_state(db: &TestDatabase) {
    environments(&**db, &[1]);
    insert(&**db, tenant_in(1, 1));
    let filter = RecordFilter {
        updated: SecondRange::default().within(Bound::After, Second::of(at(0))),
        ..RecordFilter::default()
    };
    let queries = [filter, RecordFilter::default()].map(|filter| RecordQuery {
        filter,
        ..RecordQuery::default()
    });
    let mut snapshot = db.snapshot().unwrap();
    let before = queries
        .each_ref()
        .map(|query| snapshot.tenants().record_page(query).unwrap());
    insert(&**db, tenant_in(1, 2));
    for (query, before) in queries.iter().zip(before) {
        assert_eq!((before.tenants.len(), before.total), (1, 1));
        assert_eq!(snapshot.tenants().record_page(query).unwrap(), before);
        assert_eq!(records(db, query).total, 2);
    }
}
