//! The news that something may have been committed.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::watch;

/// Tells whoever listens that changes may have been committed, by this process or by
/// another one. Clones share everything.
///
/// It says neither what nor how much: who hears it looks into the database. So it may be
/// told in vain, and told once for many.
#[derive(Clone, Debug, Default)]
pub struct News(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    told: watch::Sender<u64>,
    own_commits: AtomicU64,
}

/// Somebody who listens.
#[derive(Clone, Debug)]
pub struct Listening(watch::Receiver<u64>);

impl News {
    /// Tells it, whoever has committed.
    pub fn tell(&self) {
        self.0.told.send_modify(|told| *told = told.wrapping_add(1));
    }

    /// Tells it of a commit of this process's, of which others do not know yet.
    pub fn tell_own(&self) {
        self.0.own_commits.fetch_add(1, Ordering::Release);
        self.tell();
    }

    /// How many commits of this process were told.
    pub fn own_commits(&self) -> u64 {
        self.0.own_commits.load(Ordering::Acquire)
    }

    /// Begins to listen.
    pub fn listen(&self) -> Listening {
        Listening(self.0.told.subscribe())
    }
}

impl Listening {
    /// Waits until it is told anew since the last call, or since listening began. Nobody
    /// tells once the server is gone; then it waits for ever.
    pub async fn heard(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[actix_web::test]
    async fn what_is_told_many_times_is_heard_once_and_never_missed() {
        let news = News::default();
        news.tell();
        let mut listening = news.listen();
        assert!(listening.heard().now_or_never().is_none(), "told before");
        news.tell();
        news.tell_own();
        assert!(listening.heard().now_or_never().is_some());
        assert!(listening.heard().now_or_never().is_none());
        assert_eq!(news.own_commits(), 1);
    }
}
