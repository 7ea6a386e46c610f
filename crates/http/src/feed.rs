//! Readers of the change feed that wait for what is to come.
//!
//! However many there are, a process reads each new change once: the newest of them are kept
//! in memory (the [`Tail`]), all that wait are woken by their number, and take them from
//! there. Only who is further behind reads the database itself, in small pages and in its
//! turn at the gate. Who waits holds no thread, no connection and no place at the gate, and
//! nothing is read at all while nobody waits.

mod session;
mod tail;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tenantry_domain::{
    environment::EnvironmentAccess,
    feed::{ChangePage, Sequence},
    page::Limit,
    usecase::feed,
};
use tokio::sync::{Notify, watch};

use self::tail::Tail;
pub(crate) use self::{
    session::{Session, Sessions, Standing, check_sessions},
    tail::{Told, ToldPage},
};
use crate::{deps::Deps, error::ApiError, gate::Patience, news::News};

/// How many may wait at the same time: each takes an open file and some memory.
const MOST_READERS: usize = 10_000;

/// How long to wait before the database is asked again that could not be read.
const RETRY: Duration = Duration::from_millis(500);

/// What all readers of a server that wait have in common.
pub(crate) struct Feed {
    pub(crate) news: News,
    pub(crate) sessions: Sessions,
    tail: Mutex<Tail>,
    /// The number of the newest change that is known here. It never falls.
    head: watch::Sender<Sequence>,
    readers: AtomicUsize,
    /// How many connections a stream was sent on that are still there.
    connected: Arc<AtomicUsize>,
    /// Somebody has begun to wait.
    begun: Notify,
    stopping: watch::Sender<bool>,
}

impl Feed {
    pub(crate) fn new(news: News) -> Self {
        Self {
            news,
            sessions: Sessions::default(),
            tail: Mutex::default(),
            head: watch::Sender::default(),
            readers: AtomicUsize::new(0),
            connected: Arc::default(),
            begun: Notify::new(),
            stopping: watch::Sender::new(false),
        }
    }

    /// Ends all waiting, now and from now on.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Notes that a stream is sent on a connection; what is given is to be kept as long as that
    /// is there. It is there longer than the stream where the client does not take the end.
    pub(crate) fn connect(&self) -> Connected {
        self.connected.fetch_add(1, Ordering::AcqRel);
        Connected(Arc::clone(&self.connected))
    }

    /// Whether there are connections that a stream was sent on.
    pub(crate) fn has_connections(&self) -> bool {
        self.connected.load(Ordering::Acquire) > 0
    }

    /// How many readers are waiting, or being told.
    fn readers(&self) -> usize {
        self.readers.load(Ordering::Acquire)
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what was committed since the last time.
    async fn catch_up(&self, deps: &Deps) -> Result<(), ApiError> {
        let mut end = self.tail().end();
        loop {
            let patience = Patience::default();
            let page: ToldPage = deps
                .read(&patience, move |unit| match end {
                    // Nobody has waited until now, so nobody is to be told of what was before.
                    None => Ok(ChangePage {
                        changes: Vec::new(),
                        next: feed::latest(unit)?,
                        is_end: true,
                    }),
                    Some(end) => feed::read(unit, &EnvironmentAccess::All, end, Limit::default()),
                })
                .await?
                .into();
            let (next, is_end) = (page.next, page.is_end);
            // Whoever has lost its token before one of these was committed is not told of it.
            if !page.changes.is_empty() {
                session::check_all(deps).await?;
            }
            self.tail().push(page);
            self.head.send_if_modified(|head| {
                let is_new = next > *head;
                *head = next.max(*head);
                is_new
            });
            if is_end {
                return Ok(());
            }
            end = Some(next);
        }
    }
}

/// A connection that a stream was sent on, as long as it is there.
pub(crate) struct Connected(Arc<AtomicUsize>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Keeps up with the feed as long as anybody waits, until the server is to stop.
pub(crate) async fn keep_up(deps: Arc<Deps>) {
    let mut stopping = deps.feed.stopping.subscribe();
    tokio::select! {
        _ = stopping.wait_for(|stopping| *stopping) => {}
        () = keep_up_for_ever(&deps) => {}
    }
}

async fn keep_up_for_ever(deps: &Deps) {
    let feed = &deps.feed;
    let mut news = feed.news.listen();
    loop {
        if feed.readers() == 0 {
            feed.tail().forget();
            feed.begun.notified().await;
            continue;
        }
        if let Err(error) = feed.catch_up(deps).await {
            tracing::debug!(cause = error.cause, "the change feed could not be read");
            tokio::time::sleep(RETRY).await;
            continue;
        }
        tokio::select! {
            () = news.heard() => {}
            // The first one after the last has gone.
            () = feed.begun.notified() => {}
        }
    }
}

/// Somebody who reads the feed on and on.
pub(crate) struct Reader {
    deps: Arc<Deps>,
    session: Session,
    head: watch::Receiver<Sequence>,
    stopping: watch::Receiver<bool>,
}

/// Why there is nothing more to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The server stops.
    Stopping,
    /// The reader's token is not good any more.
    Token,
}

impl Reader {
    /// Begins to read. What is committed from now on wakes it, so it looks into the database
    /// after this, for what was committed before.
    pub(crate) fn new(deps: &Arc<Deps>, session: Session) -> Result<Self, ApiError> {
        let feed = &deps.feed;
        let others = feed.readers.fetch_add(1, Ordering::AcqRel);
        deps.metrics.change_readers.inc();
        feed.begun.notify_one();
        let reader = Self {
            session,
            head: feed.head.subscribe(),
            stopping: feed.stopping.subscribe(),
            deps: Arc::clone(deps),
        };
        if others >= MOST_READERS {
            let problem = format!("{MOST_READERS} readers of the change feed wait already");
            return Err(ApiError::overloaded(problem));
        }
        Ok(reader)
    }

