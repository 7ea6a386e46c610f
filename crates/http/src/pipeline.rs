//! The one way that every request goes.
//!
//! Whatever comes in gets a request id, is matched to an operation, and leaves with the
//! headers that hold on every route. Nothing on the way can end a request without an
//! answer in the shape of its family: not an unknown path, not an unknown method, not a
//! panic in a handler.

use std::{
    any::Any,
    cell::Cell,
    panic::AssertUnwindSafe,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest, HttpResponse, Scope,
    dev::Extensions,
    http::{
        ConnectionType, Method,
        header::{self, HeaderName, HeaderValue},
    },
    rt,
    web::{self, Payload, ServiceConfig},
};
use futures_util::FutureExt;
use tenantry_domain::{event::EventId, id::RequestId};
use tracing::field::display;

use crate::{
    call::{Call, PayloadCell, Trace},
    cors::Cors,
    deps::Deps,
    error::{ApiError, Code},
    events,
    feed::Connected,
    keep::{keep, without_body},
    negotiate::{Produces, Representation},
    operation::Operation,
    render::Family,
    spans::{EndedRequest, Followed},
    trace_context::{Hex, TraceIds, TraceParent},
    writers::panic_text,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const DOCUMENTATION: &str = "http://www.w3.org/ns/hydra/core#apiDocumentation";

/// The `Link` header of the system API, which tells where it is described (Hydra §6).
pub(crate) fn link(public_url: &str) -> Option<HeaderValue> {
    let link = format!("<{public_url}/docs.jsonld>; rel=\"{DOCUMENTATION}\"");
    HeaderValue::from_str(&link).ok()
}

/// Routes every path of the table, and all other paths to a 404.
pub(crate) fn configure(config: &mut ServiceConfig, table: &Arc<Vec<Operation>>) {
    let mut paths: Vec<&'static str> = Vec::new();
    for operation in table.iter() {
        if !paths.contains(&operation.path) {
            paths.push(operation.path);
        }
    }
    let resource = |path: &'static str, below: &str| {
        let resource = Some(Resource {
            path,
            table: Arc::clone(table),
        });
        web::resource(below).to(
            move |deps: web::Data<Deps>, request: HttpRequest, payload: Payload| {
                serve(deps.into_inner(), resource.clone(), request, payload)
            },
        )
    };
    // Paths with parameters are regular expressions, which are tried one after the other. So those
    // that begin alike are tried only where that beginning is there.
    let mut scopes: Vec<(&'static str, Scope)> = Vec::new();
    for path in paths {
        let Some((scope, _)) = path.split_once("/{") else {
            config.service(resource(path, path));
            continue;
        };
        let place = scopes.iter().position(|(known, _)| path.starts_with(known));
        let (known, routes) = match place {
            Some(place) => scopes.remove(place),
            None => (scope, web::scope(scope)),
        };
        let below = path.strip_prefix(known).unwrap_or(path);
        scopes.push((known, routes.service(resource(path, below))));
    }
    for (_, routes) in scopes {
        config.service(routes);
    }
    config.default_service(web::to(
        |deps: web::Data<Deps>, request: HttpRequest, payload: Payload| {
            serve(deps.into_inner(), None, request, payload)
        },
    ));
}

/// All operations of one path.
#[derive(Clone)]
struct Resource {
    path: &'static str,
    table: Arc<Vec<Operation>>,
}

impl Resource {
    fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.table
            .iter()
            .filter(|operation| operation.path == self.path)
    }

    /// The operation for a method; HEAD is a GET whose body is not sent.
    fn find(&self, method: &Method) -> Option<&Operation> {
        let wanted = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        self.operations()
            .find(|operation| operation.method == *wanted)
    }

    fn allow(&self) -> String {
        let mut methods = Vec::new();
        for operation in self.operations() {
            methods.push(operation.method.as_str());
            if operation.method == Method::GET {
                methods.push("HEAD");
            }
        }
        methods.push("OPTIONS");
        methods.join(", ")
    }
}

/// What is known of a request when it ends.
struct Outcome {
    response: HttpResponse,
    operation: &'static str,
    route: &'static str,
    cause: Option<String>,
}

/// What is known of a connection as long as it is there.
#[derive(Default)]
struct Connection {
    /// Whether it has been told that it ends, by the caller or by us.
    is_closing: Cell<bool>,
    /// That a stream was sent on it.
    stream: Cell<Option<Connected>>,
}

/// Has a stream's connection counted until it is gone.
pub(crate) fn count_connection(request: &HttpRequest, deps: &Deps) {
    if let Some(connection) = request.conn_data::<Connection>() {
        connection.stream.set(Some(deps.feed.connect()));
    }
}

