//! Tenants (contract §4.2, §4.3).

use std::{collections::BTreeMap, fmt::Display};

use actix_web::{HttpResponse, http::StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use tenantry_auth::{
    credentials,
    policy::{TenantsRead, TenantsWrite},
};
use tenantry_domain::{
    client::ClientSecret,
    data::{DataPatch, TenantData},
    environment::Environment,
    error::{Error, FaultKind},
    event::EventName,
    id::{EnvironmentId, TenantId},
    name::Name,
    port::{Snapshot, StoreError},
    subdomain::Label,
    tenant::{Tenant, TenantStatus},
    usecase::tenants::{self, CreateTenant, CreatedTenant, PatchTenant, TenantPage},
    view::{EnvironmentView, TenantView},
};

use crate::{
    answer,
    body::Bodies,
    call::Call,
    caller::Management,
    creation::{Made, Work},
    deps::Deps,
    error::ApiError,
    etag,
    json::{Members, string},
    negotiate::Produces,
    operation::{Operation, Verb},
    pages::PageKey,
};

pub(super) fn operations() -> Vec<Operation> {
    const ALL: &str = "/v1/tenants";
    const ONE: &str = "/v1/tenants/{id}";
    let json = Produces::Json;
    vec![
        Operation::new(EventName::TenantRetrieveList, Verb::Get, ALL, json, list),
        Operation::create(EventName::TenantCreate, ALL, create),
        Operation::new(EventName::TenantRetrieve, Verb::Get, ONE, json, get),
        Operation::new(EventName::TenantUpdate, Verb::Patch, ONE, json, patch),
        Operation::new(EventName::TenantDelete, Verb::Delete, ONE, json, delete),
        Operation::new(
            EventName::TenantResolve,
            Verb::Get,
            "/v1/resolve",
            json,
            resolve,
        ),
    ]
}

async fn list(caller: Management<TenantsRead>, call: Call) -> Result<HttpResponse, ApiError> {
    let (query, request) = call.query().tenant_query()?;
    let access = caller.principal.access;
    let key = PageKey {
        access: access.clone(),
        query: query.clone(),
        request,
    };
    let write = move |unit: &mut dyn Snapshot| {
        let page = tenants::list(unit, &access, query, request)?;
        write_page(&page)
    };
    let body = call.deps.page(&call.trace.patience, key, write).await?;
    Ok(answer::builder(StatusCode::OK).body(body))
}

fn create(caller: &Management<TenantsWrite>, call: &Call, body: &[u8]) -> Result<Work, ApiError> {
    let command = read_create(body, &call.deps)?;
    let secret = command.credentials.secret.clone();
    let context = caller.context(call);
    let access = caller.principal.access.clone();
    Ok(Box::new(move |unit| {
        let created = tenants::create(unit, &context, &access, command)?;
        Ok(show_created(&created, &secret))
    }))
}

async fn get(caller: Management<TenantsRead>, call: Call) -> Result<HttpResponse, ApiError> {
    let id = call.path_id("id", TenantId::parse)?;
    let access = caller.principal.access;
    let (tenant, environment) = call
        .glance(move |unit| tenants::get(unit, &access, id))
        .await?;
    call.trace.concerns(tenant.id, Some(environment.id));
    show_unless_known(&call, &tenant, &environment)
}

async fn resolve(caller: Management<TenantsRead>, call: Call) -> Result<HttpResponse, ApiError> {
    let host = call.query().host()?;
    let access = caller.principal.access;
    let (tenant, environment) = call
        .look_up(move |unit| tenants::resolve(unit, &access, &host))
        .await?;
    call.trace.concerns(tenant.id, Some(environment.id));
    show_unless_known(&call, &tenant, &environment)
}

async fn patch(caller: Management<TenantsWrite>, mut call: Call) -> Result<HttpResponse, ApiError> {
    let id = call.path_id("id", TenantId::parse)?;
    let precondition = etag::precondition(&call.request);
    let body = call.json(Bodies::MergePatch).await?;
    let command = read_patch(&body)?;
    let context = caller.context(&call);
    let access = caller.principal.access;
    let (tenant, environment) = call
        .change(StatusCode::OK, move |unit| {
            tenants::patch(unit, &context, &access, id, &precondition, command)
        })
        .await?;
    show(&tenant, &environment)
}

async fn delete(caller: Management<TenantsWrite>, call: Call) -> Result<HttpResponse, ApiError> {
    let id = call.path_id("id", TenantId::parse)?;
    let precondition = etag::precondition(&call.request);
    let context = caller.context(&call);
    let access = caller.principal.access;
    call.change(StatusCode::NO_CONTENT, move |unit| {
        tenants::delete(unit, &context, &access, id, &precondition)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Reads the body of a create, and tells every fault that can be seen without the database.
fn read_create(body: &[u8], deps: &Deps) -> Result<CreateTenant, ApiError> {
    let mut members = Members::parse(body)?;
    let name = members.optional("name", string(Name::parse));
    let label = members.required("subdomain", string(Label::parse));
    let environment_id = members.required("environmentId", string(EnvironmentId::parse));
    let data = members
        .optional("data", |value| {
            TenantData::from_json(value).map_err(FaultKind::from)
        })
        .unwrap_or_default();
    // With what the database can tell, unless it need not be asked.
    if members.has_faults()
        && let Some(Err(fault)) = label.as_ref().map(|label| deps.reserved().check(label))
    {
        members.refuse("subdomain", fault);
    }
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

/// Reads a merge patch. Every member that can be changed is always there, so that none
/// can be taken away by null.
fn read_patch(body: &[u8]) -> Result<PatchTenant, ApiError> {
    let mut members = Members::parse(body)?;
    members.refuse_unknown(&["name", "data", "status"]);
    let command = PatchTenant {
        name: members.not_null("name", string(Name::parse)),
        data: members.not_null("data", |value| Ok(DataPatch::from_json(value)?)),
        status: members.not_null("status", string(str::parse::<TenantStatus>)),
    };
    members.finish()?;
    Ok(command)
}

fn show_unless_known(
    call: &Call,
    tenant: &Tenant,
    environment: &Environment,
) -> Result<HttpResponse, ApiError> {
    let tag = etag::management(tenant, environment);
    if etag::is_known(&call.request, &tag) {
        return Ok(answer::not_modified(&tag));
    }
    show(tenant, environment)
}

fn show(tenant: &Tenant, environment: &Environment) -> Result<HttpResponse, ApiError> {
    let body = Detailed {
        tenant: TenantView::new(tenant, environment),
        data: serde_json::from_str(tenant.data().as_str()).map_err(ApiError::internal)?,
    };
    let tag = etag::management(tenant, environment);
    Ok(answer::tagged(answer::builder(StatusCode::OK), &tag).body(answer::to_json(&body)))
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

fn show_created(created: &CreatedTenant, secret: &ClientSecret) -> Made {
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
    Made::new(&body)
        .at(format!("/v1/tenants/{}", tenant.id))
        .tagged(etag::management(tenant, environment))
}

fn corrupt(cause: &dyn Display) -> Error {
    StoreError::Corrupt(cause.to_string()).into()
}

fn write_page(page: &TenantPage) -> Result<String, Error> {
    // Most tenants of a page live in the same few environments, so each is written once.
    let mut shown = BTreeMap::new();
    for (&id, environment) in &page.environments {
        let text = answer::to_json(&EnvironmentView::from(environment));
        let text = RawValue::from_string(text).map_err(|error| corrupt(&error))?;
        shown.insert(id, (environment, text));
    }
    let views: Option<Vec<_>> = page
        .tenants
        .iter()
        .map(|tenant| {
            let (environment, text) = shown.get(&tenant.environment_id)?;
            Some(TenantView::showing(tenant, environment, &**text))
        })
        .collect();
    let views = views.ok_or_else(|| corrupt(&"a tenant has no environment"))?;
    Ok(answer::write_list(views, page.next))
}
