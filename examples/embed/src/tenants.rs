//! Tenants by their hosts, from a cache that the change feed keeps true.

use std::{
    collections::HashMap,
    io::Write as _,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tenantry_domain::{
    environment::{Environment, EnvironmentAccess},
    error::Error,
    feed::{Sequence, StoredChange},
    host::HostName,
    page::Limit,
    port::read,
    tenant::Tenant,
    usecase::{feed, tenants, tokens},
};
use tenantry_storage::{CommitWatch, Database};

use crate::token::Caller;

/// How often the follower looks for changes. A look costs next to nothing.
const PERIOD: Duration = Duration::from_millis(100);

/// How long after a failure it tries again.
const RETRY: Duration = Duration::from_secs(1);

/// For how long a follower that can't look is believed. After that every request asks the database.
const BELIEVED: Duration = Duration::from_secs(2);

/// So many tenants are kept at the most; then the cache begins anew.
const CAPACITY: usize = 10_000;

/// A tenant that is served, with the environment it lives in.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) tenant: Tenant,
    pub(crate) environment: Environment,
}

/// The tenants of a database.
pub(crate) struct Tenants {
    database: Database,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    by_host: HashMap<String, Arc<Served>>,
    /// The last change that what is kept agrees with.
    seen: Sequence,
    /// When there was nothing behind it; `None` while that is not known.
    looked: Option<Instant>,
}

impl Tenants {
    /// Begins with an empty cache at the end of the feed: what was committed before concerns nobody.
    pub(crate) fn new(database: Database) -> Result<Self, Error> {
        let cache = Cache {
            seen: read(&database, |unit| feed::latest(unit))?,
            ..Cache::default()
        };
        Ok(Self {
            database,
            cache: Mutex::new(cache),
        })
    }

    /// The tenant of a host, if it is in the cache and the cache can be believed.
    pub(crate) fn kept(&self, host: &HostName) -> Option<Arc<Served>> {
        self.cache().get(host)
    }

