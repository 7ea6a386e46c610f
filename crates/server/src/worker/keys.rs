//! Keeps the signing keys of a server those of the database.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tenantry_auth::{keys::SharedKeyRing, master_key::MasterKey};
use tenantry_domain::{
    clock::{Clock, Timestamp},
    key::SealedKey,
    port::{Snapshot, Store, StoreError, read, write},
    usecase::keys,
};
use tenantry_http::KeyReader;

use crate::{
    config::MasterKeySource,
    failure::{Failure, with_causes},
    master_key,
    startup::{self, OpenedKeys},
};

/// The signing keys of a server.
///
/// It reads them every few seconds, which is one look at a table of a few rows, and
/// writes only where something has to be written down before it may sign.
pub(crate) struct KeyKeeper {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    source: MasterKeySource,
    token_ttl: u32,
    ring: SharedKeyRing,
    /// How many readings have begun.
    readings: AtomicU64,
    held: Mutex<Held>,
}

/// Never locked while the database is asked: that may hang, and others must go on.
struct Held {
    /// Which reading `stored` is of. An older one that ends later counts for nothing.
    reading: u64,
    stored: Vec<SealedKey>,
    master_key: MasterKey,
    /// Why the last reading went wrong. What has been told need not be told again.
    problem: Option<String>,
}

impl KeyKeeper {
    /// How often the keys are read: every server lists a new one within ten seconds.
    pub(crate) const PERIOD: Duration = Duration::from_secs(5);

    /// Opens the keys of a prepared database for a server whose tokens live that long.
    pub(crate) fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        source: MasterKeySource,
        token_ttl: u32,
    ) -> Result<Self, Failure> {
        let OpenedKeys {
            stored,
            ring,
            master_key,
        } = startup::open_keys(&*store, &source)?;
        if let (MasterKeySource::File(named), Some(found)) = (&source, &master_key.file)
            && named != found
        {
            tracing::warn!(
                "the signing keys are sealed under {}, and not under {}",
                found.display(),
                named.display()
            );
        }
        let now = clock.now();
        let keeper = Self {
            store,
            clock,
            source,
            token_ttl,
            ring: SharedKeyRing::new(ring, now),
            readings: AtomicU64::new(0),
            held: Mutex::new(Held {
                reading: 0,
                stored,
                master_key: master_key.key,
                problem: None,
            }),
        };
        // What is wrong is in the log; the keys were opened all the same.
        let _ = keeper.read_again();
        Ok(keeper)
    }

    /// The keys, opened, for everybody who signs and verifies.
    pub(crate) fn ring(&self) -> SharedKeyRing {
        self.ring.clone()
    }

    /// Takes over what was read at that instant.
    fn renew(&self, held: &mut Held, stored: Vec<SealedKey>, now: Timestamp) -> Result<(), String> {
        if stored == held.stored {
            self.ring.confirm(now);
            return Ok(());
        }
        let ring = self.ring.current();
        let renewed = match ring.renewed(&stored, &held.master_key) {
            Ok(renewed) => renewed,
            Err(error) => {
                // The master key may have been rotated since this server has read it.
                let candidates = master_key::candidates(&self.source);
                let candidates = candidates.map_err(|failure| failure.to_string())?;
                let mut opened = candidates.into_iter().filter_map(|candidate| {
                    let ring = ring.renewed(&stored, &candidate.key).ok()?;
                    Some((ring, candidate.key))
                });
                let Some((renewed, key)) = opened.next() else {
                    return Err(with_causes(&error));
                };
                held.master_key = key;
                renewed
            }
        };
        let kids: Vec<_> = renewed.kids().collect();
        tracing::info!(
            ?kids,
            signing = renewed.signing_kid(now),
            "the signing keys have changed"
        );
        self.ring.replace(renewed, now);
        held.stored = stored;
        Ok(())
    }

    /// The keys as they are stored, after what this server has to note about them.
    fn stored(&self, now: Timestamp) -> Result<Vec<SealedKey>, String> {
        let told = |error: StoreError| with_causes(&error);
        let all = |unit: &mut dyn Snapshot| unit.keys().all();
        let stored = read(&*self.store, all).map_err(told)?;
        if !keys::needs_upkeep(&stored, self.token_ttl, now) {
            return Ok(stored);
        }
        let kept = write(&*self.store, |unit| keys::upkeep(unit, self.token_ttl, now));
        kept.or_else(|error: StoreError| {
            // Until it can be noted, tokens live no longer than what is noted already.
            tracing::warn!(
                cause = told(error),
                "the signing keys could not be brought up to date"
            );
            Ok(stored)
        })
    }
}

impl KeyReader for KeyKeeper {
    fn read_again(&self) -> Result<(), String> {
        let reading = 1 + self.readings.fetch_add(1, Ordering::SeqCst);
        let now = self.clock.now();
        let stored = self.stored(now);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if reading < held.reading {
            return Ok(());
        }
        held.reading = reading;
        let renewed = stored.and_then(|stored| self.renew(&mut held, stored, now));
        let problem = renewed.clone().err();
        match &problem {
            Some(cause) if held.problem.is_none() => {
                tracing::warn!(cause, "the signing keys could not be read again");
            }
            None if held.problem.is_some() => tracing::info!("the signing keys are read again"),
            _ => {}
        }
        held.problem = problem;
        renewed
    }

    fn problem(&self) -> Option<String> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.problem.clone()
    }
}
