//! Somebody who follows the feed, wherever it can be had.

use std::{
    io::BufRead,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tenantry_domain::feed::Change;

use super::{is_late, replica::Replica};
use crate::{http::Request, world::World};

/// How the feed is read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Way {
    /// By Server-Sent Events.
    #[default]
    Stream,
    /// By long polls.
    Poll,
}

/// What has come of following.
#[derive(Debug, Default)]
pub(super) struct Follower {
    pub(super) way: Way,
    pub(super) replica: Replica,
    pub(super) connections: usize,
    pub(super) complaints: Vec<String>,
}

impl Follower {
    pub(super) fn new(way: Way) -> Self {
        Self {
            way,
            ..Self::default()
        }
    }

    /// Follows until the end is told and everything up to there was seen, or something is
    /// wrong.
    pub(super) fn follow(mut self, world: &World, end: &AtomicBool) -> Self {
        let mut ending = None;
        while self.complaints.is_empty() {
            if end.load(Ordering::Relaxed) {
                ending.get_or_insert_with(Instant::now);
                if self.has_all(world) {
                    return self;
                }
            }
            if is_late(ending) {
                let text = format!("change {} was the last to come", self.replica.place());
                self.complaints.push(text);
            }
            self.connections += 1;
            let connected = match self.way {
                Way::Stream => self.stream(world, end),
                Way::Poll => self.poll(world),
            };
            if connected.is_none() {
                // A server that was killed needs a moment.
                thread::sleep(Duration::from_millis(20));
            }
        }
        self
    }

    /// Whether there is nothing behind what was seen. Nobody writes any more.
    fn has_all(&self, world: &World) -> bool {
        let answer = world.http().send(&self.page(world, "limit=1"));
        answer.is_ok_and(|answer| {
            let data = &answer.json()["data"];
            answer.status == 200 && data.as_array().is_some_and(Vec::is_empty)
        })
    }

    fn page(&self, world: &World, query: &str) -> Request {
        let place = self.replica.place();
        let path = format!("/v1/changes?after={place}&{query}");
        Request::new("GET", path).by(&world.bearer())
    }

    fn poll(&mut self, world: &World) -> Option<()> {
        let answer = world.http().send(&self.page(world, "limit=50&wait=1"));
        let answer = answer.ok().filter(|answer| answer.status == 200)?.json();
        for change in answer["data"].as_array()? {
            self.take(change.clone());
        }
        let (next, place) = (&answer["next"], self.replica.place());
        if *next != place && self.complaints.is_empty() {
            self.complaints
                .push(format!("next is {next} after {place}"));
        }
        Some(())
    }

    /// Reads one stream until it ends, however.
    fn stream(&mut self, world: &World, end: &AtomicBool) -> Option<()> {
        let request = Request::new("GET", "/v1/changes/stream")
            .header("Last-Event-ID", self.replica.place().to_string())
            .by(&world.bearer());
        let body = world.http().stream(&request).ok()?;
        for line in body.lines() {
            // The end of a server that was killed.
            let line = line.ok()?;
            if let Some(data) = line.strip_prefix("data: ") {
                match serde_json::from_str(data) {
                    Ok(change) => self.take(change),
                    // Cut off in the middle of a line.
                    Err(error) if error.is_eof() => return None,
                    Err(error) => self.complaints.push(format!("{error} in {data}")),
                }
            } else if let Some(number) = line.strip_prefix("id: ") {
                let next = self.replica.place() + 1;
                if number.parse() != Ok(next) {
                    self.complaints
                        .push(format!("{number} where {next} is due"));
                }
            }
            // A comment: everything that there was has come before it.
            let is_idle = line.starts_with(':');
            if is_idle && end.load(Ordering::Relaxed) || !self.complaints.is_empty() {
                return Some(());
            }
        }
        None
    }

    fn take(&mut self, change: Value) {
        if self.complaints.is_empty() {
            let applied = serde_json::from_value::<Change>(change)
                .map_err(|error| format!("a change that can't be read: {error}"))
                .and_then(|change| self.replica.apply(change));
            self.complaints.extend(applied.err());
        }
    }
}
