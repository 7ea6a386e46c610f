//! Analytic events (contract §6).

use actix_web::HttpResponse;
use tenantry_auth::policy::EventsRead;
use tenantry_domain::{event::EventName, usecase::events};

use crate::{
    answer,
    call::Call,
    caller::Management,
    error::ApiError,
    negotiate::Produces,
    operation::{Operation, Verb},
};

pub(super) fn operations() -> Vec<Operation> {
    vec![Operation::new(
        EventName::EventRetrieveList,
        Verb::Get,
        "/v1/events",
        Produces::Json,
        list,
    )]
}

async fn list(caller: Management<EventsRead>, call: Call) -> Result<HttpResponse, ApiError> {
    let query = call.query().event_query(caller.principal.access)?;
    let page = call.read(move |unit| events::list(unit, &query)).await?;
    Ok(answer::list(page.items, page.next))
}
