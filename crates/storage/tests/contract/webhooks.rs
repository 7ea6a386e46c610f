//! Webhooks, how far they are, and their deliveries.

use tenantry_domain::{
    change::{Actor, ChangeType, NewChange},
    error::Error,
    feed::Sequence,
    id::{DeliveryId, LeaseToken, SecretId, WebhookId},
    page::Limit,
    port::{self, StoreError, VersionedWrite},
    testing::context,
    usecase::deliveries::{self, Recorded, Sent, Skimmed, WINDOW},
    version::Version,
    webhook::{
        Attempt, Delivery, DeliveryStatus, DisabledBy, EnvironmentFilter, Lease, Line, RetryPolicy,
        SealedWebhookSecret, TypeFilter, Webhook, WebhookChange, WebhookFilter, WebhookRecord,
        WebhookState, WebhookUrl,
    },
};
use tenantry_storage::testing::TestDatabase;
use uuid::Uuid;

use crate::make::{at, environment_id, page, read, version, write};

pub(crate) fn webhook_id(n: u128) -> WebhookId {
    WebhookId::from_uuid(Uuid::from_u128(n))
}

fn token(n: u128) -> LeaseToken {
    LeaseToken::from_uuid(Uuid::from_u128(n))
}

pub(crate) fn place(number: i64) -> Sequence {
    Sequence::new(number).unwrap()
}

pub(crate) fn webhook(n: u128) -> Webhook {
    let created_at = at(i64::try_from(n).unwrap());
    Webhook::from_record(WebhookRecord {
        id: webhook_id(n),
        url: WebhookUrl::parse(&format!("https://h{n}.example/Hook?a=ä")).unwrap(),
        filter: WebhookFilter::default(),
        state: WebhookState::Enabled,
        version: Version::FIRST,
        created_at,
        updated_at: created_at,
    })
}

pub(crate) fn secret(n: u128, webhook: u128) -> SealedWebhookSecret {
    SealedWebhookSecret {
        id: SecretId::from_uuid(Uuid::from_u128(n)),
        webhook_id: webhook_id(webhook),
        sealed: vec![0, 255, u8::try_from(n).unwrap()],
        created_at: at(i64::try_from(n).unwrap()),
        expires_at: None,
    }
}

fn insert(db: &TestDatabase, webhook: &Webhook, position: i64) {
    let n = webhook.id.as_uuid().as_u128();
    write(&**db, |unit| {
        unit.webhooks()
            .insert(webhook, place(position), &secret(n, n))
    });
}

fn by_id(db: &TestDatabase, n: u128) -> Option<Webhook> {
    read(&**db, |unit| unit.webhooks().by_id(webhook_id(n)))
}

fn line(db: &TestDatabase, n: u128) -> Line {
    read(&**db, |unit| unit.webhooks().line(webhook_id(n))).unwrap()
}

fn delivery(n: u128, webhook: u128, sequence: i64) -> Delivery {
    let id = DeliveryId::from_uuid(Uuid::from_u128(n));
    let kind = "tenant.created".to_owned();
    let created_at = at(i64::try_from(n).unwrap());
    Delivery::new(id, webhook_id(webhook), place(sequence), kind, created_at)
}

fn attempt(at_second: i64, status: u16) -> Attempt {
    Attempt {
        at: at(at_second),
        status_code: Some(status),
        error: (status >= 300).then(|| format!("the answer was {status}: é")),
    }
}

pub(crate) fn come_back_as_they_went_in(db: &TestDatabase) {
    let plain = webhook(1);
    let types = [ChangeType::TenantDeleted, ChangeType::WebhookDisabled];
    let full = Webhook::from_record(WebhookRecord {
        filter: WebhookFilter {
            types: Some(TypeFilter::new(types).unwrap()),
            environment_ids: Some(
                EnvironmentFilter::new([environment_id(3), environment_id(2)]).unwrap(),
            ),
        },
        state: WebhookState::Disabled(DisabledBy::Failures),
        version: version(2_147_483_647),
        ..(*webhook(2)).clone()
    });
    insert(db, &plain, 0);
    insert(db, &full, 7);
    assert_eq!(by_id(db, 1), Some(plain.clone()));
    assert_eq!(by_id(db, 2), Some(full.clone()));
    assert_eq!(by_id(db, 3), None);
    assert_eq!(line(db, 2).position, place(7));
    let all = read(&**db, |unit| unit.webhooks().page(page(10, None)));
    assert_eq!(all.items, [plain.clone(), full.clone()]);
    let first = read(&**db, |unit| unit.webhooks().page(page(1, None)));
    let rest = read(&**db, |unit| unit.webhooks().page(page(10, first.next)));
    assert_eq!(rest.items, [full]);
    let lines = read(&**db, |unit| unit.webhooks().lines());
    let expected = Line::default();
    assert_eq!(
        lines,
        [(plain.id, Version::FIRST, expected)],
        "those that are enabled"
    );
}

