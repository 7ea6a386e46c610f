//! The secrets that deliveries are signed with.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use thiserror::Error;

use crate::{
    clock::Timestamp,
    id::{SecretId, WebhookId},
    port::Entropy,
    rotation::Expiring,
};

/// A secret that a webhook's deliveries are signed with: `whsec_` and the base64 of 24 to 64
/// bytes, as Standard Webhooks has it.
///
/// Its bytes are overwritten when it is dropped, and it is never printed.
#[derive(Clone)]
pub struct WebhookSecret(SecretSlice<u8>);

/// A text or bytes that are no webhook's secret.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be `whsec_` and the base64 of 24 to 64 bytes")]
pub struct InvalidWebhookSecret;

impl WebhookSecret {
    /// What every secret begins with.
    pub const PREFIX: &'static str = "whsec_";

    /// How many bytes a new one has.
    const LENGTH: usize = 32;

    /// Draws a new one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = vec![0; Self::LENGTH];
        entropy.fill(&mut bytes);
        Self(SecretSlice::from(bytes))
    }

    /// Takes the bare bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidWebhookSecret> {
        if (24..=64).contains(&bytes.len()) {
            Ok(Self(SecretSlice::from(bytes.to_vec())))
        } else {
            Err(InvalidWebhookSecret)
        }
    }

    /// Reads the text that its owner was shown.
    pub fn parse(text: &str) -> Result<Self, InvalidWebhookSecret> {
        let base64 = text
            .strip_prefix(Self::PREFIX)
            .ok_or(InvalidWebhookSecret)?;
        // It is as long as a secret can be, so its bytes lie in one place only.
        let bytes: SecretSlice<u8> = STANDARD
            .decode(base64)
            .map_err(|_| InvalidWebhookSecret)?
            .into();
        Self::from_bytes(bytes.expose_secret())
    }

    /// The text that its owner is shown once.
    pub fn to_text(&self) -> SecretString {
        let base64 = STANDARD.encode(self.expose());
        SecretString::from(format!("{}{base64}", Self::PREFIX))
    }

    /// The bytes, to sign with.
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// One of a webhook's secrets, as a store keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedWebhookSecret {
    /// Its id.
    pub id: SecretId,
    /// Whose it is.
    pub webhook_id: WebhookId,
    /// The secret, sealed.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on nothing is signed with it; `None` for the current one.
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for SealedWebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedWebhookSecret")
            .field("id", &self.id)
            .field("webhook_id", &self.webhook_id)
            .field("created_at", &self.created_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Expiring for SealedWebhookSecret {
    fn id(&self) -> SecretId {
        self.id
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    fn ending(&self, expires_at: Option<Timestamp>) -> Self {
        Self {
            expires_at,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::CountingEntropy;

    #[test]
    fn a_secret_is_its_bytes_in_base64() {
        let text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let secret = WebhookSecret::parse(text).unwrap();
        assert_eq!(secret.expose().len(), 24);
        assert_eq!(secret.to_text().expose_secret(), text);
        let encode = |length| format!("whsec_{}", STANDARD.encode(vec![7; length]));
        for good in [24, 32, 64] {
            assert!(WebhookSecret::parse(&encode(good)).is_ok(), "{good}");
        }
        for bad in [
            encode(23),
            encode(65),
            encode(0),
            text.replace("whsec_", ""),
            text.replace("whsec_", "WHSEC_"),
            text.replace('9', "-"),
            format!("{text}\n"),
            String::new(),
        ] {
            assert_eq!(
                WebhookSecret::parse(&bad).err(),
                Some(InvalidWebhookSecret),
                "{bad}"
            );
        }
    }

    #[test]
    fn new_ones_differ_and_are_not_printed() {
        let entropy = CountingEntropy::default();
        let (one, other) = (
            WebhookSecret::generate(&entropy),
            WebhookSecret::generate(&entropy),
        );
        assert_eq!(one.expose().len(), 32);
        assert_ne!(one.expose(), other.expose());
        assert_eq!(format!("{one:?}"), "WebhookSecret(…)");
    }
}
