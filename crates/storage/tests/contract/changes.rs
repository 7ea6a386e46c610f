//! The record of changes.

use tenantry_domain::{
    change::{Actor, ChangeType, NewChange},
    client::ClientId,
    environment::EnvironmentAccess,
    feed::{Sequence, StoredChange},
    id::{RequestId, SystemAccountId, TenantId, WebhookId},
    page::Limit,
    port::{Store, StoreError},
    usecase::feed,
};
use tenantry_storage::testing::{RecordedChange, TestDatabase};
use uuid::Uuid;

use crate::make::{
    at, environment_id, environments, only, read, region, tenant_in, try_write, version, write,
};

pub(crate) fn change(n: i64) -> NewChange {
    NewChange {
        kind: ChangeType::TenantUpdated,
        time: at(n),
        tenant_id: None,
        client_id: None,
        environment_id: None,
        version: None,
        actor: Actor::Cli,
        request_id: None,
        subject: "{}".to_owned(),
        previous_tenant_id: None,
        webhook_id: None,
    }
}

pub(crate) fn are_recorded_with_everything(db: &TestDatabase) {
    let tenant_id = TenantId::from_uuid(Uuid::from_u128(5));
    let account = SystemAccountId::from_uuid(Uuid::from_u128(6));
    let by_client = NewChange {
        kind: ChangeType::ClientSecretRotated,
        tenant_id: Some(tenant_id),
        client_id: Some(ClientId::parse("abc").unwrap()),
        environment_id: Some(environment_id(7)),
        version: Some(version(2_147_483_647)),
        actor: Actor::Client(ClientId::parse("operator").unwrap()),
        request_id: RequestId::parse("request-1"),
        subject: r#"{"name":"é","n":1e400}"#.to_owned(),
        previous_tenant_id: Some(TenantId::from_uuid(Uuid::from_u128(8))),
        ..change(1)
    };
    let by_account = NewChange {
        actor: Actor::SystemAccount(account),
        ..change(2)
    };
    write(&**db, |unit| {
        unit.changes().append(&by_client)?;
        unit.changes().append(&by_account)?;
        unit.changes().append(&change(3))
    });
    let bare = |sequence: i64, actor_kind: &str, actor_id: Option<String>| RecordedChange {
        sequence,
        kind: "tenant.updated".to_owned(),
        time: at(sequence),
        tenant_id: None,
        client_id: None,
        environment_id: None,
        version: None,
        actor_kind: actor_kind.to_owned(),
        actor_id,
        request_id: None,
        subject: "{}".to_owned(),
        previous_tenant_id: None,
        webhook_id: None,
    };
    let full = RecordedChange {
        kind: "client.secret_rotated".to_owned(),
        tenant_id: Some(tenant_id),
        client_id: Some("abc".to_owned()),
        environment_id: Some(environment_id(7)),
        version: Some(2_147_483_647),
        request_id: Some("request-1".to_owned()),
        subject: by_client.subject,
        previous_tenant_id: by_client.previous_tenant_id,
        ..bare(1, "client", Some("operator".to_owned()))
    };
    let expected = [
        full,
        bare(2, "system-account", Some(account.to_string())),
        bare(3, "cli", None),
    ];
    assert_eq!(db.changes(), expected);
}

pub(crate) fn have_numbers_without_gaps(db: &TestDatabase) {
    environments(&**db, &[1]);
    let sequences = || {
        db.changes()
            .iter()
            .map(|one| one.sequence)
            .collect::<Vec<_>>()
    };
    let append = |n| write(&**db, |unit| unit.changes().append(&change(n)));
    append(1);
    {
        let mut dropped = db.begin().unwrap();
        dropped.changes().append(&change(2)).unwrap();
        dropped.changes().append(&change(3)).unwrap();
    }
    append(4);
    let failed = try_write(&**db, |unit| {
        unit.changes().append(&change(5))?;
        unit.environments().insert_region(&region(1))
    });
    assert!(matches!(failed, Err(StoreError::Taken(_))));
    write(&**db, |unit| {
        unit.changes().append(&change(6))?;
        unit.tenants().insert(&tenant_in(1, 1))?;
        unit.changes().append(&change(7))
    });
    assert_eq!(sequences(), [1, 2, 3, 4]);
    let times: Vec<_> = db.changes().iter().map(|one| one.time).collect();
    assert_eq!(times, [at(1), at(4), at(6), at(7)]);
    // A number that was seen stays that change's, also when old ones are swept away.
    db.execute("DELETE FROM changes");
    append(8);
    assert_eq!(sequences(), [5]);
}

pub(crate) fn many_at_once_are_numbered_as_single_ones_are(db: &TestDatabase) {
    let many = |numbers: std::ops::Range<i64>| numbers.map(change).collect::<Vec<_>>();
    write(&**db, |unit| unit.changes().append_all(&many(1..4)));
    write(&**db, |unit| unit.changes().append(&change(4)));
    {
        let mut dropped = db.begin().unwrap();
        dropped.changes().append_all(&many(90..95)).unwrap();
    }
    // More than one statement takes.
    write(&**db, |unit| {
        unit.changes().append(&change(5))?;
        unit.changes().append_all(&many(6..2_508))?;
        unit.changes().append(&change(2_508))
    });
    let changes = db.changes();
    let expected = (1..=2_508).map(|number| (number, at(number)));
    assert!(
        changes
            .iter()
            .map(|one| (one.sequence, one.time))
            .eq(expected)
    );
    db.execute("DELETE FROM changes");
    write(&**db, |unit| unit.changes().append_all(&many(1..3)));
    let sequences: Vec<_> = db.changes().iter().map(|one| one.sequence).collect();
    assert_eq!(sequences, [2_509, 2_510]);
}

