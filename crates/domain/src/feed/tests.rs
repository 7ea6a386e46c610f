//! The form of changes, against the files that are the promise: `tests/feed/v1` holds what a
//! server of the first version of the form shows. A file may be added there, never changed.

use serde_json::{Value, json};

use super::*;
use crate::{
    change::Origin,
    client::{ClientChange, ClientId, ClientStatus},
    environment::EnvironmentChange,
    id::{RequestId, SystemAccountId},
    name::Name,
    scope::ScopeSet,
    tenant::{TenantChange, TenantStatus},
    testing::{self, instant},
};

/// The file of a type; what it holds is one line, as on the wire.
fn file(kind: ChangeType) -> &'static str {
    let text = match kind {
        ChangeType::TenantCreated => include_str!("../../tests/feed/v1/tenant.created.json"),
        ChangeType::TenantUpdated => include_str!("../../tests/feed/v1/tenant.updated.json"),
        ChangeType::TenantSuspended => include_str!("../../tests/feed/v1/tenant.suspended.json"),
        ChangeType::TenantResumed => include_str!("../../tests/feed/v1/tenant.resumed.json"),
        ChangeType::TenantDeleted => include_str!("../../tests/feed/v1/tenant.deleted.json"),
        ChangeType::ClientCreated => include_str!("../../tests/feed/v1/client.created.json"),
        ChangeType::ClientUpdated => include_str!("../../tests/feed/v1/client.updated.json"),
        ChangeType::ClientSecretRotated => {
            include_str!("../../tests/feed/v1/client.secret_rotated.json")
        }
        ChangeType::ClientDeleted => include_str!("../../tests/feed/v1/client.deleted.json"),
        ChangeType::EnvironmentCreated => {
            include_str!("../../tests/feed/v1/environment.created.json")
        }
        ChangeType::EnvironmentUpdated => {
            include_str!("../../tests/feed/v1/environment.updated.json")
        }
        ChangeType::EnvironmentDeleted => {
            include_str!("../../tests/feed/v1/environment.deleted.json")
        }
        ChangeType::WebhookDisabled => include_str!("../../tests/feed/v1/webhook.disabled.json"),
    };
    text.trim_end()
}

/// The change of that type in the example's life: its number is the type's place.
fn example(kind: ChangeType) -> StoredChange {
    let number = ChangeType::ALL.iter().position(|&one| one == kind).unwrap() + 1;
    let number = i64::try_from(number).unwrap();
    let now = instant("2026-01-01T00:00:00.123456Z").plus_seconds(number);
    let by_client = Origin {
        actor: Actor::Client(ClientId::parse("suC7IhmDIawnlqBlEOuIqBWoqppcdI5X").unwrap()),
        request_id: RequestId::parse("0198c0de-0000-7000-8000-000000000001"),
    };
    let account = "0198c0de-0000-7000-8000-000000000002".parse().unwrap();
    let by_account = Origin {
        actor: Actor::SystemAccount(SystemAccountId::from_uuid(account)),
        request_id: RequestId::parse("caller-made-this-one"),
    };
    let (environment, tenant) = (testing::environment(), testing::tenant());
    let mut client = (*testing::known_tenant_client().client).clone();
    client.last_used_at = Some(now.plus_micros(-1));
    let client = crate::client::Client::from_record(client).change(ClientChange {
        scopes: Some(ScopeSet::parse("things:read things:write").unwrap()),
        ..ClientChange::default()
    });
    let with_status = |status| {
        let status = Some(status);
        let change = TenantChange {
            status,
            ..TenantChange::default()
        };
        tenant.clone().change(change, now).unwrap()
    };
    let change = match kind {
        ChangeType::TenantCreated | ChangeType::TenantDeleted => {
            by_client.tenant(kind, now, &tenant, &environment)
        }
        ChangeType::TenantUpdated => {
            let change = TenantChange {
                id: Some(TenantId::parse("0198c0de-0000-7000-8000-000000000003").unwrap()),
                ..TenantChange::default()
            };
            let changed = tenant.clone().change(change, now).unwrap();
            let mut change = by_account.tenant(kind, now, &changed, &environment);
            change.previous_tenant_id = Some(tenant.id);
            change
        }
        ChangeType::TenantSuspended => by_client.tenant(
            kind,
            now,
            &with_status(TenantStatus::Suspended),
            &environment,
        ),
        ChangeType::TenantResumed => {
            by_client.tenant(kind, now, &with_status(TenantStatus::Active), &environment)
        }
        ChangeType::ClientUpdated => {
            // A management client: of no tenant, and changed at the command line.
            let change = ClientChange {
                status: Some(ClientStatus::Disabled),
                ..ClientChange::default()
            };
            Origin::CLI.client(kind, now, &client.change(change), None)
        }
        ChangeType::ClientCreated | ChangeType::ClientSecretRotated | ChangeType::ClientDeleted => {
            by_client.client(kind, now, &client, Some(&tenant))
        }
        ChangeType::EnvironmentUpdated => {
            let change = EnvironmentChange {
                name: Some(Name::parse("Sydney").unwrap()),
                ..EnvironmentChange::default()
            };
            let changed = environment.change(change, now).unwrap();
            by_client.environment(kind, now, &changed)
        }
        ChangeType::EnvironmentCreated | ChangeType::EnvironmentDeleted => {
            Origin::CLI.environment(kind, now, &environment)
        }
        ChangeType::WebhookDisabled => {
            Origin::CLI.webhook(kind, now, &testing::webhook().give_up(now).unwrap())
        }
    };
    StoredChange::new(Sequence::new(number).unwrap(), change).unwrap()
}

