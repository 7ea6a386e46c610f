//! A tenant's clients (contract §4.4).

use actix_web::{HttpResponse, http::Method};
use tenantry_auth::policy::ClientsRead;
use tenantry_domain::{client::Client, id::TenantId, usecase::clients, view::ClientView};

use crate::{
    answer, call::Call, caller::Management, error::ApiError, negotiate::Produces,
    operation::Operation,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![Operation::new(
        "TENANT_CLIENT_RETRIEVE_LIST",
        Method::GET,
        "/v1/tenants/{id}/clients",
        Produces::Json,
        list,
    )]
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
