//! Answers that are kept for a repeat, sealed so that the database alone never yields one.
//!
//! A kept answer may hold a secret that is shown once. It is sealed under a key that is
//! derived from two things, neither of which the database has in the clear: the key that
//! the caller has given to its request, and a pepper that all servers share, which lies in
//! the database under the master key. So the database alone opens nothing, nor does the
//! database with idempotency keys that can be guessed; and a server that holds the pepper
//! can't open an answer whose caller has not come back with its key.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{self, HKDF_SHA256, Salt},
    hmac::{self, HMAC_SHA256},
};
use tenantry_domain::{
    client::ClientId,
    idempotency::{AnswerId, Fingerprint, IdempotencyKey},
    port::Entropy,
    server_secret::ServerSecret,
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    master_key::{CannotOpen, MasterKey},
    server_secret,
};

/// 256 bits that all servers of one database share.
///
/// They are wiped from memory when the pepper is dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Pepper([u8; Pepper::LENGTH]);

/// The form of sealed answers: this byte, a nonce of 96 bits, the ciphertext with its tag.
const VERSION: u8 = 1;

/// The labels of the keys that the pepper and the caller's key give. None is the
/// beginning of another, as each ends with NUL.
const FINDING: &[u8] = b"tenantry idempotency id\0";
const COMPARING: &[u8] = b"tenantry idempotency fingerprint\0";
const SEALING: &[u8] = b"tenantry idempotency seal\0";

impl Pepper {
    /// The name under which the store keeps it.
    pub const NAME: &str = "idempotency-pepper";

    const LENGTH: usize = 32;

    /// Draws a new one, sealed for the store.
    pub fn generate(entropy: &dyn Entropy, master_key: &MasterKey) -> ServerSecret {
        let mut bytes = Zeroizing::new([0; Self::LENGTH]);
        entropy.fill(&mut *bytes);
        server_secret::seal(Self::NAME, &*bytes, entropy, master_key)
    }

    /// Opens the stored one.
    pub fn open(secret: &ServerSecret, master_key: &MasterKey) -> Result<Self, CannotOpen> {
        let bytes = server_secret::open(secret, master_key)?;
        let mut pepper = Self([0; Self::LENGTH]);
        if secret.name != Self::NAME || bytes.len() != Self::LENGTH {
            return Err(CannotOpen);
        }
        pepper.0.copy_from_slice(&bytes);
        Ok(pepper)
    }

    /// What the answer to a client's request under that key is found by.
    pub fn answer_id(&self, client: &ClientId, key: &IdempotencyKey) -> AnswerId {
        // Neither part can hold a NUL.
        let parts = [client.as_str().as_bytes(), b"\0", key.expose().as_bytes()];
        AnswerId(self.hash(FINDING, &parts))
    }

    /// What a request is compared with others by: method, path and body, byte for byte.
    pub fn fingerprint(&self, method: &str, path: &str, body: &[u8]) -> Fingerprint {
        // Neither a method nor a path can hold a NUL.
        let parts = [method.as_bytes(), b"\0", path.as_bytes(), b"\0", body];
        Fingerprint(self.hash(COMPARING, &parts))
    }

    /// Seals the answer to a client's request under that key.
    ///
    /// AES-256-GCM with a random nonce, under a key that is derived (HKDF-SHA-256,
    /// RFC 5869) for this client and key alone; it is used once a day at the most.
    ///
    /// # Panics
    /// Where there is no memory or no random bits left.
    pub fn seal(
        &self,
        entropy: &dyn Entropy,
        client: &ClientId,
        key: &IdempotencyKey,
        answer: &[u8],
    ) -> Vec<u8> {
        let mut nonce = [0_u8; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut ciphertext = Vec::with_capacity(answer.len() + AES_256_GCM.tag_len());
        ciphertext.extend_from_slice(answer);
        self.sealing_key(client, key)
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(self.answer_id(client, key).0),
                &mut ciphertext,
            )
            .expect("AES-GCM seals whatever fits into memory");
        [&[VERSION], nonce.as_slice(), &ciphertext].concat()
    }