    /// Why it is to end, if it is.
    pub(crate) fn ended(&self) -> Option<Ended> {
        if *self.stopping.borrow() {
            return Some(Ended::Stopping);
        }
        matches!(self.session.standing(), Standing::Ended).then_some(Ended::Token)
    }

    /// Reads on from a place: from memory where that reaches so far back, and otherwise from
    /// the database.
    pub(crate) async fn read(&self, after: Sequence, limit: Limit) -> Result<ToldPage, ApiError> {
        let Standing::Good(access) = self.session.standing() else {
            return Ok(ToldPage::nothing(after));
        };
        let known = self.deps.feed.tail().page(after, &access, limit);
        if let Some(page) = known {
            // The token was looked at before this was taken over, and may have ended since it was
            // asked about here.
            return Ok(match self.session.standing() {
                Standing::Good(_) => page,
                Standing::Ended => ToldPage::nothing(after),
            });
        }
        let patience = Patience::default();
        let head = *self.head.borrow();
        let look = self.session.look();
        let (standing, page) = self
            .deps
            .read(&patience, move |unit| {
                let standing = look(unit)?;
                let page = match &standing {
                    Standing::Good(access) => Some(feed::read(unit, access, after, limit)?),
                    Standing::Ended => None,
                };
                Ok((standing, page))
            })
            .await?;
        self.session.note(standing);
        let Some(page) = page else {
            return Ok(ToldPage::nothing(after));
        };
        let mut page = ToldPage::from(page);
        if page.is_end {
            // What was read is no older than the head. Where somebody has deleted changes by
            // hand, it would be waited for in vain, and without waiting.
            page.next = page.next.max(head);
        }
        Ok(page)
    }

    /// Waits until there is something behind that place, or until it [has ended](Self::ended).
    /// It may come back for less.
    pub(crate) async fn wait(&mut self, after: Sequence) {
        tokio::select! {
            biased;
            _ = self.stopping.wait_for(|stopping| *stopping) => {}
            () = self.session.changed() => {}
            _ = self.head.wait_for(|head| *head > after) => {}
        }
    }

    /// Counts a change that goes out.
    pub(crate) fn count_sent(&self) {
        self.deps.metrics.changes_streamed.inc();
    }

    /// Waits for some time, or until it [has ended](Self::ended).
    pub(crate) async fn pause(&mut self) {
        tokio::select! {
            biased;
            _ = self.stopping.wait_for(|stopping| *stopping) => {}
            () = self.session.changed() => {}
            () = tokio::time::sleep(2 * RETRY) => {}
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.deps.feed.readers.fetch_sub(1, Ordering::AcqRel);
        self.deps.metrics.change_readers.dec();
    }
}
