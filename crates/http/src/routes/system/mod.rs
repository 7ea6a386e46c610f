//! The system API (contract §5), `/system/tenants`: tenants as records.

mod collection;
mod filters;
mod hydra;
mod representation;

use actix_web::{
    HttpResponse,
    http::{Method, StatusCode},
};
use tenantry_domain::{
    data::TenantData,
    environment::EnvironmentAccess,
    error::FaultKind,
    event::EventName,
    id::TenantId,
    json::Value,
    usecase::tenants::{self, CreateTenantRecord, ReplaceTenantRecord},
    version::Version,
};

use crate::{
    body::Bodies,
    call::Call,
    caller::System,
    deps::CreateStatus,
    error::ApiError,
    etag,
    json::{Members, string},
    negotiate::Produces,
    operation::Operation,
};

pub(super) fn operations() -> Vec<Operation> {
    const ALL: &str = "/system/tenants";
    const ONE: &str = "/system/tenants/{uuid}";
    let both = Produces::JsonLdOrJson;
    let mut operations = vec![
        Operation::new(
            EventName::SystemTenantRetrieveList,
            Method::GET,
            ALL,
            both,
            list,
        ),
        Operation::new(
            EventName::SystemTenantCreate,
            Method::POST,
            ALL,
            both,
            create,
        ),
        Operation::new(EventName::SystemTenantRetrieve, Method::GET, ONE, both, get),
        Operation::new(
            EventName::SystemTenantUpdate,
            Method::PUT,
            ONE,
            both,
            replace,
        ),
        Operation::new(
            EventName::SystemTenantDelete,
            Method::DELETE,
            ONE,
            both,
            delete,
        ),
    ];
    operations.extend(hydra::operations());
    operations
}

async fn list(_: System, call: Call) -> Result<HttpResponse, ApiError> {
    let query = call.query();
    let wanted = filters::record_query(&query)?;
    let representation = call.representation;
    // A page may hold many megabytes, so it is written where it is read: on a thread that
    // may block, in that request's turn.
    let body = call
        .read(move |unit| {
            let records = tenants::records(unit, &wanted)?;
            let page = wanted.page;
            Ok(collection::write(representation, &records, page, &query))
        })
        .await??;
    Ok(representation::builder(StatusCode::OK, representation).body(body))
}

async fn get(_: System, call: Call) -> Result<HttpResponse, ApiError> {
    let id = call.path_id("uuid", TenantId::parse)?;
    let all = EnvironmentAccess::All;
    let (tenant, environment) = call
        .glance(move |unit| tenants::get(unit, &all, id))
        .await?;
    call.trace.concerns(tenant.id, Some(environment.id));
    representation::conditional_item(&call, &tenant)
}

async fn create(caller: System, mut call: Call) -> Result<HttpResponse, ApiError> {
    let body = call.json(Bodies::JsonOrJsonLd).await?;
    let command = read_create(&body)?;
    let context = caller.context(&call);
    let status = match call.deps.config.system_create_status {
        CreateStatus::Ok => StatusCode::OK,
        CreateStatus::Created => StatusCode::CREATED,
    };
    let tenant = call
        .change(status, move |unit| {
            tenants::create_record(unit, &context, command)
        })
        .await?;
    representation::item(status, call.representation, &tenant)
}

async fn replace(caller: System, mut call: Call) -> Result<HttpResponse, ApiError> {
    let id = call.path_id("uuid", TenantId::parse)?;
    let precondition = etag::precondition(&call.request);
    let body = call.json(Bodies::JsonOrJsonLd).await?;
    let command = read_replace(&body)?;
    let context = caller.context(&call);
    let tenant = call
        .change(StatusCode::OK, move |unit| {
            tenants::replace_record(unit, &context, id, &precondition, command)
        })
        .await?;
    representation::item(StatusCode::OK, call.representation, &tenant)
}

async fn delete(caller: System, call: Call) -> Result<HttpResponse, ApiError> {
    let id = call.path_id("uuid", TenantId::parse)?;
    let precondition = etag::precondition(&call.request);
    let context = caller.context(&call);
    let all = EnvironmentAccess::All;
    call.change(StatusCode::NO_CONTENT, move |unit| {
        tenants::delete(unit, &context, &all, id, &precondition)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn read_create(body: &[u8]) -> Result<CreateTenantRecord, ApiError> {
    let mut members = Members::parse(body)?;
    let id = members.nullable("uuid", string(TenantId::parse));
    let data = members.required("data", read_data);
    let version = members.required("version", read_version);
    members.finish()?;
    match (data, version) {
        (Some(data), Some(version)) => Ok(CreateTenantRecord { id, data, version }),
        _ => Err(ApiError::internal("a required member was let through")),
    }
}

fn read_replace(body: &[u8]) -> Result<ReplaceTenantRecord, ApiError> {
    let mut members = Members::parse(body)?;
    let id = members.nullable("uuid", string(TenantId::parse));
    let data = members.not_null("data", read_data);
    let version = members.required("version", read_version);
    members.finish()?;
    let version = version.ok_or_else(|| ApiError::internal("a required member was let through"))?;
    Ok(ReplaceTenantRecord { id, data, version })
}

fn read_data(value: Value<'_>) -> Result<TenantData, FaultKind> {
    Ok(TenantData::from_json(value)?)
}

fn read_version(value: Value<'_>) -> Result<Version, FaultKind> {
    Ok(Version::new(
        value.as_integer().ok_or(FaultKind::NotAnInteger)?,
    )?)
}
