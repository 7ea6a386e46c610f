//! Secrets and passwords at rest: Argon2id (RFC 9106), written as PHC strings.
//!
//! Two kinds of secrets, two prices. A password that a person chose can be guessed,
//! so each guess has to cost: OWASP's 19 MiB in two passes, some 15 ms. A client
//! secret is 256 random bits, or at least 32 characters where the operator chose it:
//! no price per guess makes that search any more hopeless than it is, so it is kept
//! under light parameters, [`CLIENT_SECRET_COST`], some 25 µs. A token then costs a
//! signature and not a password hash.

use std::{fmt, hint::black_box, sync::Arc};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, Version,
    password_hash::phc::{Output, ParamsString, Salt},
};
use subtle::ConstantTimeEq;
use tenantry_domain::{
    client::{ClientSecret, SecretHash},
    port::Entropy,
};
use zeroize::Zeroizing;

use crate::entropy::OsEntropy;

/// The longest presented secret or password that is looked at, in bytes.
///
/// Argon2 itself sets no limit, and the time to read its input would be the
/// caller's to choose. Whoever sets a password must refuse longer ones: they are
/// hashed, but can never be right.
pub const MAX_PRESENTED_LENGTH: usize = 1024;

/// What one hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

/// Light parameters for client secrets, which nobody can guess at any price.
///
/// The least memory that RFC 9106 §3.1 allows. A release build takes some 22 µs with
/// 8 KiB, 33 µs with 32 KiB and 48 µs with 64 KiB, and none of them buys any safety
/// that the others lack.
pub const CLIENT_SECRET_COST: Cost = Cost {
    memory_kib: 8,
    passes: 1,
    lanes: 1,
};

/// OWASP's parameters for passwords that a person chose.
pub const PASSWORD_COST: Cost = Cost {
    memory_kib: 19 * 1024,
    passes: 2,
    lanes: 1,
};

/// The dearest stored parameters that are obeyed. Whatever wrote dearer ones into the
/// store, each request would pay for it.
const DEAREST: Cost = Cost {
    memory_kib: 256 * 1024,
    passes: 16,
    lanes: 16,
};

const SALT_LENGTH: usize = 16;
const OUTPUT_LENGTH: usize = 32;

/// Makes and checks hashes. Clones share everything.
#[derive(Clone)]
pub struct Hasher(Arc<Schemes>);

struct Schemes {
    entropy: Box<dyn Entropy>,
    client_secrets: Scheme,
    passwords: Scheme,
}

/// What came of checking a presented secret against a stored hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the one that was hashed.
    Wrong,
    /// It is.
    Right,
    /// It is, but the hash has other parameters than new ones get; here is a new one,
    /// to be stored in the old one's place.
    RightButOutdated(SecretHash),
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher")
            .field("client_secrets", &self.0.client_secrets.cost)
            .field("passwords", &self.0.passwords.cost)
            .finish()
    }
}

impl Hasher {
    /// With the operating system's chance for salts.
    pub fn new() -> Self {
        Self::with(OsEntropy, CLIENT_SECRET_COST, PASSWORD_COST)
    }

    /// With another source of salts and other costs than the usual ones.
    ///
    /// # Panics
    /// Where the costs are none that RFC 9106 §3.1 knows.
    pub fn with(entropy: impl Entropy + 'static, client_secrets: Cost, passwords: Cost) -> Self {
        let client_secrets = Scheme::new(client_secrets, &entropy);
        let passwords = Scheme::new(passwords, &entropy);
        Self(Arc::new(Schemes {
            entropy: Box::new(entropy),
            client_secrets,
            passwords,
        }))
    }

    /// Hashes a new client secret.
    ///
    /// # Panics
    /// Where there is no memory or no random bits left.
    pub fn hash_client_secret(&self, secret: &ClientSecret) -> SecretHash {
        self.hash_client_secret_text(secret.expose())
    }

    /// Hashes a new password.
    ///
    /// # Panics
    /// Where there is no memory or no random bits left.
    pub fn hash_password(&self, password: &str) -> SecretHash {
        self.0.passwords.hash(password, &*self.0.entropy)
    }

    /// Checks a presented client secret.
    ///
    /// A stored text that is no hash makes it wrong, at the price of a usual check:
    /// what an answer costs must not tell what the store holds.
    pub fn verify_client_secret(&self, presented: &str, stored: &SecretHash) -> Verdict {
        self.verdict(&self.0.client_secrets, presented, stored)
    }

    /// Checks a presented password; as [`verify_client_secret`](Self::verify_client_secret).
    pub fn verify_password(&self, presented: &str, stored: &SecretHash) -> Verdict {
        self.verdict(&self.0.passwords, presented, stored)
    }

    /// Does the work of [`verify_client_secret`](Self::verify_client_secret) for a
    /// client that there is not, so that the time does not tell.
    pub fn burn_client_secret(&self, presented: &str) {
        self.0.client_secrets.burn(presented);
    }

