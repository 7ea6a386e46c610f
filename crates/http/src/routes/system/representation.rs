//! How the system API shows tenants (contract §5.1): as JSON, or as JSON-LD with Hydra.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};
use serde::Serialize;
use serde_json::value::RawValue;
use tenantry_domain::{id::TenantId, page::NumberedPage, tenant::Tenant};

use crate::{answer, call::Call, error::ApiError, etag, negotiate::Representation, query::Query};

const CONTEXT: &str = "/contexts/system/Tenant";
const COLLECTION: &str = "/system/tenants";

/// A tenant as a record. What is only there in JSON-LD is `None` in JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
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
    fn json(tenant: &'a Tenant) -> Result<Self, ApiError> {
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

    fn json_ld(tenant: &'a Tenant) -> Result<Self, ApiError> {
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
        Representation::Json | Representation::Text => Record::json(tenant)?,
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

/// Shows one page of all tenants.
pub(super) fn collection(
    representation: Representation,
    tenants: &[Tenant],
    total: u64,
    page: NumberedPage,
    query: &Query,
) -> Result<HttpResponse, ApiError> {
    let mut response = builder(StatusCode::OK, representation);
    Ok(match representation {
        Representation::JsonLd => {
            let member = tenants
                .iter()
                .map(Record::json_ld)
                .collect::<Result<_, _>>()?;
            response.body(answer::to_json(&Collection {
                context: CONTEXT,
                iri: COLLECTION,
                kind: "hydra:Collection",
                member,
                total,
                view: view(total, page, query),
            }))
        }
        Representation::Json | Representation::Text => {
            let records = tenants
                .iter()
                .map(Record::json)
                .collect::<Result<Vec<_>, _>>()?;
            response.body(answer::to_json(&records))
        }
    })
}

fn builder(status: StatusCode, representation: Representation) -> HttpResponseBuilder {
    let media_type = match representation {
        Representation::JsonLd => "application/ld+json; charset=utf-8",
        Representation::Json | Representation::Text => "application/json; charset=utf-8",
    };
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CONTENT_TYPE, media_type));
    response
}

#[derive(Serialize)]
struct Collection<'a> {
    #[serde(rename = "@context")]
    context: &'a str,
    #[serde(rename = "@id")]
    iri: &'a str,
    #[serde(rename = "@type")]
    kind: &'a str,
    #[serde(rename = "hydra:member")]
    member: Vec<Record<'a>>,
    #[serde(rename = "hydra:totalItems")]
    total: u64,
    #[serde(rename = "hydra:view", skip_serializing_if = "Option::is_none")]
    view: Option<View>,
}

#[derive(Serialize)]
struct View {
    #[serde(rename = "@id")]
    iri: String,
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "hydra:first", skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    #[serde(rename = "hydra:last", skip_serializing_if = "Option::is_none")]
    last: Option<String>,
    #[serde(rename = "hydra:previous", skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    #[serde(rename = "hydra:next", skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The place of a page among its neighbours: there when there is more than one page, or
/// when the caller has asked for something in particular.
fn view(total: u64, page: NumberedPage, query: &Query) -> Option<View> {
    let others = query.without_page();
    let last = page.last(total);
    let many = last > 1;
    if !many && others.is_empty() {
        return None;
    }
    let link = |number: u64| match others.as_str() {
        "" => format!("{COLLECTION}?page={number}"),
        others => format!("{COLLECTION}?{others}&page={number}"),
    };
    let number = page.number();
    let iri = if many {
        link(number)
    } else {
        format!("{COLLECTION}?{others}")
    };
    Some(View {
        iri,
        kind: "hydra:PartialCollectionView",
        first: many.then(|| link(1)),
        last: many.then(|| link(last)),
        previous: (many && number > 1).then(|| link((number - 1).min(last))),
        next: (number < last).then(|| link(number + 1)),
    })
}
