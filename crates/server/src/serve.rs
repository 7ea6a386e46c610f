//! `tenantry serve`: from settings to a server, and back to nothing.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::rt::{self, System};
use tenantry_auth::{idempotency::Pepper, limiter::FailureLimits, webhook::WebhookKey};
use tenantry_http::{
    CreateStatus, Deps, DepsParts, HttpConfig, KeyReader as _, News, RecentEvents, RecentUses,
    WebhookMeter,
};
use tokio::net::TcpSocket;

use crate::{
    cli::output,
    config::{PublicUrl, Settings, SystemCreateStatus, table::Key},
    failure::Failure,
    master_key,
    shutdown::Signals,
    startup::{self, Prepared},
    welcome::Welcome,
    worker::{
        DeliveryKeeper, EventKeeper, EventSweeper, Herald, KeyKeeper, Sender, UseKeeper,
        WebhookParts, Webhooks, Worker,
    },
};

/// How long a request's body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a server that is asked to stop tries to store what it still has in memory.
const LAST_STORE: Duration = Duration::from_secs(5);

/// How often in a row a server that stops has to find nobody but stuck readers, at two looks
/// a second.
const STUCK_LOOKS: u32 = 6;

/// The time that limits of failures are counted over.
const FAILURE_WINDOW: Duration = Duration::from_mins(1);

/// How many connections may wait to be accepted. The usual 128 is less than a burst
/// of parallel clients.
const BACKLOG: u32 = 1024;

/// Serves until it is asked to stop.
pub(crate) fn run(settings: Settings) -> Result<(), Failure> {
    let prepared = startup::prepare(&settings)?;
    // Told before anything else can go wrong: a later start does not tell it again.
    if let Some(first_start) = &prepared.first_start {
        output::tell(&first_start.to_string());
    }
    let keys = Arc::new(KeyKeeper::open(
        prepared.database.clone(),
        prepared.world.clock.clone(),
        settings.master_key.clone(),
        settings.token_ttl,
    )?);
    let pepper = startup::open_pepper(&*prepared.database, &settings.master_key, &prepared.world)?;
    let webhook_key =
        startup::open_webhook_key(&*prepared.database, &settings.master_key, &prepared.world)?;
    let webhook_key = Arc::new(webhook_key);
    let sender = Sender::new(&settings.webhooks, prepared.world.clock.clone())?;
    let system = System::new();
    let ended = system.block_on(async move {
        let listener = bind(settings.listen).map_err(|error| {
            let problem = format!("{} can't be listened on: {error}", settings.listen);
            Failure::setting(Key::Listen, &problem)
        })?;
        let address = listener
            .local_addr()
            .map_err(|error| Failure::command(&error.to_string()))?;
        let own_url = || PublicUrl::of_address(address);
        let public_url = settings.public_url.clone().unwrap_or_else(own_url);
        let welcome = Welcome {
            address,
            public_url: public_url.clone(),
            first_start: prepared.first_start.clone(),
        };
        let warning = master_key::warning(&settings.master_key);
        let recent = RecentUses::default();
        let uses = UseKeeper::new(prepared.database.clone(), recent.clone());
        let news = News::default();
        let herald = Herald::new(prepared.database.clone(), news.clone());
        let told = RecentEvents::new(settings.events.are_on);
        let events = EventKeeper::new(prepared.database.clone(), told.clone());
        let sweeper = EventSweeper::new(
            prepared.database.clone(),
            prepared.world.clock.clone(),
            settings.events.retention_days,
        );
        let meter = WebhookMeter::new();
        let parts = WebhookParts {
            sender,
            store: prepared.database.clone(),
            context: prepared.world.context(&settings),
            key: webhook_key.clone(),
            meter: meter.clone(),
            news: news.clone(),
            public_url: public_url.as_str().to_owned(),
        };
        let (webhooks, deliveries) = Webhooks::start(&settings.webhooks, parts);
        let deps = deps(
            settings,
            &prepared,
            keys.clone(),
            Shared {
                uses: recent,
                events: told.clone(),
                news,
                pepper,
                webhook_key,
                webhooks: meter,
            },
            &public_url,
        );
        let workers = [
            Worker::start(DeliveryKeeper::PERIOD, move || deliveries.keep()),
            // What goes wrong is in the log, and `/readyz` tells it.
            Worker::start(KeyKeeper::PERIOD, move || drop(keys.read_again())),
            Worker::start(UseKeeper::PERIOD, {
                let uses = uses.clone();
                move || uses.store()
            }),
            Worker::start(Herald::PERIOD, move || herald.look()),
            Worker::start(EventKeeper::PERIOD, {
                let events = events.clone();
                move || events.store()
            }),
            Worker::start(EventSweeper::PERIOD, move || sweeper.sweep()),
        ];
        serve(listener, deps, &welcome, &prepared.applied, warning).await?;
        drop(workers);
        webhooks.stop().await;
        // No request is left that could use a client or be told of. A database that hangs does not keep
        // the server from ending.
        let stored = rt::task::spawn_blocking(move || {
            events.store_last();
            uses.store();
        });
        if tokio::time::timeout(LAST_STORE, stored).await.is_err() {
            let lost = told.waiting();
            tracing::warn!(
                lost,
                "what was to be stored last is lost: the database hangs"
            );
        }
        Ok(())
    });
    // Dropped, the runtime would wait for work that hangs in a database, perhaps for ever.
    // Whatever else is still running ends with the process.
    std::mem::forget(system);
    ended
}

async fn serve(
    listener: TcpListener,
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
        address = %welcome.address,
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

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart need not wait for the connections of the process before it to fade.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// What handlers share with others in the process, or with other servers.
struct Shared {
    uses: RecentUses,
    events: RecentEvents,
    news: News,
    pepper: Pepper,
    webhook_key: Arc<WebhookKey>,
    webhooks: WebhookMeter,
}

fn deps(
    settings: Settings,
    prepared: &Prepared,
    keys: Arc<KeyKeeper>,
    shared: Shared,
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
        pepper: shared.pepper,
        webhook_key: shared.webhook_key,
        webhooks: shared.webhooks,
        config,
    })
}
