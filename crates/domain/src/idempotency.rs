//! Answers that are kept, so that a request can be repeated without being done twice.
//!
//! A caller names a request by a key of its own and sends it again under the same key when
//! it has not heard the answer. The answer of the first is kept in the very unit of work
//! that did what was asked: there is never one without the other, and nothing that is half
//! done is left behind by a crash.

use std::fmt;

use thiserror::Error;

use crate::clock::Timestamp;

/// The name that a caller gives to a request: 1 to 255 visible ASCII characters.
///
/// A kept answer can only be opened with it, so it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// A text that is no [`IdempotencyKey`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be 1 to 255 visible ASCII characters")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// The longest key, in characters.
    pub const MAX_LENGTH: usize = 255;

    /// Checks the form.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidIdempotencyKey> {
        let sane =
            (1..=Self::MAX_LENGTH).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        let text = std::str::from_utf8(bytes).map_err(|_| InvalidIdempotencyKey)?;
        sane.then(|| Self(text.to_owned()))
            .ok_or(InvalidIdempotencyKey)
    }

    /// The key itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(…)")
    }
}

/// Finds a kept answer: what a keyed hash makes of the caller and its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AnswerId(pub [u8; 32]);

/// Tells requests apart: what a keyed hash makes of method, path and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// An answer that is kept for a repeat.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Whose it is, under which key.
    pub id: AnswerId,
    /// What was asked.
    pub fingerprint: Fingerprint,
    /// The answer, which only the caller's key opens.
    pub sealed: Vec<u8>,
    /// From when on it is as good as forgotten.
    pub expires_at: Timestamp,
}

impl KeptAnswer {
    /// How long an answer is kept, in seconds: a day.
    pub const LIFETIME_SECONDS: i64 = 86_400;

    /// What a request under this answer's key is.
    fn repeat(self, fingerprint: Fingerprint, now: Timestamp) -> Repeat {
        if now >= self.expires_at {
            Repeat::New
        } else if self.fingerprint == fingerprint {
            Repeat::Known(self)
        } else {
            Repeat::Other
        }
    }
}

impl fmt::Debug for KeptAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptAnswer")
            .field("id", &self.id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// What a request is to those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing is kept under its key: it is to be done.
    New,
    /// The same request was done; its answer is to be given again.
    Known(KeptAnswer),
    /// Another request was done under its key.
    Other,
}

impl Repeat {
    /// Compares a request with what is kept under its key.
    pub fn of(kept: Option<KeptAnswer>, fingerprint: Fingerprint, now: Timestamp) -> Self {
        kept.map_or(Self::New, |kept| kept.repeat(fingerprint, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::instant;

    #[test]
    fn keys_are_visible_ascii() {
        for good in [
            "a",
            "8e03978e-40d5-43dd-bc93-6894a57f9324",
            "\"quoted\"",
            "~!",
        ] {
            assert_eq!(
                IdempotencyKey::parse(good.as_bytes()).unwrap().expose(),
                good
            );
        }
        assert!(IdempotencyKey::parse(&[b'x'; 255]).is_ok());
        for bad in [
            "",
            "with space",
            "tab\t",
            "é",
            "nul\0",
            "\u{7f}",
            &"x".repeat(256),
        ] {
            assert_eq!(
                IdempotencyKey::parse(bad.as_bytes()),
                Err(InvalidIdempotencyKey),
                "{bad:?}"
            );
        }
        assert!(IdempotencyKey::parse(b"\xff").is_err());
        let shown = format!("{:?}", IdempotencyKey::parse(b"visible").unwrap());
        assert!(!shown.contains("visible"), "{shown}");
    }

    #[test]
    fn a_repeat_is_the_same_request_within_a_day() {
        let now = instant("2026-01-01T00:00:00Z");
        let kept = KeptAnswer {
            id: AnswerId([1; 32]),
            fingerprint: Fingerprint([2; 32]),
            sealed: vec![3],
            expires_at: now.plus_seconds(KeptAnswer::LIFETIME_SECONDS),
        };
        let of =
            |fingerprint, now| Repeat::of(Some(kept.clone()), Fingerprint([fingerprint; 32]), now);
        assert_eq!(of(2, now), Repeat::Known(kept.clone()));
        assert_eq!(
            of(2, kept.expires_at.plus_micros(-1)),
            Repeat::Known(kept.clone())
        );
        assert_eq!(of(2, kept.expires_at), Repeat::New);
        assert_eq!(of(9, now), Repeat::Other);
        assert_eq!(of(9, kept.expires_at), Repeat::New);
        assert_eq!(Repeat::of(None, Fingerprint([2; 32]), now), Repeat::New);
    }
}