#[test]
fn every_type_has_the_form_that_was_promised() {
    for kind in ChangeType::ALL {
        let stored = example(kind);
        assert_eq!(stored.to_json(), file(kind), "{kind:?}");
        let read: Change = serde_json::from_str(file(kind)).unwrap();
        assert_eq!(
            read.to_json(),
            file(kind),
            "read and written again: {kind:?}"
        );
        let stored = stored.read().unwrap();
        assert_eq!(stored.to_json(), file(kind), "the subject read: {kind:?}");
        assert_eq!(read.subject, stored.subject);
        assert!(read.others.is_empty());
        let known = match &read.subject {
            Subject::Tenant(tenant) => {
                tenant.others.is_empty() && tenant.environment.region.others.is_empty()
            }
            Subject::Client(client) => client.others.is_empty(),
            Subject::Environment(environment) => environment.others.is_empty(),
            Subject::Webhook(webhook) => webhook.others.is_empty(),
            Subject::Other(_) => false,
        };
        assert!(known, "the reader's types know every member: {kind:?}");
    }
}

#[test]
fn a_change_has_the_members_of_the_contract_and_a_new_id_one_more() {
    let members = |kind| {
        let value: Value = serde_json::from_str(file(kind)).unwrap();
        let mut members: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        members.sort();
        members
    };
    let mut expected = vec![
        "actor",
        "clientId",
        "environmentId",
        "requestId",
        "sequence",
        "subject",
        "tenantId",
        "time",
        "type",
        "version",
    ];
    assert_eq!(members(ChangeType::TenantSuspended), expected);
    expected.insert(3, "previousTenantId");
    assert_eq!(members(ChangeType::TenantUpdated), expected);
}

#[test]
fn what_a_later_server_adds_is_read_and_survives() {
    let later = json!({
        "sequence": 7,
        "type": "tenant.moved",
        "time": "2027-01-01T00:00:00.123456789Z",
        "tenantId": "86cb97a9-5e80-4ed7-af13-a170752bb1ea",
        "clientId": null,
        "environmentId": "fa605282-0223-4ae0-831d-af368bc39a55",
        "version": 3,
        "actor": {"kind": "robot", "id": "r2", "model": {"n": 1}},
        "requestId": null,
        "subject": {
            "id": "86cb97a9-5e80-4ed7-af13-a170752bb1ea",
            "name": "My Tenant",
            "subdomain": "my-tenant.vii.mattr.global",
            "environment": {
                "id": "fa605282-0223-4ae0-831d-af368bc39a55",
                "name": "e",
                "domain": ".e.example",
                "tenantDomain": "e.example",
                "authorizationServerDomain": "a.example",
                "deploymentModel": "dedicated",
                "region": {"id": "70bb433a-f0ec-4297-ad76-3b09c71311f3", "name": "AU01",
                           "displayName": "Sydney", "zone": "a"},
                "labels": {"a": "b"}
            },
            "status": "archived",
            "version": 3,
            "createdAt": "2026-01-01T00:00:00.000000Z",
            "updatedAt": "2027-01-01T00:00:00.123456Z",
            "owner": null
        },
        "cause": [1, 2.5, "x"]
    });
    let read: Change = serde_json::from_value(later.clone()).unwrap();
    assert_eq!(read.kind, Kind::Other("tenant.moved".to_owned()));
    let Subject::Tenant(tenant) = &read.subject else {
        panic!("a type that begins with `tenant.` has a tenant: {read:?}");
    };
    assert_eq!(tenant.status, "archived");
    assert_eq!(tenant.others["owner"], Value::Null);
    let mut expected = later;
    expected["time"] = json!("2027-01-01T00:00:00.123Z");
    assert_eq!(serde_json::to_value(&read).unwrap(), expected);

    let other = json!({
        "sequence": 8, "type": "policy.created", "time": "2027-01-01T00:00:00Z",
        "tenantId": null, "clientId": null, "environmentId": null, "version": null,
        "actor": {"kind": "cli", "id": null}, "requestId": null, "subject": [1, {"any": "thing"}]
    });
    let read: Change = serde_json::from_value(other.clone()).unwrap();
    assert_eq!(read.subject, Subject::Other(other["subject"].clone()));
    assert_eq!(read.path(), "");
}

