//! The change feed (contract §7).

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpResponse,
    http::{Method, StatusCode, header},
};
use serde::Serialize;
use tenantry_auth::policy::EventsRead;
use tenantry_domain::{
    event::EventName,
    feed::{Begin, CloudEvent, Sequence, StoredChange},
    usecase::feed,
};
use tokio::time::{Instant, timeout_at};

use crate::{
    answer,
    call::Call,
    caller::{self, Management},
    error::ApiError,
    event_stream,
    feed::{Ended, Reader, Session, Told, ToldPage},
    negotiate::{Produces, Representation},
    operation::{Operation, Verb},
    pipeline,
    query::FeedQuery,
};

pub(super) fn operations() -> Vec<Operation> {
    const ALL: &str = "/v1/changes";
    const STREAM: &str = "/v1/changes/stream";
    let (json, events) = (Produces::JsonOrCloudEvents, Produces::EventStream);
    vec![
        Operation::new(EventName::ChangeRetrieveList, Verb::Get, ALL, json, list),
        Operation::new(EventName::ChangeStream, Verb::Get, STREAM, events, stream),
    ]
}

async fn list(caller: Management<EventsRead>, call: Call) -> Result<HttpResponse, ApiError> {
    let query = call.query().feed()?;
    // What HEAD answers is the same, sooner.
    let waits = !query.wait.is_zero() && call.request.method() != Method::HEAD;
    let reader = waits.then(|| {
        let session = Session::begin(&call.deps, &caller.principal);
        Reader::new(&call.deps, session)
    });
    let reader = reader.transpose()?;
    let access = caller.principal.access;
    let (begin, limit) = (query.begin, query.limit);
    let page = call
        .read(move |unit| {
            let after = feed::begin(unit, begin)?;
            feed::read(unit, &access, after, limit)
        })
        .await?;
    let (changes, next) = (page.changes, page.next);
    match reader {
        Some(reader) if changes.is_empty() => {
            let page = wait(reader, next, &query).await?;
            let changes = page.changes.iter().map(|told: &Arc<Told>| &told.change);
            Ok(show(&call, changes.collect(), page.next, &query))
        }
        _ => Ok(show(&call, changes.iter().collect(), next, &query)),
    }
}

/// Waits for the next change that the caller may know of, or until the time is over. The
/// server stopping ends it as the time does.
async fn wait(
    mut reader: Reader,
    after: Sequence,
    query: &FeedQuery,
) -> Result<ToldPage, ApiError> {
    let deadline = Instant::now() + query.wait;
    let mut page = ToldPage::nothing(after);
    loop {
        match reader.ended() {
            Some(Ended::Token) => return Err(caller::refuse_token("it ended while it waited")),
            Some(Ended::Stopping) => return Ok(page),
            None => {}
        }
        page = reader.read(page.next, query.limit).await?;
        if !page.changes.is_empty() || Instant::now() >= deadline {
            return Ok(page);
        }
        if page.is_end {
            // Whether that came first is seen by who goes on.
            let _ = timeout_at(deadline, reader.wait(page.next)).await;
        }
    }
}

#[derive(Serialize)]
struct Page<'a> {
    data: Vec<&'a StoredChange>,
    next: Sequence,
}

fn show(
    call: &Call,
    changes: Vec<&StoredChange>,
    next: Sequence,
    query: &FeedQuery,
) -> HttpResponse {
    let mut response = answer::builder(StatusCode::OK);
    response.insert_header((header::VARY, "Accept"));
    if call.representation != Representation::CloudEvents {
        let data = changes;
        return response.body(answer::to_json(&Page { data, next }));
    }
    let public_url = &call.deps.config.public_url;
    let events: Vec<_> = changes
        .into_iter()
        .map(|change| CloudEvent::new(change.clone(), public_url))
        .collect();
    // A batch has no place for where to go on, so that is a link (RFC 8288).
    let limit = query.limit.get();
    let link = format!("<{public_url}/v1/changes?after={next}&limit={limit}>; rel=\"next\"");
    response
        .insert_header((header::CONTENT_TYPE, call.representation.media_type()))
        .insert_header((header::LINK, link))
        .body(answer::to_json(&events))
}

async fn stream(caller: Management<EventsRead>, call: Call) -> Result<HttpResponse, ApiError> {
    let begin = call.query().stream_begin(&call.request)?;
    if call.request.method() == Method::HEAD {
        return Ok(event_stream::head().finish());
    }
    let session = Session::begin(&call.deps, &caller.principal);
    let reader = Reader::new(&call.deps, session)?;
    let after = match begin {
        Begin::After(after) => after,
        Begin::Latest => call.read(|unit| feed::latest(unit)).await?,
    };
    let heartbeat = Duration::from_secs(call.deps.config.stream_heartbeat.into());
    let request_id = call.trace.request_id.clone();
    pipeline::count_connection(&call.request, &call.deps);
    Ok(event_stream::answer(reader, after, heartbeat, request_id))
}
