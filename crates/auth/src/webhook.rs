//! Webhooks' secrets at rest, and the signatures that are made with them.
//!
//! A secret must be read again whenever something is signed, so it is sealed and not hashed.
//! What it is sealed under is a key of its own, which all servers of one database share and
//! which lies in the database under the master key: a rotation of the master key seals that one
//! anew, and a server that still has the old master key makes no secret that the others can't
//! open.
//!
//! The signatures are those of Standard Webhooks 1.0: HMAC-SHA-256 over the message's id, the
//! time of the attempt and the body.

use std::fmt;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::{Engine, engine::general_purpose::STANDARD};
use tenantry_domain::{
    id::SecretId, port::Entropy, server_secret::ServerSecret, webhook::WebhookSecret,
};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    master_key::{CannotOpen, MasterKey},
    server_secret,
};

/// What webhooks' secrets are sealed under.
pub struct WebhookKey(MasterKey);

impl WebhookKey {
    /// The name under which the store keeps it.
    pub const NAME: &str = "webhook-secrets";

    /// Draws a new one, sealed for the store.
    pub fn generate(entropy: &dyn Entropy, master_key: &MasterKey) -> ServerSecret {
        let mut bytes = Zeroizing::new([0; MasterKey::LENGTH]);
        entropy.fill(&mut *bytes);
        server_secret::seal(Self::NAME, &*bytes, entropy, master_key)
    }

    /// Opens the stored one.
    pub fn open(secret: &ServerSecret, master_key: &MasterKey) -> Result<Self, CannotOpen> {
        let bytes = server_secret::open(secret, master_key)?;
        if secret.name != Self::NAME {
            return Err(CannotOpen);
        }
        MasterKey::from_bytes(&bytes).map(Self).ok_or(CannotOpen)
    }

    /// Seals a secret for the store, under its id.
    pub fn seal(&self, entropy: &dyn Entropy, id: SecretId, secret: &WebhookSecret) -> Vec<u8> {
        self.0.seal(entropy, &context(id), secret.expose())
    }

    /// Opens a stored secret of that id.
    pub fn open_secret(&self, id: SecretId, sealed: &[u8]) -> Result<WebhookSecret, CannotOpen> {
        let bytes = self.0.open(&context(id), sealed)?;
        WebhookSecret::from_bytes(&bytes).map_err(|_| CannotOpen)
    }
}

impl fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookKey(…)")
    }
}

fn context(id: SecretId) -> Vec<u8> {
    format!("webhook-secret/{id}").into_bytes()
}

/// The header that names a message; the same at every attempt.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the time of the attempt, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with one signature or several.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// What a signature by a symmetric secret begins with.
const VERSION: &str = "v1,";

/// The value of `webhook-signature`: one signature for each secret, with spaces between them.
pub fn sign<'a>(
    secrets: impl IntoIterator<Item = &'a WebhookSecret>,
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> String {
    let signatures: Vec<_> = secrets
        .into_iter()
        .map(|secret| {
            let tag = hmac::sign(&key(secret), &signed(id, &timestamp.to_string(), body));
            format!("{VERSION}{}", STANDARD.encode(tag))
        })
        .collect();
    signatures.join(" ")
}

fn key(secret: &WebhookSecret) -> hmac::Key {
    hmac::Key::new(HMAC_SHA256, secret.expose())
}

fn signed(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

/// The headers of a delivery that its signature hangs on, as they were received.
#[derive(Clone, Copy, Debug)]
pub struct SignedHeaders<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
}

/// What is wrong with a delivery.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DeliveryFault {
    /// The id is empty.
    #[error("the header {ID_HEADER} is empty")]
    Id,
    /// The timestamp is no whole number of seconds.
    #[error("the header {TIMESTAMP_HEADER} is not a whole number of seconds since 1970")]
    Timestamp,
    /// It was signed too long ago.
    #[error("it was signed {0} s ago, which is more than the tolerance of {1} s")]
    TooOld(i64, u32),
    /// It was signed in the future.
    #[error("it was signed {0} s in the future, which is more than the tolerance of {1} s")]
    TooNew(i64, u32),
    /// No signature has the form of one.
    #[error(
        "the header {SIGNATURE_HEADER} holds no signature of the form `v1,<base64 of 32 bytes>`"
    )]
    Form,
    /// None of the signatures is the secret's.
    #[error(
        "none of the {0} signatures is this secret's: the secret is another one, or the id, the \
         timestamp or the body is not what was signed, byte for byte"
    )]
    Mismatch(usize),
}

