//! What every POST of the management API has in common.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use serde::Serialize;
use tenantry_domain::{error::Error, port::UnitOfWork};

use crate::{answer, body::Bodies, call::Call, caller::Management, error::ApiError};

/// What a POST is to do in its unit of work, and what it then answers.
pub(crate) type Work = Box<dyn FnOnce(&mut dyn UnitOfWork) -> Result<Made, Error> + Send>;

/// A POST's handler: it reads what it is asked for and says what is to be done.
pub(crate) type Creator<P> = fn(&Management<P>, &Call, &[u8]) -> Result<Work, ApiError>;

/// The answer to a POST that has made something.
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

    fn into_response(self) -> HttpResponse {
        let mut response = answer::builder(StatusCode::CREATED);
        if let Some(location) = self.location {
            response.insert_header((header::LOCATION, location));
        }
        if let Some(etag) = self.etag {
            response.insert_header((header::ETAG, etag));
        }
        response.body(self.body)
    }
}

/// Reads the body, lets the handler say what is to be done, and does it in one unit of work.
pub(crate) async fn run<P>(
    caller: &Management<P>,
    mut call: Call,
    handler: Creator<P>,
) -> Result<HttpResponse, ApiError> {
    let body = call.json(Bodies::Json).await?;
    let work = handler(caller, &call, &body)?;
    let made = call.write(work).await?;
    Ok(made.into_response())
}