#[test]
fn what_was_promised_and_is_missing_is_told() {
    let good: Value = serde_json::from_str(file(ChangeType::TenantCreated)).unwrap();
    for member in ["sequence", "type", "time", "actor", "subject"] {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(member);
        assert!(serde_json::from_value::<Change>(bad).is_err(), "{member}");
    }
    let mut bad = good;
    bad["subject"].as_object_mut().unwrap().remove("subdomain");
    assert!(serde_json::from_value::<Change>(bad).is_err());
}

#[test]
fn the_path_is_the_subjects_own() {
    let path = |kind| example(kind).path();
    let tenant = "/v1/tenants/86cb97a9-5e80-4ed7-af13-a170752bb1ea";
    assert_eq!(path(ChangeType::TenantCreated), tenant);
    let client = path(ChangeType::ClientCreated);
    assert!(
        client.starts_with(&format!("{tenant}/clients/")) && client.len() == tenant.len() + 41,
        "{client}"
    );
    let management = path(ChangeType::ClientUpdated);
    assert!(management.starts_with("/v1/clients/"), "{management}");
    assert_eq!(
        path(ChangeType::EnvironmentDeleted),
        "/v1/environments/fa605282-0223-4ae0-831d-af368bc39a55"
    );
}

#[test]
fn a_cloud_event_has_the_form_that_was_promised() {
    let expected = include_str!("../../tests/feed/v1/cloud-event.json").trim_end();
    let change = example(ChangeType::TenantUpdated);
    let event = CloudEvent::new(change, "https://tenants.example.com");
    assert_eq!(event.to_json(), expected);
    let read: CloudEvent = serde_json::from_str(expected).unwrap();
    assert_eq!(read.to_json(), expected);
    assert_eq!(read.id, "2");
    assert_eq!(read.kind, "tenantry.tenant.updated");
    assert_eq!(read.data.kind, Kind::Known(ChangeType::TenantUpdated));
    assert!(read.others.is_empty());
}

#[test]
fn sequences_and_waits_are_whole_numbers() {
    assert_eq!(Sequence::parse("0"), Ok(Sequence::START));
    assert_eq!(
        Sequence::parse("9223372036854775807").unwrap().get(),
        i64::MAX
    );
    for bad in ["", "-1", "+1", "1.0", " 1", "9223372036854775808", "१", "x"] {
        assert_eq!(Sequence::parse(bad), Err(InvalidSequence), "{bad:?}");
    }
    assert_eq!(Begin::parse("latest"), Ok(Begin::Latest));
    assert_eq!(Begin::parse("0"), Ok(Begin::default()));
    assert_eq!(Begin::parse("LATEST"), Err(InvalidBegin));
    assert_eq!(Sequence::parse("5").unwrap().back(10), Sequence::START);
    assert_eq!(Wait::parse("60").unwrap().duration().as_secs(), 60);
    assert_eq!(Wait::parse("0"), Ok(Wait::default()));
    for bad in ["", "61", "-1", "1.5", "x", "999999999999"] {
        assert_eq!(Wait::parse(bad), Err(InvalidWait), "{bad:?}");
    }
}
