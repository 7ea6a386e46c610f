//! What requests tell of themselves (contract §6).
//!
//! A request is told of once, when it has been answered. One that takes long is told of
//! before, as running. A change is told of in its own unit of work; everything else waits
//! here until somebody stores it, off the requests' path.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, http::StatusCode};
use prometheus::IntCounter;
use tenantry_domain::{
    client::ClientId,
    event::{EventId, EventName, RequestEnd, ToldRequest},
    id::{EnvironmentId, RequestId, TenantId},
};
use tokio::time::timeout;

use crate::{
    call::Trace,
    deps::Deps,
    metrics,
    operation::{Operation, OperationName},
};

/// A request that is still running after this time is told of as running.
const LONG: Duration = Duration::from_millis(500);

/// Collects requests until somebody stores their events. Clones share everything.
#[derive(Clone)]
pub struct RecentEvents(Arc<Shared>);

struct Shared {
    is_on: bool,
    waiting: Mutex<Vec<ToldRequest>>,
    dropped: IntCounter,
}

impl RecentEvents {
    /// How many requests it takes in: what there is no room for is dropped, and counted. At
    /// some 250 bytes each they are no burden, and a server stores them long before that.
    pub const CAPACITY: usize = 65_536;

    /// Makes one that takes in nothing where events are switched off.
    pub fn new(is_on: bool) -> Self {
        Self(Arc::new(Shared {
            is_on,
            waiting: Mutex::default(),
            dropped: metrics::counter(
                "tenantry_events_dropped_total",
                "Requests whose events could not be stored, and are lost.",
            ),
        }))
    }

    /// Takes all of them, to be stored; each once, in its last state.
    pub fn take(&self) -> Vec<ToldRequest> {
        let mut taken = self.with(std::mem::take);
        if taken.iter().any(|one| one.end.is_none()) {
            let ended = taken.iter().filter(|one| one.end.is_some());
            let ended: HashSet<EventId> = ended.map(|one| one.id).collect();
            taken.retain(|one| one.end.is_some() || !ended.contains(&one.id));
        }
        taken
    }

    /// Gives back those that could not be stored, for the next time. If there is not room for
    /// all, the newest are dropped.
    pub fn put_back(&self, mut older: Vec<ToldRequest>) {
        self.with(|waiting| {
            older.append(waiting);
            self.count_dropped(older.len().saturating_sub(Self::CAPACITY));
            older.truncate(Self::CAPACITY);
            *waiting = older;
        });
    }

