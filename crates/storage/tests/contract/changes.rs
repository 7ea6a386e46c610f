//! The record of changes.

use tenantry_domain::{
    change::{Actor, ChangeType, NewChange},
    client::ClientId,
    id::{RequestId, SystemAccountId, TenantId},
    port::{Store, StoreError},
};
use tenantry_storage::testing::{RecordedChange, TestDatabase};
use uuid::Uuid;

use crate::make::{at, environment_id, environments, region, tenant_in, try_write, version, write};

fn change(n: i64) -> NewChange {
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
    };
    let full = RecordedChange {
        kind: "client.secret_rotated".to_owned(),
        tenant_id: Some(tenant_id),
        client_id: Some("abc".to_owned()),
        environment_id: Some(environment_id(7)),
        version: Some(2_147_483_647),
        request_id: Some("request-1".to_owned()),
        subject: by_client.subject,
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
