//! What the handlers work with, and how they get at the database.

use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::web;
use tenantry_auth::{
    hashing::Hasher,
    idempotency::Pepper,
    keys::SharedKeyRing,
    limiter::{FailureLimiter, FailureLimits},
    verified::VerifiedPasswords,
};
use tenantry_domain::{
    change::{Actor, Origin},
    clock::{Clock, Timestamp},
    error::Error,
    id::RequestId,
    port::{self, Entropy, Snapshot, Store, UnitOfWork},
    subdomain::ReservedLabels,
    usecase::Context,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{error::ApiError, idempotency::Repeats, metrics::Metrics};

/// How long a request may wait for all of its turns, at the database and at password
/// hashing, before it is told that the server is overloaded. What the database itself may
/// take comes on top, and both together stay below the five seconds within which an
/// overload has to be told.
const PATIENCE: Duration = Duration::from_millis(2500);

/// What is left of a request's time to wait.
pub(crate) struct Patience(Cell<Duration>);

impl Default for Patience {
    fn default() -> Self {
        Self(Cell::new(PATIENCE))
    }
}

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
    /// When failed authentications are slowed down.
    pub failure_limits: FailureLimits,
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
    /// Hashes secrets and passwords.
    pub hasher: Hasher,
    /// What kept answers are sealed with.
    pub pepper: Pepper,
    /// How the wire is set up.
    pub config: HttpConfig,
}

/// What the handlers work with.
pub struct Deps {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    reserved: Arc<ReservedLabels>,
    readers: Arc<Semaphore>,
    writers: Arc<Semaphore>,
    hashers: Arc<Semaphore>,
    pub(crate) keys: SharedKeyRing,
    pub(crate) hasher: Hasher,
    pub(crate) repeats: Repeats,
    pub(crate) limiter: FailureLimiter,
    pub(crate) verified: VerifiedPasswords,
    pub(crate) metrics: Metrics,
    pub(crate) config: HttpConfig,
}

impl Deps {
    /// Puts the parts together.
    pub fn new(parts: DepsParts) -> Arc<Self> {
        // Argon2 takes a whole core for its time; half of them stay free for the rest.
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Arc::new(Self {
            store: parts.store,
            clock: parts.clock,
            reserved: parts.reserved,
            readers: Arc::new(Semaphore::new(parts.config.readers.max(1))),
            writers: Arc::new(Semaphore::new(parts.config.writers.max(1))),
            hashers: Arc::new(Semaphore::new((cores / 2).max(1))),
            keys: parts.keys,
            hasher: parts.hasher,
            repeats: Repeats::new(parts.pepper),
            limiter: FailureLimiter::new(parts.config.failure_limits),
            verified: VerifiedPasswords::new(&*parts.entropy),
            metrics: Metrics::new(),
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

    /// Runs `work` in a snapshot, on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        patience: &Patience,
        work: impl FnOnce(&mut dyn Snapshot) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let store = Arc::clone(&self.store);
        let read = move || port::read(&*store, work);
        Ok(blocking(&self.readers, patience, "the database", read).await??)
    }

    /// Runs `work` in a unit of work, on a thread that may block, and commits it if it
    /// succeeds.
    ///
    /// The caller going away does not stop it: what has begun ends one way or the other.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        patience: &Patience,
        work: impl FnOnce(&mut dyn UnitOfWork) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let store = Arc::clone(&self.store);
        let write = move || port::write(&*store, work);
        Ok(blocking(&self.writers, patience, "the database", write).await??)
    }

    /// Runs a dear hash, on a thread that may block, with a bounded share of the machine.
    pub(crate) async fn hash<T: Send + 'static>(
        &self,
        patience: &Patience,
        work: impl FnOnce(&Hasher) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let hasher = self.hasher.clone();
        blocking(&self.hashers, patience, "password hashing", move || {
            work(&hasher)
        })
        .await
    }

    /// Whether the database answers and is migrated; the reason where it is not.
    pub(crate) async fn check(&self, patience: &Patience) -> Result<(), ApiError> {
        let store = Arc::clone(&self.store);
        let checked = blocking(&self.readers, patience, "the database", move || {
            store.check()
        })
        .await?;
        Ok(checked.map_err(Error::from)?)
    }
}

/// Runs `work` on a thread that may block, when its turn at the gate has come.
///
/// The work holds its place itself. A caller that goes away in the middle leaves the
/// work running, and whoever comes next must not be let in beside it.
async fn blocking<T: Send + 'static>(
    gate: &Arc<Semaphore>,
    patience: &Patience,
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let turn = turn(gate, patience, what).await?;
    let work = move || {
        let result = work();
        drop(turn);
        result
    };
    web::block(work).await.map_err(ApiError::internal)
}

async fn turn(
    gate: &Arc<Semaphore>,
    patience: &Patience,
    what: &str,
) -> Result<OwnedSemaphorePermit, ApiError> {
    let asked = Instant::now();
    let left = patience.0.get();
    let turn = tokio::time::timeout(left, Arc::clone(gate).acquire_owned()).await;
    patience.0.set(left.saturating_sub(asked.elapsed()));
    match turn {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(closed)) => Err(ApiError::internal(closed)),
        Err(_) => Err(ApiError::overloaded(format!(
            "no turn at {what} within {PATIENCE:?}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[actix_web::test]
    async fn work_keeps_its_place_when_its_caller_goes_away() {
        let gate = Arc::new(Semaphore::new(1));
        let (end, ended) = mpsc::channel::<()>();
        let patience = Patience::default();
        let work = blocking(&gate, &patience, "the test", move || ended.recv());
        let gone = tokio::time::timeout(Duration::from_millis(50), work).await;
        assert!(
            gone.is_err(),
            "the caller went away while the work was running"
        );
        assert_eq!(gate.available_permits(), 0);
        end.send(()).unwrap();
        while gate.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
    }
}
