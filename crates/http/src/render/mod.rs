//! The families of routes, and how each shows an error.

mod management;
mod oauth;
mod system;

use actix_web::{HttpResponse, http::header};
use percent_encoding::percent_decode_str;
use tenantry_domain::error::Fault;

use crate::{
    error::{ApiError, Location},
    negotiate::Representation,
};

/// A family of routes shares the shape of its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// `/v1`, and all that belongs to nobody else.
    Management,
    /// `/system/tenants` and the Hydra documents that describe it.
    System,
    /// `/oauth`.
    OAuth,
}

impl Family {
    /// The family to which a path belongs, whether anything is there or not.
    pub(crate) fn of(path: &str) -> Self {
        let path = percent_decode_str(path).decode_utf8_lossy();
        match path
            .trim_start_matches('/')
            .split('/')
            .next()
            .unwrap_or_default()
        {
            "system" | "contexts" | "docs.jsonld" | "" => Self::System,
            "oauth" => Self::OAuth,
            _ => Self::Management,
        }
    }

    /// Shows an error in the family's shape.
    pub(crate) fn render(self, error: &ApiError, representation: Representation) -> HttpResponse {
        let (media_type, body) = match self {
            Self::Management => ("application/json", management::body(error)),
            Self::System => system::body(error, representation),
            Self::OAuth => ("application/json", oauth::body(error)),
        };
        let mut response = HttpResponse::build(error.code.status());
        response.insert_header((header::CONTENT_TYPE, media_type));
        for (name, value) in &error.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        if error.close {
            response.force_close();
        }
        response.body(body)
    }
}

/// A fault together with where it lies.
type Located = (Location, Fault);
