//! A client that does as little as it can: a fixed request, over connections that stay.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::server::{PASSWORD, Server};
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

/// A connection, and what was sent by the server on it and not read yet.
struct Connection(BufReader<TcpStream>);

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
            .collect::<Result<_, _>>()?;
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
                .map(|connection| scope.spawn(move || connection.repeat(request, times)))
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

impl Connection {
    fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address)
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        let stream = stream.map_err(|error| Failure::new(format!("{address}: {error}")))?;
        Ok(Self(BufReader::new(stream)))
    }

    fn repeat(&mut self, request: &[u8], times: usize) -> Result<Vec<Duration>, Failure> {
        (0..times)
            .map(|_| {
                let begun = Instant::now();
                self.exchange(request)
                    .map_err(|error| Failure::new(format!("no answer: {error}")))?;
                Ok(begun.elapsed())
            })
            .collect()
    }

    /// Sends a request and reads the whole answer, which must be a 200.
    fn exchange(&mut self, request: &[u8]) -> std::io::Result<()> {
        self.0.get_mut().write_all(request)?;
        let (mut line, mut status, mut length) = (String::new(), String::new(), 0);
        loop {
            line.clear();
            self.0.read_line(&mut line)?;
            if status.is_empty() {
                line.trim_end().clone_into(&mut status);
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().map_err(std::io::Error::other)?;
            }
            if line.trim_end().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        if status.contains(" 200 ") {
            Ok(())
        } else {
            let text = String::from_utf8_lossy(&body);
            Err(std::io::Error::other(format!("{status}\n{text}")))
        }
    }
}
