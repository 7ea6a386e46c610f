//! Works on one webhook: claims deliveries, sends them in order, records what came of them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tenantry_auth::webhook::WebhookKey;
use tenantry_domain::{
    error::Error,
    feed::{CloudEvent, StoredChange},
    id::{DeliveryId, LeaseToken, WebhookId},
    port::{self, Store, StoreError, UnitOfWork},
    usecase::{
        Context,
        deliveries::{self, Batch, Recorded, Sent, Skimmed, WINDOW},
    },
    version::Version,
    webhook::{Delivery, DeliveryStatus, RetryPolicy, WebhookSecret, WebhookUrl},
};
use tenantry_http::{AttemptOutcome, WebhookMeter};
use tokio::{
    sync::{Semaphore, watch},
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::sender::Sender;
use crate::failure::with_causes;

/// For how long deliveries that were sent may stay unrecorded. It is what may be sent again
/// after a crash.
const UNRECORDED: Duration = Duration::from_millis(250);

/// How long to wait before a record is tried again that the database did not take.
const RETRY: Duration = Duration::from_millis(500);

/// How many units of work there are at the same time for all webhooks of a server: requests
/// want to write too.
const UNITS: usize = 2;

/// What all who work on webhooks have in common.
pub(crate) struct Courier {
    pub(super) store: Arc<dyn Store>,
    pub(super) context: Context,
    pub(super) key: Arc<WebhookKey>,
    pub(super) sender: Sender,
    pub(super) meter: WebhookMeter,
    pub(super) policy: RetryPolicy,
    /// How long a delivery may take.
    pub(super) timeout: Duration,
    /// The public URL, which events name as their source.
    pub(super) source: String,
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) units: Semaphore,
    pub(super) skimmed: Mutex<Skimmed>,
}

/// The right to work on a webhook, as its holder sees it.
struct Hold {
    id: WebhookId,
    token: LeaseToken,
    version: Version,
    /// Until when it may send, by a clock that never jumps: with that, whatever it sends is
    /// over before another server may begin.
    until: Instant,
}

/// What is to be done after a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// There may be more.
    Again,
    /// There is nothing more to be done now, or not by this server.
    Rest,
}

impl Courier {
    pub(super) const UNITS: usize = UNITS;

    /// How many seconds the right to work on a webhook lasts: long enough for one delivery,
    /// and for it to be recorded.
    fn lease_seconds(&self) -> u32 {
        u32::try_from(self.timeout.as_secs())
            .unwrap_or(60)
            .saturating_mul(2)
            .saturating_add(3)
    }

