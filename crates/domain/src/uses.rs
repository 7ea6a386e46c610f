//! When clients and secrets were last used.
//!
//! A use is a client's authentication with one of its secrets, and for a management
//! client also a request with one of its tokens. Uses are far too many to be stored one
//! by one, so they are collected and stored now and then, the last one of each.

use std::collections::BTreeMap;

use crate::{
    clock::Timestamp,
    id::{ClientKey, SecretId},
    port::{StoreError, UnitOfWork},
};

/// The last use of each of some clients and secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    clients: BTreeMap<ClientKey, Timestamp>,
    secrets: BTreeMap<SecretId, Timestamp>,
}

impl Uses {
    /// How many clients, and how many secrets, it takes in: what there is no room for is
    /// left out. A server stores its uses long before that.
    pub const CAPACITY: usize = 50_000;

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.secrets.is_empty()
    }

    /// Notes a use of a client, by one of its secrets if it has authenticated.
    pub fn record(&mut self, client: ClientKey, secret: Option<SecretId>, at: Timestamp) {
        put(&mut self.clients, client, at);
        if let Some(secret) = secret {
            put(&mut self.secrets, secret, at);
        }
    }

    /// Takes in others; of two uses of the same the later one counts.
    pub fn merge(&mut self, other: Self) {
        for (client, at) in other.clients {
            put(&mut self.clients, client, at);
        }
        for (secret, at) in other.secrets {
            put(&mut self.secrets, secret, at);
        }
    }

    /// Takes that many clients and that many secrets out, at the most; all of them are out
    /// when it is empty.
    #[must_use]
    pub fn take(&mut self, count: usize) -> Self {
        let mut taken = Self::default();
        for _ in 0..count {
            taken.clients.extend(self.clients.pop_first());
            taken.secrets.extend(self.secrets.pop_first());
        }
        taken
    }

    /// The clients, and when each was last used.
    pub fn clients(&self) -> impl Iterator<Item = (ClientKey, Timestamp)> {
        self.clients.iter().map(|(&client, &at)| (client, at))
    }

    /// The secrets, and when each was last used.
    pub fn secrets(&self) -> impl Iterator<Item = (SecretId, Timestamp)> {
        self.secrets.iter().map(|(&secret, &at)| (secret, at))
    }
}

fn put<K: Ord>(uses: &mut BTreeMap<K, Timestamp>, key: K, at: Timestamp) {
    if let Some(known) = uses.get_mut(&key) {
        *known = at.max(*known);
    } else if uses.len() < Uses::CAPACITY {
        uses.insert(key, at);
    }
}

/// Stores uses. The stored instants only ever move forward, so it does no harm to store
/// the same again, or late; clients and secrets that are gone by now are passed over.
pub fn store(unit: &mut dyn UnitOfWork, uses: &Uses) -> Result<(), StoreError> {
    let clients = unit.clients();
    for (client, at) in uses.clients() {
        clients.touch(client, at)?;
    }
    for (secret, at) in uses.secrets() {
        clients.touch_secret(secret, at)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::testing::instant;

    fn at(seconds: i64) -> Timestamp {
        instant("2026-01-01T00:00:00Z").plus_seconds(seconds)
    }

    fn client(n: u128) -> ClientKey {
        ClientKey::from_uuid(Uuid::from_u128(n))
    }

    fn secret(n: u128) -> SecretId {
        SecretId::from_uuid(Uuid::from_u128(n))
    }

    #[test]
    fn the_last_use_counts() {
        let mut uses = Uses::default();
        uses.record(client(1), Some(secret(1)), at(5));
        uses.record(client(1), Some(secret(2)), at(3));
        uses.record(client(2), None, at(1));
        let clients: Vec<_> = uses.clients().collect();
        assert_eq!(clients, [(client(1), at(5)), (client(2), at(1))]);
        let secrets: Vec<_> = uses.secrets().collect();
        assert_eq!(secrets, [(secret(1), at(5)), (secret(2), at(3))]);

        let mut later = Uses::default();
        later.record(client(1), None, at(9));
        later.record(client(2), None, at(0));
        uses.merge(later);
        let clients: Vec<_> = uses.clients().collect();
        assert_eq!(clients, [(client(1), at(9)), (client(2), at(1))]);
    }

    #[test]
    fn they_are_taken_out_in_parts() {
        let mut uses = Uses::default();
        for n in 0..5 {
            uses.record(client(n), None, at(0));
        }
        uses.record(client(0), Some(secret(0)), at(1));
        let first = uses.take(3);
        assert_eq!((first.clients().count(), first.secrets().count()), (3, 1));
        assert!(!uses.is_empty());
        assert_eq!(uses.take(3).clients().count(), 2);
        assert!(uses.is_empty() && uses.take(3).is_empty());
    }

    #[test]
    fn they_stay_within_their_bounds() {
        let mut uses = Uses::default();
        let capacity = u128::try_from(Uses::CAPACITY).unwrap();
        for n in 0..=capacity {
            uses.record(client(n), Some(secret(n)), at(0));
        }
        uses.record(client(0), None, at(7));
        assert_eq!(uses.clients().count(), Uses::CAPACITY);
        assert_eq!(uses.secrets().count(), Uses::CAPACITY);
        assert_eq!(uses.clients().next(), Some((client(0), at(7))));
    }
}
