//! Reading request bodies, within bounds of size and time.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    error::PayloadError,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName},
    web::Payload,
};
use futures_util::StreamExt;

use crate::{
    error::{ApiError, Code},
    media_type::MediaType,
};

/// RFC 5789 §3.1.
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// The largest body, in bytes: 1 MiB.
const MAX_LENGTH: usize = 1024 * 1024;

/// Which media types an operation takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bodies {
    /// `application/json`.
    Json,
    /// `application/json` or `application/ld+json`.
    JsonOrJsonLd,
    /// `application/merge-patch+json` (RFC 7396), or the same as `application/json`.
    MergePatch,
}

impl Bodies {
    pub(crate) const fn media_types(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["application/json"],
            Self::JsonOrJsonLd => &["application/json", "application/ld+json"],
            Self::MergePatch => &["application/merge-patch+json", "application/json"],
        }
    }

    /// What a 415 tells beside its message: the patches that would have been taken
    /// (RFC 5789 §2.2).
    pub(crate) fn tell(self, refusal: ApiError) -> ApiError {
        match self {
            Self::MergePatch => refusal.with_header(ACCEPT_PATCH, self.media_types().join(", ")),
            Self::Json | Self::JsonOrJsonLd => refusal,
        }
    }
}

/// Refuses a body of another media type, of another charset than UTF-8, or encoded.
pub(crate) fn expect_media_type(request: &HttpRequest, accepted: &[&str]) -> Result<(), ApiError> {
    let unsupported = |problem: String| {
        let message = format!("{problem}; this operation takes {}.", accepted.join(" or "));
        // The body stays unread.
        Err(ApiError::new(Code::UnsupportedMediaType, message).and_close())
    };
    if !request.headers().contains_key(CONTENT_TYPE) {
        return unsupported("The request has no Content-Type".to_owned());
    }
    if request.headers().get_all(CONTENT_TYPE).count() > 1 {
        return unsupported("The request has more than one Content-Type".to_owned());
    }
    let media_type = media_type(request);
    let is_accepted = |media_type: &MediaType| accepted.contains(&media_type.essence.as_str());
    let Some(media_type) = media_type.filter(is_accepted) else {
        return unsupported("The request's Content-Type is not supported".to_owned());
    };
    let charset = media_type.parameter("charset");
    if charset.is_some_and(|charset| !charset.eq_ignore_ascii_case("utf-8")) {
        return unsupported("The request's charset is not UTF-8".to_owned());
    }
    match request.headers().get(CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            unsupported("The request's Content-Encoding is not supported".to_owned())
        }
        _ => Ok(()),
    }
}

/// The media type of a request's body, where it has one that can be read.
pub(crate) fn media_type(request: &HttpRequest) -> Option<MediaType> {
    MediaType::parse(request.headers().get(CONTENT_TYPE)?.to_str().ok()?)
}

/// Reads a whole body.
pub(crate) async fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    patience: Duration,
) -> Result<Vec<u8>, ApiError> {
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    if announced
        .and_then(|text| text.parse().ok())
        .is_some_and(|length: u64| length > MAX_LENGTH as u64)
    {
        return Err(too_large());
    }
    tokio::time::timeout(patience, collect(payload))
        .await
        .unwrap_or_else(|_| {
            let message = format!("The request's body did not arrive within {patience:?}.");
            Err(ApiError::new(Code::RequestTimeout, message).and_close())
        })
}

async fn collect(payload: &mut Payload) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| broken(&error))?;
        if body.len() + chunk.len() > MAX_LENGTH {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn too_large() -> ApiError {
    ApiError::new(
        Code::PayloadTooLarge,
        "The request's body is larger than 1 MiB.",
    )
    .and_close()
}

fn broken(error: &PayloadError) -> ApiError {
    let message = "The request's body did not arrive whole.";
    ApiError::new(Code::InvalidRequest, message)
        .caused_by(error)
        .and_close()
}
