//! One call of one operation.

use std::{
    cell::{Cell, OnceCell, RefCell},
    net::{IpAddr, Ipv4Addr},
    rc::Rc,
    sync::Arc,
};

use actix_web::{
    HttpRequest,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web::Payload,
};
use tenantry_auth::hashing::Hasher;
use tenantry_domain::{
    change::Actor,
    client::ClientId,
    error::{Error, Fault, FaultKind},
    event::EventId,
    id::{EnvironmentId, RequestId, TenantId},
    port::{Snapshot, UnitOfWork},
    usecase::{Context, events},
};

use crate::{
    body::{self, Bodies},
    deps::Deps,
    error::{ApiError, Location},
    events::Telling,
    gate::Patience,
    negotiate::{Produces, Representation},
    query::Query,
    render::Family,
    spans::Followed,
    trace_context::TraceParent,
};

/// A request on its way through an operation.
pub(crate) struct Call {
    pub(crate) deps: Arc<Deps>,
    pub(crate) request: HttpRequest,
    pub(crate) trace: Rc<Trace>,
    pub(crate) representation: Representation,
    family: Family,
    payload: Rc<PayloadCell>,
}

/// A request's body while nobody reads it. The pipeline keeps it until the answer is on
/// its way, whether anybody has read it or not.
pub(crate) type PayloadCell = Cell<Option<Payload>>;

/// What logs, events and changes say of a request.
pub(crate) struct Trace {
    /// Of its first event.
    pub(crate) id: EventId,
    pub(crate) request_id: RequestId,
    /// The span of a caller that has caused it.
    pub(crate) parent: Option<TraceParent>,
    /// What its own span needs, where it will have one.
    pub(crate) followed: Option<Followed>,
    /// How long it may still wait for its turns.
    pub(crate) patience: Patience,
    actor: RefCell<Option<String>>,
    telling: OnceCell<Telling>,
}

impl Trace {
    pub(crate) fn new(
        id: EventId,
        request_id: RequestId,
        parent: Option<TraceParent>,
        followed: Option<Followed>,
    ) -> Self {
        Self {
            id,
            request_id,
            parent,
            followed,
            patience: Patience::default(),
            actor: RefCell::new(None),
            telling: OnceCell::new(),
        }
    }

    /// Notes who has been authenticated.
    pub(crate) fn set_actor(&self, actor: String) {
        *self.actor.borrow_mut() = Some(actor);
    }

    /// Notes that its events are to be told.
    pub(crate) fn tell(&self, telling: Telling) {
        // A request is matched to one operation, so it begins to be told of once.
        let _ = self.telling.set(telling);
    }

    /// What its events tell, if it is to be told of.
    pub(crate) fn telling(&self) -> Option<&Telling> {
        self.telling.get()
    }

    /// Notes which client asks: one that is known here.
    pub(crate) fn set_client(&self, id: &ClientId) {
        if let Some(telling) = self.telling() {
            telling.set_client(id);
        }
    }

    /// Notes which tenant the request concerns, and in which environment that is.
    pub(crate) fn concerns(&self, tenant: TenantId, environment: Option<EnvironmentId>) {
        if let Some(telling) = self.telling() {
            telling.concerns(tenant, environment);
        }
    }

    pub(crate) fn actor(&self) -> Option<String> {
        self.actor.borrow().clone()
    }
}

impl Call {
    pub(crate) fn new(
        deps: Arc<Deps>,
        family: Family,
        request: HttpRequest,
        trace: Rc<Trace>,
        payload: Rc<PayloadCell>,
    ) -> Self {
        let representation = Representation::default();
        Self {
            deps,
            request,
            trace,
            representation,
            family,
            payload,
        }
    }

    /// Chooses among what the operation produces what the caller accepts.
    pub(crate) fn settle_representation(&mut self, produces: Produces) -> Result<(), ApiError> {
        self.representation = produces.choose(&self.request)?;
        Ok(())
    }

    /// What a use case that writes needs to know of this call.
    pub(crate) fn context(&self, actor: Actor) -> Context {
        self.deps.context(actor, &self.trace.request_id)
    }

    /// The query's parameters.
    pub(crate) fn query(&self) -> Query {
        Query::parse(self.request.query_string())
    }

