//! RFC 6749 §5.2: `{"error","error_description"}`.

use actix_web::http::StatusCode;
use serde::Serialize;

use crate::{
    answer,
    error::{ApiError, Code},
};

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    error_description: String,
}

pub(super) fn body(error: &ApiError) -> String {
    // RFC 6749 §5.2 admits visible ASCII and space without quote and backslash.
    let admitted = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    let plain = |c: char| if admitted(c) { c } else { '?' };
    let error_description = error.message.chars().map(plain).collect();
    answer::to_json(&Body {
        error: word(error.code),
        error_description,
    })
}

/// The registered word for an error; what has none of its own is the caller's or the
/// server's fault.
fn word(code: Code) -> &'static str {
    match code {
        Code::InvalidClient
        | Code::InvalidScope
        | Code::InvalidTarget
        | Code::UnsupportedGrantType => code.as_str(),
        _ => match code.status() {
            StatusCode::INTERNAL_SERVER_ERROR => "server_error",
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                "temporarily_unavailable"
            }
            _ => "invalid_request",
        },
    }
}
