//! Environments (contract §4.1).

use actix_web::{
    HttpResponse,
    http::{StatusCode, Uri},
};
use tenantry_auth::policy::{EnvironmentsRead, EnvironmentsWrite};
use tenantry_domain::{
    environment::{AuthorizationServerDomain, DeploymentModel, Environment, EnvironmentChange},
    error::FaultKind,
    event::EventName,
    id::{EnvironmentId, RegionId},
    name::Name,
    subdomain::DomainName,
    usecase::environments::{self, CreateEnvironment, RegionChoice},
    view::EnvironmentView,
};

use crate::{
    answer,
    body::Bodies,
    call::Call,
    caller::Management,
    creation::{Made, Work},
    error::ApiError,
    etag,
    json::{Members, string},
    negotiate::Produces,
    operation::{Operation, Verb},
};

pub(super) fn operations() -> Vec<Operation> {
    const ALL: &str = "/v1/environments";
    const ONE: &str = "/v1/environments/{id}";
    let json = Produces::Json;
    vec![
        Operation::new(
            EventName::EnvironmentRetrieveList,
            Verb::Get,
            ALL,
            json,
            list,
        ),
        Operation::create(EventName::EnvironmentCreate, ALL, create),
        Operation::new(EventName::EnvironmentRetrieve, Verb::Get, ONE, json, get),
        Operation::new(EventName::EnvironmentUpdate, Verb::Patch, ONE, json, patch),
        Operation::new(
            EventName::EnvironmentDelete,
            Verb::Delete,
            ONE,
            json,
            delete,
        ),
    ]
}

async fn list(caller: Management<EnvironmentsRead>, call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.query().page_request()?;
    let access = caller.principal.access;
    let page = call
        .read(move |unit| environments::list(unit, &access, request))
        .await?;
    Ok(answer::page::<Environment, EnvironmentView<'_>>(&page))
}

fn create(
    caller: &Management<EnvironmentsWrite>,
    call: &Call,
    body: &[u8],
) -> Result<Work, ApiError> {
    let command = read_create(body, &call.deps.config.public_url)?;
    let context = caller.context(call);
    let access = caller.principal.access.clone();
    Ok(Box::new(move |unit| {
        let created = environments::create_as(unit, &context, &access, command)?;
        Ok(Made::new(&EnvironmentView::from(&created))
            .at(format!("/v1/environments/{}", created.id))
            .tagged(etag::environment(&created)))
    }))
}

async fn get(caller: Management<EnvironmentsRead>, call: Call) -> Result<HttpResponse, ApiError> {
    let id = call.path_id("id", EnvironmentId::parse)?;
    let access = caller.principal.access;
    let environment = call
        .look_up(move |unit| environments::get(unit, &access, id))
        .await?;
    let tag = etag::environment(&environment);
    if etag::is_known(&call.request, &tag) {
        return Ok(answer::not_modified(&tag));
    }
    Ok(show(&environment))
}

async fn patch(
    caller: Management<EnvironmentsWrite>,
    mut call: Call,
) -> Result<HttpResponse, ApiError> {
    let id = call.path_id("id", EnvironmentId::parse)?;
    let precondition = etag::environment_precondition(&call.request);
    let body = call.json(Bodies::MergePatch).await?;
    let change = read_patch(&body)?;
    let context = caller.context(&call);
    let access = caller.principal.access;
    let changed = call
        .change(StatusCode::OK, move |unit| {
            environments::patch(unit, &context, &access, id, &precondition, change)
        })
        .await?;
    Ok(show(&changed))
}

async fn delete(
    caller: Management<EnvironmentsWrite>,
    call: Call,
) -> Result<HttpResponse, ApiError> {
    let id = call.path_id("id", EnvironmentId::parse)?;
    let precondition = etag::environment_precondition(&call.request);
    let context = caller.context(&call);
    let access = caller.principal.access;
    call.change(StatusCode::NO_CONTENT, move |unit| {
        environments::delete(unit, &context, &access, id, &precondition)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn read_create(body: &[u8], public_url: &str) -> Result<CreateEnvironment, ApiError> {
    let mut members = Members::parse(body)?;
    members.refuse_unknown(&[
        "name",
        "domain",
        "tenantDomain",
        "authorizationServerDomain",
        "deploymentModel",
        "region",
    ]);
    let name = members.required("name", string(Name::parse));
    let domain = members.required("domain", string(DomainName::parse));
    let tenant_domain = members.not_null("tenantDomain", string(DomainName::parse));
    let host = string(AuthorizationServerDomain::parse);
    let host = members.not_null("authorizationServerDomain", host);
    let model = string(str::parse::<DeploymentModel>);
    let deployment_model = members.not_null("deploymentModel", model);
    let region = members.required_object("region", read_region).flatten();
    members.finish()?;
    match (name, domain, region) {
        (Some(name), Some(domain), Some(region)) => Ok(CreateEnvironment {
            id: None,
            name,
            domain,
            tenant_domain,
            authorization_server_domain: match host {
                Some(host) => host,
                None => own_host(public_url)?,
            },
            deployment_model: deployment_model.unwrap_or_default(),
            region,
        }),
        _ => Err(ApiError::internal("a required member was let through")),
    }
}

/// Reads a region: by the id of one that exists, or by its names.
fn read_region(members: &mut Members<'_>) -> Option<RegionChoice> {
    members.refuse_unknown(&["id", "name", "displayName"]);
    if members.has("id") {
        for name in ["name", "displayName"] {
            if members.has(name) {
                members.refuse(name, FaultKind::BesideId);
            }
        }
        let id = members.required("id", string(RegionId::parse))?;
        return Some(RegionChoice::Existing(id));
    }
    let name = members.required("name", string(Name::parse));
    let display_name = members.required("displayName", string(Name::parse));
    Some(RegionChoice::Named {
        id: None,
        name: name?,
        display_name: display_name?,
    })
}

/// The host of the public URL, without the port.
fn own_host(public_url: &str) -> Result<AuthorizationServerDomain, ApiError> {
    let url: Uri = public_url.parse().map_err(ApiError::internal)?;
    let host = url.host().unwrap_or_default();
    AuthorizationServerDomain::parse(host).map_err(ApiError::internal)
}

fn read_patch(body: &[u8]) -> Result<EnvironmentChange, ApiError> {
    let mut members = Members::parse(body)?;
    members.refuse_unknown(&["name", "domain", "tenantDomain"]);
    let change = EnvironmentChange {
        name: members.not_null("name", string(Name::parse)),
        domain: members.not_null("domain", string(DomainName::parse)),
        tenant_domain: members.not_null("tenantDomain", string(DomainName::parse)),
    };
    members.finish()?;
    Ok(change)
}

fn show(environment: &Environment) -> HttpResponse {
    let tag = etag::environment(environment);
    let body = answer::to_json(&EnvironmentView::from(environment));
    answer::tagged(answer::builder(StatusCode::OK), &tag).body(body)
}
