//! What a flood of wrong passwords leaves of the server.
//!
//! Tokens and reads are measured in turns, with the flood and without it, on one server in
//! one run: what counts is the ratio, since everything shares one machine. The flood has a
//! pace of its own, whatever the answers, and each password is another one, so that none is
//! known from before. A run with as many requests for a path that does not exist shows
//! what the flood's requests cost apart from their passwords.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;
use tempfile::TempDir;

use super::{connection::Connection, server::Server};
use crate::{Failure, output::say, root};

/// How the flood is.
#[derive(Args)]
pub(crate) struct Flood {
    /// The server to measure; `cargo build --release` makes this one
    #[arg(long, value_name = "FILE", default_value = "target/release/tenantry")]
    server: PathBuf,
    /// Wrong passwords a second
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// How long each measurement takes, in seconds
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How often each is made; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

const CLIENT: &str = "bench";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Threads that ask for tokens, threads that read, and threads that flood.
const ASKERS: usize = 2;
const READERS: usize = 2;
const FLOODERS: u32 = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Quiet,
    Nothing,
    Passwords,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Quiet, Self::Nothing, Self::Passwords];

    const fn name(self) -> &'static str {
        match self {
            Self::Quiet => "nothing else",
            Self::Nothing => "requests for nothing",
            Self::Passwords => "wrong passwords",
        }
    }
}

/// What was answered in a second.
#[derive(Clone, Copy, Default)]
struct Rates {
    tokens: f64,
    reads: f64,
    flood: f64,
}

impl Flood {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let flooded = Flooded::start(&root().join(&self.server))?;
        let token = flooded.token()?;
        let mut measured: Vec<(Kind, Rates)> = Vec::new();
        for round in 0..=self.rounds {
            for kind in Kind::ALL {
                let rates = self.measure(&flooded.server, &token, kind, round)?;
                // The first round warms everything up.
                if round > 0 {
                    measured.push((kind, rates));
                }
            }
        }
        say(&format!(
            "{:<22}{:>12}{:>10}{:>12}{:>10}{:>12}",
            "beside", "tokens/s", "ratio", "reads/s", "ratio", "answered/s"
        ));
        let median = |kind: Kind, of: fn(&Rates) -> f64| {
            let of_kind = measured.iter().filter(|(known, _)| *known == kind);
            let mut values: Vec<f64> = of_kind.map(|(_, rates)| of(rates)).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or_default()
        };
        for kind in Kind::ALL {
            let (tokens, reads) = (median(kind, |r| r.tokens), median(kind, |r| r.reads));
            say(&format!(
                "{:<22}{tokens:>12.0}{:>10.2}{reads:>12.0}{:>10.2}{:>12.0}",
                kind.name(),
                tokens / median(Kind::Quiet, |r| r.tokens),
                reads / median(Kind::Quiet, |r| r.reads),
                median(kind, |r| r.flood),
            ));
        }
        Ok(())
    }

    fn measure(
        &self,
        server: &Server,
        token: &str,
        kind: Kind,
        round: usize,
    ) -> Result<Rates, Failure> {
        let done = AtomicBool::new(false);
        let [tokens, reads, flood] = [(); 3].map(|()| AtomicU64::new(0));
        let failed = Mutex::new(None);
        let ask = token_request();
        let read = format!(
            "GET /v1/environments HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        let workers = std::iter::repeat_n((&ask, &tokens), ASKERS)
            .chain(std::iter::repeat_n((&read, &reads), READERS));
        let begun = Instant::now();
        thread::scope(|scope| {
            let (done, flood, failed) = (&done, &flood, &failed);
            for (request, count) in workers {
                scope.spawn(move || {
                    if let Err(error) = repeat(server.address, request, done, count)
                        && let Ok(mut failed) = failed.lock()
                    {
                        failed.get_or_insert(error);
                    }
                });
            }
            let flooders = if kind == Kind::Quiet { 0 } else { FLOODERS };
            for thread in 0..flooders {
                let name = format!("{round}-{thread}");
                scope.spawn(move || self.flood(server.address, kind, &name, done, flood));
            }
            thread::sleep(Duration::from_secs(self.seconds));
            done.store(true, Ordering::Relaxed);
        });
        if let Ok(Some(error)) = failed.into_inner() {
            let beside = kind.name();
            let problem = format!("a request failed beside {beside}: {error}");
            return Err(Failure::new(problem));
        }
        let seconds = begun.elapsed().as_secs_f64();
        let rate = |count: AtomicU64| {
            let count = u32::try_from(count.into_inner()).unwrap_or(u32::MAX);
            f64::from(count) / seconds
        };
        Ok(Rates {
            tokens: rate(tokens),
            reads: rate(reads),
            flood: rate(flood),
        })
    }

    /// One of the flood's connections; it keeps to its pace as well as the answers let it.
    fn flood(
        &self,
        address: SocketAddr,
        kind: Kind,
        name: &str,
        done: &AtomicBool,
        answered: &AtomicU64,
    ) {
        let pause = Duration::from_secs(1) * FLOODERS / self.rate.max(1);
        let Ok(mut connection) = Connection::open(address) else {
            return;
        };
        let mut next = Instant::now();
        for number in 0_u64.. {
            if done.load(Ordering::Relaxed) {
                return;
            }
            let path = match kind {
                Kind::Passwords => "/system/tenants",
                Kind::Quiet | Kind::Nothing => "/nothing",
            };
            let credentials = STANDARD.encode(format!("system:wrong {name} {number}"));
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic {credentials}\r\n\r\n"
            );
            if connection.ask(request.as_bytes()).is_err() {
                return;
            }
            answered.fetch_add(1, Ordering::Relaxed);
            next += pause;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }
}

