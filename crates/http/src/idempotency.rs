//! Requests that can be repeated without being done twice (contract §4.2).
//!
//! Looking for the answer of an earlier request, doing the work and keeping its answer are
//! one unit of work. Units queue, on one server and among several, so a repeat that comes
//! meanwhile waits for its turn and then finds the answer, and a crash leaves nothing half
//! done behind. Within one process a repeat need not even wait: it is told at once that
//! the first one is still running.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::{HttpRequest, http::header::HeaderName};
use tenantry_auth::idempotency::Pepper;
use tenantry_domain::{
    client::ClientId,
    clock::Timestamp,
    error::{Error, Fault, FaultKind},
    idempotency::{
        AnswerId, Fingerprint, IdempotencyKey, InvalidIdempotencyKey, KeptAnswer, Repeat,
    },
    port::{Entropy, Snapshot, StoreError, UnitOfWork},
    usecase::idempotency,
};

use crate::{
    creation::{Made, Work},
    error::{ApiError, Code, Location},
};

const NAME: &str = "Idempotency-Key";
const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// Set on an answer that was kept from an earlier request.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The key that a request is named by, if it is. Its value is not shown back: kept answers
/// open with it.
pub(crate) fn key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, ApiError> {
    let mut values = request.headers().get_all(HEADER);
    let refuse =
        |kind: FaultKind| ApiError::invalid(vec![(Location::Headers, Fault::new(NAME, kind))]);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(refuse(FaultKind::Repeated));
    }
    IdempotencyKey::parse(value.as_bytes())
        .map(Some)
        .map_err(|invalid: InvalidIdempotencyKey| refuse(invalid.into()))
}

/// The named requests that this process is doing now, and what their answers are sealed with.
pub(crate) struct Repeats {
    pepper: Arc<Pepper>,
    running: Arc<Mutex<HashSet<AnswerId>>>,
}

/// A named request's place among those that are running; free again when it is dropped.
pub(crate) struct Running {
    id: AnswerId,
    running: Arc<Mutex<HashSet<AnswerId>>>,
}

impl Repeats {
    pub(crate) fn new(pepper: Pepper) -> Self {
        Self {
            pepper: Arc::new(pepper),
            running: Arc::default(),
        }
    }

    /// Names a request by what it asks and by whom.
    pub(crate) fn name(
        &self,
        client: ClientId,
        key: IdempotencyKey,
        request: &HttpRequest,
        body: &[u8],
        now: Timestamp,
    ) -> Named {
        let fingerprint = self
            .pepper
            .fingerprint(request.method().as_str(), request.path(), body);
        Named {
            id: self.pepper.answer_id(&client, &key),
            fingerprint,
            pepper: Arc::clone(&self.pepper),
            client,
            key,
            now,
        }
    }

    /// Takes a request's place; it is refused while one of the same name is running.
    pub(crate) fn begin(&self, named: &Named) -> Result<Running, ApiError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.insert(named.id) {
            return Ok(Running {
                id: named.id,
                running: Arc::clone(&self.running),
            });
        }
        let message = "A request with this Idempotency-Key is still running; try again later.";
        Err(ApiError::new(Code::IdempotencyKeyInUse, message).retry_after(1))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.id);
    }
}

/// A request with the name that its caller has given to it.
pub(crate) struct Named {
    id: AnswerId,
    fingerprint: Fingerprint,
    pepper: Arc<Pepper>,
    client: ClientId,
    key: IdempotencyKey,
    now: Timestamp,
}

/// What became of a named request.
pub(crate) enum Outcome {
    /// It was done.
    Made(Made),
    /// It was done before, and this was the answer.
    Replayed(Made),
    /// Its name belongs to another request.
    Reused,
}

impl Named {
    /// Does the work and keeps its answer, if that was not done before.
    pub(crate) fn run(
        &self,
        unit: &mut dyn UnitOfWork,
        entropy: &dyn Entropy,
        work: Work,
    ) -> Result<Outcome, Error> {
        let (id, fingerprint, now) = (self.id, self.fingerprint, self.now);
        match idempotency::recall(unit, id, fingerprint, now)? {
            Repeat::Known(kept) => self.open(&kept).map(Outcome::Replayed),
            Repeat::Other => Ok(Outcome::Reused),
            Repeat::New => {
                let made = work(unit)?;
                let sealed = self
                    .pepper
                    .seal(entropy, &self.client, &self.key, &made.to_bytes());
                let kept = KeptAnswer {
                    id,
                    fingerprint,
                    sealed,
                    expires_at: now.plus_seconds(KeptAnswer::LIFETIME_SECONDS),
                };
                idempotency::keep(unit, &kept, now)?;
                Ok(Outcome::Made(made))
            }
        }
    }

    /// Looks for the answer of a request that is not to be done, because it can't be. That
    /// it could be earlier is no contradiction: what is allowed may have changed since.
    pub(crate) fn look_up(&self, unit: &mut dyn Snapshot) -> Result<Option<Outcome>, Error> {
        match idempotency::look_up(unit, self.id, self.fingerprint, self.now)? {
            Repeat::New => Ok(None),
            Repeat::Other => Ok(Some(Outcome::Reused)),
            Repeat::Known(kept) => self.open(&kept).map(|made| Some(Outcome::Replayed(made))),
        }
    }

    fn open(&self, kept: &KeptAnswer) -> Result<Made, Error> {
        let corrupt = || StoreError::Corrupt("a kept answer does not open".to_owned());
        let bytes = self
            .pepper
            .open_answer(&self.client, &self.key, &kept.sealed)
            .map_err(|_| corrupt())?;
        Ok(Made::from_bytes(&bytes).ok_or_else(corrupt)?)
    }
}
