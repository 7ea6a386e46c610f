//! Secrets that all servers of one database share, sealed under the master key.

use tenantry_domain::{port::Entropy, server_secret::ServerSecret};
use zeroize::Zeroizing;

use crate::master_key::{CannotOpen, MasterKey};

/// Seals a secret under a name, for the store.
pub fn seal(
    name: &str,
    plaintext: &[u8],
    entropy: &dyn Entropy,
    master_key: &MasterKey,
) -> ServerSecret {
    ServerSecret {
        name: name.to_owned(),
        sealed: master_key.seal(entropy, &context(name), plaintext),
    }
}

/// Opens a stored secret.
pub fn open(
    secret: &ServerSecret,
    master_key: &MasterKey,
) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
    master_key.open(&context(&secret.name), &secret.sealed)
}

/// Seals a stored secret anew, under another master key.
pub fn reseal(
    secret: &ServerSecret,
    old: &MasterKey,
    new: &MasterKey,
    entropy: &dyn Entropy,
) -> Result<ServerSecret, CannotOpen> {
    let plaintext = open(secret, old)?;
    Ok(seal(&secret.name, &plaintext, entropy, new))
}

/// What a secret is sealed for: its own name, and nothing else.
fn context(name: &str) -> Vec<u8> {
    format!("server-secret/{name}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;

    #[test]
    fn a_secret_opens_under_its_own_name_and_key() {
        let (old, new) = (
            MasterKey::generate(&OsEntropy),
            MasterKey::generate(&OsEntropy),
        );
        let secret = seal("pepper", b"plaintext", &OsEntropy, &old);
        assert_eq!(*open(&secret, &old).unwrap(), b"plaintext");
        assert_eq!(open(&secret, &new).err(), Some(CannotOpen));
        let renamed = ServerSecret {
            name: "other".to_owned(),
            ..secret.clone()
        };
        assert_eq!(open(&renamed, &old).err(), Some(CannotOpen));

        let again = reseal(&secret, &old, &new, &OsEntropy).unwrap();
        assert_eq!(*open(&again, &new).unwrap(), b"plaintext");
        assert_eq!(open(&again, &old).err(), Some(CannotOpen));
        assert!(reseal(&secret, &new, &old, &OsEntropy).is_err());
    }
}