/// Sends a request that has to succeed, again and again.
fn repeat(
    address: SocketAddr,
    request: &str,
    done: &AtomicBool,
    count: &AtomicU64,
) -> std::io::Result<()> {
    let mut connection = Connection::open(address)?;
    while !done.load(Ordering::Relaxed) {
        connection.expect(200, request.as_bytes())?;
        count.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn token_request() -> String {
    let body = format!("grant_type=client_credentials&client_id={CLIENT}&client_secret={SECRET}");
    format!(
        "POST /oauth/token HTTP/1.1\r\nHost: bench\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A server with data of its own; both are gone when this is dropped.
struct Flooded {
    server: Server,
    #[expect(dead_code, reason = "it is kept to be dropped, after the server")]
    directory: TempDir,
}

impl Flooded {
    fn start(binary: &Path) -> Result<Self, Failure> {
        let directory = tempfile::tempdir().map_err(|error| Failure::new(error.to_string()))?;
        let mut command = Command::new(binary);
        command
            .arg("serve")
            .env("TENANTRY_DATA_DIR", directory.path())
            .env("TENANTRY_LISTEN", "127.0.0.1:0")
            .env("TENANTRY_LOG", "error")
            .env("TENANTRY_BOOTSTRAP_CLIENT_ID", CLIENT)
            .env("TENANTRY_BOOTSTRAP_CLIENT_SECRET", SECRET);
        let server = Server::start(&mut command)?;
        Ok(Self { server, directory })
    }

    fn token(&self) -> Result<String, Failure> {
        let failed = |error: std::io::Error| Failure::new(format!("no token: {error}"));
        let mut connection = Connection::open(self.server.address).map_err(failed)?;
        let request = token_request();
        connection.expect(200, request.as_bytes()).map_err(failed)?;
        let body = String::from_utf8_lossy(&connection.body).into_owned();
        let token = body.split("\"access_token\":\"").nth(1);
        let token = token.and_then(|rest| rest.split('"').next());
        token
            .map(str::to_owned)
            .ok_or_else(|| Failure::new(format!("no token: {body}")))
    }
}
