//! Narrowed lists of tenants.

use tenantry_domain::{
    environment::EnvironmentAccess,
    id::TenantId,
    name::NamePrefix,
    page::Cursor,
    tenant::{NewTenant, TenantChange, TenantFilter, TenantStatus},
};
use tenantry_storage::testing::TestDatabase;
use uuid::Uuid;

use crate::make::{
    at, by_id, environment_id, environments, insert, label, name, only, page, read, tenant_in,
    write,
};

const ALL: EnvironmentAccess = EnvironmentAccess::All;

/// The numbers of the tenants that a filter lets through, in pages of two.
fn found(db: &TestDatabase, access: &EnvironmentAccess, filter: &TenantFilter) -> Vec<u128> {
    let mut all = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let next = read(&**db, |unit| {
            unit.tenants().page(access, filter, page(2, after))
        });
        assert!(next.items.len() <= 2);
        all.extend(next.items.iter().map(|head| head.id.as_uuid().as_u128()));
        match next.next {
            None => return all,
            cursor => after = cursor,
        }
    }
}

fn named(text: &str) -> TenantFilter {
    TenantFilter {
        name: Some(NamePrefix::parse(text).unwrap()),
        ..TenantFilter::default()
    }
}

fn of_status(status: TenantStatus) -> TenantFilter {
    TenantFilter {
        status: Some(status),
        ..TenantFilter::default()
    }
}

fn suspend(db: &TestDatabase, n: u128) {
    let tenant = by_id(&**db, TenantId::from_uuid(Uuid::from_u128(n))).unwrap();
    let change = TenantChange {
        status: Some(TenantStatus::Suspended),
        ..TenantChange::default()
    };
    let read = tenant.version;
    let changed = tenant.change(change, at(999)).unwrap();
    let _ = write(&**db, |unit| unit.tenants().update(&changed, read));
}

pub(crate) fn narrow_by_environment_and_status(db: &TestDatabase) {
    environments(&**db, &[1, 2]);
    for n in 1..=9 {
        insert(&**db, tenant_in(1 + n % 2, n));
    }
    for n in [2, 3, 7, 8] {
        suspend(db, n);
    }
    let (active, suspended) = (
        of_status(TenantStatus::Active),
        of_status(TenantStatus::Suspended),
    );
    assert_eq!(found(db, &ALL, &suspended), [2, 3, 7, 8]);
    assert_eq!(found(db, &ALL, &active), [1, 4, 5, 6, 9]);
    let of = |n, filter: &TenantFilter| TenantFilter {
        environment_id: Some(environment_id(n)),
        ..filter.clone()
    };
    let any = TenantFilter::default();
    assert_eq!(found(db, &ALL, &of(1, &any)), [2, 4, 6, 8]);
    assert_eq!(found(db, &ALL, &of(2, &suspended)), [3, 7]);
    assert_eq!(found(db, &ALL, &of(1, &active)), [4, 6]);
    assert_eq!(found(db, &ALL, &of(7, &any)), [0; 0]);
    assert_eq!(found(db, &only(&[2]), &suspended), [3, 7]);
    assert_eq!(found(db, &only(&[1, 2]), &active), [1, 4, 5, 6, 9]);
    assert_eq!(
        found(db, &only(&[2]), &of(1, &any)),
        [0; 0],
        "not this caller's"
    );
}