fn in_environment(n: i64, environment: Option<u128>) -> NewChange {
    NewChange {
        environment_id: environment.map(environment_id),
        ..change(n)
    }
}

fn page(
    db: &TestDatabase,
    access: &EnvironmentAccess,
    after: i64,
    limit: &str,
) -> (Vec<i64>, i64, bool) {
    let after = Sequence::new(after).unwrap();
    let limit = Limit::parse(limit).unwrap();
    let page = read(&**db, |unit| unit.changes().after(access, after, limit));
    let numbers = page.changes.iter().map(|one| one.sequence.get()).collect();
    (numbers, page.next.get(), page.is_end)
}

pub(crate) fn are_read_in_order_after_a_place(db: &TestDatabase) {
    let all = EnvironmentAccess::All;
    let latest = || read(&**db, |unit| unit.changes().latest()).get();
    assert_eq!(page(db, &all, 0, "10"), (vec![], 0, true));
    assert_eq!(latest(), 0);
    let changes: Vec<_> = (1..=5).map(change).collect();
    write(&**db, |unit| unit.changes().append_all(&changes));
    assert_eq!(page(db, &all, 0, "10"), (vec![1, 2, 3, 4, 5], 5, true));
    assert_eq!(page(db, &all, 0, "2"), (vec![1, 2], 2, false));
    assert_eq!(page(db, &all, 2, "3"), (vec![3, 4, 5], 5, false));
    assert_eq!(page(db, &all, 5, "3"), (vec![], 5, true));
    assert_eq!(page(db, &all, 99, "3"), (vec![], 99, true));
    assert_eq!(page(db, &all, i64::MAX, "3"), (vec![], i64::MAX, true));
    assert_eq!(latest(), 5);
    // A unit reads what it has written itself.
    write(&**db, |unit| {
        unit.changes().append(&change(6))?;
        assert_eq!(unit.changes().latest()?.get(), 6);
        Ok(())
    });
}

pub(crate) fn come_back_as_they_went_in(db: &TestDatabase) {
    let by_client = NewChange {
        kind: ChangeType::ClientSecretRotated,
        tenant_id: Some(TenantId::from_uuid(Uuid::from_u128(5))),
        client_id: Some(ClientId::parse("abc").unwrap()),
        environment_id: Some(environment_id(7)),
        version: Some(version(2_147_483_647)),
        actor: Actor::Client(ClientId::parse("operator").unwrap()),
        request_id: RequestId::parse("request-1"),
        subject: r#"{"name":"é","n":12345678901234567890123}"#.to_owned(),
        previous_tenant_id: Some(TenantId::from_uuid(Uuid::from_u128(8))),
        webhook_id: Some(WebhookId::from_uuid(Uuid::from_u128(9))),
        ..change(1)
    };
    write(&**db, |unit| {
        unit.changes().append(&by_client)?;
        unit.changes().append(&change(2))
    });
    let stored = |n, change| StoredChange::new(Sequence::new(n).unwrap(), change).unwrap();
    let page = read(&**db, |unit| {
        unit.changes()
            .after(&EnvironmentAccess::All, Sequence::START, Limit::MAX)
    });
    assert_eq!(page.changes, [stored(1, by_client), stored(2, change(2))]);
    // What a later program has recorded is handed on.
    db.execute("UPDATE changes SET type = 'tenant.moved' WHERE sequence = 2");
    let page = read(&**db, |unit| {
        unit.changes().after(
            &EnvironmentAccess::All,
            page.changes[0].sequence,
            Limit::MAX,
        )
    });
    assert_eq!(page.changes[0].kind.as_str(), "tenant.moved");
}

pub(crate) fn of_other_environments_are_passed_over(db: &TestDatabase) {
    let mut changes = vec![
        in_environment(1, Some(1)),
        in_environment(2, Some(2)),
        in_environment(3, None),
        in_environment(4, Some(1)),
    ];
    // More than are looked at together.
    changes.extend((5..=12_000).map(|n| in_environment(n, Some(2))));
    changes.push(in_environment(12_001, Some(3)));
    write(&**db, |unit| unit.changes().append_all(&changes));
    assert_eq!(page(db, &only(&[1, 3]), 0, "1"), (vec![1], 1, false));
    assert_eq!(page(db, &only(&[1, 3]), 1, "1"), (vec![4], 4, false));
    assert_eq!(page(db, &only(&[1, 3]), 4, "10"), (vec![], 10_004, false));
    assert_eq!(
        page(db, &only(&[1, 3]), 10_004, "10"),
        (vec![12_001], 12_001, true)
    );
    assert_eq!(page(db, &only(&[]), 11_000, "10"), (vec![], 12_001, true));
    assert_eq!(page(db, &only(&[1]), 20_000, "10"), (vec![], 20_000, true));
    // Who asks for a page gets to the next change, however far away it is.
    let found = read(&**db, |unit| {
        let access = only(&[3]);
        Ok(feed::read(unit, &access, Sequence::START, Limit::MAX).unwrap())
    });
    assert_eq!(found.changes.len(), 1);
    assert_eq!(found.next.get(), 12_001);
}