    pub(super) fn skimmed(&self) -> MutexGuard<'_, Skimmed> {
        self.skimmed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Sends to a webhook as long as there is something to be sent now.
    pub(super) async fn work_on(self: Arc<Self>, id: WebhookId) {
        while !self.is_stopping() {
            let now = self.context.clock.now();
            let token = LeaseToken::generate(now, &*self.context.entropy);
            let claimed_at = Instant::now();
            let batch = match self.claim(id, token).await {
                Ok(Some(batch)) => batch,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(webhook = %id, cause = with_causes(&error), "deliveries could not be claimed");
                    sleep(RETRY).await;
                    return;
                }
            };
            let hold = Hold {
                id,
                token,
                version: batch.webhook.version,
                until: self.end_of_lease(claimed_at),
            };
            if self.deliver(hold, batch).await == Next::Rest {
                return;
            }
        }
    }

    /// When a lease that was asked for at that instant is too short for another delivery.
    fn end_of_lease(&self, asked_at: Instant) -> Instant {
        asked_at + Duration::from_secs(self.lease_seconds().into()) - self.timeout
    }

    async fn deliver(&self, mut hold: Hold, batch: Batch) -> Next {
        let secrets = self.open(&batch);
        let url = batch.webhook.url.clone();
        let is_full = batch.items.len() >= WINDOW as usize;
        let count = batch.items.len();
        let mut sent: Vec<(DeliveryId, Sent)> = Vec::new();
        let (mut done, mut unrecorded_since, mut has_failed) = (0, None, false);
        for (delivery, change) in batch.items {
            if self.is_stopping() || Instant::now() >= hold.until {
                break;
            }
            let outcome = self.send(&url, &secrets, &delivery, change).await;
            done += 1;
            let is_failure = !matches!(outcome, Sent::Answered(200..=299) | Sent::WithoutChange);
            sent.push((delivery.id, outcome));
            // The next one is not sent before this one was delivered or given up.
            if is_failure && !delivery.is_repeat {
                has_failed = true;
                break;
            }
            let since: Instant = *unrecorded_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= UNRECORDED {
                if !self.record(&mut hold, &mut sent, true).await {
                    // What was claimed is out of date. Nobody is to wait for the lease's end.
                    self.record(&mut hold, &mut sent, false).await;
                    return Next::Again;
                }
                unrecorded_since = None;
            }
        }
        let is_kept = self.record(&mut hold, &mut sent, false).await;
        if is_kept && (is_full || done < count || has_failed) {
            // A failure may have been the last attempt, and then the next one is due.
            return Next::Again;
        }
        Next::Rest
    }

    async fn send(
        &self,
        url: &WebhookUrl,
        secrets: &[WebhookSecret],
        delivery: &Delivery,
        change: Option<StoredChange>,
    ) -> Sent {
        let Some(change) = change else {
            return Sent::WithoutChange;
        };
        if secrets.is_empty() {
            return Sent::Unanswered("the webhook's secret can't be opened".to_owned());
        }
        let body = CloudEvent::new(change, &self.source).to_json();
        let sent = self.sender.send(url, delivery.id, secrets, body).await;
        tracing::debug!(
            webhook = %delivery.webhook_id,
            delivery = %delivery.id,
            sequence = delivery.sequence.get(),
            ?sent,
            "webhook attempt"
        );
        sent
    }

    /// The secrets that deliveries are signed with.
    fn open(&self, batch: &Batch) -> Vec<WebhookSecret> {
        let open = |secret: &tenantry_domain::webhook::SealedWebhookSecret| {
            let opened = self.key.open_secret(secret.id, &secret.sealed);
            if opened.is_err() {
                tracing::error!(webhook = %batch.webhook.id, secret = %secret.id, "a webhook's secret does not open");
            }
            opened.ok()
        };
        // The newest first: a receiver that looks at one signature only looks at that.
        batch.secrets.iter().rev().filter_map(open).collect()
    }

    /// Records what was sent, and gives the right to work on the webhook back unless it is to
    /// be kept. `false` where what was claimed is not to be gone on with.
    async fn record(
        &self,
        hold: &mut Hold,
        sent: &mut Vec<(DeliveryId, Sent)>,
        keep: bool,
    ) -> bool {
        let told = Arc::new(std::mem::take(sent));
        let lease = (hold.token, keep.then(|| self.lease_seconds()));
        loop {
            let asked_at = Instant::now();
            let (context, policy, id) = (self.context.clone(), self.policy.clone(), hold.id);
            let outcomes = Arc::clone(&told);
            let recorded = self
                .write(move |unit| {
                    deliveries::record(unit, &context, &policy, id, lease, &outcomes)
                })
                .await;
            match recorded {
                Ok(recorded) => {
                    hold.until = self.end_of_lease(asked_at);
                    return self.note(hold, &told, recorded);
                }
                Err(error) => {
                    let cause = with_causes(&error);
                    tracing::warn!(webhook = %hold.id, cause, "deliveries could not be recorded");
                    // Later on nobody would take it from here any more.
                    if Instant::now() >= hold.until + self.timeout || self.is_stopping() {
                        return false;
                    }
                    sleep(RETRY).await;
                }
            }
        }
    }

    /// Notes what has become of a record; whether what was claimed is to be gone on with.
    fn note(&self, hold: &Hold, told: &[(DeliveryId, Sent)], recorded: Recorded) -> bool {
        let Recorded::Stored {
            statuses,
            version,
            disabled,
        } = recorded
        else {
            tracing::warn!(
                webhook = %hold.id,
                deliveries = told.len(),
                "another server works on the webhook, or it is gone; what was sent is not recorded"
            );
            return false;
        };
        for status in statuses {
            self.meter.count(match status {
                DeliveryStatus::Delivered => AttemptOutcome::Delivered,
                DeliveryStatus::Pending => AttemptOutcome::Retried,
                DeliveryStatus::Failed => AttemptOutcome::Failed,
            });
        }
        if disabled {
            tracing::warn!(webhook = %hold.id, "the webhook was disabled: nothing but failures came of it");
        }
        version == hold.version && !disabled
    }

    async fn claim(&self, id: WebhookId, token: LeaseToken) -> Result<Option<Batch>, Error> {
        let context = self.context.clone();
        let known = self.skimmed().get(&id).copied();
        let skimmed: Skimmed = known.map(|known| (id, known)).into_iter().collect();
        let seconds = self.lease_seconds();
        self.write(move |unit| deliveries::claim(unit, &context, &skimmed, id, token, seconds))
            .await
    }

    /// Runs `work` in a unit of work, on a thread that may block, in its turn.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn UnitOfWork) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let broken = |cause: &str| Error::Store(StoreError::Unavailable(cause.to_owned()));
        let _turn = self.units.acquire().await.map_err(|_| broken("stopped"))?;
        let store = Arc::clone(&self.store);
        spawn_blocking(move || port::write(&*store, work))
            .await
            .unwrap_or_else(|_| Err(broken("the work was broken off")))
    }
}