/// Gives every connection its place for what holds for all of its requests.
pub(crate) fn on_connect(_: &dyn Any, extensions: &mut Extensions) {
    extensions.insert(Connection::default());
}

/// Answers a request, in a task of its own: a caller that hangs up stops neither the work
/// that has begun nor what is to be recorded of it.
async fn serve(
    deps: Arc<Deps>,
    resource: Option<Resource>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    if let Some(connection) = request.conn_data::<Connection>() {
        if connection.is_closing.get() {
            // What is pipelined behind the last request of a connection must not be done
            // (RFC 9112 §9.6): the caller will never hear of it, and ask again.
            return HttpResponse::BadRequest().force_close().finish();
        }
        connection.is_closing.set(asks_to_close(&request));
    }
    let asked = request.clone();
    let served = rt::spawn(answer(deps, resource, request, payload)).await;
    let response =
        served.unwrap_or_else(|_| HttpResponse::InternalServerError().force_close().finish());
    if response.head().connection_type() == ConnectionType::Close
        && let Some(connection) = asked.conn_data::<Connection>()
    {
        connection.is_closing.set(true);
    }
    response
}

fn asks_to_close(request: &HttpRequest) -> bool {
    let values = request.headers().get_all(header::CONNECTION);
    values.filter_map(|value| value.to_str().ok()).any(|value| {
        value
            .split(',')
            .any(|option| option.trim().eq_ignore_ascii_case("close"))
    })
}

async fn answer(
    deps: Arc<Deps>,
    resource: Option<Resource>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let started = Instant::now();
    let id = EventId::generate(deps.now(), deps.entropy());
    let parent = TraceParent::of(&request);
    let is_followed = deps.spans.is_some();
    let followed = is_followed.then(|| Followed::of(&request, resource.is_some()));
    let trace = Rc::new(Trace::new(id, request_id(&request, id), parent, followed));
    deps.metrics.in_flight.inc();
    let family = resource
        .as_ref()
        .and_then(|resource| resource.operations().next().map(Operation::family))
        .unwrap_or_else(|| Family::of(request.path()));
    let method = request.method().clone();
    let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let cors = Cors::of(&request, &deps.config.cors_origins);
    let payload = Rc::new(PayloadCell::new(Some(payload)));
    let mut outcome = dispatch(
        &deps,
        family,
        resource.as_ref(),
        request,
        &payload,
        &trace,
        started,
    )
    .await;
    finish(&mut outcome.response, &deps, family, &trace);
    if let Some(cors) = cors {
        cors.apply(outcome.response.headers_mut());
    }
    deps.metrics.in_flight.dec();
    record(&deps, family, &method, &outcome, &trace, started);
    events::finish(&deps, &trace, outcome.response.status());
    let response = match method {
        Method::HEAD => without_body(outcome.response),
        _ => outcome.response,
    };
    match payload.take() {
        Some(payload) if is_chunked => keep(response, payload),
        _ => response,
    }
}

async fn dispatch(
    deps: &Arc<Deps>,
    family: Family,
    resource: Option<&Resource>,
    request: HttpRequest,
    payload: &Rc<PayloadCell>,
    trace: &Rc<Trace>,
    started: Instant,
) -> Outcome {
    let (route, found) = match resource {
        None => ("", Err(ApiError::not_found())),
        Some(resource) if request.method() == Method::OPTIONS => (resource.path, Ok(None)),
        Some(resource) => (
            resource.path,
            resource.find(request.method()).map(Some).ok_or_else(|| {
                let message = "This path does not know the request's method.";
                ApiError::new(Code::MethodNotAllowed, message)
                    .with_header(header::ALLOW, resource.allow())
            }),
        ),
    };
    let operation = found.as_ref().ok().copied().flatten();
    let asked = request.clone();
    let result = match (found, resource) {
        (Ok(Some(operation)), _) => {
            if let Some(telling) = events::begin(deps, operation, &request, trace.id, started) {
                trace.tell(telling);
            }
            let call = Call::new(
                Arc::clone(deps),
                family,
                request,
                Rc::clone(trace),
                Rc::clone(payload),
            );
            let answered = AssertUnwindSafe(operation.run(call)).catch_unwind();
            events::watch(deps, trace, answered)
                .await
                .unwrap_or_else(|panic| {
                    deps.metrics.panics.inc();
                    Err(ApiError::internal(format!(
                        "panic: {}",
                        panic_text(&*panic)
                    )))
                })
        }
        (Ok(None), Some(resource)) => Ok(HttpResponse::NoContent()
            .insert_header((header::ALLOW, resource.allow()))
            .finish()),
        (Ok(None), None) => Err(ApiError::not_found()),
        (Err(error), _) => Err(error),
    };
    let (response, cause) = match result {
        Ok(response) => (response, None),
        Err(error) => {
            let representation = representation_of_errors(family, operation, &asked);
            (family.render(&error, representation), error.cause)
        }
    };
    Outcome {
        response,
        operation: operation.map_or("", |operation| operation.name.as_str()),
        route,
        cause,
    }
}

