//! What the tests of several modules share.

use tenantry_domain::{clock::Timestamp, testing::instant};

use crate::{
    entropy::OsEntropy,
    hashing::{CLIENT_SECRET_COST, Hasher},
};

/// The instant at which the tests take place.
pub(crate) fn now() -> Timestamp {
    instant("2026-01-01T00:00:00Z")
}

/// A hasher whose passwords are as cheap as its secrets, for tests that make many.
pub(crate) fn light_hasher() -> Hasher {
    Hasher::with(OsEntropy, CLIENT_SECRET_COST, CLIENT_SECRET_COST)
}