pub(crate) fn are_changed_in_the_version_that_was_read(db: &TestDatabase) {
    insert(db, &webhook(1), 5);
    let change = WebhookChange {
        url: Some(WebhookUrl::parse("https://other.example/").unwrap()),
        types: Some(Some(TypeFilter::new([ChangeType::TenantCreated]).unwrap())),
        environment_ids: Some(Some(EnvironmentFilter::new([environment_id(9)]).unwrap())),
        disabled: Some(true),
    };
    let changed = webhook(1).change(change, at(50)).unwrap();
    let update = |read| write(&**db, |unit| unit.webhooks().update(&changed, read));
    assert_eq!(update(version(2)), VersionedWrite::Stale(Version::FIRST));
    assert_eq!(update(Version::FIRST), VersionedWrite::Done);
    assert_eq!(by_id(db, 1), Some(changed));
    assert_eq!(line(db, 1).position, place(5), "how far it is stays");
    let delete = |n, read| write(&**db, |unit| unit.webhooks().delete(webhook_id(n), read));
    assert_eq!(delete(1, Version::FIRST), VersionedWrite::Stale(version(2)));
    write(&**db, |unit| {
        unit.webhooks().insert_deliveries(&[delivery(1, 1, 6)])
    });
    assert_eq!(delete(1, version(2)), VersionedWrite::Done);
    assert_eq!(delete(1, version(2)), VersionedWrite::Missing);
    // Its secrets and deliveries go with it.
    assert_eq!(
        read(&**db, |unit| unit.webhooks().secrets(webhook_id(1))),
        []
    );
    let gone = delivery(1, 1, 6).id;
    assert_eq!(
        read(&**db, |unit| unit.webhooks().delivery(webhook_id(1), gone)),
        None
    );
}

pub(crate) fn have_secrets_that_come_and_go(db: &TestDatabase) {
    insert(db, &webhook(1), 0);
    insert(db, &webhook(2), 0);
    let of_first = || read(&**db, |unit| unit.webhooks().secrets(webhook_id(1)));
    write(&**db, |unit| {
        unit.webhooks().insert_secret(&secret(9, 1))?;
        unit.webhooks()
            .set_secret_expiry(secret(1, 1).id, Some(at(99)))
    });
    let ended = SealedWebhookSecret {
        expires_at: Some(at(99)),
        ..secret(1, 1)
    };
    assert_eq!(of_first(), [ended, secret(9, 1)], "oldest first");
    write(&**db, |unit| unit.webhooks().delete_secret(secret(1, 1).id));
    assert_eq!(of_first(), [secret(9, 1)]);
}

pub(crate) fn have_a_line_and_a_lease(db: &TestDatabase) {
    insert(db, &webhook(1), 3);
    let mut expected = Line {
        position: place(8),
        due_at: Some(at(1)),
        failing_since: Some(at(2)),
        lease: None,
    };
    write(&**db, |unit| {
        unit.webhooks().set_line(webhook_id(1), &expected)
    });
    assert_eq!(line(db, 1), expected);
    expected.lease = Some(Lease {
        token: token(7),
        until: at(60),
    });
    write(&**db, |unit| {
        unit.webhooks().set_lease(webhook_id(1), expected.lease)
    });
    assert_eq!(line(db, 1), expected);
    write(&**db, |unit| {
        unit.webhooks().set_line(webhook_id(1), &Line::default())
    });
    assert_eq!(line(db, 1).lease, expected.lease, "the lease is apart");
    let clock = || read(&**db, |unit| unit.webhooks().clock());
    let (one, two) = (clock(), clock());
    assert!(one <= two && one > at(0), "{one} {two}");
}