/// Errors are negotiated as the operation's representation is; a caller that accepts
/// none gets the favourite one, since an error must be told somehow.
fn representation_of_errors(
    family: Family,
    operation: Option<&Operation>,
    request: &HttpRequest,
) -> Representation {
    let produces = match (operation, family) {
        (Some(operation), _) => operation.produces,
        (None, Family::System) => Produces::JsonLdOrJson,
        (None, Family::Management | Family::OAuth) => Produces::Json,
    };
    produces
        .choose(request)
        .unwrap_or(produces.representations()[0])
}

/// The caller's request id if it is a sane one, otherwise that of its first event.
fn request_id(request: &HttpRequest, id: EventId) -> RequestId {
    let mut given = request.headers().get_all(REQUEST_ID);
    match (
        given.next().and_then(|value| value.to_str().ok()),
        given.next(),
    ) {
        (Some(text), None) => RequestId::parse(text),
        _ => None,
    }
    .unwrap_or_else(|| RequestId::of(id))
}

/// Adds the headers that hold on every route.
fn finish(response: &mut HttpResponse, deps: &Deps, family: Family, trace: &Trace) {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(trace.request_id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    match family {
        Family::Management => {}
        Family::OAuth => {
            headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        }
        Family::System => {
            if let Some(link) = &deps.link {
                headers.insert(header::LINK, link.clone());
            }
            headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        }
    }
}

/// Counts the request and writes its log line. Neither holds the path or the query as the
/// caller wrote them, so nothing that a caller writes can forge or flood them.
fn record(
    deps: &Deps,
    family: Family,
    method: &Method,
    outcome: &Outcome,
    trace: &Trace,
    started: Instant,
) {
    let elapsed = started.elapsed();
    let status = outcome.response.status();
    let method = known_method(method);
    let Outcome {
        operation,
        route,
        cause,
        ..
    } = outcome;
    let labels = [*operation, method, *route, status.as_str()];
    deps.metrics.requests.with_label_values(&labels).inc();
    deps.metrics
        .durations
        .with_label_values(&labels[..3])
        .observe(elapsed.as_secs_f64());
    if status.as_u16() == 401 {
        let family = match family {
            Family::Management => "management",
            Family::System => "system",
            Family::OAuth => "oauth",
        };
        deps.metrics
            .failed_authentications
            .with_label_values(&[family])
            .inc();
    }
    let request_id = trace.request_id.as_str();
    let actor = trace.actor();
    let ids = follow(deps, trace, outcome, method, elapsed, actor.as_deref());
    let ids = ids.or_else(|| trace.parent.map(TraceIds::from));
    let trace_id = ids.map(|ids| display(Hex(ids.trace_id)));
    let span_id = ids.map(|ids| display(Hex(ids.span_id)));
    if status.is_server_error() {
        tracing::error!(request_id, trace_id, cause, route, method, "request failed");
    } else if let Some(cause) = cause {
        tracing::debug!(request_id, cause, "request refused");
    }
    tracing::info!(
        request_id,
        operation,
        method,
        route,
        status = status.as_u16(),
        duration_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        actor,
        trace_id,
        span_id,
        "request"
    );
}

/// Hands the request on to whoever makes spans, and tells which one it has become.
fn follow(
    deps: &Deps,
    trace: &Trace,
    outcome: &Outcome,
    method: &str,
    took: Duration,
    actor: Option<&str>,
) -> Option<TraceIds> {
    let (spans, followed) = deps.spans.as_ref().zip(trace.followed.as_ref())?;
    spans.take(&EndedRequest {
        parent: trace.parent,
        state: &followed.state,
        method,
        route: outcome.route,
        path: followed.path.as_deref(),
        operation: outcome.operation,
        status: outcome.response.status().as_u16(),
        ended: deps.now(),
        took,
        request_id: trace.request_id.as_str(),
        actor,
    })
}

/// A method for a label: there must not be more labels than methods.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
pub(crate) mod tests;
