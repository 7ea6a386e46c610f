//! Tenants (contract §4.2, §4.3).

use actix_web::{
    HttpResponse,
    http::{Method, StatusCode, header},
};
use serde::Serialize;
use serde_json::value::RawValue;
use tenantry_auth::{
    credentials,
    policy::{TenantsRead, TenantsWrite},
};
use tenantry_domain::{
    client::ClientSecret,
    data::TenantData,
    error::FaultKind,
    id::{EnvironmentId, TenantId},
    name::Name,
    subdomain::Label,
    usecase::tenants::{self, CreateTenant, CreatedTenant, TenantPage},
    view::TenantView,
};

use crate::{
    answer,
    body::Bodies,
    call::Call,
    caller::Management,
    deps::Deps,
    error::ApiError,
    etag,
    json::{Members, string},
    negotiate::Produces,
    operation::Operation,
};

pub(super) fn operations() -> Vec<Operation> {
    const ALL: &str = "/v1/tenants";
    const ONE: &str = "/v1/tenants/{id}";
    let json = Produces::Json;
    vec![
        Operation::new("TENANT_RETRIEVE_LIST", Method::GET, ALL, json, list),
        Operation::new("TENANT_CREATE", Method::POST, ALL, json, create),
        Operation::new("TENANT_RETRIEVE", Method::GET, ONE, json, get),
        Operation::new("TENANT_DELETE", Method::DELETE, ONE, json, delete),
    ]
}

async fn list(caller: Management<TenantsRead>, call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.query().page_request()?;
    let access = caller.principal.access;
    let page = call
        .read(move |unit| tenants::list(unit, &access, request))
        .await?;
    show_page(&page)
}

async fn create(
    caller: Management<TenantsWrite>,
    mut call: Call,
) -> Result<HttpResponse, ApiError> {
    let body = call.json(Bodies::Json).await?;
    let command = read_create(&body, &call.deps)?;
    let secret = command.credentials.secret.clone();
    let context = caller.context(&call);
    let access = caller.principal.access;
    let created = call
        .write(move |unit| tenants::create(unit, &context, &access, command))
        .await?;
    Ok(show_created(&created, &secret))
}

async fn get(caller: Management<TenantsRead>, call: Call) -> Result<HttpResponse, ApiError> {
    let id = call.path_id("id", TenantId::parse)?;
    let access = caller.principal.access;
    let (tenant, environment) = call
        .read(move |unit| tenants::get(unit, &access, id))
        .await?;
    let tag = etag::management(&tenant, &environment);
    if etag::is_known(&call.request, &tag) {
        return Ok(answer::not_modified(&tag));
    }
    let body = Detailed {
        tenant: TenantView::new(&tenant, &environment),
        data: serde_json::from_str(tenant.data().as_str()).map_err(ApiError::internal)?,
    };
    Ok(answer::tagged(answer::builder(StatusCode::OK), &tag).body(answer::to_json(&body)))
}

async fn delete(caller: Management<TenantsWrite>, call: Call) -> Result<HttpResponse, ApiError> {
    let id = call.path_id("id", TenantId::parse)?;
    let precondition = etag::precondition(&call.request);
    let context = caller.context(&call);
    let access = caller.principal.access;
    call.write(move |unit| tenants::delete(unit, &context, &access, id, &precondition))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Reads the body of a create, and tells every fault that can be seen without the database.
fn read_create(body: &[u8], deps: &Deps) -> Result<CreateTenant, ApiError> {
    let mut members = Members::parse(body)?;
    let name = members.optional("name", string(Name::parse));
    let label = members.required(
        "subdomain",
        string(|text| {
            let label = Label::parse(text)?;
            deps.reserved().check(&label).map(|()| label)
        }),
    );
    let environment_id = members.required("environmentId", string(EnvironmentId::parse));
    let data = members
        .optional("data", |value| {
            TenantData::from_json(value).map_err(FaultKind::from)
        })
        .unwrap_or_default();
    members.finish()?;
    match (label, environment_id) {
        (Some(label), Some(environment_id)) => Ok(CreateTenant {
            environment_id,
            label,
            name,
            data,
            credentials: credentials::mint(deps.entropy(), &deps.hasher),
        }),
        _ => Err(ApiError::internal("a required member was let through")),
    }
}

/// One tenant with all that lists leave out.
#[derive(Serialize)]
struct Detailed<'a> {
    #[serde(flatten)]
    tenant: TenantView<'a>,
    data: &'a RawValue,
}

/// A new tenant with the secret of its client, which is shown this once.
#[derive(Serialize)]
struct Created<'a> {
    #[serde(flatten)]
    tenant: TenantView<'a>,
    client: CreatedClient<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreatedClient<'a> {
    client_id: &'a str,
    client_secret: &'a str,
}

fn show_created(created: &CreatedTenant, secret: &ClientSecret) -> HttpResponse {
    let CreatedTenant {
        tenant,
        environment,
        client,
    } = created;
    let body = Created {
        tenant: TenantView::new(tenant, environment),
        client: CreatedClient {
            client_id: client.id.as_str(),
            client_secret: secret.expose(),
        },
    };
    answer::builder(StatusCode::CREATED)
        .insert_header((header::LOCATION, format!("/v1/tenants/{}", tenant.id)))
        .insert_header((header::ETAG, etag::management(tenant, environment)))
        .body(answer::to_json(&body))
}

fn show_page(page: &TenantPage) -> Result<HttpResponse, ApiError> {
    let views: Option<Vec<_>> = page
        .tenants
        .iter()
        .map(|tenant| {
            let environment = page.environments.get(&tenant.environment_id)?;
            Some(TenantView::new(tenant, environment))
        })
        .collect();
    let views = views.ok_or_else(|| ApiError::internal("a tenant has no environment"))?;
    Ok(answer::list(views, page.next))
}
