//! Contract §4: `{"code","type","message","details"}`.

use actix_web::http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use tenantry_domain::error::FaultKind;

use super::Located;
use crate::{
    answer,
    error::{ApiError, Location},
};

#[derive(Serialize)]
struct Body<'a> {
    code: &'a str,
    #[serde(rename = "type")]
    class: &'a str,
    message: &'a str,
    details: Vec<Detail<'a>>,
}

#[derive(Serialize)]
struct Detail<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a RawValue>,
    msg: String,
    param: &'a str,
    location: &'a str,
}

pub(super) fn body(error: &ApiError) -> String {
    answer::to_json(&Body {
        code: error.code.as_str(),
        class: class(error.code.status()),
        message: &error.message,
        details: error.faults.iter().map(detail).collect(),
    })
}

fn detail((location, fault): &Located) -> Detail<'_> {
    let msg = match (location, &fault.kind) {
        // The reference's own words for a malformed id in a path.
        (Location::Params, FaultKind::Id(_) | FaultKind::ClientId(_)) => "Invalid value".to_owned(),
        (_, kind) => kind.to_string(),
    };
    Detail {
        value: fault
            .value
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok()),
        msg,
        param: &fault.member,
        location: location.as_str(),
    }
}

/// The class of an error: the name of its status.
const fn class(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "BadRequest",
        StatusCode::UNAUTHORIZED => "Unauthorized",
        StatusCode::FORBIDDEN => "Forbidden",
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::METHOD_NOT_ALLOWED => "MethodNotAllowed",
        StatusCode::NOT_ACCEPTABLE => "NotAcceptable",
        StatusCode::REQUEST_TIMEOUT => "RequestTimeout",
        StatusCode::CONFLICT => "Conflict",
        StatusCode::PRECONDITION_FAILED => "PreconditionFailed",
        StatusCode::PAYLOAD_TOO_LARGE => "PayloadTooLarge",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "UnsupportedMediaType",
        StatusCode::UNPROCESSABLE_ENTITY => "UnprocessableEntity",
        StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
        _ => "InternalServerError",
    }
}
