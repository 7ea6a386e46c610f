//! `tenantry serve`: from settings to a server, and back to nothing.

use std::{sync::Arc, time::Duration};

use actix_web::rt::{self, System};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tenantry_auth::{idempotency::Pepper, limiter::FailureLimits};
use tenantry_http::{
    CreateStatus, Deps, DepsParts, HttpConfig, Listener, PoolState, Pools, RequestSpans, TlsMeter,
};
use tenantry_storage::{Database, PoolUse};
use tokio::{
    signal::unix::{self, SignalKind},
    task::spawn_blocking,
};

use crate::{
    cli::output,
    config::{PublicUrl, Settings, SystemCreateStatus, table::Key},
    failure::Failure,
    master_key,
    shutdown::Signals,
    socket::{self, Bound, SocketFile},
    startup::{self, Prepared},
    tls::Certificates,
    traces::Traces,
    welcome::Welcome,
    worker::{Background, KeyKeeper, Sender, Shared, Worker},
};

/// How long a request's body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How often in a row a server that stops has to find nobody but stuck readers, at two looks
/// a second.
const STUCK_LOOKS: u32 = 6;

/// The time that limits of failures are counted over.
const FAILURE_WINDOW: Duration = Duration::from_mins(1);

/// Serves until it is asked to stop.
pub(crate) fn run(settings: Settings) -> Result<(), Failure> {
    raise_open_files();
    let certificates = settings.tls.clone().map(Certificates::open).transpose()?;
    let prepared = startup::prepare(&settings)?;
    // Told before anything else can go wrong: a later start does not tell it again.
    if let Some(first_start) = &prepared.first_start {
        output::tell(&first_start.to_string());
    }
    let (database, world) = (&*prepared.database, &prepared.world);
    let keys = Arc::new(KeyKeeper::open(
        prepared.database.clone(),
        world.clock.clone(),
        settings.master_key.clone(),
        settings.token_ttl,
    )?);
    let pepper = startup::open_pepper(database, &settings.master_key, world)?;
    let webhook_key = startup::open_webhook_key(database, &settings.master_key, world)?;
    let sender = Sender::new(&settings.webhooks, world.clock.clone())?;
    let shared = Shared::new(&settings, webhook_key);
    let system = System::new();
    let ended = system.block_on(async move {
        let bound = socket::bind(&settings.listen)?;
        let public_url = public_url(&settings, &bound)?;
        let welcome = Welcome {
            listen: bound.listen(),
            is_encrypted: settings.tls.is_some(),
            public_url: public_url.clone(),
            first_start: prepared.first_start.clone(),
        };
        let traces = Traces::start(&public_url)?;
        let sender = sender.traced(traces.clone());
        let warning = master_key::warning(&settings.master_key);
        let url = public_url.as_str();
        let mut background = Background::start(&settings, &prepared, &keys, sender, &shared, url);
        let observers = Observers {
            tls: certificates.as_ref().map(|shown| shown.meter()),
            spans: traces.clone().map(|traces| traces as Arc<dyn RequestSpans>),
        };
        if let Some(certificates) = &certificates {
            let shown = Arc::clone(certificates);
            background.add(Worker::start(Certificates::PERIOD, move || shown.look()));
            reload_when_asked(Arc::clone(certificates));
        }
        let (listener, file) = open(bound, certificates.as_ref())?;
        let deps = deps(
            settings,
            &prepared,
            keys,
            shared,
            pepper,
            observers,
            &public_url,
        );
        serve(listener, deps, &welcome, &prepared.applied, warning).await?;
        drop(file);
        background.stop().await;
        if let Some(traces) = traces {
            traces.stop().await;
        }
        Ok(())
    });
    // Dropped, the runtime would wait for work that hangs in a database, perhaps for ever.
    // Whatever else is still running ends with the process.
    std::mem::forget(system);
    ended
}

/// The URL that the server is known by: where it listens, if it was given none.
fn public_url(settings: &Settings, bound: &Bound) -> Result<PublicUrl, Failure> {
    match (&settings.public_url, bound) {
        (Some(url), _) => Ok(url.clone()),
        (None, Bound::Address(_, address)) => Ok(settings.url_of(*address)),
        (None, Bound::Socket(..)) => Err(Failure::setting(Key::PublicUrl, "must be given")),
    }
}

/// What connections are accepted on, and the file that is to be removed at the end.
fn open(
    bound: Bound,
    certificates: Option<&Arc<Certificates>>,
) -> Result<(Listener, Option<SocketFile>), Failure> {
    Ok(match (bound, certificates) {
        (Bound::Socket(listener, file), _) => (Listener::Unix(listener), Some(file)),
        (Bound::Address(listener, _), None) => (Listener::Plain(listener), None),
        (Bound::Address(listener, _), Some(certificates)) => (
            Listener::Tls(listener, Box::new(certificates.config()?)),
            None,
        ),
    })
}

