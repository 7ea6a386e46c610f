//! All that works beside the requests of one server: begun together, ended together.

use std::{sync::Arc, time::Duration};

use tenantry_auth::webhook::WebhookKey;
use tenantry_http::{KeyReader as _, News, RecentEvents, RecentUses, WebhookMeter};
use tokio::{task::spawn_blocking, time::timeout};

use super::{
    DeliveryKeeper, EventKeeper, EventSweeper, Herald, KeyKeeper, Sender, UseKeeper, WebhookParts,
    Webhooks, Worker,
};
use crate::{config::Settings, startup::Prepared};

/// How long a server that is asked to stop tries to store what it still has in memory.
const LAST_STORE: Duration = Duration::from_secs(5);

/// What the handlers of requests and the work beside them tell each other.
pub(crate) struct Shared {
    /// When clients were last used, not yet stored.
    pub(crate) uses: RecentUses,
    /// What requests did, not yet stored.
    pub(crate) events: RecentEvents,
    /// That something was committed.
    pub(crate) news: News,
    /// What deliveries come to.
    pub(crate) webhooks: WebhookMeter,
    /// What webhooks' secrets are sealed under.
    pub(crate) webhook_key: Arc<WebhookKey>,
}

impl Shared {
    pub(crate) fn new(settings: &Settings, webhook_key: WebhookKey) -> Self {
        Self {
            uses: RecentUses::default(),
            events: RecentEvents::new(settings.events.are_on),
            news: News::default(),
            webhooks: WebhookMeter::new(),
            webhook_key: Arc::new(webhook_key),
        }
    }
}

/// The work itself.
pub(crate) struct Background {
    workers: Vec<Worker>,
    webhooks: Webhooks,
    uses: Arc<UseKeeper>,
    events: Arc<EventKeeper>,
    told: RecentEvents,
}

impl Background {
    /// Begins with all of it.
    pub(crate) fn start(
        settings: &Settings,
        prepared: &Prepared,
        keys: &Arc<KeyKeeper>,
        sender: Sender,
        shared: &Shared,
        public_url: &str,
    ) -> Self {
        let (database, world) = (&prepared.database, &prepared.world);
        let uses = Arc::new(UseKeeper::new(database.clone(), shared.uses.clone()));
        let events = Arc::new(EventKeeper::new(database.clone(), shared.events.clone()));
        let herald = Herald::new(database.clone(), shared.news.clone());
        let sweeper = EventSweeper::new(
            database.clone(),
            world.clock.clone(),
            settings.events.retention_days,
        );
        let parts = WebhookParts {
            sender,
            store: database.clone(),
            context: world.context(settings),
            key: shared.webhook_key.clone(),
            meter: shared.webhooks.clone(),
            news: shared.news.clone(),
            public_url: public_url.to_owned(),
        };
        let (webhooks, deliveries) = Webhooks::start(&settings.webhooks, parts);
        let workers = vec![
            Worker::start(DeliveryKeeper::PERIOD, move || deliveries.keep()),
            Worker::start(KeyKeeper::PERIOD, {
                let keys = Arc::clone(keys);
                // What goes wrong is in the log, and `/readyz` tells it.
                move || drop(keys.read_again())
            }),
            Worker::start(UseKeeper::PERIOD, {
                let uses = Arc::clone(&uses);
                move || uses.store()
            }),
            Worker::start(Herald::PERIOD, move || herald.look()),
            Worker::start(EventKeeper::PERIOD, {
                let events = Arc::clone(&events);
                move || events.store()
            }),
            Worker::start(EventSweeper::PERIOD, move || sweeper.sweep()),
        ];
        Self {
            workers,
            webhooks,
            uses,
            events,
            told: shared.events.clone(),
        }
    }

    /// Begins with one more.
    pub(crate) fn add(&mut self, worker: Worker) {
        self.workers.push(worker);
    }

    /// Ends it when no request is left that could use a client or be told of, and stores what
    /// is only in memory. A database that hangs does not keep the server from ending.
    pub(crate) async fn stop(self) {
        let Self {
            workers,
            webhooks,
            uses,
            events,
            told,
        } = self;
        drop(workers);
        webhooks.stop().await;
        let stored = spawn_blocking(move || {
            events.store_last();
            uses.store();
        });
        if timeout(LAST_STORE, stored).await.is_err() {
            let lost = told.waiting();
            tracing::warn!(
                lost,
                "what was to be stored last is lost: the database hangs"
            );
        }
    }
}
