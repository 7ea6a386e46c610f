//! What it costs that every request tells of itself.
//!
//! Two servers have the same tenants, and one of them has events switched off. Tenants are read
//! by their ids, of which there are many, over connections that stay; both servers take turns
//! in one run. What a server stores off its requests' path is counted too: it is measured
//! over whole seconds, and its CPU time only after the last events are stored.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;

use super::{
    Kind,
    server::{self, Home, PASSWORD, Server},
};
use crate::{Failure, output::say};

/// How much is measured.
#[derive(Args)]
pub(crate) struct Events {
    /// On which database
    #[arg(long, value_enum, default_value = "sqlite")]
    database: Kind,
    /// How many tenants there are
    #[arg(long, default_value_t = 10_000)]
    tenants: u64,
    /// How many of them are read
    #[arg(long, default_value_t = 1_000)]
    ids: usize,
    /// How many connections read at once
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// How long each turn takes, in seconds
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// How many turns each server has; the median counts
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

/// Longer than it takes until the last events of a turn are stored.
const SETTLES: Duration = Duration::from_millis(1_500);

/// What one turn has shown.
#[derive(Clone, Copy)]
struct Turn {
    /// Answers a second.
    rate: f64,
    /// CPU time of the server for each of them, in microseconds.
    cpu: f64,
}

struct Side {
    server: Server,
    requests: Vec<String>,
    turns: Vec<Turn>,
}

impl Events {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let program = server::build()?;
        let homes = [true, false].map(|_| Home::make(program.clone(), self.database));
        let [with, without] = homes;
        let (with, without) = (with?, without?);
        let mut sides = [self.side(&with, "on")?, self.side(&without, "off")?];
        for round in 0..=self.rounds {
            // None is always the first.
            for place in [round % 2, (round + 1) % 2] {
                let turn = self.turn(&sides[place])?;
                // The first round warms everything up.
                if round > 0 {
                    sides[place].turns.push(turn);
                }
            }
        }
        let [on, off] = sides.each_ref().map(|side| {
            let median = |of: fn(&Turn) -> f64| {
                let mut values: Vec<f64> = side.turns.iter().map(of).collect();
                values.sort_by(f64::total_cmp);
                values.get(values.len() / 2).copied().unwrap_or_default()
            };
            Turn {
                rate: median(|turn| turn.rate),
                cpu: median(|turn| turn.cpu),
            }
        });
        say("\n| events | reads a second | server CPU a request |\n|---|---|---|");
        for (name, turn) in [("off", off), ("on", on)] {
            say(&format!(
                "| {name} | {:.0} | {:.1} µs |",
                turn.rate, turn.cpu
            ));
        }
        let (rate, cpu) = (on.rate / off.rate, on.cpu / off.cpu);
        say(&format!("| ratio | **{rate:.2}** | **{cpu:.2}** |"));
        Ok(())
    }

    fn side(&self, home: &Home, events: &str) -> Result<Side, Failure> {
        home.seed(self.tenants)?;
        let server = home.serve_with(&[("TENANTRY_EVENTS", events)])?;
        let credential = STANDARD.encode(format!("system:{PASSWORD}"));
        let request = |path: &str| {
            format!(
                "GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\n\
                 Authorization: Basic {credential}\r\n\r\n"
            )
        };
        let mut connection = Connection::open(server.address)?;
        let list = format!("/system/tenants?limit={}", self.ids.min(1_000));
        let list = connection.ask(&request(&list))?;
        let list: Vec<serde_json::Value> =
            serde_json::from_slice(&list).map_err(|error| Failure::new(error.to_string()))?;
        let ids = list.iter().filter_map(|one| one["uuid"].as_str());
        let requests: Vec<_> = ids
            .map(|id| request(&format!("/system/tenants/{id}")))
            .collect();
        if requests.is_empty() {
            return Err(Failure::new("there are no tenants to read"));
        }
        Ok(Side {
            server,
            requests,
            turns: Vec::new(),
        })
    }

    fn turn(&self, side: &Side) -> Result<Turn, Failure> {
        let done = AtomicBool::new(false);
        let before = side.server.cpu();
        let begun = Instant::now();
        let (counts, took) = thread::scope(|scope| {
            let running: Vec<_> = (0..self.connections)
                .map(|n| {
                    let done = &done;
                    scope.spawn(move || read(side, n * 37, done))
                })
                .collect();
            thread::sleep(Duration::from_secs(self.seconds));
            done.store(true, Ordering::SeqCst);
            let counts: Vec<_> = running
                .into_iter()
                .map(|one| {
                    one.join()
                        .unwrap_or_else(|_| Err(Failure::new("the client failed")))
                })
                .collect();
            (counts, begun.elapsed())
        });
        let mut answers = 0_u32;
        for count in counts {
            answers += count?;
        }
        thread::sleep(SETTLES);
        let cpu = side.server.cpu().saturating_sub(before);
        let answers = f64::from(answers.max(1));
        Ok(Turn {
            rate: answers / took.as_secs_f64(),
            cpu: cpu.as_secs_f64() * 1e6 / answers,
        })
    }
}

/// Reads tenants until it is enough; tells how many.
fn read(side: &Side, first: usize, done: &AtomicBool) -> Result<u32, Failure> {
    let mut connection = Connection::open(side.server.address)?;
    let mut count = 0;
    for request in side.requests.iter().cycle().skip(first) {
        if done.load(Ordering::Relaxed) {
            break;
        }
        connection.ask(request)?;
        count += 1;
    }
    Ok(count)
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address)
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        stream
            .map(|stream| Self(BufReader::new(stream)))
            .map_err(|error| Failure::new(format!("{address}: {error}")))
    }

    /// Sends a request, and reads the body of its answer, which has to be a 200.
    fn ask(&mut self, request: &str) -> Result<Vec<u8>, Failure> {
        self.exchange(request)
            .map_err(|error| Failure::new(format!("no answer: {error}")))
    }

    fn exchange(&mut self, request: &str) -> std::io::Result<Vec<u8>> {
        self.0.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        let mut length = 0;
        self.0.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 200") {
            return Err(std::io::Error::other(line));
        }
        loop {
            line.clear();
            self.0.read_line(&mut line)?;
            match line.trim().split_once(": ") {
                None => break,
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().unwrap_or(0);
                }
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(body)
    }
}
