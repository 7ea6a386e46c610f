//! A client that does as little as it can: a fixed request, over connections that stay.

use std::{
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    connection::Connection,
    server::{PASSWORD, Server},
};
use crate::Failure;

/// One side of a comparison: a request that is sent again and again.
pub(super) struct Side<'a> {
    pub(super) name: &'static str,
    server: &'a Server,
    request: Vec<u8>,
    connections: Vec<Connection>,
    /// How long each request took.
    pub(super) latencies: Vec<Duration>,
    /// How long the server has worked for all of them.
    pub(super) cpu: Duration,
}

impl<'a> Side<'a> {
    /// A request by the system account, with so many connections.
    pub(super) fn new(
        name: &'static str,
        server: &'a Server,
        connections: usize,
        line: &str,
        body: &str,
    ) -> Result<Self, Failure> {
        let credential = STANDARD.encode(format!("system:{PASSWORD}"));
        let head = [
            format!("{line} HTTP/1.1"),
            "Host: localhost".to_owned(),
            format!("Authorization: Basic {credential}"),
            "Content-Type: application/json".to_owned(),
            format!("Content-Length: {}", body.len()),
        ];
        let request = format!("{}\r\n\r\n{body}", head.join("\r\n"));
        let connections = (0..connections)
            .map(|_| Connection::open(server.address))
            .collect::<std::io::Result<_>>()
            .map_err(|error| Failure::new(format!("{}: {error}", server.address)))?;
        Ok(Self {
            name,
            server,
            request: request.into_bytes(),
            connections,
            latencies: Vec::new(),
            cpu: Duration::ZERO,
        })
    }

    /// Sends the request so many times over each connection, all at once.
    fn round(&mut self, times: usize) -> Result<(), Failure> {
        let before = self.server.cpu();
        let request = &self.request;
        let results: Vec<_> = thread::scope(|scope| {
            let running: Vec<_> = self
                .connections
                .iter_mut()
                .map(|connection| scope.spawn(move || repeat(connection, request, times)))
                .collect();
            running
                .into_iter()
                .map(thread::ScopedJoinHandle::join)
                .collect()
        });
        self.cpu += self.server.cpu().saturating_sub(before);
        for result in results {
            let latencies = result.map_err(|_| Failure::new("the client has failed"))?;
            self.latencies.extend(latencies?);
        }
        Ok(())
    }
}

/// Lets both sides have their turn, again and again; the first turn of each warms up only.
pub(super) fn take_turns(
    sides: &mut [Side<'_>; 2],
    rounds: usize,
    times: usize,
) -> Result<(), Failure> {
    for side in &mut *sides {
        side.round(times)?;
        side.latencies.clear();
        side.cpu = Duration::ZERO;
    }
    for round in 0..rounds {
        // None is always the first.
        let (first, second) = (round % 2, (round + 1) % 2);
        sides[first].round(times)?;
        sides[second].round(times)?;
    }
    Ok(())
}

/// Sends a request so many times, which must succeed; tells how long each took.
fn repeat(
    connection: &mut Connection,
    request: &[u8],
    times: usize,
) -> Result<Vec<Duration>, Failure> {
    (0..times)
        .map(|_| {
            let begun = Instant::now();
            connection
                .expect(200, request)
                .map_err(|error| Failure::new(format!("no answer: {error}")))?;
            Ok(begun.elapsed())
        })
        .collect()
}
