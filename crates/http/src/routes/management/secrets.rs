//! Rotation of a client's secrets (contract §4.5).

use actix_web::{HttpResponse, http::StatusCode};
use serde::Serialize;
use tenantry_auth::{
    credentials,
    policy::{ClientsRead, ClientsWrite},
};
use tenantry_domain::{
    client::SecretRecord,
    error::FaultKind,
    event::EventName,
    id::{SecretId, TenantId},
    rotation::Overlap,
    usecase::secrets::{self, RotateSecret},
    view::SecretView,
};

use crate::{
    answer,
    call::Call,
    caller::Management,
    creation::{Made, Work},
    error::ApiError,
    json::Members,
    negotiate::Produces,
    operation::{Operation, Verb},
};

pub(super) fn operations() -> Vec<Operation> {
    const ALL: &str = "/v1/tenants/{id}/clients/{clientId}/secrets";
    const ONE: &str = "/v1/tenants/{id}/clients/{clientId}/secrets/{secretId}";
    let json = Produces::Json;
    vec![
        Operation::new(
            EventName::TenantClientSecretRetrieveList,
            Verb::Get,
            ALL,
            json,
            list,
        ),
        Operation::create(EventName::TenantClientSecretCreate, ALL, rotate),
        Operation::new(
            EventName::TenantClientSecretDelete,
            Verb::Delete,
            ONE,
            json,
            retire,
        ),
    ]
}

async fn list(caller: Management<ClientsRead>, call: Call) -> Result<HttpResponse, ApiError> {
    let tenant = call.path_id("id", TenantId::parse)?;
    let client = call.path_client_id()?;
    let request = call.query().page_request()?;
    let access = caller.principal.access;
    let now = call.deps.now();
    let page = call
        .read(move |unit| {
            secrets::list_of_tenants_client(unit, &access, tenant, &client, request, now)
        })
        .await?;
    Ok(answer::page::<SecretRecord, SecretView>(&page))
}

fn rotate(caller: &Management<ClientsWrite>, call: &Call, body: &[u8]) -> Result<Work, ApiError> {
    let tenant = call.path_id("id", TenantId::parse)?;
    let client = call.path_client_id()?;
    let overlap = read_overlap(body)?;
    let new = credentials::mint_secret(call.deps.entropy(), &call.deps.hasher);
    let context = caller.context(call);
    let access = caller.principal.access.clone();
    Ok(Box::new(move |unit| {
        let command = RotateSecret {
            hash: new.hash,
            overlap,
        };
        let end =
            secrets::rotate_of_tenants_client(unit, &context, &access, tenant, &client, command)?;
        Ok(Made::new(&Rotated {
            client_secret: new.secret.expose(),
            previous_secret_expires_at: end.to_rfc3339(),
        }))
    }))
}

async fn retire(caller: Management<ClientsWrite>, call: Call) -> Result<HttpResponse, ApiError> {
    let tenant = call.path_id("id", TenantId::parse)?;
    let client = call.path_client_id()?;
    let secret = call.path_id("secretId", SecretId::parse)?;
    let context = caller.context(&call);
    let access = caller.principal.access;
    call.change(StatusCode::NO_CONTENT, move |unit| {
        secrets::retire_of_tenants_client(unit, &context, &access, tenant, &client, secret)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) fn read_overlap(body: &[u8]) -> Result<Overlap, ApiError> {
    let mut members = Members::parse(body)?;
    members.refuse_unknown(&["overlapSeconds"]);
    let overlap = members.not_null("overlapSeconds", |value| {
        let seconds = value.as_integer().ok_or(FaultKind::NotAnInteger)?;
        Ok(Overlap::new(seconds)?)
    });
    members.finish()?;
    Ok(overlap.unwrap_or_default())
}

/// A new secret, which is shown this once.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rotated<'a> {
    client_secret: &'a str,
    previous_secret_expires_at: String,
}