    /// The tenant of a host, from the database; `None` if there is none. It is kept for the next request.
    pub(crate) fn resolve(&self, host: &HostName) -> Result<Option<Arc<Served>>, Error> {
        // Both are read in one snapshot, so this is how things were right after that change.
        let found = read(&self.database, |unit| {
            let at = feed::latest(unit)?;
            let (tenant, environment) = tenants::resolve(unit, &EnvironmentAccess::All, host)?;
            let served = Served {
                tenant,
                environment,
            };
            Ok((at, Arc::new(served)))
        });
        match found {
            Ok((at, served)) => {
                self.cache().keep(host, served.clone(), at);
                Ok(Some(served))
            }
            // Hosts without a tenant are not kept: anybody can make up any number of them.
            Err(Error::NoSuchDomain(_) | Error::NoSuchLabel { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a token grants that was verified by its signature: `None` if it, its key or its client was
    /// revoked, disabled or deleted meanwhile.
    pub(crate) fn scopes_of(&self, caller: &Caller) -> Result<Option<Vec<String>>, Error> {
        read(&self.database, |unit| {
            let id = &caller.client_id;
            let known = tokens::client_of_active(unit, id, &caller.token_id, &caller.key_id)?;
            Ok(known.map(|known| {
                let granted = known.granted(&caller.scope);
                granted.iter().map(ToString::to_string).collect()
            }))
        })
    }

    /// Follows the change feed and drops from the cache what changes, until it is told to stop.
    pub(crate) fn follow(&self, is_over: &AtomicBool) {
        let mut watch = None;
        let mut is_away = false;
        while !is_over.load(Ordering::Relaxed) {
            match self.look(&mut watch) {
                Ok(()) => {
                    is_away = false;
                    thread::sleep(PERIOD);
                }
                Err(error) => {
                    if !is_away {
                        note(&format!("the change feed can't be read: {error}"));
                    }
                    is_away = true;
                    watch = None;
                    thread::sleep(RETRY);
                }
            }
        }
    }

    /// One look: whether anybody has committed, and if so, what.
    fn look(&self, watch: &mut Option<CommitWatch>) -> Result<(), Error> {
        let begun = Instant::now();
        let has_news = match watch {
            Some(watch) => watch.look()?,
            // The first look of a watch always says yes, so nothing is missed that came before it.
            None => watch.insert(self.database.watch()?).look()?,
        };
        if has_news {
            self.catch_up()?;
        }
        self.cache().looked = Some(begun);
        Ok(())
    }

    fn catch_up(&self) -> Result<(), Error> {
        loop {
            let after = self.cache().seen;
            let page = read(&self.database, |unit| {
                feed::read(unit, &EnvironmentAccess::All, after, Limit::default())
            })?;
            let mut cache = self.cache();
            for change in &page.changes {
                cache.drop_what_changed(change);
            }
            // With the lock held since the drops, so that no reader keeps in between what was just dropped.
            cache.seen = page.next;
            if page.is_end {
                return Ok(());
            }
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn get(&self, host: &HostName) -> Option<Arc<Served>> {
        self.looked.filter(|looked| looked.elapsed() < BELIEVED)?;
        self.by_host.get(host.as_str()).cloned()
    }

    /// Keeps a tenant as it was right after a change, unless the follower is further on: then the change
    /// that it should be dropped for may be one that was passed already.
    fn keep(&mut self, host: &HostName, served: Arc<Served>, at: Sequence) {
        if at < self.seen {
            return;
        }
        if self.by_host.len() >= CAPACITY {
            self.by_host.clear();
        }
        self.by_host.insert(host.as_str().to_owned(), served);
    }

    /// Drops what a change may have made untrue. What kind of change it is does not matter, nor whether
    /// this program knows it: what it is about does.
    fn drop_what_changed(&mut self, change: &StoredChange) {
        match change.kind.of() {
            "tenant" => {
                // A change that gives a tenant another id names the one before.
                let ids = [change.tenant_id, change.previous_tenant_id];
                self.drop_if(|served| ids.contains(&Some(served.tenant.id)));
            }
            "environment" => {
                let id = change.environment_id;
                self.drop_if(|served| Some(served.environment.id) == id);
            }
            // Clients are asked for at each request.
            _ => {}
        }
    }

    fn drop_if(&mut self, is_untrue: impl Fn(&Served) -> bool) {
        self.by_host.retain(|_, served| !is_untrue(served));
    }
}

/// Says something on standard error.
pub(crate) fn note(text: &str) {
    // There is nobody to tell that nobody listens.
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use tenantry_domain::testing;

    use super::*;

    fn served() -> Arc<Served> {
        Arc::new(Served {
            tenant: testing::tenant(),
            environment: testing::environment(),
        })
    }

    fn host() -> HostName {
        let served = served();
        HostName::parse(&served.environment.host(&served.tenant.label)).unwrap()
    }

    fn fresh() -> Cache {
        Cache {
            seen: Sequence::new(7).unwrap(),
            looked: Some(Instant::now()),
            ..Cache::default()
        }
    }

    #[test]
    fn what_was_read_before_a_change_that_was_followed_is_not_kept() {
        let mut cache = fresh();
        cache.keep(&host(), served(), Sequence::new(6).unwrap());
        assert!(cache.get(&host()).is_none());
        cache.keep(&host(), served(), Sequence::new(7).unwrap());
        assert!(cache.get(&host()).is_some());
    }

    #[test]
    fn a_follower_that_can_not_look_is_not_believed() {
        let mut cache = fresh();
        cache.keep(&host(), served(), Sequence::new(7).unwrap());
        assert!(cache.get(&host()).is_some());
        cache.looked = Instant::now().checked_sub(BELIEVED);
        assert!(cache.get(&host()).is_none());
        cache.looked = None;
        assert!(cache.get(&host()).is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let mut cache = fresh();
        for number in 0..=CAPACITY {
            let host = HostName::parse(&format!("host-{number}.example.com")).unwrap();
            cache.keep(&host, served(), cache.seen);
        }
        assert_eq!(cache.by_host.len(), 1);
    }
}
