//! Server-Sent Events (the HTML standard, §9.2) of changes.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use actix_web::{Error, HttpResponse, http::header, web::Bytes};
use futures_util::stream;
use tenantry_domain::{feed::Sequence, id::RequestId, page::Limit};
use tokio::time::Instant;

use crate::{
    feed::{Ended, Reader, Told},
    negotiate::Representation,
};

/// How long a client is told to wait before it connects again, in milliseconds.
const RECONNECT_AFTER: u32 = 2000;

/// The answer of a stream, without its body.
pub(crate) fn head() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((
            header::CONTENT_TYPE,
            Representation::EventStream.media_type(),
        ))
        // nginx would collect the answer before it passes it on.
        .insert_header(("X-Accel-Buffering", "no"));
    response
}

/// Answers with all changes behind a place, and goes on as long as the reader may be told.
pub(crate) fn answer(
    reader: Reader,
    after: Sequence,
    heartbeat: Duration,
    request_id: RequestId,
) -> HttpResponse {
    let now = Instant::now();
    let stream = Stream {
        reader,
        request_id,
        place: after,
        told: after,
        count: 0,
        ready: VecDeque::new(),
        heartbeat,
        next_beat: now + heartbeat,
        begun: now,
        greeted: false,
    };
    let chunks = stream::unfold(stream, |mut stream| async move {
        let chunk = stream.next().await?;
        Some((Ok::<_, Error>(chunk), stream))
    });
    head().streaming(chunks)
}

struct Stream {
    reader: Reader,
    request_id: RequestId,
    /// Up to where the feed was read.
    place: Sequence,
    /// The last number that the client was told.
    told: Sequence,
    count: u64,
    /// What was read and not sent.
    ready: VecDeque<Arc<Told>>,
    heartbeat: Duration,
    next_beat: Instant,
    begun: Instant,
    greeted: bool,
}

impl Stream {
    /// The next piece. It is asked for only when the client has taken most of those before,
    /// so a slow one is told slowly and nothing piles up.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.greeted {
            self.greeted = true;
            return Some(format!("retry: {RECONNECT_AFTER}\n\n").into());
        }
        loop {
            if self.reader.ended().is_some() {
                return None;
            }
            if Instant::now() >= self.next_beat {
                return Some(self.beat());
            }
            if let Some(told) = self.ready.pop_front() {
                self.told = told.change.sequence;
                self.count += 1;
                self.reader.count_sent();
                return Some(told.event.clone());
            }
            // No more than a page waits in memory for a client that is slow.
            match self.reader.read(self.place, Limit::default()).await {
                Ok(page) => {
                    self.place = page.next;
                    self.ready.extend(page.changes);
                    if page.is_end && self.ready.is_empty() {
                        self.rest(false).await;
                    }
                }
                Err(error) => {
                    // The database will be there again, and so is the client.
                    tracing::debug!(cause = error.cause, "a stream can't be read on");
                    self.rest(true).await;
                }
            }
        }
    }

    /// Waits for something to do.
    async fn rest(&mut self, pausing: bool) {
        let (reader, place) = (&mut self.reader, self.place);
        let waited = async {
            if pausing {
                reader.pause().await;
            } else {
                reader.wait(place).await;
            }
        };
        // That the time is over is seen by who goes on.
        let _ = tokio::time::timeout_at(self.next_beat, waited).await;
    }

    /// A comment, which says that the connection lives. With it the client learns how far it
    /// has come where others' changes were passed over: a number without data is no event, but
    /// is where it goes on from.
    fn beat(&mut self) -> Bytes {
        self.next_beat = Instant::now() + self.heartbeat;
        if self.place > self.told && self.ready.is_empty() {
            self.told = self.place;
            return format!(":\nid: {}\n\n", self.told).into();
        }
        Bytes::from_static(b":\n\n")
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let why = match self.reader.ended() {
            None => "the client is gone",
            Some(Ended::Stopping) => "the server stops",
            Some(Ended::Token) => "the token is not good any more",
        };
        tracing::info!(
            request_id = self.request_id.as_str(),
            why,
            changes = self.count,
            last = self.told.get(),
            seconds = self.begun.elapsed().as_secs(),
            "stream ended"
        );
    }
}