    /// Opens what was sealed for the same client and key. The bytes are wiped when dropped.
    pub fn open_answer(
        &self,
        client: &ClientId,
        key: &IdempotencyKey,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let (&version, rest) = sealed.split_first().ok_or(CannotOpen)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_LEN).ok_or(CannotOpen)?;
        if version != VERSION {
            return Err(CannotOpen);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CannotOpen)?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        let aad = Aad::from(self.answer_id(client, key).0);
        let length = self
            .sealing_key(client, key)
            .open_in_place(nonce, aad, &mut buffer)
            .map_err(|_| CannotOpen)?
            .len();
        buffer.truncate(length);
        Ok(buffer)
    }

    fn hash(&self, label: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let key = hmac::Key::new(HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(label);
        for part in parts {
            context.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }

    fn sealing_key(&self, client: &ClientId, key: &IdempotencyKey) -> LessSafeKey {
        let root: hkdf::Prk = Salt::new(HKDF_SHA256, &self.0).extract(key.expose().as_bytes());
        let info = [SEALING, client.as_str().as_bytes()];
        let derived = root
            .expand(&info, &AES_256_GCM)
            .expect("32 bytes are within what HKDF-SHA-256 gives");
        LessSafeKey::new(UnboundKey::from(derived))
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::entropy::OsEntropy;

    fn pepper() -> Pepper {
        let master_key = MasterKey::generate(&OsEntropy);
        Pepper::open(&Pepper::generate(&OsEntropy, &master_key), &master_key).unwrap()
    }

    fn client(text: &str) -> ClientId {
        ClientId::parse(text).unwrap()
    }

    fn key(text: &str) -> IdempotencyKey {
        IdempotencyKey::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_answer_opens_for_its_client_key_and_pepper_only() {
        let (one, other) = (pepper(), pepper());
        let sealed = one.seal(&OsEntropy, &client("c"), &key("k"), b"answer");
        let opened = one.open_answer(&client("c"), &key("k"), &sealed).unwrap();
        assert_eq!(*opened, b"answer");
        for (pepper, client, key) in [
            (&one, client("d"), key("k")),
            (&one, client("c"), key("l")),
            (&other, client("c"), key("k")),
        ] {
            let opened = pepper.open_answer(&client, &key, &sealed);
            assert_eq!(opened.err(), Some(CannotOpen));
        }
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            let opened = one.open_answer(&client("c"), &key("k"), &changed);
            assert_eq!(opened.err(), Some(CannotOpen), "byte {place}");
        }
        for length in 0..sealed.len() {
            let opened = one.open_answer(&client("c"), &key("k"), &sealed[..length]);
            assert_eq!(opened.err(), Some(CannotOpen), "{length} bytes");
        }
    }

    #[test]
    fn ids_and_fingerprints_tell_everything_apart() {
        let (one, other) = (pepper(), pepper());
        let ids = [
            one.answer_id(&client("c"), &key("k")),
            one.answer_id(&client("c"), &key("kk")),
            one.answer_id(&client("ck"), &key("k")),
            other.answer_id(&client("c"), &key("k")),
        ];
        assert_eq!(ids[0], one.answer_id(&client("c"), &key("k")));
        assert_eq!(HashSet::from(ids).len(), ids.len());
        let fingerprints = [
            one.fingerprint("POST", "/v1/tenants", b"{}"),
            one.fingerprint("POST", "/v1/tenants", b"{ }"),
            one.fingerprint("POST", "/v1/tenants{", b"}"),
            one.fingerprint("PUT", "/v1/tenants", b"{}"),
            other.fingerprint("POST", "/v1/tenants", b"{}"),
        ];
        assert_eq!(
            fingerprints[0],
            one.fingerprint("POST", "/v1/tenants", b"{}")
        );
        assert_eq!(HashSet::from(fingerprints).len(), fingerprints.len());
    }

    #[test]
    fn the_pepper_needs_its_master_key_and_its_name() {
        let master_key = MasterKey::generate(&OsEntropy);
        let stored = Pepper::generate(&OsEntropy, &master_key);
        let (first, again) = (
            Pepper::open(&stored, &master_key).unwrap(),
            Pepper::open(&stored, &master_key).unwrap(),
        );
        assert_eq!(first.0, again.0);
        assert_ne!(first.0, pepper().0);
        let other = MasterKey::generate(&OsEntropy);
        assert!(Pepper::open(&stored, &other).is_err());
        let named = server_secret::seal("other", &[7; 32], &OsEntropy, &master_key);
        assert!(Pepper::open(&named, &master_key).is_err());
        let short = server_secret::seal(Pepper::NAME, &[7; 31], &OsEntropy, &master_key);
        assert!(Pepper::open(&short, &master_key).is_err());
        assert_eq!(format!("{first:?}"), "Pepper(…)");
    }
}
