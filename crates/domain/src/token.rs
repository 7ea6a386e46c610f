//! Access tokens, as far as a store has to know of them: which are revoked.

use crate::clock::Timestamp;

/// A token that its client has given back before its time (RFC 7009).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedToken {
    /// Its `jti`.
    pub id: String,
    /// When it would have expired anyhow; nobody has to remember it from then on.
    pub expires_at: Timestamp,
}
