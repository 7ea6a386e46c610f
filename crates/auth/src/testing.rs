//! What the tests of several modules share.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use tenantry_domain::{
    clock::Timestamp,
    id::TenantId,
    key::{SealedKey, SigningAlgorithm},
    testing::instant,
};

use crate::{
    entropy::OsEntropy,
    hashing::{CLIENT_SECRET_COST, Hasher},
    keys::{self, KeyRing},
    master_key::MasterKey,
    token::AccessClaims,
};

/// The instant at which the tests take place.
pub(crate) fn now() -> Timestamp {
    instant("2026-01-01T00:00:00Z")
}

/// A hasher whose passwords are as cheap as its secrets, for tests that make many.
pub(crate) fn light_hasher() -> Hasher {
    Hasher::with(OsEntropy, CLIENT_SECRET_COST, CLIENT_SECRET_COST)
}

/// One key of each algorithm, opened.
pub(crate) struct Keys {
    pub(crate) master_key: MasterKey,
    pub(crate) sealed: Vec<SealedKey>,
    pub(crate) ring: KeyRing,
}

pub(crate) const ALGORITHMS: [SigningAlgorithm; 3] = [
    SigningAlgorithm::Rs256,
    SigningAlgorithm::Es256,
    SigningAlgorithm::EdDsa,
];

/// Made once for all tests, as an RSA key takes its time.
///
/// They were made an hour apart and sign at once, so the last one, of Ed25519, signs.
pub(crate) static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let master_key = MasterKey::generate(&OsEntropy);
    let sealed: Vec<_> = ALGORITHMS
        .into_iter()
        .zip([-10_800, -7_200, -3_600])
        .map(|(algorithm, age)| {
            let made = now().plus_seconds(age);
            keys::generate(algorithm, made, 86_400, &OsEntropy, &master_key).unwrap()
        })
        .collect();
    let ring = KeyRing::open(&sealed, &master_key).unwrap();
    Keys {
        master_key,
        sealed,
        ring,
    }
});

impl Keys {
    /// The stored key of that algorithm.
    pub(crate) fn of(&self, algorithm: SigningAlgorithm) -> &SealedKey {
        let mut all = self.sealed.iter();
        all.find(|key| key.algorithm == algorithm).unwrap()
    }

    /// A ring that has only the key of that algorithm.
    pub(crate) fn ring_of(&self, algorithm: SigningAlgorithm) -> KeyRing {
        let sealed = std::slice::from_ref(self.of(algorithm));
        KeyRing::open(sealed, &self.master_key).unwrap()
    }

    /// The private half in PKCS #8.
    pub(crate) fn private(&self, key: &SealedKey) -> Vec<u8> {
        let context = keys::context(&key.kid, key.algorithm);
        self.master_key
            .open(&context, &key.sealed)
            .unwrap()
            .to_vec()
    }

    /// Signs any header and any payload with the Ed25519 key, as only a thief of it or
    /// a careless issuer could.
    pub(crate) fn forge(&self, header: &str, payload: &[u8]) -> String {
        let message = format!("{}.{}", encode(header), encode(payload));
        let private = self.private(self.of(SigningAlgorithm::EdDsa));
        let key = EncodingKey::from_ed_der(&private);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::EdDSA);
        format!("{message}.{}", signature.unwrap())
    }
}

/// Base64url without padding.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The claims of a token of a tenant's client, good for a day.
pub(crate) fn claims() -> AccessClaims {
    AccessClaims {
        iss: "https://tenantry.example".to_owned(),
        sub: "suC7IhmDIawnlqBlEOuIqBWoqppcdI5X".to_owned(),
        client_id: "suC7IhmDIawnlqBlEOuIqBWoqppcdI5X".to_owned(),
        aud: "https://my-tenant.vii.mattr.global".to_owned(),
        iat: now().unix_seconds(),
        exp: now().unix_seconds() + 86_400,
        jti: "0f9c1a3e".to_owned(),
        scope: "orders:read orders:write".to_owned(),
        tenant_id: Some(TenantId::parse("86cb97a9-5e80-4ed7-af13-a170752bb1ea").unwrap()),
    }
}
