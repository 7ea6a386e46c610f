//! What every POST of the management API has in common.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use tenantry_domain::{error::Error, port::UnitOfWork};
use zeroize::Zeroizing;

use crate::{
    answer,
    body::Bodies,
    call::Call,
    caller::Management,
    error::{ApiError, Code},
    idempotency::{self, Outcome},
};

/// What a POST is to do in its unit of work, and what it then answers.
pub(crate) type Work = Box<dyn FnOnce(&mut dyn UnitOfWork) -> Result<Made, Error> + Send>;

/// What is to be found out of the world, before a POST is done: it may refuse.
pub(crate) type Check = for<'a> fn(&'a Call, &'a [u8]) -> LocalBoxFuture<'a, Result<(), ApiError>>;

/// How a POST is done, beside what its handler says.
#[derive(Clone, Copy)]
pub(crate) struct Procedure {
    /// What has to be found out before.
    pub(crate) check: Option<Check>,
    /// The status of its success.
    pub(crate) status: StatusCode,
}

impl Default for Procedure {
    fn default() -> Self {
        Self {
            check: None,
            status: StatusCode::CREATED,
        }
    }
}

/// A POST's handler: it reads what it is asked for and says what is to be done.
pub(crate) type Creator<P> = fn(&Management<P>, &Call, &[u8]) -> Result<Work, ApiError>;

/// The answer to a POST that has made something. This form of it is also what is kept,
/// sealed, for a repeat.
#[derive(Deserialize, Serialize)]
pub(crate) struct Made {
    /// Where it is, if it can be asked for.
    pub(crate) location: Option<String>,
    /// The tag of its state, if it has one.
    pub(crate) etag: Option<String>,
    /// What is shown of it, secrets included.
    pub(crate) body: String,
}

impl Made {
    /// Shows what was made. An answer that may hold a secret is never to be kept by
    /// caches, so it has no other headers than those that are set here.
    pub(crate) fn new(body: &impl Serialize) -> Self {
        Self {
            location: None,
            etag: None,
            body: answer::to_json(body),
        }
    }

    pub(crate) fn at(mut self, location: String) -> Self {
        self.location = Some(location);
        self
    }

    pub(crate) fn tagged(mut self, etag: String) -> Self {
        self.etag = Some(etag);
        self
    }

    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Texts can always be written.
        Zeroizing::new(serde_json::to_vec(self).unwrap_or_default())
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    fn into_response(self, status: StatusCode) -> HttpResponse {
        self.respond(answer::builder(status))
    }

    /// Shows an answer that was kept.
    fn into_replay(self, status: StatusCode) -> HttpResponse {
        let mut response = answer::builder(status);
        response.insert_header((idempotency::REPLAYED, "true"));
        self.respond(response)
    }

    fn respond(self, mut response: HttpResponseBuilder) -> HttpResponse {
        if let Some(location) = self.location {
            response.insert_header((header::LOCATION, location));
        }
        if let Some(etag) = self.etag {
            response.insert_header((header::ETAG, etag));
        }
        response.body(self.body)
    }
}

/// Reads the body, lets the handler say what is to be done, and does it in one unit of
/// work; once only, if the caller has given the request a name.
pub(crate) async fn run<P>(
    caller: &Management<P>,
    mut call: Call,
    procedure: Procedure,
    handler: Creator<P>,
) -> Result<HttpResponse, ApiError> {
    let Procedure { check, status } = procedure;
    let key = idempotency::key(&call.request)?;
    let body = call.json(Bodies::Json).await?;
    let Some(key) = key else {
        let work = prepare(caller, &call, &body, check, handler).await?;
        let made = call.change(status, work).await?;
        return Ok(made.into_response(status));
    };
    let repeats = &call.deps.repeats;
    let client = caller.principal.client_id.clone();
    let named = repeats.name(client, key, &call.request, &body, call.deps.now());
    let running = repeats.begin(&named)?;
    let outcome = match prepare(caller, &call, &body, check, handler).await {
        Ok(work) => {
            let entropy = call.deps.shared_entropy();
            let is_made = |outcome: &Outcome| matches!(outcome, Outcome::Made(_));
            let work = move |unit: &mut dyn UnitOfWork| named.run(unit, &*entropy, work);
            call.change_if(status, is_made, work).await?
        }
        Err(refusal) => {
            let found = call.read(move |unit| named.look_up(unit)).await?;
            found.ok_or(refusal)?
        }
    };
    drop(running);
    match outcome {
        Outcome::Made(made) => Ok(made.into_response(status)),
        Outcome::Replayed(made) => Ok(made.into_replay(status)),
        Outcome::Reused => Err(ApiError::new(
            Code::IdempotencyKeyReused,
            "Another request was made with this Idempotency-Key; give each request its own.",
        )),
    }
}

/// What is to be done, if nothing is found that speaks against it.
async fn prepare<P>(
    caller: &Management<P>,
    call: &Call,
    body: &[u8],
    check: Option<Check>,
    handler: Creator<P>,
) -> Result<Work, ApiError> {
    if let Some(check) = check {
        check(call, body).await?;
    }
    handler(caller, call, body)
}