/// Has the certificate read again at once on SIGHUP. Without one the signal ends the process, as
/// it does where a terminal is closed.
fn reload_when_asked(certificates: Arc<Certificates>) {
    let mut asked = match unix::signal(SignalKind::hangup()) {
        Ok(asked) => asked,
        Err(error) => return tracing::warn!(%error, "SIGHUP can't be caught"),
    };
    rt::spawn(async move {
        while asked.recv().await.is_some() {
            let certificates = Arc::clone(&certificates);
            // A panic is in the log already.
            let _ = spawn_blocking(move || certificates.look_now()).await;
        }
    });
}

async fn serve(
    listener: Listener,
    deps: Arc<Deps>,
    welcome: &Welcome,
    applied: &[String],
    warning: Option<String>,
) -> Result<(), Failure> {
    let broken = |error: std::io::Error| Failure::command(&format!("the server failed: {error}"));
    // Caught before anybody can know that the server is there, so that whoever is told
    // of it can also stop it properly.
    let mut signals = Signals::catch().map_err(broken)?;
    let server = tenantry_http::serve(listener, Arc::clone(&deps)).map_err(broken)?;
    let handle = server.handle();
    let mut running = rt::spawn(server);
    output::tell(&welcome.to_string());
    // Told only now: a start that fails is one line, the one that says why.
    if let Some(warning) = warning {
        tracing::warn!("{warning}");
    }
    for name in applied {
        tracing::info!(name, "migration applied");
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        address = %welcome.listen,
        public_url = %welcome.public_url,
        "serving"
    );
    let asked = tokio::select! {
        asked = signals.next() => asked,
        ended = &mut running => {
            return Err(Failure::command(&format!("the server ended by itself: {ended:?}")));
        }
    };
    tracing::info!(
        signal = asked.name(),
        "stopping: finishing what is in flight"
    );
    deps.stop_waiting();
    let stopped = handle.stop(true);
    tokio::select! {
        () = stopped => {}
        () = only_stuck_readers(&deps) => {
            tracing::warn!("streams were cut off whose clients don't read");
        }
        asked = signals.next() => {
            tracing::warn!(signal = asked.name(), "ended at once");
            asked.end_at_once();
        }
    }
    tracing::info!("stopped");
    Ok(())
}

/// Waits until nobody is left but clients of streams that read nothing, not even the end.
async fn only_stuck_readers(deps: &Deps) {
    let mut looks = 0;
    while looks < STUCK_LOOKS {
        rt::time::sleep(Duration::from_millis(500)).await;
        looks = if deps.has_only_stuck_readers() {
            looks + 1
        } else {
            0
        };
    }
}

/// Lets the process have as many open files as the operator allows it at all: each connection is
/// one, and the usual 1,024 are less than the callers, readers of streams and webhooks that
/// one server has room for.
fn raise_open_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let raised = Rlimit {
            current: maximum,
            maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%error, "the limit of open files stays {current:?}");
        }
    }
}

/// Looks at the connections of a database.
fn pools(database: Arc<Database>) -> Pools {
    Arc::new(move || {
        let shown = |pool: PoolUse| PoolState {
            name: pool.name,
            most: pool.most,
            open: pool.open,
            idle: pool.idle,
        };
        database.pools().into_iter().map(shown).collect()
    })
}

/// What is told of requests and connections, where somebody wants to know.
struct Observers {
    tls: Option<TlsMeter>,
    spans: Option<Arc<dyn RequestSpans>>,
}

fn deps(
    settings: Settings,
    prepared: &Prepared,
    keys: Arc<KeyKeeper>,
    shared: Shared,
    pepper: Pepper,
    observers: Observers,
    public_url: &PublicUrl,
) -> Arc<Deps> {
    let config = HttpConfig {
        public_url: public_url.as_str().to_owned(),
        token_ttl: settings.token_ttl,
        system_create_status: match settings.system_create_status {
            SystemCreateStatus::Ok => CreateStatus::Ok,
            SystemCreateStatus::Created => CreateStatus::Created,
        },
        cors_origins: settings.cors_origins,
        body_timeout: BODY_TIMEOUT,
        stream_heartbeat: settings.stream_heartbeat,
        readers: prepared.database.readers(),
        writers: prepared.database.writers(),
        failure_limits: FailureLimits {
            per_client_and_address: settings.failed_logins_per_client,
            per_address: settings.failed_logins_per_address,
            window: FAILURE_WINDOW,
        },
        webhook_targets: settings.webhooks.targets,
    };
    Deps::new(DepsParts {
        store: prepared.database.clone(),
        clock: prepared.world.clock.clone(),
        entropy: prepared.world.entropy.clone(),
        reserved: Arc::new(settings.reserved),
        keys: keys.ring(),
        key_reader: keys,
        uses: shared.uses,
        events: shared.events,
        news: shared.news,
        hasher: prepared.world.hasher.clone(),
        pepper,
        webhook_key: shared.webhook_key,
        webhooks: shared.webhooks,
        tls: observers.tls,
        spans: observers.spans,
        pools: pools(prepared.database.clone()),
        config,
    })
}