pub(crate) fn deliveries_come_back_in_order(db: &TestDatabase) {
    insert(db, &webhook(1), 0);
    insert(db, &webhook(2), 0);
    let policy = RetryPolicy::default();
    let entropy = tenantry_domain::testing::CountingEntropy::default();
    let attempted = |one: Delivery, attempt: &Attempt| one.attempted(attempt, &policy, &entropy);
    let all = [
        delivery(1, 1, 1),
        delivery(2, 1, 2),
        delivery(3, 1, 3),
        delivery(4, 2, 1),
    ];
    write(&**db, |unit| unit.webhooks().insert_deliveries(&all));
    let done = attempted(all[0].clone(), &attempt(10, 204));
    let waiting = attempted(all[1].clone(), &attempt(11, 503));
    write(&**db, |unit| {
        assert!(unit.webhooks().update_delivery(&done)?);
        assert!(unit.webhooks().update_delivery(&waiting)?);
        assert!(!unit.webhooks().update_delivery(&delivery(9, 1, 9))?);
        Ok(())
    });
    let list = |status, request| {
        read(&**db, |unit| {
            unit.webhooks()
                .delivery_page(webhook_id(1), status, request)
        })
    };
    let first = list(None, page(2, None));
    assert_eq!(first.items, [done.clone(), waiting.clone()]);
    assert_eq!(list(None, page(2, first.next)).items, [all[2].clone()]);
    let pending = list(Some(DeliveryStatus::Pending), page(10, None));
    assert_eq!(pending.items, [waiting.clone(), all[2].clone()]);
    assert_eq!(list(Some(DeliveryStatus::Failed), page(10, None)).items, []);

    let one = |webhook| {
        read(&**db, |unit| {
            unit.webhooks().delivery(webhook_id(webhook), done.id)
        })
    };
    assert_eq!((one(1), one(2)), (Some(done.clone()), None));
    // What is repeated comes before what waits.
    let repeat = done.again(at(20));
    write(&**db, |unit| unit.webhooks().update_delivery(&repeat));
    let pending = |at_most| {
        read(&**db, |unit| {
            unit.webhooks().pending(webhook_id(1), at_most)
        })
    };
    assert_eq!(pending(10), [repeat.clone(), waiting, all[2].clone()]);
    assert_eq!(pending(1), [repeat]);
    let backlog = || read(&**db, |unit| unit.webhooks().backlog());
    assert_eq!(backlog(), (4, Some(at(1))));
    write(&**db, |unit| {
        unit.webhooks().restart_pending(webhook_id(1), at(30))
    });
    let nexts: Vec<_> = pending(10).iter().map(|one| one.next_attempt_at).collect();
    assert_eq!(nexts, [Some(at(30)), Some(at(30)), None]);
    assert!(pending(10).iter().all(|one| one.first_attempt_at.is_none()));
    let disabled = webhook(1).give_up(at(40)).unwrap();
    let _ = write(&**db, |unit| {
        unit.webhooks().update(&disabled, Version::FIRST)
    });
    assert_eq!(backlog(), (1, Some(at(4))), "of those that are enabled");
}

pub(crate) fn finished_deliveries_are_forgotten_in_small_steps(db: &TestDatabase) {
    insert(db, &webhook(1), 0);
    let policy = RetryPolicy::default();
    let entropy = tenantry_domain::testing::CountingEntropy::default();
    for n in 1..=5_u8 {
        let new = delivery(n.into(), 1, n.into());
        write(&**db, |unit| {
            unit.webhooks()
                .insert_deliveries(std::slice::from_ref(&new))
        });
        if n < 5 {
            let done = new.attempted(&attempt(i64::from(n) * 10, 200), &policy, &entropy);
            write(&**db, |unit| unit.webhooks().update_delivery(&done));
        }
    }
    let forget = |before, at_most| {
        write(&**db, |unit| {
            unit.webhooks().forget_finished(at(before), at_most)
        })
    };
    let any = |before| read(&**db, |unit| unit.webhooks().has_finished(at(before)));
    assert!(!any(10) && any(11));
    assert_eq!(forget(10, 9), 0);
    assert_eq!(forget(40, 2), 2);
    assert_eq!(forget(40, 2), 1);
    assert_eq!(forget(40, 2), 0);
    assert_eq!(forget(1000, 9), 1, "and one that is pending stays");
    let left = read(&**db, |unit| {
        unit.webhooks()
            .delivery_page(webhook_id(1), None, page(10, None))
    });
    assert_eq!(left.items, [delivery(5, 1, 5)]);
}

