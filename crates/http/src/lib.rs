//! Tenantry's wire: two route families over the same tenants, the authorization
//! server and health, on actix-web.
//!
//! A request goes through one [pipeline]: it gets its id, is matched to an
//! [operation], its caller is authenticated and authorized, what it accepts is
//! settled, and only then the operation's handler runs, which reads the body, calls
//! one use case of the domain and shows the result. Whatever fails on the way is an
//! [`ApiError`](error::ApiError) and is shown in the shape of the route's family.
//!
//! This crate knows the domain and `auth`, and no database.

mod answer;
mod body;
mod call;
mod caller;
mod cors;
mod creation;
mod deps;
mod error;
mod etag;
mod event_stream;
mod events;
mod feed;
mod gate;
mod idempotency;
mod json;
mod keep;
mod keys;
mod media_type;
mod metrics;
mod names;
mod negotiate;
mod news;
mod openapi;
mod operation;
mod pages;
mod pipeline;
mod pressure;
mod query;
mod quick;
mod render;
mod routes;
mod sign_in;
mod spans;
mod suspects;
mod target;
mod tls;
mod trace_context;
mod usage;
mod webhooks;
mod writers;

use std::{net::TcpListener, os::unix::net::UnixListener, sync::Arc, time::Duration};

use actix_web::{App, HttpServer, dev::Server, rt, web};
use rustls::ServerConfig;

pub use crate::{
    deps::{CreateStatus, Deps, DepsParts, HttpConfig},
    events::RecentEvents,
    keys::KeyReader,
    names::Names,
    news::{Listening, News},
    openapi::openapi,
    operation::{Access, OperationInfo},
    pressure::{PoolState, Pools},
    routes::operations,
    spans::{EndedRequest, RequestSpans},
    tls::{ReloadOutcome, TlsMeter},
    trace_context::{TraceIds, TraceParent},
    usage::RecentUses,
    webhooks::{AttemptOutcome, WebhookMeter},
};

/// How long requests in flight may take to finish when the server stops, in seconds.
const SHUTDOWN_SECONDS: u64 = 30;

/// How many threads that block a worker may have at least.
const LEAST_BLOCKING_THREADS: usize = 64;

/// How long a connection may take to be encrypted.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// How many connections of a worker may be about to be encrypted. As many as it may have at
/// all: those who connect and say nothing must not keep others out.
const HANDSHAKES: usize = 25_600;

/// What is bound already, and how whoever connects there is talked to.
pub enum Listener {
    /// An address, in plain text.
    Plain(TcpListener),
    /// An address, by TLS.
    Tls(TcpListener, Box<ServerConfig>),
    /// A Unix socket, in plain text.
    Unix(UnixListener),
}

/// Starts to serve on a socket that is bound already. It is called within an actix system.
///
/// The server handles no signals: whoever started it stops it through
/// [`Server::handle`].
pub fn serve(listener: Listener, deps: Arc<Deps>) -> std::io::Result<Server> {
    rt::spawn(feed::keep_up(Arc::clone(&deps)));
    rt::spawn(feed::check_sessions(Arc::clone(&deps)));
    let table = Arc::new(routes::table());
    // Which worker a connection comes to is chance, so each may need them all.
    let blocking_threads = deps.blocking_threads().max(LEAST_BLOCKING_THREADS);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::from(Arc::clone(&deps)))
            .configure(|config| pipeline::configure(config, &table))
    })
    .on_connect(pipeline::on_connect)
    .worker_max_blocking_threads(blocking_threads)
    .max_connection_rate(HANDSHAKES)
    .tls_handshake_timeout(HANDSHAKE_TIMEOUT)
    .client_request_timeout(Duration::from_secs(10))
    .keep_alive(Duration::from_secs(75))
    .shutdown_timeout(SHUTDOWN_SECONDS)
    .disable_signals();
    let server = match listener {
        Listener::Plain(listener) => server.listen(listener)?,
        Listener::Tls(listener, config) => server.listen_rustls_0_23(listener, *config)?,
        Listener::Unix(listener) => server.listen_uds(listener)?,
    };
    Ok(server.run())
}
