//! A service of its own that serves Tenantry's tenants.
//!
//! It works beside a Tenantry server, on the same database, and does what every service of a
//! product with tenants has to do:
//!
//! 1. find out whose host was asked for ([`tenants`]), from a cache that the change feed keeps true;
//! 2. verify the caller's access token by the server's published keys ([`keys`], [`token`]);
//! 3. answer something that is the tenant's own.
//!
//! It reads the database and never writes to it: whoever changes tenants asks the server.
//! `examples/README.md` says how to run it.

mod keys;
mod tenants;
mod token;

use std::{
    env,
    error::Error,
    io::Write as _,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    http::{StatusCode, header},
    web,
};
use serde::Serialize;
use serde_json::{json, value::RawValue};
use tenantry_domain::{
    error::Error as DomainError,
    host::HostName,
    port::{Store as _, StoreError},
    tenant::TenantStatus,
};
use tenantry_storage::{Database, DatabaseOptions, DatabaseUrl};
use tokio::{sync::Semaphore, time::timeout};

use self::{
    keys::KeySet,
    tenants::{Served, Tenants},
    token::Refusal,
};

/// How long a request waits for its turn at the database.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the handlers share.
struct Service {
    tenants: Arc<Tenants>,
    keys: KeySet,
    issuer: String,
    /// As many places as the database has connections that read: who gets none in time is told 503,
    /// in place of a queue of blocked threads.
    turns: Semaphore,
}

/// Why a request is not answered with what it asked for.
#[derive(Debug)]
enum Problem {
    NoHost,
    UnknownHost,
    Suspended,
    NoToken,
    InvalidToken,
    Unavailable,
}

#[actix_web::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tenants::note(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let setting = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let listen = setting("EMBED_LISTEN", "127.0.0.1:8090");
    let database = setting("EMBED_DATABASE_URL", "sqlite://tenantry-data/tenantry.db");
    // The server's public URL, as its tokens have it in `iss`.
    let issuer = setting("EMBED_ISSUER", "http://127.0.0.1:8080");
    let jwks = setting("EMBED_JWKS_URL", &format!("{issuer}/.well-known/jwks.json"));

    let options = DatabaseOptions::new(DatabaseUrl::parse(&database)?);
    let database = Database::open_existing(&options)?;
    // The schema is the server's to migrate. One that this program does not know is not to be guessed at.
    database.check()?;

    let tenants = Arc::new(Tenants::new(database.clone())?);
    let is_over = Arc::new(AtomicBool::new(false));
    let follower = thread::spawn({
        let (tenants, is_over) = (tenants.clone(), is_over.clone());
        move || tenants.follow(&is_over)
    });

    let service = web::Data::new(Service {
        tenants,
        keys: KeySet::new(jwks)?,
        issuer,
        turns: Semaphore::new(database.readers()),
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(service.clone())
            .service(web::resource("/whoami").route(web::get().to(whoami)))
    })
    .workers(2)
    .bind(&listen)?;
    for address in server.addrs() {
        writeln!(std::io::stdout(), "listening on http://{address}")?;
    }
    server.run().await?;

    // The last connection that is closed leaves an SQLite database without a log beside it.
    is_over.store(true, Ordering::Relaxed);
    let _ = follower.join();
    Ok(())
}

/// Tells a tenant's client who it is, and what the operator keeps with its tenant.
async fn whoami(
    request: HttpRequest,
    service: web::Data<Service>,
) -> Result<HttpResponse, Problem> {
    let tenant = tenant_of(&request, &service).await?;
    if tenant.tenant.status == TenantStatus::Suspended {
        return Err(Problem::Suspended);
    }
    let token = bearer(&request).ok_or(Problem::NoToken)?;
    let caller = token::verify(&service.keys, &service.issuer, &tenant, token).await?;

    // A service without the database would stop here, and take a token that was revoked, or whose client
    // is gone, until it expires. This one can ask, at the price of a look-up by a key.
    let scopes = service
        .look_up(move |tenants| tenants.scopes_of(&caller))
        .await?
        .ok_or(Problem::InvalidToken)?;

    let head = &tenant.tenant;
    let answer = WhoAmI {
        tenant: head.id.to_string(),
        name: head.name.as_str(),
        region: tenant.environment.region.display_name.as_str(),
        data: serde_json::from_str(head.data().as_str()).map_err(|_| Problem::Unavailable)?,
        scopes,
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(answer))
}

/// What a tenant's client is told.
#[derive(Serialize)]
struct WhoAmI<'a> {
    tenant: String,
    name: &'a str,
    region: &'a str,
    /// As text, which goes out as it came in: read into numbers, it would lose digits.
    data: &'a RawValue,
    scopes: Vec<String>,
}

/// The tenant whose host was asked for.
async fn tenant_of(request: &HttpRequest, service: &Service) -> Result<Arc<Served>, Problem> {
    // Not `connection_info()`, which believes whoever sends a forwarding header.
    let header = request.headers().get(header::HOST);
    let named = header.and_then(|value| value.to_str().ok());
    // RFC 9112 §3.2.2: a request for a whole URL names its host there.
    let host = request.uri().host().or(named).unwrap_or("");
    let host = HostName::parse(host).map_err(|_| Problem::NoHost)?;
    if let Some(tenant) = service.tenants.kept(&host) {
        return Ok(tenant);
    }
    service
        .look_up(move |tenants| tenants.resolve(&host))
        .await?
        .ok_or(Problem::UnknownHost)
}

/// The token of `Authorization: Bearer …` (RFC 6750 §2.1), if there is exactly one such header.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let (Some(value), None) = (headers.next(), headers.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("Bearer")
        .then_some(token.trim())
}

impl Service {
    /// Asks the database on a thread that may block, as Diesel does.
    async fn look_up<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tenants) -> Result<T, DomainError> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = timeout(PATIENCE, self.turns.acquire()).await;
        let _turn = turn.map_err(|_| Problem::Unavailable)?;
        let tenants = self.tenants.clone();
        let done = web::block(move || work(&tenants)).await;
        done.map_err(|_| Problem::Unavailable)?.map_err(|error| {
            let cause = match &error {
                DomainError::Store(StoreError::Failed(cause)) => cause.to_string(),
                other => other.to_string(),
            };
            tenants::note(&format!("the database can't be asked: {cause}"));
            Problem::Unavailable
        })
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid => Self::InvalidToken,
            Refusal::NoKeys => Self::Unavailable,
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoHost => "the request names no host",
            Self::UnknownHost => "nobody lives at this host",
            Self::Suspended => "the tenant is suspended",
            Self::NoToken => "an access token is needed",
            Self::InvalidToken => "the access token is not good here",
            Self::Unavailable => "try again later",
        })
    }
}

impl actix_web::ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoHost => StatusCode::BAD_REQUEST,
            Self::UnknownHost => StatusCode::NOT_FOUND,
            Self::Suspended => StatusCode::FORBIDDEN,
            Self::NoToken | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        match self {
            // RFC 6750 §3: without a credential nothing is said but how to bring one.
            Self::NoToken => answer.insert_header((header::WWW_AUTHENTICATE, "Bearer")),
            Self::InvalidToken => {
                let challenge = "Bearer error=\"invalid_token\"";
                answer.insert_header((header::WWW_AUTHENTICATE, challenge))
            }
            Self::Unavailable => answer.insert_header((header::RETRY_AFTER, "1")),
            _ => &mut answer,
        };
        answer.json(json!({"error": self.to_string()}))
    }
}
