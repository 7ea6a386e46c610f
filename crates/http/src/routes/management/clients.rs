//! A tenant's clients (contract §4.4).

use actix_web::{HttpResponse, http::StatusCode};
use serde::Serialize;
use tenantry_auth::{
    credentials,
    policy::{ClientsRead, ClientsWrite},
};
use tenantry_domain::{
    client::{Client, ClientChange, ClientStatus},
    error::{FaultKind, Thing},
    event::EventName,
    id::TenantId,
    json::Value,
    name::Name,
    scope::{ScopeSet, ScopeToken},
    usecase::clients::{self, CreateTenantClient},
    view::{ClientDetailView, ClientView},
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
    const ALL: &str = "/v1/tenants/{id}/clients";
    const ONE: &str = "/v1/tenants/{id}/clients/{clientId}";
    let json = Produces::Json;
    vec![
        Operation::new(
            EventName::TenantClientRetrieveList,
            Verb::Get,
            ALL,
            json,
            list,
        ),
        Operation::create(EventName::TenantClientCreate, ALL, create),
        Operation::new(EventName::TenantClientRetrieve, Verb::Get, ONE, json, get),
        Operation::new(EventName::TenantClientUpdate, Verb::Patch, ONE, json, patch),
        Operation::new(
            EventName::TenantClientDelete,
            Verb::Delete,
            ONE,
            json,
            delete,
        ),
    ]
}

async fn list(caller: Management<ClientsRead>, call: Call) -> Result<HttpResponse, ApiError> {
    let tenant = call.path_id("id", TenantId::parse)?;
    let request = call.query().page_request()?;
    let access = caller.principal.access;
    let page = call
        .read(move |unit| clients::list_of_tenant(unit, &access, tenant, request))
        .await?;
    Ok(answer::page::<Client, ClientView<'_>>(&page))
}

fn create(caller: &Management<ClientsWrite>, call: &Call, body: &[u8]) -> Result<Work, ApiError> {
    let tenant = call.path_id("id", TenantId::parse)?;
    let command = read_create(body, call)?;
    let secret = command.credentials.secret.clone();
    let context = caller.context(call);
    let access = caller.principal.access.clone();
    Ok(Box::new(move |unit| {
        let client = clients::create_of_tenant(unit, &context, &access, tenant, command)?;
        let body = Created {
            client: ClientDetailView::from(&client),
            client_secret: secret.expose(),
        };
        let location = format!("/v1/tenants/{tenant}/clients/{}", client.id);
        Ok(Made::new(&body).at(location))
    }))
}

async fn get(caller: Management<ClientsRead>, call: Call) -> Result<HttpResponse, ApiError> {
    let tenant = call.path_id("id", TenantId::parse)?;
    let id = call.path_client_id()?;
    let access = caller.principal.access;
    let client = call
        .look_up(move |unit| clients::get_of_tenant(unit, &access, tenant, &id))
        .await?;
    Ok(show(&client))
}

async fn patch(caller: Management<ClientsWrite>, mut call: Call) -> Result<HttpResponse, ApiError> {
    let tenant = call.path_id("id", TenantId::parse)?;
    let id = call.path_client_id()?;
    etag::refuse_tags(&call.request, Thing::Client)?;
    let body = call.json(Bodies::MergePatch).await?;
    let change = read_patch(&body)?;
    let context = caller.context(&call);
    let access = caller.principal.access;
    let client = call
        .change(StatusCode::OK, move |unit| {
            clients::patch_of_tenant(unit, &context, &access, tenant, &id, change)
        })
        .await?;
    Ok(show(&client))
}

async fn delete(caller: Management<ClientsWrite>, call: Call) -> Result<HttpResponse, ApiError> {
    let tenant = call.path_id("id", TenantId::parse)?;
    let id = call.path_client_id()?;
    etag::refuse_tags(&call.request, Thing::Client)?;
    let context = caller.context(&call);
    let access = caller.principal.access;
    call.change(StatusCode::NO_CONTENT, move |unit| {
        clients::delete_of_tenant(unit, &context, &access, tenant, &id)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn read_create(body: &[u8], call: &Call) -> Result<CreateTenantClient, ApiError> {
    let mut members = Members::parse(body)?;
    members.refuse_unknown(&["name", "scopes"]);
    let name = members.required("name", string(Name::parse));
    let scopes = read_scopes(&mut members);
    members.finish()?;
    let name = name.ok_or_else(|| ApiError::internal("a required member was let through"))?;
    Ok(CreateTenantClient {
        credentials: credentials::mint(call.deps.entropy(), &call.deps.hasher),
        name,
        scopes: scopes.unwrap_or_default(),
    })
}

fn read_patch(body: &[u8]) -> Result<ClientChange, ApiError> {
    let mut members = Members::parse(body)?;
    members.refuse_unknown(&["name", "status", "scopes"]);
    let change = ClientChange {
        name: members.not_null("name", string(Name::parse)),
        status: members.not_null("status", string(str::parse::<ClientStatus>)),
        scopes: read_scopes(&mut members),
    };
    members.finish()?;
    Ok(change)
}

/// Reads a list of scopes; every one that is none is told. A scope that stands twice is
/// one scope.
fn read_scopes(members: &mut Members<'_>) -> Option<ScopeSet> {
    let read = |value: Value<'_>| match value.as_array() {
        None => Err(FaultKind::NotAnArray),
        Some(scopes) if scopes.len() > ScopeSet::MAX_SCOPES => Err(FaultKind::TooManyScopes),
        Some(_) => Ok(()),
    };
    members.not_null("scopes", read)?;
    let scopes = members.each("scopes", string(ScopeToken::parse));
    Some(scopes.into_iter().collect())
}

fn show(client: &Client) -> HttpResponse {
    answer::json(StatusCode::OK, &ClientDetailView::from(client))
}

/// A new client with its secret, which is shown this once.
#[derive(Serialize)]
struct Created<'a> {
    #[serde(flatten)]
    client: ClientDetailView<'a>,
    #[serde(rename = "clientSecret")]
    client_secret: &'a str,
}