fn change(n: i64) -> NewChange {
    NewChange {
        kind: if n % 2 == 0 {
            ChangeType::TenantCreated
        } else {
            ChangeType::TenantUpdated
        },
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

fn changes(db: &TestDatabase, numbers: impl IntoIterator<Item = i64>) {
    let all: Vec<_> = numbers.into_iter().map(change).collect();
    write(&**db, |unit| unit.changes().append_all(&all));
}

fn claim(db: &TestDatabase, n: u128) -> Option<deliveries::Batch> {
    let skimmed = Skimmed::new();
    port::write(&**db, |unit| {
        deliveries::claim(unit, &context(), &skimmed, webhook_id(1), token(n), 60)
    })
    .unwrap()
}

fn record(
    db: &TestDatabase,
    n: u128,
    keep: Option<u32>,
    sent: &[(DeliveryId, Sent)],
) -> Result<Recorded, Error> {
    let policy = RetryPolicy::new(vec![3600], 10_000, 1_000);
    port::write(&**db, |unit| {
        deliveries::record(
            unit,
            &context(),
            &policy,
            webhook_id(1),
            (token(n), keep),
            sent,
        )
    })
}

fn statuses(recorded: Result<Recorded, Error>) -> Vec<DeliveryStatus> {
    match recorded.unwrap() {
        Recorded::Stored { statuses, .. } => statuses,
        Recorded::Lost => panic!("the lease was lost"),
    }
}

pub(crate) fn only_one_works_on_a_webhook(db: &TestDatabase) {
    insert(db, &webhook(1), 0);
    assert!(claim(db, 1).is_none(), "there is nothing to send");
    changes(db, 1..=2);
    let batch = claim(db, 1).unwrap();
    let numbers: Vec<_> = batch
        .items
        .iter()
        .map(|(one, _)| one.sequence.get())
        .collect();
    assert_eq!(numbers, [1, 2]);
    for (delivery, change) in &batch.items {
        assert_eq!(change.as_ref().unwrap().sequence, delivery.sequence);
    }
    assert!(claim(db, 2).is_none(), "another one has it");
    let first = [(batch.items[0].0.id, Sent::Answered(204))];
    let second = [(batch.items[1].0.id, Sent::Answered(204))];
    assert_eq!(record(db, 2, None, &first).unwrap(), Recorded::Lost);
    assert_eq!(
        statuses(record(db, 1, Some(60), &first)),
        [DeliveryStatus::Delivered]
    );
    assert!(claim(db, 2).is_none(), "and keeps it");
    // Its time is over: another one takes what is left, under the same id, and what the first
    // one brings after that counts for nothing.
    let over = "UPDATE webhooks SET lease_until = created_at";
    db.execute(over);
    let again = claim(db, 2).unwrap();
    assert_eq!(again.items.len(), 1);
    assert_eq!(again.items[0].0.id, batch.items[1].0.id);
    assert_eq!(record(db, 1, None, &second).unwrap(), Recorded::Lost);
    assert_eq!(
        statuses(record(db, 2, None, &second)),
        [DeliveryStatus::Delivered]
    );
    assert!(claim(db, 3).is_none(), "all is done");
    assert_eq!(
        line(db, 1),
        Line {
            position: place(2),
            ..Line::default()
        }
    );
}

pub(crate) fn what_fails_keeps_its_place(db: &TestDatabase) {
    insert(db, &webhook(1), 0);
    changes(db, 1..=3);
    let batch = claim(db, 1).unwrap();
    let ids: Vec<_> = batch.items.iter().map(|(one, _)| one.id).collect();
    let failed = [(ids[0], Sent::Unanswered("no answer in time".to_owned()))];
    assert_eq!(
        statuses(record(db, 1, None, &failed)),
        [DeliveryStatus::Pending]
    );
    assert!(
        claim(db, 1).is_none(),
        "it waits, and all behind it with it"
    );
    let waiting = line(db, 1);
    assert!(waiting.due_at.is_some() && waiting.failing_since.is_some());
    assert_eq!(waiting.lease, None);
    write(&**db, |unit| {
        let now = unit.webhooks().clock()?;
        unit.webhooks().restart_pending(webhook_id(1), now)
    });
    let batch = claim(db, 1).unwrap();
    let again: Vec<_> = batch.items.iter().map(|(one, _)| one.id).collect();
    assert_eq!(again, ids);
    let done = ids.map_to_done();
    assert_eq!(
        statuses(record(db, 1, None, &done)),
        [DeliveryStatus::Delivered; 3]
    );
    assert_eq!(
        line(db, 1),
        Line {
            position: place(3),
            ..Line::default()
        }
    );
}

trait Done {
    fn map_to_done(&self) -> Vec<(DeliveryId, Sent)>;
}

impl Done for Vec<DeliveryId> {
    fn map_to_done(&self) -> Vec<(DeliveryId, Sent)> {
        self.iter().map(|&id| (id, Sent::Answered(200))).collect()
    }
}

pub(crate) fn no_more_is_foreseen_than_can_be_sent(db: &TestDatabase) {
    let filter = WebhookFilter {
        types: Some(TypeFilter::new([ChangeType::TenantCreated]).unwrap()),
        environment_ids: None,
    };
    let only_created = Webhook::from_record(WebhookRecord {
        filter,
        ..(*webhook(1)).clone()
    });
    insert(db, &only_created, 0);
    changes(db, 1..=300);
    let mut seen = Vec::new();
    while let Some(batch) = claim(db, 1) {
        assert!(batch.items.len() <= WINDOW as usize);
        let pending = read(&**db, |unit| unit.webhooks().pending(webhook_id(1), 1_000));
        assert!(pending.len() <= WINDOW as usize);
        seen.extend(batch.items.iter().map(|(one, _)| one.sequence.get()));
        let ids: Vec<_> = batch.items.iter().map(|(one, _)| one.id).collect();
        statuses(record(db, 1, None, &ids.map_to_done()));
    }
    let created: Vec<_> = (1..=300).filter(|n| n % 2 == 0).collect();
    assert_eq!(seen, created, "each once, in order");
    let listed = read(&**db, |unit| {
        let request = tenantry_domain::page::PageRequest {
            limit: Limit::MAX,
            after: None,
        };
        unit.webhooks().delivery_page(webhook_id(1), None, request)
    });
    let listed: Vec<_> = listed.items.iter().map(|one| one.sequence.get()).collect();
    assert_eq!(listed, created);
}

pub(crate) fn one_that_only_fails_is_disabled_with_a_change(db: &TestDatabase) {
    insert(db, &webhook(1), 0);
    changes(db, 1..=2);
    let batch = claim(db, 1).unwrap();
    let failed = [(batch.items[0].0.id, Sent::Answered(500))];
    statuses(record(db, 1, None, &failed));
    // Since longer than the policy takes.
    let mut failing = line(db, 1);
    failing.failing_since = failing
        .failing_since
        .map(|since| since.plus_seconds(-1_000));
    write(&**db, |unit| {
        unit.webhooks().set_line(webhook_id(1), &failing)?;
        let now = unit.webhooks().clock()?;
        unit.webhooks().restart_pending(webhook_id(1), now)
    });
    let batch = claim(db, 1).unwrap();
    let failed = [(batch.items[0].0.id, Sent::Answered(500))];
    let recorded = record(db, 1, None, &failed).unwrap();
    assert!(
        matches!(recorded, Recorded::Stored { disabled: true, .. }),
        "{recorded:?}"
    );
    let disabled = by_id(db, 1).unwrap();
    assert_eq!(disabled.state, WebhookState::Disabled(DisabledBy::Failures));
    let told = db.changes().pop().unwrap();
    assert_eq!(
        (told.kind.as_str(), told.webhook_id),
        ("webhook.disabled", Some(disabled.id))
    );
    assert_eq!(told.version, Some(2));
    assert!(claim(db, 1).is_none());
}

pub(crate) fn a_survey_finds_what_can_be_sent(db: &TestDatabase) {
    let survey = |skimmed: &mut Skimmed| {
        port::read(&**db, |unit| deliveries::survey(unit, skimmed, |_| false))
            .map_err(|error: StoreError| error)
            .unwrap()
    };
    let mut skimmed = Skimmed::new();
    let filter = WebhookFilter {
        types: Some(TypeFilter::new([ChangeType::TenantCreated]).unwrap()),
        environment_ids: None,
    };
    let only_created = Webhook::from_record(WebhookRecord {
        filter,
        ..(*webhook(1)).clone()
    });
    insert(db, &only_created, 0);
    changes(db, [1, 3]);
    let found = survey(&mut skimmed);
    assert_eq!((found.ready.len(), found.next_in_micros), (0, None));
    assert_eq!(
        (found.latest, found.behind),
        (place(2), 0),
        "it was passed over"
    );
    assert_eq!(
        skimmed[&webhook_id(1)].1,
        place(2),
        "what passes no filter costs no write"
    );
    assert_eq!(line(db, 1).position, place(0));
    changes(db, [4]);
    let found = survey(&mut skimmed);
    assert_eq!(found.ready, [webhook_id(1)]);
    assert_eq!((found.latest, found.behind), (place(3), 1));
    let batch = claim(db, 1).unwrap();
    let held = survey(&mut skimmed);
    assert!(
        held.ready.is_empty() && held.next_in_micros > Some(0),
        "{held:?}"
    );
    let failed = [(batch.items[0].0.id, Sent::Answered(500))];
    statuses(record(db, 1, None, &failed));
    let waits = survey(&mut skimmed);
    assert!(
        waits.ready.is_empty() && waits.next_in_micros > Some(1_000_000),
        "{waits:?}"
    );
}
