//! How many webhooks there may be.

use tenantry_domain::{
    environment::EnvironmentAccess,
    error::Error,
    id::SecretId,
    port::{self, StoreError},
    tenant::Precondition,
    testing::context,
    usecase::webhooks::{self, CreateWebhook, MOST, NewWebhookSecret},
    webhook::{SealedWebhookSecret, WebhookFilter, WebhookUrl},
};
use tenantry_storage::testing::TestDatabase;
use uuid::Uuid;

use crate::{
    make::{read, write},
    webhooks::{place, secret, webhook},
};

pub(crate) fn are_no_more_than_there_may_be(db: &TestDatabase) {
    write(&**db, |unit| {
        for n in 1..MOST {
            let webhook = webhook(n.into());
            let secret = SealedWebhookSecret {
                sealed: Vec::new(),
                ..secret(1, n.into())
            };
            let id = SecretId::from_uuid(Uuid::from_u128(n.into()));
            let secret = SealedWebhookSecret { id, ..secret };
            unit.webhooks().insert(&webhook, place(0), &secret)?;
        }
        Ok::<_, StoreError>(())
    });
    assert_eq!(read(&**db, |unit| unit.webhooks().count()), MOST - 1);
    let create = |n: u128| {
        let command = CreateWebhook {
            url: WebhookUrl::parse("https://hooks.example/").unwrap(),
            filter: WebhookFilter::default(),
            disabled: false,
            secret: NewWebhookSecret {
                id: SecretId::from_uuid(Uuid::from_u128(n)),
                sealed: Vec::new(),
            },
        };
        let all = EnvironmentAccess::All;
        port::write(&**db, |unit| {
            webhooks::create(unit, &context(), &all, command)
        })
    };
    let last = create(5001).unwrap();
    let refused = create(5002).unwrap_err();
    assert!(
        matches!(refused, Error::TooManyWebhooks(MOST)),
        "{refused:?}"
    );
    let removed = port::write(&**db, |unit| {
        webhooks::delete(unit, &EnvironmentAccess::All, last.id, &Precondition::None)
    });
    removed.unwrap();
    create(5003).unwrap();
}