pub(crate) fn narrow_by_label(db: &TestDatabase) {
    environments(&**db, &[1, 2, 3]);
    for (environment, n) in [(3, 1), (1, 2), (2, 3)] {
        insert(
            &**db,
            NewTenant {
                label: label("same"),
                ..tenant_in(environment, n)
            },
        );
    }
    insert(&**db, tenant_in(1, 4));
    suspend(db, 2);
    let same = TenantFilter {
        label: Some(label("same")),
        ..TenantFilter::default()
    };
    assert_eq!(found(db, &ALL, &same), [1, 2, 3], "oldest first");
    assert_eq!(found(db, &only(&[1, 2]), &same), [2, 3]);
    assert_eq!(found(db, &only(&[]), &same), [0; 0]);
    let one = TenantFilter {
        environment_id: Some(environment_id(1)),
        ..same.clone()
    };
    assert_eq!(found(db, &ALL, &one), [2]);
    let suspended = TenantFilter {
        status: Some(TenantStatus::Suspended),
        ..same.clone()
    };
    assert_eq!(found(db, &ALL, &suspended), [2]);
    let beginning = |text| TenantFilter {
        name: named(text).name,
        ..same.clone()
    };
    assert_eq!(found(db, &ALL, &beginning("TENANT 3")), [3]);
    assert_eq!(found(db, &ALL, &beginning("x")), [0; 0]);
    let by_label = |environment, text: &str| {
        let text = label(text);
        read(&**db, |unit| {
            unit.tenants().by_label(environment_id(environment), &text)
        })
    };
    let third = by_id(&**db, TenantId::from_uuid(Uuid::from_u128(3)));
    assert_eq!(by_label(2, "same"), third);
    assert_eq!(by_label(2, "l4"), None);
}

pub(crate) fn narrow_by_the_beginning_of_names_in_any_script(db: &TestDatabase) {
    environments(&**db, &[1, 2]);
    let names = [
        "Århus",
        "ÅRHUS 2",
        "århundrede",
        "Aarhus",
        "ΟΔΟΣ Α",
        "οδος",
        "100% sure",
        "100_percent",
        "straße",
        "STRASSEN",
        "z\u{10ffff}",
    ];
    for (n, text) in (1..).zip(names) {
        insert(
            &**db,
            NewTenant {
                name: name(text),
                ..tenant_in(1 + n % 2, n)
            },
        );
    }
    assert_eq!(found(db, &ALL, &named("årh")), [1, 2, 3]);
    assert_eq!(found(db, &ALL, &named("ÅRHUS")), [1, 2]);
    assert_eq!(found(db, &ALL, &named("a")), [4]);
    assert_eq!(found(db, &ALL, &named("οδοσ")), [5, 6]);
    assert_eq!(found(db, &ALL, &named("Straß")), [9, 10]);
    assert_eq!(found(db, &ALL, &named("z\u{10ffff}")), [11]);
    for wild in ["100%", "100_"] {
        assert_eq!(
            found(db, &ALL, &named(wild)).len(),
            1,
            "{wild} is no pattern"
        );
    }
    assert_eq!(found(db, &ALL, &named("%")), [0; 0]);
    assert_eq!(found(db, &ALL, &named("")).len(), names.len());
    assert_eq!(found(db, &only(&[2]), &named("år")), [1, 3]);
    assert_eq!(found(db, &only(&[]), &named("år")), [0; 0]);
    suspend(db, 2);
    let suspended = TenantFilter {
        status: Some(TenantStatus::Suspended),
        ..named("år")
    };
    assert_eq!(found(db, &ALL, &suspended), [2]);

    // A new name is found, and the old one no more.
    let tenant = by_id(&**db, TenantId::from_uuid(Uuid::from_u128(4))).unwrap();
    let change = TenantChange {
        name: Some(name("Über")),
        ..TenantChange::default()
    };
    let version = tenant.version;
    let changed = tenant.change(change, at(999)).unwrap();
    let _ = write(&**db, |unit| unit.tenants().update(&changed, version));
    assert_eq!(found(db, &ALL, &named("über")), [4]);
    assert_eq!(found(db, &ALL, &named("aarhus")), [0; 0]);
}

pub(crate) fn names_of_an_older_program_are_found(db: &TestDatabase) {
    environments(&**db, &[1]);
    insert(
        &**db,
        NewTenant {
            name: name("ÜBER"),
            ..tenant_in(1, 1)
        },
    );
    // A program that does not know the column, beside this one.
    db.execute("UPDATE tenants SET name_folded = ''");
    assert_eq!(found(db, &ALL, &named("über")), [0; 0]);
    assert_eq!(db.migrate().unwrap(), [""; 0]);
    assert_eq!(found(db, &ALL, &named("über")), [1]);
    // And one before it.
    while !db.revert().unwrap().unwrap().contains("0003") {}
    assert!(!db.migrate().unwrap().is_empty());
    assert_eq!(found(db, &ALL, &named("über")), [1]);
}
