//! How the system API shows tenants (contract §5.1): as JSON, or as JSON-LD with Hydra.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};
use serde::Serialize;
use serde_json::value::RawValue;
use tenantry_domain::{id::TenantId, tenant::Tenant};

use crate::{answer, call::Call, error::ApiError, etag, negotiate::Representation};

pub(super) const CONTEXT: &str = "/contexts/system/Tenant";
pub(super) const COLLECTION: &str = "/system/tenants";

/// A tenant as a record. What is only there in JSON-LD is `None` in JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record<'a> {
    #[serde(rename = "@context", skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
    #[serde(rename = "@id", skip_serializing_if = "Option::is_none")]
    iri: Option<String>,
    #[serde(rename = "@type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    id: i64,
    uuid: TenantId,
    created_at: String,
    updated_at: String,
    data: &'a RawValue,
    version: i32,
}

impl<'a> Record<'a> {
    pub(super) fn json(tenant: &'a Tenant) -> Result<Self, ApiError> {
        Ok(Self {
            context: None,
            iri: None,
            kind: None,
            id: tenant.number.get(),
            uuid: tenant.id,
            created_at: tenant.created_at.to_seconds_with_offset(),
            updated_at: tenant.updated_at.to_seconds_with_offset(),
            data: serde_json::from_str(tenant.data().as_str()).map_err(ApiError::internal)?,
            version: tenant.version.get(),
        })
    }

    pub(super) fn json_ld(tenant: &'a Tenant) -> Result<Self, ApiError> {
        Ok(Self {
            iri: Some(format!("{COLLECTION}/{}", tenant.id)),
            kind: Some("system/Tenant"),
            ..Self::json(tenant)?
        })
    }

    fn json_ld_in_context(tenant: &'a Tenant) -> Result<Self, ApiError> {
        Ok(Self {
            context: Some(CONTEXT),
            ..Self::json_ld(tenant)?
        })
    }
}

/// Shows one tenant.
pub(super) fn item(
    status: StatusCode,
    representation: Representation,
    tenant: &Tenant,
) -> Result<HttpResponse, ApiError> {
    let body = match representation {
        Representation::JsonLd => Record::json_ld_in_context(tenant)?,
        Representation::Json
        | Representation::Text
        | Representation::CloudEvents
        | Representation::EventStream
        | Representation::Asset(_) => Record::json(tenant)?,
    };
    let tag = etag::system(tenant, representation);
    let mut response = answer::tagged(builder(status, representation), &tag);
    if status == StatusCode::CREATED {
        response.insert_header((header::LOCATION, format!("{COLLECTION}/{}", tenant.id)));
    }
    Ok(response.body(answer::to_json(&body)))
}

/// Shows one tenant, unless the caller has it already.
pub(super) fn conditional_item(call: &Call, tenant: &Tenant) -> Result<HttpResponse, ApiError> {
    let tag = etag::system(tenant, call.representation);
    if etag::is_known(&call.request, &tag) {
        return Ok(answer::not_modified(&tag));
    }
    item(StatusCode::OK, call.representation, tenant)
}

/// The beginning of an answer in that representation.
pub(super) fn builder(status: StatusCode, representation: Representation) -> HttpResponseBuilder {
    let media_type = match representation {
        Representation::JsonLd => "application/ld+json; charset=utf-8",
        Representation::Json
        | Representation::Text
        | Representation::CloudEvents
        | Representation::EventStream
        | Representation::Asset(_) => "application/json; charset=utf-8",
    };
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CONTENT_TYPE, media_type));
    response
}
