//! The keys that the server signs tokens with, as it publishes them (RFC 7517).

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{Jwk, JwkSet, KeyAlgorithm},
};
use tokio::sync::Mutex;

use crate::{tenants::note, token::Refusal};

/// After this time the set is fetched again before it is used: the server tells caches to keep it for five
/// minutes, and no new key signs before that time is over.
const FRESH: Duration = Duration::from_mins(5);

/// For so long a set that can't be fetched again is still good enough. A key that the operator has retired
/// is believed no longer than that.
const USABLE: Duration = Duration::from_hours(1);

/// Between two attempts to fetch the set lies at least this time, however many tokens come in with a key
/// that nobody has heard of.
const PAUSE: Duration = Duration::from_secs(5);

/// How long an attempt may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// A key together with the one algorithm that it is for.
pub(crate) struct Key {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: DecodingKey,
}

/// The server's key set, fetched when it is needed.
pub(crate) struct KeySet {
    url: String,
    http: reqwest::Client,
    pause: Duration,
    kept: RwLock<Kept>,
    /// When it was last tried to fetch the set. Whoever fetches holds the lock, and all who want a key that
    /// is not there wait behind him in place of fetching too.
    tried: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Kept {
    by_id: HashMap<String, Arc<Key>>,
    fetched: Option<Instant>,
}

impl KeySet {
    pub(crate) fn new(url: String) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            url,
            http,
            pause: PAUSE,
            kept: RwLock::default(),
            tried: Mutex::default(),
        })
    }

    /// The same with another pause.
    #[cfg(test)]
    pub(crate) fn pausing(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// The key of that id.
    pub(crate) async fn get(&self, id: &str) -> Result<Arc<Key>, Refusal> {
        if let Some(key) = self.kept_for(FRESH, id) {
            return Ok(key);
        }
        let mut tried = match self.kept_for(USABLE, id) {
            // While somebody else fetches it anew, the one that is there is good enough.
            Some(key) => match self.tried.try_lock() {
                Ok(tried) => tried,
                Err(_) => return Ok(key),
            },
            None => self.tried.lock().await,
        };
        // Somebody else may have fetched it meanwhile.
        if let Some(key) = self.kept_for(FRESH, id) {
            return Ok(key);
        }
        if tried.is_none_or(|tried| tried.elapsed() >= self.pause) {
            *tried = Some(Instant::now());
            match self.fetch().await {
                Ok(by_id) => {
                    let fetched = Some(Instant::now());
                    let kept = Kept { by_id, fetched };
                    *self.kept.write().unwrap_or_else(PoisonError::into_inner) = kept;
                }
                Err(error) => note(&format!("the key set can't be fetched: {error}")),
            }
        }
        if let Some(key) = self.kept_for(USABLE, id) {
            return Ok(key);
        }
        // A set that is there does not have the key. Without one, nobody knows.
        let is_there = self.age().is_some_and(|age| age < USABLE);
        Err(if is_there {
            Refusal::Invalid
        } else {
            Refusal::NoKeys
        })
    }

    fn kept_for(&self, at_most: Duration, id: &str) -> Option<Arc<Key>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.fetched.filter(|fetched| fetched.elapsed() < at_most)?;
        kept.by_id.get(id).cloned()
    }

    fn age(&self) -> Option<Duration> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.fetched.map(|fetched| fetched.elapsed())
    }

    async fn fetch(&self) -> Result<HashMap<String, Arc<Key>>, Box<dyn std::error::Error>> {
        let answer = self.http.get(&self.url).send().await?.error_for_status()?;
        let set: JwkSet = serde_json::from_slice(&answer.bytes().await?)?;
        // A key of a kind that this program can't use is passed over.
        Ok(set.keys.iter().filter_map(key).collect())
    }
}

/// Takes a key only with the algorithm that the set gives for it (RFC 8725 §3.1): what a token says of its
/// algorithm decides nothing.
fn key(jwk: &Jwk) -> Option<(String, Arc<Key>)> {
    let algorithm = match jwk.common.key_algorithm? {
        KeyAlgorithm::RS256 => Algorithm::RS256,
        KeyAlgorithm::ES256 => Algorithm::ES256,
        KeyAlgorithm::EdDSA => Algorithm::EdDSA,
        _ => return None,
    };
    let key = DecodingKey::from_jwk(jwk).ok()?;
    let id = jwk.common.key_id.clone()?;
    Some((id, Arc::new(Key { algorithm, key })))
}
