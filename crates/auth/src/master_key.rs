//! The master key: what the store keeps but must be read again is sealed under it.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use tenantry_domain::port::Entropy;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// 256 bits that never leave this type except to be written to their file.
///
/// They are wiped from memory when the key is dropped, and never used as they are:
/// every purpose has a key of its own, derived by HKDF-SHA-256 (RFC 5869) under a
/// label, so that what one purpose does with its key can't weaken another's.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; MasterKey::LENGTH]);

/// A text that is no master key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be 32 bytes in base64")]
pub struct InvalidMasterKey;

/// Sealed bytes that do not open: another key, another context, or not what was sealed.
///
/// Which of them it is can't be known.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the sealed bytes do not open under this master key")]
pub struct CannotOpen;

/// The label of the one purpose there is. A later purpose takes another one; no label
/// is the beginning of another, as each ends with NUL.
const SEALING: &[u8] = b"tenantry seal\0";

/// The form of sealed bytes: this byte, a nonce of 96 bits, the ciphertext with its tag.
const VERSION: u8 = 1;

impl MasterKey {
    /// How long it is, in bytes.
    pub const LENGTH: usize = 32;

    /// Draws a new one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut key = Self([0; Self::LENGTH]);
        entropy.fill(&mut key.0);
        key
    }

    /// Takes the bare bytes of a key of the same make, if there are as many as that.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut key = Self([0; Self::LENGTH]);
        (bytes.len() == Self::LENGTH).then(|| key.0.copy_from_slice(bytes))?;
        Some(key)
    }

    /// Reads the padded base64 of RFC 4648 §4, as a file holds it: a line end may follow.
    pub fn parse(text: &str) -> Result<Self, InvalidMasterKey> {
        let line = text.strip_suffix('\n').unwrap_or(text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let bytes = Zeroizing::new(STANDARD.decode(line).map_err(|_| InvalidMasterKey)?);
        let mut key = Self([0; Self::LENGTH]);
        if bytes.len() != Self::LENGTH {
            return Err(InvalidMasterKey);
        }
        key.0.copy_from_slice(&bytes);
        Ok(key)
    }

    /// The text that [`parse`](Self::parse) reads.
    pub fn to_base64(&self) -> SecretString {
        SecretString::from(STANDARD.encode(self.0))
    }

    /// Seals bytes: whoever lacks the key can neither read nor change them, nor pass
    /// them off in another context.
    ///
    /// AES-256-GCM with a random nonce, under a key that is derived for this context
    /// alone. A context should name one thing (`signing-key/<kid>`): random nonces
    /// are safe for 2³² sealings under one key (NIST SP 800-38D §8.3), and that bound
    /// then holds for each thing and not for all there are.
    ///
    /// # Panics
    /// Where there is no memory or no random bits left.
    pub fn seal(&self, entropy: &dyn Entropy, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mut nonce = [0_u8; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut ciphertext = Vec::with_capacity(plaintext.len() + AES_256_GCM.tag_len());
        ciphertext.extend_from_slice(plaintext);
        self.key_for(context)
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context),
                &mut ciphertext,
            )
            .expect("AES-GCM seals whatever fits into memory");
        [&[VERSION], nonce.as_slice(), &ciphertext].concat()
    }

    /// Opens what was sealed in the same context. The bytes are wiped when dropped.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let (&version, rest) = sealed.split_first().ok_or(CannotOpen)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_LEN).ok_or(CannotOpen)?;
        if version != VERSION {
            return Err(CannotOpen);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CannotOpen)?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        let length = self
            .key_for(context)
            .open_in_place(nonce, Aad::from(context), &mut buffer)
            .map_err(|_| CannotOpen)?
            .len();
        buffer.truncate(length);
        Ok(buffer)
    }

    fn key_for(&self, context: &[u8]) -> LessSafeKey {
        let root = Salt::new(HKDF_SHA256, &[]).extract(&self.0);
        let info = [SEALING, context];
        let derived = root
            .expand(&info, &AES_256_GCM)
            .expect("32 bytes are within what HKDF-SHA-256 gives");
        LessSafeKey::new(UnboundKey::from(derived))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;
    use tenantry_domain::testing::CountingEntropy;

    use super::*;
    use crate::entropy::OsEntropy;

    const TEXT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn key() -> MasterKey {
        MasterKey::parse(TEXT).unwrap()
    }

    #[test]
    fn reads_one_line_of_base64() {
        for text in [TEXT.to_owned(), format!("{TEXT}\n"), format!("{TEXT}\r\n")] {
            let key = MasterKey::parse(&text).unwrap();
            assert_eq!(key.to_base64().expose_secret(), TEXT);
            assert_eq!(key.0[..4], [0, 1, 2, 3]);
        }
        let malformed = [
            String::new(),
            "\n".to_owned(),
            format!("{TEXT}\n\n"),
            format!(" {TEXT}"),
            TEXT.replace('=', ""),
            STANDARD.encode([1; 31]),
            STANDARD.encode([1; 33]),
            TEXT.replace('A', "-"),
        ];
        for text in malformed {
            assert_eq!(
                MasterKey::parse(&text).err(),
                Some(InvalidMasterKey),
                "{text:?}"
            );
        }
    }

    #[test]
    fn generated_keys_differ_and_round_trip() {
        let first = MasterKey::generate(&OsEntropy);
        let second = MasterKey::generate(&OsEntropy);
        assert_ne!(first.0, second.0);
        let again = MasterKey::parse(first.to_base64().expose_secret()).unwrap();
        assert_eq!(again.0, first.0);
    }

    #[test]
    fn what_was_sealed_once_opens_for_ever() {
        // Stores hold bytes of this form: this text must never have to change.
        let sealed = STANDARD.decode(SEALED_IN_VERSION_1).unwrap();
        assert_eq!(*key().open(b"context", &sealed).unwrap(), b"plaintext");
    }

    #[test]
    fn opens_only_under_its_own_key_and_context() {
        let sealed = key().seal(&OsEntropy, b"context", b"plaintext");
        assert_eq!(*key().open(b"context", &sealed).unwrap(), b"plaintext");
        assert_eq!(key().open(b"contexT", &sealed).err(), Some(CannotOpen));
        assert_eq!(key().open(b"", &sealed).err(), Some(CannotOpen));
        let other = MasterKey::generate(&OsEntropy);
        assert_eq!(other.open(b"context", &sealed).err(), Some(CannotOpen));
    }

    #[test]
    fn each_context_has_a_key_of_its_own() {
        // With one nonce for both, one key would give one stream of key bytes.
        let seal = |context: &[u8]| key().seal(&CountingEntropy::default(), context, &[0; 32]);
        let (first, second) = (seal(b"first"), seal(b"second"));
        assert_eq!(first[..=NONCE_LEN], second[..=NONCE_LEN]);
        assert_ne!(first[1 + NONCE_LEN..][..32], second[1 + NONCE_LEN..][..32]);
    }

    #[test]
    fn the_same_bytes_never_look_the_same() {
        let seal = || key().seal(&OsEntropy, b"context", b"plaintext");
        let (first, second) = (seal(), seal());
        assert_ne!(first, second);
        assert_eq!(first.len(), 1 + 12 + 9 + 16);
    }

    #[test]
    fn nothing_secret_is_printed() {
        assert_eq!(format!("{:?}", key()), "MasterKey(…)");
        assert!(!format!("{:?}", key().to_base64()).contains("AAEC"));
    }

    proptest! {
        #[test]
        fn any_bytes_round_trip(context in any::<Vec<u8>>(), plaintext in any::<Vec<u8>>()) {
            let sealed = key().seal(&OsEntropy, &context, &plaintext);
            prop_assert_eq!(&**key().open(&context, &sealed).unwrap(), plaintext.as_slice());
        }

        #[test]
        fn no_changed_byte_goes_unnoticed(place in 0_usize..38, flip in 1_u8..) {
            let mut sealed = key().seal(&OsEntropy, b"context", b"plaintext");
            sealed[place] ^= flip;
            prop_assert_eq!(key().open(b"context", &sealed).err(), Some(CannotOpen));
        }

        #[test]
        fn no_bytes_make_it_panic(sealed in any::<Vec<u8>>()) {
            prop_assert_eq!(key().open(b"context", &sealed).err(), Some(CannotOpen));
        }

        #[test]
        fn nothing_shorter_opens(length in 0_usize..38) {
            let sealed = key().seal(&OsEntropy, b"context", b"plaintext");
            prop_assert_eq!(key().open(b"context", &sealed[..length]).err(), Some(CannotOpen));
        }
    }

    const SEALED_IN_VERSION_1: &str = "Aa/NHXs5qCDi9GW5obupkEPM7dz4ME6xnUyvKOqut4L2DuWk17Y=";
}
