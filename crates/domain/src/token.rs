//! Access tokens, as far as a store has to know of them: which are revoked.

use crate::clock::Timestamp;

/// A token that its client has given back before its time (RFC 7009), or all tokens of
/// one signing key, which was retired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedToken {
    /// Its `jti`, or what [`all_of_key`](Self::all_of_key) makes of the key's name.
    pub id: String,
    /// When it would have expired anyhow; nobody has to remember it from then on.
    pub expires_at: Timestamp,
}

impl RevokedToken {
    /// The id that stands for all tokens that a key has signed. No `jti` looks like it.
    pub fn all_of_key(kid: &str) -> String {
        format!("key:{kid}")
    }
}
