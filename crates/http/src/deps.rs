//! What the handlers work with, and how they get at the database.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{http::header::HeaderValue, web::Bytes};
use tenantry_auth::{
    hashing::Hasher,
    idempotency::Pepper,
    keys::SharedKeyRing,
    limiter::{FailureLimiter, FailureLimits},
    verified::VerifiedSecrets,
    verified_tokens::VerifiedTokens,
    webhook::WebhookKey,
};
use tenantry_domain::{
    change::{Actor, Origin},
    clock::{Clock, Timestamp},
    error::Error,
    id::RequestId,
    port::{self, Entropy, Snapshot, Store, StoreError, UnitOfWork},
    subdomain::ReservedLabels,
    usecase::Context,
    webhook::TargetPolicy,
};

use crate::{
    error::ApiError,
    events::RecentEvents,
    feed::Feed,
    gate::{Gate, Patience, Refused},
    idempotency::Repeats,
    keys::{KeyReader, Renewal},
    metrics::Metrics,
    names::Names,
    news::News,
    pages::{KnownPages, PageKey},
    pipeline,
    pressure::Pools,
    quick::Quick,
    sign_in::SignIns,
    spans::RequestSpans,
    target,
    tls::TlsMeter,
    usage::RecentUses,
    webhooks::WebhookMeter,
    writers::Writers,
};

/// How the wire is set up.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Issuer, management audience and base of every absolute link; no trailing slash.
    pub public_url: String,
    /// How many seconds an access token lives.
    pub token_ttl: u32,
    /// How `POST /system/tenants` tells of its success.
    pub system_create_status: CreateStatus,
    /// The origins to which browsers may show answers; none switches CORS off.
    pub cors_origins: Vec<String>,
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
    /// How many requests may read from the database at once.
    pub readers: usize,
    /// How many requests may write to the database at once.
    pub writers: usize,
    /// How many seconds a stream is silent at the most.
    pub stream_heartbeat: u32,
    /// When failed authentications are slowed down.
    pub failure_limits: FailureLimits,
    /// Where webhooks may lead.
    pub webhook_targets: TargetPolicy,
}

/// The status of a successful `POST /system/tenants`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CreateStatus {
    /// 200, as the reference shows.
    #[default]
    Ok,
    /// 201, for clients that want that.
    Created,
}

/// What [`Deps::new`] is made of.
pub struct DepsParts {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where random bits come from.
    pub entropy: Arc<dyn Entropy>,
    /// What no tenant may be called.
    pub reserved: Arc<ReservedLabels>,
    /// The keys that sign and verify tokens.
    pub keys: SharedKeyRing,
    /// What reads them again where they seem to be out of date.
    pub key_reader: Arc<dyn KeyReader>,
    /// Hashes secrets and passwords.
    pub hasher: Hasher,
    /// Where uses of clients are collected.
    pub uses: RecentUses,
    /// Where requests are collected that are told of in events.
    pub events: RecentEvents,
    /// What kept answers are sealed with.
    pub pepper: Pepper,
    /// What webhooks' secrets are sealed under.
    pub webhook_key: Arc<WebhookKey>,
    /// What whoever delivers to webhooks counts.
    pub webhooks: WebhookMeter,
    /// What is counted of the server's own certificate, where it has one.
    pub tls: Option<TlsMeter>,
    /// Where requests go that have ended, where somebody follows them.
    pub spans: Option<Arc<dyn RequestSpans>>,
    /// Looks at the connections to the database.
    pub pools: Pools,
    /// The news of commits.
    pub news: News,
    /// How the wire is set up.
    pub config: HttpConfig,
}

/// What the handlers work with.
pub struct Deps {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    reserved: Arc<ReservedLabels>,
    readers: Gate,
    quick: Quick,
    writers: Writers,
    hashers: Gate,
    blocking_threads: usize,
    pub(crate) keys: SharedKeyRing,
    pub(crate) renewal: Renewal,
    pub(crate) hasher: Hasher,
    pub(crate) repeats: Repeats,
    pub(crate) limiter: FailureLimiter,
    pub(crate) sign_ins: SignIns,
    pages: KnownPages,
    pub(crate) verified_tokens: VerifiedTokens,
    pub(crate) verified_secrets: VerifiedSecrets,
    pub(crate) uses: RecentUses,
    pub(crate) events: RecentEvents,
    pub(crate) webhook_key: Arc<WebhookKey>,
    pub(crate) names: Names,
    pub(crate) metrics: Metrics,
    pools: Pools,
    pub(crate) feed: Feed,
    /// The `Link` header of the system API.
    pub(crate) link: Option<HeaderValue>,
    pub(crate) spans: Option<Arc<dyn RequestSpans>>,
    pub(crate) config: HttpConfig,
}

