//! Pages that were written before, as long as nothing has changed.
//!
//! Consoles and jobs ask for the same first page of tenants again and again, and a page costs as
//! much as a hundred tenants. Where the store can name the state that a snapshot sees, a page that
//! was written in the same state is the same page, to the byte, whoever has changed
//! the database in between, by whatever means.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use actix_web::web::Bytes;
use tenantry_domain::{
    environment::EnvironmentAccess, page::PageRequest, port::State, usecase::tenants::TenantQuery,
};

/// How much is remembered, in bytes. A page of a hundred tenants has some 45,000.
const CAPACITY: usize = 4 * 1024 * 1024;

/// What a page hangs on, besides the state of the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PageKey {
    /// What the caller may see.
    pub(crate) access: EnvironmentAccess,
    pub(crate) query: TenantQuery,
    pub(crate) request: PageRequest,
}

impl PageKey {
    /// The most tenants that are few enough to be read on a thread that runs requests.
    const FEW: u16 = 100;

    /// Whether the page is read from one index, from its first row to its last, and those are few.
    pub(crate) fn is_small(&self) -> bool {
        let TenantQuery {
            environment_id,
            subdomain,
            status,
            name,
        } = &self.query;
        let is_of_one = environment_id.is_some() || self.access == EnvironmentAccess::All;
        let is_narrowed = subdomain.is_some() || status.is_some() || name.is_some();
        is_of_one && !is_narrowed && self.request.limit.get() <= Self::FEW
    }
}

/// Remembers pages.
#[derive(Default)]
pub(crate) struct KnownPages(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// By who has read them too: each names states in its own way.
    pages: HashMap<(u64, PageKey), (i64, Bytes)>,
    bytes: usize,
}

impl KnownPages {
    /// The page as it is in that state, if it was written.
    pub(crate) fn find(&self, state: State, key: &PageKey) -> Option<Bytes> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (version, page) = known.pages.get(&(state.reader, key.clone()))?;
        (*version == state.version).then(|| page.clone())
    }

    /// Remembers the page of that state in place of that of another one. When there is no room, all
    /// make room.
    pub(crate) fn put(&self, state: State, key: PageKey, page: &Bytes) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.bytes + page.len() > CAPACITY {
            *known = Known::default();
        }
        let entry = (state.version, page.clone());
        let older = known.pages.insert((state.reader, key), entry);
        let freed = older.map_or(0, |(_, page)| page.len());
        known.bytes = known.bytes + page.len() - freed;
    }
}

#[cfg(test)]
mod tests {
    use tenantry_domain::page::Limit;

    use super::*;

    fn key(limit: &str) -> PageKey {
        PageKey {
            access: EnvironmentAccess::All,
            query: TenantQuery::default(),
            request: PageRequest {
                limit: Limit::parse(limit).unwrap(),
                after: None,
            },
        }
    }

    const fn state(reader: u64, version: i64) -> State {
        State { reader, version }
    }

    #[test]
    fn a_page_is_known_in_its_state_only() {
        let pages = KnownPages::default();
        let page = Bytes::from_static(b"page");
        pages.put(state(1, 1), key("10"), &page);
        assert_eq!(pages.find(state(1, 1), &key("10")), Some(page.clone()));
        assert_eq!(pages.find(state(1, 1), &key("11")), None);
        assert_eq!(pages.find(state(1, 2), &key("10")), None);
        assert_eq!(pages.find(state(2, 1), &key("10")), None);
        let nobody = PageKey {
            access: EnvironmentAccess::Only([].into()),
            ..key("10")
        };
        assert_eq!(pages.find(state(1, 1), &nobody), None);
        pages.put(state(1, 2), key("10"), &page);
        assert_eq!(pages.find(state(1, 1), &key("10")), None);
        assert_eq!(pages.0.lock().unwrap().bytes, page.len());
    }

    #[test]
    fn there_is_room_for_so_much() {
        let pages = KnownPages::default();
        let page = Bytes::from(vec![b' '; CAPACITY / 3]);
        for limit in 1..=10 {
            pages.put(state(1, 1), key(&limit.to_string()), &page);
            let known = pages.0.lock().unwrap();
            let bytes: usize = known.pages.values().map(|(_, page)| page.len()).sum();
            assert_eq!(known.bytes, bytes);
            assert!(bytes <= CAPACITY);
        }
        assert!(pages.find(state(1, 1), &key("10")).is_some());
    }
}