    /// Counts requests whose events are lost.
    pub fn count_dropped(&self, count: usize) {
        self.0
            .dropped
            .inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// How many are waiting.
    pub fn waiting(&self) -> usize {
        self.with(|waiting| waiting.len())
    }

    pub(crate) fn dropped(&self) -> &IntCounter {
        &self.0.dropped
    }

    fn push(&self, request: ToldRequest) {
        let has_room = self.with(|waiting| {
            let has_room = waiting.len() < Self::CAPACITY;
            if has_room {
                waiting.push(request);
            }
            has_room
        });
        if !has_room {
            self.count_dropped(1);
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Vec<ToldRequest>) -> T) -> T {
        work(
            &mut self
                .0
                .waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

/// What is known of a request that is to be told of.
pub(crate) struct Telling {
    id: EventId,
    name: EventName,
    came: Instant,
    client: RefCell<Option<ClientId>>,
    tenant: Cell<Option<TenantId>>,
    environment: Cell<Option<EnvironmentId>>,
    /// Whether it was told of in the unit of its change.
    is_stored: Cell<bool>,
}

impl Telling {
    /// Notes which client asks. It must be one that is known here: whatever else callers
    /// claim to be is not told.
    pub(crate) fn set_client(&self, id: &ClientId) {
        *self.client.borrow_mut() = Some(id.clone());
    }

    /// Notes what the request concerns.
    pub(crate) fn concerns(&self, tenant: TenantId, environment: Option<EnvironmentId>) {
        self.tenant.set(Some(tenant));
        self.environment.set(environment);
    }

    /// Notes that it was told of in the unit of its change.
    pub(crate) fn set_stored(&self) {
        self.is_stored.set(true);
    }

    /// What can be told of it so far, and what makes the whole of that when it ends.
    pub(crate) fn so_far(&self, request_id: &RequestId) -> Unfinished {
        let told = ToldRequest {
            id: self.id,
            name: self.name,
            request_id: request_id.clone(),
            client_id: self.client.borrow().clone(),
            tenant_id: self.tenant.get(),
            environment_id: self.environment.get(),
            end: None,
        };
        Unfinished {
            told,
            came: self.came,
        }
    }
}

/// A request that is running.
pub(crate) struct Unfinished {
    told: ToldRequest,
    came: Instant,
}

impl Unfinished {
    /// The same, answered with that status.
    pub(crate) fn finish(self, status: StatusCode) -> ToldRequest {
        let micros = self.came.elapsed().as_micros();
        ToldRequest {
            end: Some(RequestEnd {
                status: status.as_u16(),
                micros: i64::try_from(micros).unwrap_or(i64::MAX),
            }),
            ..self.told
        }
    }
}

/// Begins to tell of a request, if its operation tells and events are on. What it concerns is
/// what its path names, whether there is such a thing or not.
pub(crate) fn begin(
    deps: &Deps,
    operation: &Operation,
    request: &HttpRequest,
    id: EventId,
    came: Instant,
) -> Option<Telling> {
    let OperationName::Told(name) = operation.name else {
        return None;
    };
    if !deps.events.0.is_on {
        return None;
    }
    let named = |name: &str| request.match_info().get(name).unwrap_or_default();
    let path = operation.path;
    let tenant = if path.starts_with("/v1/tenants/{id}") {
        TenantId::parse(named("id")).ok()
    } else if path.starts_with("/system/tenants/{uuid}") {
        TenantId::parse(named("uuid")).ok()
    } else {
        None
    };
    let environment = if path.starts_with("/v1/environments/{id}") {
        EnvironmentId::parse(named("id")).ok()
    } else {
        None
    };
    Some(Telling {
        id,
        name,
        came,
        client: RefCell::new(None),
        tenant: Cell::new(tenant),
        environment: Cell::new(environment),
        is_stored: Cell::new(false),
    })
}

/// Waits for a request's answer, and tells of the request as running if that takes long.
pub(crate) async fn watch<T>(deps: &Deps, trace: &Trace, answer: impl Future<Output = T>) -> T {
    let Some(telling) = trace.telling() else {
        return answer.await;
    };
    let mut answer = pin!(answer);
    if let Ok(answered) = timeout(LONG, &mut answer).await {
        return answered;
    }
    deps.events.push(telling.so_far(&trace.request_id).told);
    answer.await
}

/// Tells of a request that was answered, unless that is done already.
pub(crate) fn finish(deps: &Deps, trace: &Trace, status: StatusCode) {
    if let Some(telling) = trace.telling()
        && !telling.is_stored.get()
    {
        let unfinished = telling.so_far(&trace.request_id);
        deps.events.push(unfinished.finish(status));
    }
}

#[cfg(test)]
mod tests {
    use tenantry_domain::testing::{CountingEntropy, instant};

    use super::*;

    fn requests(count: usize) -> Vec<ToldRequest> {
        let entropy = CountingEntropy::default();
        let now = instant("2026-01-01T00:00:00Z");
        let one = |_| ToldRequest {
            id: EventId::generate(now, &entropy),
            name: EventName::TenantRetrieve,
            request_id: RequestId::parse("x").unwrap(),
            client_id: None,
            tenant_id: None,
            environment_id: None,
            end: Some(RequestEnd {
                status: 200,
                micros: 1,
            }),
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn what_there_is_no_room_for_is_counted() {
        let events = RecentEvents::new(true);
        let all = requests(RecentEvents::CAPACITY + 3);
        for one in all.clone() {
            events.push(one);
        }
        assert_eq!(events.dropped().get(), 3);
        let taken = events.take();
        assert_eq!(taken.as_slice(), &all[..RecentEvents::CAPACITY]);
        assert_eq!(events.waiting(), 0);

        // The newest make room for those that are given back.
        for one in requests(2) {
            events.push(one);
        }
        events.put_back(taken);
        assert_eq!(events.dropped().get(), 5);
        assert_eq!(events.take().as_slice(), &all[..RecentEvents::CAPACITY]);
    }

    #[test]
    fn each_request_is_taken_once_in_its_last_state() {
        let events = RecentEvents::new(true);
        let ended = requests(2);
        let running = |n: usize| ToldRequest {
            end: None,
            ..ended[n].clone()
        };
        for one in [running(0), running(1), ended[0].clone()] {
            events.push(one);
        }
        assert_eq!(events.take(), [running(1), ended[0].clone()]);
    }
}
