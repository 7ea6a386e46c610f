//! Health and metrics (contract §1), for whoever runs the server.

use actix_web::{
    HttpResponse,
    http::{Method, StatusCode, header},
};
use serde::Serialize;

use crate::{
    answer,
    call::Call,
    caller::Anybody,
    deps::Unready,
    error::ApiError,
    negotiate::Produces,
    operation::{Operation, OperationName},
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            OperationName::Untold("LIVENESS_RETRIEVE"),
            Method::GET,
            "/livez",
            Produces::Json,
            livez,
        ),
        Operation::new(
            OperationName::Untold("READINESS_RETRIEVE"),
            Method::GET,
            "/readyz",
            Produces::Json,
            readyz,
        ),
        Operation::new(
            OperationName::Untold("METRICS_RETRIEVE"),
            Method::GET,
            "/metrics",
            Produces::Text,
            metrics,
        ),
    ]
}

#[derive(Serialize)]
struct Health<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

async fn livez(_: Anybody, _: Call) -> Result<HttpResponse, ApiError> {
    Ok(answer::json(
        StatusCode::OK,
        &Health {
            status: "ok",
            reason: None,
        },
    ))
}

/// The database answers and has the schema that this program needs, and the signing keys
/// are those that it holds. Who asks has no credential: what a database says of itself, its
/// address for instance, is for the log.
async fn readyz(_: Anybody, call: Call) -> Result<HttpResponse, ApiError> {
    let reason = match call.deps.check(&call.trace.patience).await {
        Ok(()) => call.deps.renewal.problem().map(|cause| {
            tracing::debug!(cause, "the signing keys are not ready");
            "the signing keys can't be read".to_owned()
        }),
        Err(Unready::WrongSchema(reason)) => {
            tracing::debug!(reason, "the database is not ready");
            Some(reason)
        }
        Err(Unready::NoAnswer(cause)) => {
            tracing::debug!(cause, "the database is not ready");
            Some("the database does not answer".to_owned())
        }
    };
    let Some(reason) = reason else {
        let ready = Health {
            status: "ok",
            reason: None,
        };
        return Ok(answer::json(StatusCode::OK, &ready));
    };
    let body = answer::to_json(&Health {
        status: "unavailable",
        reason: Some(&reason),
    });
    let mut response = answer::builder(StatusCode::SERVICE_UNAVAILABLE);
    response.insert_header((header::RETRY_AFTER, "1"));
    Ok(response.body(body))
}

async fn metrics(_: Anybody, call: Call) -> Result<HttpResponse, ApiError> {
    call.deps.observe();
    let text = call.deps.metrics.to_text().map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok()
        .insert_header((
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        ))
        .body(text))
}