    /// Does the work of [`verify_password`](Self::verify_password) for an account that
    /// there is not, so that the time does not tell.
    pub fn burn_password(&self, presented: &str) {
        self.0.passwords.burn(presented);
    }

    /// Checks a presented client secret without making a new hash.
    pub(crate) fn check_client_secret(&self, presented: &str, stored: &SecretHash) -> Check {
        self.0.client_secrets.check(presented, stored)
    }

    /// How many checks of client secrets, real ones and decoys, were worked through.
    #[cfg(test)]
    pub(crate) fn client_secret_checks(&self) -> usize {
        let checks = &self.0.client_secrets.checks;
        checks.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Hashes a client secret that was just presented and found right.
    pub(crate) fn hash_client_secret_text(&self, secret: &str) -> SecretHash {
        self.0.client_secrets.hash(secret, &*self.0.entropy)
    }

    fn verdict(&self, scheme: &Scheme, presented: &str, stored: &SecretHash) -> Verdict {
        match scheme.check(presented, stored) {
            Check::Wrong => Verdict::Wrong,
            Check::Right => Verdict::Right,
            Check::Outdated => Verdict::RightButOutdated(scheme.hash(presented, &*self.0.entropy)),
        }
    }
}

/// A [`Verdict`] before any new hash is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Wrong,
    Right,
    Outdated,
}

/// One kind of secret: its parameters, and a hash that nothing matches.
struct Scheme {
    cost: Cost,
    params: Params,
    decoy: String,
    /// How often the work of a check was done: what must be the same can be counted.
    #[cfg(test)]
    checks: std::sync::atomic::AtomicUsize,
}

impl Scheme {
    fn new(cost: Cost, entropy: &dyn Entropy) -> Self {
        let params = Params::new(
            cost.memory_kib,
            cost.passes,
            cost.lanes,
            Some(OUTPUT_LENGTH),
        )
        .expect("the parameters are ones of RFC 9106 §3.1");
        let decoy = decoy(&params, entropy);
        Self {
            cost,
            params,
            decoy,
            #[cfg(test)]
            checks: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    fn hash(&self, secret: &str, entropy: &dyn Entropy) -> SecretHash {
        let mut salt = [0_u8; SALT_LENGTH];
        entropy.fill(&mut salt);
        let phc = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
            .hash_password_with_salt(secret.as_bytes(), &salt)
            .expect("there is memory for one hash");
        SecretHash::new(phc.to_string())
    }

    fn check(&self, presented: &str, stored: &SecretHash) -> Check {
        if presented.len() > MAX_PRESENTED_LENGTH {
            return Check::Wrong;
        }
        self.compare(presented, stored.as_str()).unwrap_or_else(|| {
            self.burn(presented);
            Check::Wrong
        })
    }

    fn burn(&self, presented: &str) {
        if presented.len() <= MAX_PRESENTED_LENGTH {
            // The optimiser must not find out that nobody wants the result.
            black_box(self.compare(black_box(presented), black_box(&self.decoy)));
        }
    }

    /// `None` where the stored text is no hash that can be checked.
    fn compare(&self, presented: &str, phc: &str) -> Option<Check> {
        let stored = PasswordHash::new(phc).ok()?;
        let algorithm = Algorithm::try_from(stored.algorithm.as_str()).ok()?;
        let version = Version::try_from(stored.version?).ok()?;
        let params = Params::try_from(&stored).ok()?;
        let (salt, expected) = (stored.salt?, stored.hash?);
        if params.m_cost() > DEAREST.memory_kib
            || params.t_cost() > DEAREST.passes
            || params.p_cost() > DEAREST.lanes
        {
            return None;
        }
        let current = algorithm == Algorithm::Argon2id
            && version == Version::V0x13
            && params == self.params
            && salt.len() >= SALT_LENGTH;
        let mut output = Zeroizing::new(vec![0_u8; expected.len()]);
        Argon2::new(algorithm, version, params)
            .hash_password_into(presented.as_bytes(), &salt, &mut output)
            .ok()?;
        #[cfg(test)]
        self.checks
            .fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let equal = bool::from(output.as_slice().ct_eq(expected.as_bytes()));
        Some(match (equal, current) {
            (false, _) => Check::Wrong,
            (true, true) => Check::Right,
            (true, false) => Check::Outdated,
        })
    }
}

/// A well-formed PHC string whose output is random, and so no secret's.
fn decoy(params: &Params, entropy: &dyn Entropy) -> String {
    let mut salt = [0_u8; SALT_LENGTH];
    let mut output = [0_u8; OUTPUT_LENGTH];
    entropy.fill(&mut salt);
    entropy.fill(&mut output);
    PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).expect("parameters have a text form"),
        salt: Some(Salt::new(&salt).expect("16 bytes are a salt")),
        hash: Some(Output::new(&output).expect("32 bytes are an output")),
    }
    .to_string()
}

#[cfg(test)]
mod tests;