impl Deps {
    /// Puts the parts together.
    pub fn new(parts: DepsParts) -> Arc<Self> {
        // Argon2 takes a whole core for its time; half of them stay free for the rest.
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (readers, writers, hashers) = (parts.config.readers, parts.config.writers, cores / 2);
        let metrics = Metrics::new(
            &[parts.events.dropped()],
            &parts.webhooks,
            parts.tls.as_ref(),
        );
        let gate = |what, at, places| Gate::new(what, places).metered(metrics.pressure.turns(at));
        let write = gate("the database", "write", writers);
        Arc::new(Self {
            writers: Writers::new(Arc::clone(&parts.store), write),
            store: parts.store,
            clock: parts.clock,
            reserved: parts.reserved,
            readers: gate("the database", "read", readers),
            quick: Quick::new(),
            hashers: gate("password hashing", "password_hash", hashers),
            blocking_threads: [readers, writers, hashers]
                .map(Gate::most_threads)
                .iter()
                .sum::<usize>(),
            keys: parts.keys,
            renewal: Renewal::new(parts.key_reader),
            hasher: parts.hasher,
            repeats: Repeats::new(parts.pepper),
            limiter: FailureLimiter::new(parts.config.failure_limits),
            sign_ins: SignIns::new(parts.config.failure_limits, &*parts.entropy),
            pages: KnownPages::default(),
            verified_tokens: VerifiedTokens::new(&*parts.entropy),
            verified_secrets: VerifiedSecrets::new(&*parts.entropy),
            uses: parts.uses,
            pools: parts.pools,
            metrics,
            events: parts.events,
            webhook_key: parts.webhook_key,
            names: Names::new(target::MOST_NAMES),
            feed: Feed::new(parts.news),
            link: pipeline::link(&parts.config.public_url),
            spans: parts.spans,
            config: parts.config,
            entropy: parts.entropy,
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// The same for work that goes to another thread.
    pub(crate) fn shared_entropy(&self) -> Arc<dyn Entropy> {
        Arc::clone(&self.entropy)
    }

    pub(crate) fn reserved(&self) -> &ReservedLabels {
        &self.reserved
    }

    /// What a use case that writes needs to know of this request.
    pub(crate) fn context(&self, actor: Actor, request_id: &RequestId) -> Context {
        Context {
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            reserved: Arc::clone(&self.reserved),
            origin: Origin {
                actor,
                request_id: Some(request_id.clone()),
            },
        }
    }

    /// Ends what would otherwise last: whoever waits for changes is answered, and every stream
    /// of them ends. To be called when the server is to stop.
    pub fn stop_waiting(&self) {
        self.feed.stop();
    }

    /// Whether nothing is left but connections of streams, which were told to end, and
    /// whose clients don't take it.
    pub fn has_only_stuck_readers(&self) -> bool {
        self.feed.has_connections() && self.metrics.in_flight.get() == 0
    }

    /// How many threads that block there are at the most, given up work included.
    pub(crate) fn blocking_threads(&self) -> usize {
        self.blocking_threads
    }

    /// Runs `work`, which looks up something small by its key, in a snapshot: at once and here, if the
    /// store can do that and does not take long for it, or like any other reading.
    pub(crate) async fn look_up<T: Send + 'static>(
        &self,
        patience: &Patience,
        work: impl FnOnce(&mut dyn Snapshot) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        if self.quick.is_trusted()
            && let Some(mut snapshot) = self.store.snapshot_at_once()
        {
            let begun = Instant::now();
            let result = work(&mut *snapshot);
            drop(snapshot);
            self.quick.note(begun.elapsed());
            return Ok(result?);
        }
        self.read(patience, work).await
    }

    /// The page that `work` writes, or the same from before. A small one is read and written here, like
    /// anything small that is looked up.
    pub(crate) async fn page(
        &self,
        patience: &Patience,
        key: PageKey,
        work: impl FnOnce(&mut dyn Snapshot) -> Result<String, Error> + Send + 'static,
    ) -> Result<Bytes, ApiError> {
        if key.is_small()
            && self.quick.is_trusted()
            && let Some(mut snapshot) = self.store.snapshot_at_once()
        {
            let state = snapshot.state();
            if let Some(page) = state.and_then(|state| self.pages.find(state, &key)) {
                return Ok(page);
            }
            let begun = Instant::now();
            let page = work(&mut *snapshot);
            drop(snapshot);
            self.quick.note(begun.elapsed());
            let page = Bytes::from(page?);
            if let Some(state) = state {
                self.pages.put(state, key, &page);
            }
            return Ok(page);
        }
        self.read(patience, work).await.map(Bytes::from)
    }

    /// The same for `work` that has exactly one question.
    pub(crate) async fn glance<T: Send + 'static>(
        &self,
        patience: &Patience,
        work: impl Fn(&mut dyn Snapshot) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        if let Some(result) = self.at_once(&work) {
            return Ok(result?);
        }
        let store = Arc::clone(&self.store);
        let read = move || port::glance(&*store, work);
        Ok(self.readers.run(patience, read).await??)
    }

    /// Runs `work` at once and here, if the store can do that and does not take long for it.
    fn at_once<T>(
        &self,
        work: impl FnOnce(&mut dyn Snapshot) -> Result<T, Error>,
    ) -> Option<Result<T, Error>> {
        if !self.quick.is_trusted() {
            return None;
        }
        let mut snapshot = self.store.snapshot_at_once()?;
        let begun = Instant::now();
        let result = work(&mut *snapshot);
        drop(snapshot);
        self.quick.note(begun.elapsed());
        Some(result)
    }

    /// Runs `work` in a snapshot, on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        patience: &Patience,
        work: impl FnOnce(&mut dyn Snapshot) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let store = Arc::clone(&self.store);
        let read = move || port::read(&*store, work);
        Ok(self.readers.run(patience, read).await??)
    }

