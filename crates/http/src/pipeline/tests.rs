//! What can't be shown from outside, because no handler of ours does it: a panic.

use std::time::Duration;

use actix_web::{
    App,
    body::to_bytes,
    test::{TestRequest, call_service, init_service},
};
use tenantry_auth::{
    entropy::OsEntropy,
    hashing::Hasher,
    idempotency::Pepper,
    keys::{self, KeyRing, SharedKeyRing},
    limiter::FailureLimits,
    master_key::MasterKey,
    webhook::WebhookKey,
};
use tenantry_domain::{
    key::SigningAlgorithm,
    port::{Group, Snapshot, Store, StoreError, UnitOfWork},
    record::RecordQuery,
    subdomain::ReservedLabels,
    testing::{ManualClock, instant},
    webhook::TargetPolicy,
};

use super::*;
use crate::{
    caller::Anybody,
    deps::{CreateStatus, DepsParts, HttpConfig},
    events::RecentEvents,
    keys::KeyReader,
    news::News,
    operation::OperationName,
    usage::RecentUses,
    webhooks::WebhookMeter,
};

/// A database that is away.
struct Away;

impl Store for Away {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        Err(StoreError::Unavailable("away".to_owned()))
    }

    fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Err(StoreError::OutcomeUnknown("away".to_owned()))
    }

    fn begin_group(&self) -> Result<Box<dyn Group>, StoreError> {
        Err(StoreError::OutcomeUnknown("away".to_owned()))
    }

    fn check(&self) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("away".to_owned()))
    }
}

struct NoReader;

impl KeyReader for NoReader {
    fn read_again(&self) -> Result<(), String> {
        Ok(())
    }

    fn problem(&self) -> Option<String> {
        None
    }
}

/// A server on that store.
pub(crate) fn deps(store: Arc<dyn Store>) -> Arc<Deps> {
    let now = instant("2026-01-01T00:00:00Z");
    let master = MasterKey::generate(&OsEntropy);
    let key = keys::generate(SigningAlgorithm::EdDsa, now, 60, &OsEntropy, &master).unwrap();
    let ring = KeyRing::open(&[key], &master).unwrap();
    Deps::new(DepsParts {
        store,
        clock: Arc::new(ManualClock::at(now)),
        entropy: Arc::new(OsEntropy),
        reserved: Arc::new(ReservedLabels::default()),
        keys: SharedKeyRing::new(ring, now),
        key_reader: Arc::new(NoReader),
        hasher: Hasher::new(),
        uses: RecentUses::default(),
        events: RecentEvents::new(true),
        webhook_key: Arc::new(
            WebhookKey::open(&WebhookKey::generate(&OsEntropy, &master), &master).unwrap(),
        ),
        webhooks: WebhookMeter::new(),
        tls: None,
        spans: None,
        pools: Arc::new(Vec::new),
        pepper: Pepper::open(&Pepper::generate(&OsEntropy, &master), &master).unwrap(),
        news: News::default(),
        config: HttpConfig {
            public_url: "https://tenantry.example".to_owned(),
            token_ttl: 60,
            system_create_status: CreateStatus::Ok,
            cors_origins: Vec::new(),
            body_timeout: Duration::from_secs(1),
            stream_heartbeat: 15,
            readers: 1,
            writers: 1,
            failure_limits: FailureLimits::default(),
            webhook_targets: TargetPolicy::default(),
        },
    })
}

async fn panics(_: Anybody, _: Call) -> Result<HttpResponse, ApiError> {
    std::panic::panic_any("the secret reason".to_owned())
}

async fn reads(_: Anybody, call: Call) -> Result<HttpResponse, ApiError> {
    let query = RecordQuery::total_only();
    call.read(move |unit| Ok(unit.tenants().record_page(&query)?))
        .await?;
    Ok(HttpResponse::Ok().finish())
}

async fn writes(_: Anybody, call: Call) -> Result<HttpResponse, ApiError> {
    let query = RecordQuery::total_only();
    call.write_aside(move |unit| Ok(unit.tenants().record_page(&query)?))
        .await?;
    Ok(HttpResponse::Ok().finish())
}

/// Asks for a path.
async fn ask(path: &str) -> (u16, HttpResponse<String>) {
    let table = Arc::new(vec![
        Operation::new(
            OperationName::Untold("PANIC"),
            Method::GET,
            "/v1/panic",
            Produces::Json,
            panics,
        ),
        Operation::new(
            OperationName::Untold("READ"),
            Method::GET,
            "/v1/read",
            Produces::Json,
            reads,
        ),
        Operation::new(
            OperationName::Untold("WRITE"),
            Method::GET,
            "/system/write",
            Produces::Json,
            writes,
        ),
    ]);
    let app = App::new()
        .app_data(web::Data::from(deps(Arc::new(Away))))
        .configure(|config| configure(config, &table));
    let app = init_service(app).await;
    let response = call_service(&app, TestRequest::get().uri(path).to_request()).await;
    let (head, body) = response.into_parts().1.into_parts();
    let body = to_bytes(body).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    (head.status().as_u16(), head.set_body(text))
}

#[actix_web::test]
async fn a_panic_is_a_500_of_the_family_that_tells_nothing_of_its_cause() {
    let (status, response) = ask("/v1/panic").await;
    assert_eq!(status, 500);
    assert!(response.headers().contains_key(REQUEST_ID));
    let body = response.into_body();
    assert!(body.contains(r#""code":"internal_error""#), "{body}");
    assert!(!body.contains("secret"), "{body}");
}

#[actix_web::test]
async fn a_lost_database_is_a_503_with_retry_after() {
    let (status, response) = ask("/v1/read").await;
    assert_eq!(status, 503);
    assert_eq!(response.headers().get(header::RETRY_AFTER).unwrap(), "1");
    assert!(
        response
            .into_body()
            .contains(r#""code":"service_unavailable""#)
    );
}

#[actix_web::test]
async fn an_unknown_outcome_is_a_503_that_claims_nothing() {
    let (status, response) = ask("/system/write").await;
    assert_eq!(status, 503);
    assert!(response.headers().contains_key(header::LINK));
    assert!(response.headers().contains_key(header::RETRY_AFTER));
    let body = response.into_body();
    assert!(body.contains("may have happened or not"), "{body}");
    assert!(!body.contains("away"), "{body}");
}
