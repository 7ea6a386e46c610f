//! The signing keys, as requests need them: up to date.
//!
//! A server reads the keys again every few seconds, whoever asks for what. In between
//! another server can sign with a key that this one has not heard of, or the key that
//! signs here can be retired. Whoever meets that has the keys read at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tenantry_auth::token::{Expected, TokenFault, Verified};
use tokio::sync::Mutex;

use crate::{call::Call, error::ApiError};

/// The least time from one reading to the next. Tokens that name made-up keys cost no
/// more of the database than that, however many come.
const PAUSE: Duration = Duration::from_millis(200);

/// What reads the signing keys again and puts them into the shared ring.
pub trait KeyReader: Send + Sync {
    /// Does it, or leaves the ring as it is and says why. It blocks.
    fn read_again(&self) -> Result<(), String>;

    /// Why the last reading has failed; `None` if it has not.
    fn problem(&self) -> Option<String>;
}

/// Readings of the keys that requests have asked for.
pub(crate) struct Renewal {
    reader: Arc<dyn KeyReader>,
    /// When the last one began.
    last: Mutex<Option<Instant>>,
}

impl Renewal {
    pub(crate) fn new(reader: Arc<dyn KeyReader>) -> Self {
        Self {
            reader,
            last: Mutex::new(None),
        }
    }

    /// Why the keys are not known to be up to date, if they are not.
    pub(crate) fn problem(&self) -> Option<String> {
        self.reader.problem()
    }

    /// Has the keys read by `read`, in a reading that begins after this call.
    ///
    /// Those who ask while one is under way share the next. Nobody is sent away for having
    /// come too soon: a token of a new key is good, whoever has asked for another one before.
    async fn renew<F: Future<Output = Result<(), ApiError>>>(
        &self,
        read: impl FnOnce(Arc<dyn KeyReader>) -> F,
    ) -> Result<(), ApiError> {
        let asked = Instant::now();
        let mut last = self.last.lock().await;
        if let Some(last) = *last {
            if last >= asked {
                return self
                    .problem()
                    .map_or(Ok(()), |cause| Err(ApiError::overloaded(cause)));
            }
            tokio::time::sleep(PAUSE.saturating_sub(last.elapsed())).await;
        }
        *last = Some(Instant::now());
        read(Arc::clone(&self.reader)).await
    }
}

/// Has the keys read again, in a reading that begins after this call.
pub(crate) async fn renew(call: &Call) -> Result<(), ApiError> {
    let read = |reader| call.deps.read_keys(&call.trace.patience, reader);
    call.deps.renewal.renew(read).await
}

/// Verifies a token of this server's; `audience` is who it must be for, if that matters.
///
/// A key that is not known may be one that could not be read, so that nothing can be said
/// of its tokens: that is no answer about the token, but an error.
pub(crate) async fn verify(
    call: &Call,
    token: &str,
    audience: Option<&str>,
) -> Result<Result<Arc<Verified>, TokenFault>, ApiError> {
    let deps = &call.deps;
    let expected = Expected {
        issuer: &deps.config.public_url,
        audience,
    };
    let check = || {
        let ring = deps.keys.current();
        deps.verified_tokens
            .verify(&ring, token, &expected, deps.now())
    };
    match check() {
        Err(TokenFault::UnknownKey) => {
            renew(call).await?;
            Ok(check())
        }
        checked => Ok(checked),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl KeyReader for Counting {
        fn read_again(&self) -> Result<(), String> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }

        fn problem(&self) -> Option<String> {
            None
        }
    }

    #[actix_web::test]
    async fn those_who_ask_together_share_a_reading_and_who_asks_later_gets_another() {
        let counting = Arc::new(Counting::default());
        let renewal = Renewal::new(counting.clone());
        let read = |reader: Arc<dyn KeyReader>| async move {
            tokio::task::yield_now().await;
            reader.read_again().map_err(ApiError::overloaded)
        };
        let renew = || renewal.renew(read);
        for round in 1..=3 {
            // The others ask while the first one's reading is under way.
            let asked: Vec<_> = (0..100).map(|_| renew()).collect();
            assert!(
                join_all(asked)
                    .await
                    .into_iter()
                    .all(|renewed| renewed.is_ok())
            );
            assert!(counting.0.load(Ordering::SeqCst) >= round);
            assert!(counting.0.load(Ordering::SeqCst) <= 2 * round);
        }
    }
}
