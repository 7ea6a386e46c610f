//! New client credentials.

use tenantry_domain::{
    client::{ClientId, ClientSecret},
    port::Entropy,
    usecase::{clients::NewCredentials, secrets::NewSecret},
};

use crate::hashing::Hasher;

/// Draws a client id and a secret of 256 bits, and hashes the secret.
///
/// To be called before a transaction begins: hashing is no work to do with a write
/// lock in hand.
pub fn mint(entropy: &dyn Entropy, hasher: &Hasher) -> NewCredentials {
    let client_id = ClientId::generate(entropy);
    let secret = ClientSecret::generate(entropy);
    let hash = hasher.hash_client_secret(&secret);
    NewCredentials {
        client_id,
        secret,
        hash,
    }
}

/// Draws a secret of 256 bits for a client there is already, and hashes it.
///
/// To be called before a transaction begins, like [`mint`].
pub fn mint_secret(entropy: &dyn Entropy, hasher: &Hasher) -> NewSecret {
    let secret = ClientSecret::generate(entropy);
    let hash = hasher.hash_client_secret(&secret);
    NewSecret { secret, hash }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{entropy::OsEntropy, hashing::Verdict};

    #[test]
    fn a_minted_secret_verifies() {
        let hasher = Hasher::new();
        let minted = mint_secret(&OsEntropy, &hasher);
        let verdict = hasher.verify_client_secret(minted.secret.expose(), &minted.hash);
        assert_eq!(verdict, Verdict::Right);
    }

    #[test]
    fn minted_credentials_verify_and_differ() {
        let hasher = Hasher::new();
        let first = mint(&OsEntropy, &hasher);
        let second = mint(&OsEntropy, &hasher);
        assert_eq!(
            hasher.verify_client_secret(first.secret.expose(), &first.hash),
            Verdict::Right
        );
        assert_eq!(
            hasher.verify_client_secret(second.secret.expose(), &first.hash),
            Verdict::Wrong
        );
        assert_ne!(first.client_id, second.client_id);
        assert!(!format!("{first:?}").contains(first.secret.expose()));
    }
}