    /// Runs `work` in a unit of work, on a thread that may block, and commits it if it
    /// succeeds, together with those of others: see [`Writers::write`].
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        patience: &Patience,
        work: impl FnOnce(&mut dyn UnitOfWork) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let written = self.writers.write(patience, work).await;
        if written.is_ok() {
            self.feed.news.tell_own();
        }
        written
    }

    /// Runs a dear hash, on a thread that may block, with a bounded share of the machine.
    pub(crate) async fn hash<T: Send + 'static>(
        &self,
        patience: &Patience,
        work: impl FnOnce(&Hasher) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let hasher = self.hasher.clone();
        let durations = self.metrics.pressure.hashes.clone();
        let timed = move || {
            let begun = Instant::now();
            let result = work(&hasher);
            durations.observe(begun.elapsed().as_secs_f64());
            result
        };
        Ok(self.hashers.run(patience, timed).await?)
    }

    /// Notes what is looked at only when somebody asks for the metrics.
    pub(crate) fn observe(&self) {
        let pressure = &self.metrics.pressure;
        for pool in (self.pools)() {
            pressure.set_pool(pool);
        }
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        pressure.changes_waiting.set(number(self.writers.waiting()));
        pressure.events_waiting.set(number(self.events.waiting()));
    }

    /// Reads the signing keys again, with a turn at the database.
    pub(crate) async fn read_keys(
        &self,
        patience: &Patience,
        reader: Arc<dyn KeyReader>,
    ) -> Result<(), ApiError> {
        let read = move || reader.read_again();
        let read = self.readers.run(patience, read).await?;
        read.map_err(ApiError::overloaded)
    }

    /// Whether the database answers and is migrated; the reason where it is not.
    pub(crate) async fn check(&self, patience: &Patience) -> Result<(), Unready> {
        let store = Arc::clone(&self.store);
        let checked = self.readers.run(patience, move || store.check()).await;
        checked
            .map_err(|refused| Unready::of(refused.into()))?
            .map_err(|error| match error {
                StoreError::WrongSchema(reason) => Unready::WrongSchema(reason),
                error => Unready::of(error.into()),
            })
    }
}

/// Why the database can't be worked with.
pub(crate) enum Unready {
    /// It was not migrated to what this program needs; whoever may ask may know.
    WrongSchema(String),
    /// It does not answer. The reason can hold what is not for everybody, its address for
    /// instance.
    NoAnswer(String),
}

impl Unready {
    fn of(error: ApiError) -> Self {
        Self::NoAnswer(error.cause.unwrap_or(error.message))
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoTurn(cause) | Refused::Overdue(cause) => Self::overloaded(cause),
            Refused::Broken(cause) => Self::internal(cause),
        }
    }
}

#[cfg(test)]
mod tests;