    /// The id in the path: a malformed one is a 400 of the management API and a 404 of
    /// the system API.
    pub(crate) fn path_id<T, E: Into<FaultKind>>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, ApiError> {
        let text = self.request.match_info().get(name).unwrap_or_default();
        parse(text).map_err(|invalid| match self.family {
            Family::Management => {
                let fault = Fault::new(name, invalid.into()).showing(text);
                ApiError::invalid(vec![(Location::Params, fault)])
            }
            Family::System | Family::OAuth => ApiError::not_found(),
        })
    }

    /// The client id in the path.
    pub(crate) fn path_client_id(&self) -> Result<ClientId, ApiError> {
        self.path_id("clientId", ClientId::parse)
    }

    /// The `Authorization` header, if there is exactly one; two are one too many.
    pub(crate) fn authorization(&self) -> Result<Option<&[u8]>, TwoCredentials> {
        let mut values = self.request.headers().get_all(header::AUTHORIZATION);
        let first = values.next().map(HeaderValue::as_bytes);
        if values.next().is_some() {
            Err(TwoCredentials)
        } else {
            Ok(first)
        }
    }

    /// The address that asks: the peer's own, never one that a header claims.
    pub(crate) fn address(&self) -> IpAddr {
        self.request
            .peer_addr()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip())
    }

    /// Reads the body, which must be of one of the media types.
    pub(crate) async fn json(&mut self, bodies: Bodies) -> Result<Vec<u8>, ApiError> {
        body::expect_media_type(&self.request, bodies.media_types())
            .map_err(|refusal| bodies.tell(refusal))?;
        self.bytes().await
    }

    /// Reads the body as it is. The media type was looked at before.
    pub(crate) async fn bytes(&mut self) -> Result<Vec<u8>, ApiError> {
        let Some(mut payload) = self.payload.take() else {
            return Err(ApiError::internal("the body was read twice"));
        };
        let patience = self.deps.config.body_timeout;
        let body = body::read(&self.request, &mut payload, patience).await;
        self.payload.set(Some(payload));
        body
    }

    /// Runs `work` in a snapshot, on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Snapshot) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.deps.read(&self.trace.patience, work).await
    }

    /// Runs `work`, which looks up something small by its key, in a snapshot, and at once if that is
    /// possible: see [`Deps::look_up`].
    pub(crate) async fn look_up<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Snapshot) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.deps.look_up(&self.trace.patience, work).await
    }

    /// The same for `work` that has exactly one question.
    pub(crate) async fn glance<T: Send + 'static>(
        &self,
        work: impl Fn(&mut dyn Snapshot) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.deps.glance(&self.trace.patience, work).await
    }

    /// Makes the change that the operation is asked for: `work`, in a unit of work, on a thread
    /// that may block, which is committed if it succeeds. The request's success is told of in
    /// the same unit, with the status that the caller will be answered with.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        status: StatusCode,
        work: impl FnOnce(&mut dyn UnitOfWork) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.change_if(status, |_| true, work).await
    }

    /// The same where `work` may find that there is nothing to change: then it is told of
    /// as any other request is.
    pub(crate) async fn change_if<T: Send + 'static>(
        &self,
        status: StatusCode,
        has_changed: fn(&T) -> bool,
        work: impl FnOnce(&mut dyn UnitOfWork) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let Some(telling) = self.trace.telling() else {
            return self.write_aside(work).await;
        };
        let unfinished = telling.so_far(&self.trace.request_id);
        let told = move |result: &T| has_changed(result).then(|| unfinished.finish(status));
        let work = move |unit: &mut dyn UnitOfWork| {
            let result = events::telling(unit, work, told)?;
            let is_stored = has_changed(&result);
            Ok((result, is_stored))
        };
        let (result, is_stored) = self.write_aside(work).await?;
        if is_stored {
            telling.set_stored();
        }
        Ok(result)
    }

    /// Writes what is not what the operation is asked for, and happens on its way: runs `work`
    /// in a unit of work, on a thread that may block, and commits it if it succeeds.
    pub(crate) async fn write_aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn UnitOfWork) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.deps.write(&self.trace.patience, work).await
    }

    /// Runs a dear hash, on a thread that may block, with a bounded share of the machine.
    pub(crate) async fn hash<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Hasher) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        self.deps.hash(&self.trace.patience, work).await
    }
}

/// More than one `Authorization` header.
pub(crate) struct TwoCredentials;
