//! Delivers changes to webhooks.
//!
//! A server looks again and again at which webhooks there is something for, and works on each
//! of those in a task of its own, so that one that is slow keeps no other waiting. Which server
//! works on which webhook is settled in the database
//! ([`deliveries`](tenantry_domain::usecase::deliveries)).

mod courier;
mod sender;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use tenantry_auth::webhook::WebhookKey;
use tenantry_domain::{
    error::Error,
    id::WebhookId,
    port::{self, Store, StoreError},
    usecase::{
        Context,
        deliveries::{self, Skimmed, Survey},
    },
};
use tenantry_http::{Listening, News, WebhookMeter};
use tokio::{
    sync::{Semaphore, watch},
    task::{Id, JoinHandle, JoinSet, spawn_blocking},
    time::{Instant, sleep, timeout},
};

use self::courier::Courier;
pub(crate) use self::sender::Sender;
use crate::{config::WebhookSettings, failure::with_causes};

/// How long to wait for news of commits at the most. It is what the end of another server may
/// take to be found out.
const PATIENCE: Duration = Duration::from_secs(2);

/// What lies between two looks at the least: news of many changes come one after the other.
const PAUSE: Duration = Duration::from_millis(20);

/// How many deliveries are forgotten in one unit of work: others want to write too.
const SWEEP: u32 = 500;

/// What a server delivers with.
pub(crate) struct Parts {
    pub(crate) sender: Sender,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) context: Context,
    pub(crate) key: Arc<WebhookKey>,
    pub(crate) meter: WebhookMeter,
    pub(crate) news: News,
    pub(crate) public_url: String,
}

/// Delivers to webhooks until it is stopped.
pub(crate) struct Webhooks {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    longest: Duration,
}

impl Webhooks {
    /// Begins at once. What is kept of deliveries is for the other to look after.
    pub(crate) fn start(settings: &WebhookSettings, parts: Parts) -> (Self, DeliveryKeeper) {
        let (stop, stopping) = watch::channel(false);
        let keeper = DeliveryKeeper {
            store: Arc::clone(&parts.store),
            meter: parts.meter.clone(),
            retention: settings.retention,
        };
        let courier = Courier {
            sender: parts.sender,
            store: parts.store,
            context: parts.context,
            key: parts.key,
            meter: parts.meter,
            policy: settings.retries.clone(),
            timeout: settings.timeout,
            source: parts.public_url,
            stopping,
            units: Semaphore::new(Courier::UNITS),
            skimmed: Mutex::new(Skimmed::new()),
        };
        let webhooks = Self {
            stop,
            task: tokio::spawn(run(Arc::new(courier), parts.news.listen())),
            longest: settings.timeout + Duration::from_secs(2),
        };
        (webhooks, keeper)
    }

    /// Lets the deliveries that are under way come to their end, and records them.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        if timeout(self.longest, self.task).await.is_err() {
            tracing::warn!("deliveries to webhooks that were under way are left to themselves");
        }
    }
}

async fn run(courier: Arc<Courier>, mut news: Listening) {
    let mut stopping = courier.stopping.clone();
    let mut tasks = JoinSet::new();
    let mut busy: HashMap<Id, WebhookId> = HashMap::new();
    while !*stopping.borrow() {
        let looked_at = Instant::now();
        let nap = match look(&courier, busy.values().copied().collect()).await {
            Ok(survey) => {
                // All of them at once: whoever waits for a slow receiver must not be waited for.
                // There are no more than there may be webhooks.
                for id in survey.ready {
                    let task = tasks.spawn(Arc::clone(&courier).work_on(id));
                    busy.insert(task.id(), id);
                }
                let next = survey
                    .next_in_micros
                    .and_then(|micros| micros.try_into().ok());
                next.map_or(PATIENCE, |micros| {
                    PATIENCE.min(Duration::from_micros(micros))
                })
            }
            Err(error) => {
                tracing::warn!(
                    cause = with_causes(&error),
                    "webhooks could not be looked at"
                );
                PATIENCE
            }
        };
        tokio::select! {
            () = news.heard() => {}
            () = sleep(nap) => {}
            Some(ended) = tasks.join_next_with_id() => {
                let id = match ended {
                    Ok((id, ())) => id,
                    // A panic is in the log already.
                    Err(error) => error.id(),
                };
                busy.remove(&id);
            }
            _ = stopping.changed() => {}
        }
        tokio::select! {
            () = sleep(PAUSE.saturating_sub(looked_at.elapsed())) => {}
            _ = stopping.changed() => {}
        }
    }
    while tasks.join_next().await.is_some() {}
}

async fn look(courier: &Arc<Courier>, busy: HashSet<WebhookId>) -> Result<Survey, StoreError> {
    let courier = Arc::clone(courier);
    let look = move || {
        port::read(&*courier.store, |unit| {
            // What is found out is kept also where the snapshot is an old one: it says how far
            // the feed was looked through, which stays true.
            let mut skimmed = courier.skimmed().clone();
            let survey = deliveries::survey(unit, &mut skimmed, |id| busy.contains(&id))?;
            *courier.skimmed() = skimmed;
            courier.meter.set_feed(survey.latest.get(), survey.behind);
            Ok(survey)
        })
    };
    spawn_blocking(look).await.unwrap_or_else(|_| {
        Err(StoreError::Unavailable(
            "the work was broken off".to_owned(),
        ))
    })
}

/// Keeps the deliveries that were finished from being kept for ever, and tells how many are
/// pending.
#[derive(Clone)]
pub(crate) struct DeliveryKeeper {
    store: Arc<dyn Store>,
    meter: WebhookMeter,
    /// For how many seconds they are kept.
    retention: u32,
}

impl DeliveryKeeper {
    /// How often it is done.
    pub(crate) const PERIOD: Duration = Duration::from_secs(5);

    /// How many small steps are done in a row.
    const STEPS: usize = 10;

    pub(crate) fn keep(&self) {
        if let Err(error) = self.try_keep() {
            tracing::debug!(
                cause = with_causes(&error),
                "old deliveries could not be looked at"
            );
        }
    }

    fn try_keep(&self) -> Result<(), Error> {
        let (now, (pending, oldest)) = port::read(&*self.store, |unit| {
            let webhooks = unit.webhooks();
            Ok::<_, StoreError>((webhooks.clock()?, webhooks.backlog()?))
        })?;
        let age = oldest.map_or(0, |oldest| now.unix_seconds() - oldest.unix_seconds());
        self.meter.set_backlog(pending, age.max(0));
        for _ in 0..Self::STEPS {
            let is_idle = port::read(&*self.store, |unit| {
                let before = now.plus_seconds(-i64::from(self.retention));
                unit.webhooks().has_finished(before).map(|any| !any)
            })?;
            if is_idle {
                break;
            }
            port::write(&*self.store, |unit| {
                deliveries::sweep(unit, self.retention, SWEEP)
            })?;
        }
        Ok(())
    }
}