/// Checks a delivery as its receiver would, at that time in seconds since 1970. `tolerance` is
/// how many seconds the delivery may have been signed before or after that; without one its age
/// does not matter.
pub fn verify(
    secret: &WebhookSecret,
    headers: SignedHeaders<'_>,
    body: &[u8],
    now: i64,
    tolerance: Option<u32>,
) -> Result<(), DeliveryFault> {
    let SignedHeaders {
        id,
        timestamp,
        signature,
    } = headers;
    if id.is_empty() {
        return Err(DeliveryFault::Id);
    }
    let is_number = !timestamp.is_empty() && timestamp.bytes().all(|b| b.is_ascii_digit());
    let signed_at: i64 = Some(timestamp)
        .filter(|_| is_number)
        .and_then(|text| text.parse().ok())
        .ok_or(DeliveryFault::Timestamp)?;
    let tags: Vec<_> = signature
        .split(' ')
        .filter_map(|part| STANDARD.decode(part.strip_prefix(VERSION)?).ok())
        .filter(|tag| tag.len() == 32)
        .collect();
    if tags.is_empty() {
        return Err(DeliveryFault::Form);
    }
    let (key, signed) = (key(secret), signed(id, timestamp, body));
    if !tags
        .iter()
        .any(|tag| hmac::verify(&key, &signed, tag).is_ok())
    {
        return Err(DeliveryFault::Mismatch(tags.len()));
    }
    // Told last: a wrong signature is the graver fault.
    let age = now.saturating_sub(signed_at);
    match tolerance {
        Some(tolerance) if age > i64::from(tolerance) => Err(DeliveryFault::TooOld(age, tolerance)),
        Some(tolerance) if age < -i64::from(tolerance) => {
            Err(DeliveryFault::TooNew(age.saturating_neg(), tolerance))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tenantry_domain::testing::CountingEntropy;

    use super::*;
    use crate::entropy::OsEntropy;

    /// The example that the libraries of Standard Webhooks test themselves with.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn secret() -> WebhookSecret {
        WebhookSecret::parse(SECRET).unwrap()
    }

    fn check(
        id: &str,
        timestamp: &str,
        signature: &str,
        body: &[u8],
        now: i64,
    ) -> Result<(), DeliveryFault> {
        let headers = SignedHeaders {
            id,
            timestamp,
            signature,
        };
        verify(&secret(), headers, body, now, Some(300))
    }

    #[test]
    fn the_signature_is_that_of_the_standards_example() {
        assert_eq!(sign([&secret()], ID, AT, BODY), SIGNATURE);
        assert_eq!(check(ID, &AT.to_string(), SIGNATURE, BODY, AT), Ok(()));
    }

    #[test]
    fn both_secrets_sign_while_they_overlap() {
        let other = WebhookSecret::generate(&CountingEntropy::default());
        let both = sign([&other, &secret()], ID, AT, BODY);
        assert_eq!(both.split(' ').count(), 2);
        assert_eq!(check(ID, &AT.to_string(), &both, BODY, AT), Ok(()));
        let one = sign([&other], ID, AT, BODY);
        let refused = check(ID, &AT.to_string(), &one, BODY, AT);
        assert_eq!(refused, Err(DeliveryFault::Mismatch(1)));
    }

    #[test]
    fn what_is_wrong_is_told_precisely() {
        let at = AT.to_string();
        let fault = |id, timestamp: &str, signature: &str, body, now| {
            check(id, timestamp, signature, body, now).unwrap_err()
        };
        assert_eq!(fault("", &at, SIGNATURE, BODY, AT), DeliveryFault::Id);
        for bad in ["", "-1", "1.5", "now", "99999999999999999999"] {
            assert_eq!(
                fault(ID, bad, SIGNATURE, BODY, AT),
                DeliveryFault::Timestamp,
                "{bad}"
            );
        }
        for bad in [
            "",
            "v1",
            "v1,",
            "v1,!!!",
            "v1,AAAA",
            "v1a,g0hM9SsE",
            &SIGNATURE[3..],
        ] {
            assert_eq!(fault(ID, &at, bad, BODY, AT), DeliveryFault::Form, "{bad}");
        }
        let mismatch = DeliveryFault::Mismatch(1);
        assert_eq!(fault("msg_other", &at, SIGNATURE, BODY, AT), mismatch);
        assert_eq!(fault(ID, "1614265331", SIGNATURE, BODY, AT), mismatch);
        assert_eq!(
            fault(ID, &at, SIGNATURE, b"{\"test\":2432232314}", AT),
            mismatch
        );
        let late = fault(ID, &at, SIGNATURE, BODY, AT + 301);
        assert_eq!(late, DeliveryFault::TooOld(301, 300));
        let early = fault(ID, &at, SIGNATURE, BODY, AT - 301);
        assert_eq!(early, DeliveryFault::TooNew(301, 300));
        for near in [-300, 300] {
            assert_eq!(check(ID, &at, SIGNATURE, BODY, AT + near), Ok(()));
        }
    }

    #[test]
    fn a_secret_opens_under_its_own_id_and_key() {
        let master = MasterKey::generate(&OsEntropy);
        let stored = WebhookKey::generate(&OsEntropy, &master);
        let key = WebhookKey::open(&stored, &master).unwrap();
        let other = MasterKey::generate(&OsEntropy);
        assert!(WebhookKey::open(&stored, &other).is_err());
        let renewed = server_secret::reseal(&stored, &master, &other, &OsEntropy).unwrap();
        let again = WebhookKey::open(&renewed, &other).unwrap();

        let id = |n| SecretId::parse(&format!("00000000-0000-0000-0000-00000000000{n}")).unwrap();
        let secret = secret();
        let sealed = key.seal(&OsEntropy, id(1), &secret);
        assert_eq!(
            again.open_secret(id(1), &sealed).unwrap().expose(),
            secret.expose()
        );
        assert!(key.open_secret(id(2), &sealed).is_err());
        assert_eq!(format!("{key:?}"), "WebhookKey(…)");
    }

    proptest! {
        #[test]
        fn whatever_is_signed_verifies(id in "[ -~]{1,80}", at in 0_i64..=4_102_444_800, body: Vec<u8>) {
            let signature = sign([&secret()], &id, at, &body);
            prop_assert_eq!(check(&id, &at.to_string(), &signature, &body, at), Ok(()));
        }

        #[test]
        fn nothing_makes_the_check_panic(id: String, at: String, signature: String, body: Vec<u8>, now: i64) {
            prop_assert!(check(&id, &at, &signature, &body, now).is_err());
        }
    }
}
