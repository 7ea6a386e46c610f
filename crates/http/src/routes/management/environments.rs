//! Environments (contract §4.1).

use actix_web::{
    HttpResponse,
    http::{Method, StatusCode},
};
use tenantry_auth::policy::EnvironmentsRead;
use tenantry_domain::{
    environment::Environment, id::EnvironmentId, usecase::environments, view::EnvironmentView,
};

use crate::{
    answer, call::Call, caller::Management, error::ApiError, negotiate::Produces,
    operation::Operation,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            "ENVIRONMENT_RETRIEVE_LIST",
            Method::GET,
            "/v1/environments",
            Produces::Json,
            list,
        ),
        Operation::new(
            "ENVIRONMENT_RETRIEVE",
            Method::GET,
            "/v1/environments/{id}",
            Produces::Json,
            get,
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

async fn get(caller: Management<EnvironmentsRead>, call: Call) -> Result<HttpResponse, ApiError> {
    let id = call.path_id("id", EnvironmentId::parse)?;
    let access = caller.principal.access;
    let environment = call
        .read(move |unit| environments::get(unit, &access, id))
        .await?;
    Ok(answer::json(
        StatusCode::OK,
        &EnvironmentView::from(&environment),
    ))
}
