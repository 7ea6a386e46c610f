//! What was read on a connection, as long as the database is the same.
//!
//! Every request asks for the same few things: the client that calls, whether its token is revoked, the
//! environment of a tenant. A connection that can tell within a transaction whether
//! anybody has committed anything since it read them need not read them again. So nothing that is
//! remembered ever outlives what has changed it, whoever did that: this server, another one, or
//! somebody with a shell.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::atomic::{AtomicU64, Ordering},
};

use tenantry_domain::{
    account::{SystemAccount, Username},
    client::{ClientId, KnownClient},
    environment::Environment,
    id::EnvironmentId,
    subdomain::DomainName,
};

/// How many of a kind are remembered.
const MOST: usize = 256;

/// What one connection remembers.
pub(crate) struct Memo {
    /// Of which connection this is, among all of the process.
    reader: u64,
    /// The state of the database in which it was read.
    state: Option<i64>,
    /// Whether the transaction that is open sees that state.
    is_open: bool,
    pub(crate) accounts: Few<Username, SystemAccount>,
    pub(crate) clients: Few<ClientId, KnownClient>,
    pub(crate) environments: Few<EnvironmentId, Environment>,
    pub(crate) domains: Few<DomainName, Environment>,
    /// Tokens that are not revoked, by their own name and that of their key.
    pub(crate) tokens: Few<(String, String), bool>,
}

/// A few things of one kind.
pub(crate) struct Few<K, V>(HashMap<K, V>);

impl Default for Memo {
    /// That of another connection.
    fn default() -> Self {
        static READERS: AtomicU64 = AtomicU64::new(0);
        Self::of(READERS.fetch_add(1, Ordering::Relaxed))
    }
}

impl Memo {
    fn of(reader: u64) -> Self {
        Self {
            reader,
            state: None,
            is_open: false,
            accounts: Few::default(),
            clients: Few::default(),
            environments: Few::default(),
            domains: Few::default(),
            tokens: Few::default(),
        }
    }

    /// Which connection this is of.
    pub(crate) const fn reader(&self) -> u64 {
        self.reader
    }

    /// Begins to answer in a transaction that only reads, and sees that state. What was read in another
    /// one is forgotten.
    pub(crate) fn open(&mut self, state: i64) {
        if self.state != Some(state) {
            *self = Self {
                state: Some(state),
                ..Self::of(self.reader)
            };
        }
        self.is_open = true;
    }

    /// Ends with the transaction.
    pub(crate) fn close(&mut self) {
        self.is_open = false;
    }

    /// The state that the transaction that is open sees, if that is known.
    pub(crate) fn state(&self) -> Option<i64> {
        self.state.filter(|_| self.is_open)
    }

    /// Itself, where it may be asked and told.
    pub(crate) fn if_open(&mut self) -> Option<&mut Self> {
        self.is_open.then_some(self)
    }
}

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash, V: Clone> Few<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.0.get(key).cloned()
    }

    /// Remembers it. What asks for more things than there is room for gains nothing by any of
    /// them, so when it is full all make room.
    pub(crate) fn put(&mut self, key: K, value: V) {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_in_another_state_is_forgotten() {
        let mut memo = Memo::default();
        assert!(memo.if_open().is_none());
        memo.open(1);
        let key = || ("token".to_owned(), "key".to_owned());
        memo.tokens.put(key(), false);
        memo.close();
        assert!(memo.if_open().is_none());
        memo.open(1);
        assert_eq!(memo.tokens.get(&key()), Some(false));
        memo.close();
        memo.open(2);
        assert_eq!(memo.tokens.get(&key()), None);
    }

    #[test]
    fn it_has_bounds() {
        let mut few = Few::default();
        for n in 0..10 * MOST {
            few.put(n, ());
            assert!(few.0.len() <= MOST && few.get(&n).is_some());
        }
    }
}
