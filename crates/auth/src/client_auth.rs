//! Client authentication (RFC 6749 §2.3.1, §4.4): one decision, one price.

use tenantry_domain::{
    client::{ClientRefusal, KnownClient, SecretHash},
    clock::Timestamp,
    id::SecretId,
};
use thiserror::Error;

use crate::{
    hashing::{Check, Hasher},
    verified::VerifiedSecrets,
};

/// A client that has proved who it is, and may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// Which of its secrets it presented.
    pub secret: SecretId,
    /// A new hash of that secret, where the stored one has outdated parameters.
    pub rehash: Option<SecretHash>,
}

/// Why a client was not let in.
///
/// The reason is for log lines alone. All of them get the same answer: a caller who
/// could tell them apart would learn which ids exist and which secrets were right.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refused {
    /// There is no such client.
    #[error("there is no such client")]
    Unknown,
    /// The secret is none of those that are good now.
    #[error("the client secret is wrong")]
    WrongSecret,
    /// The secret is right, but the client may not be used.
    #[error(transparent)]
    Standing(#[from] ClientRefusal),
}

/// How many secrets are tried at least, real ones or decoys.
///
/// During a rotation a client has two secrets that are good. If it had cost more to
/// refuse such a client than one with a single secret, or one that does not exist,
/// the time would tell them apart.
const SECRETS_TRIED: usize = 2;

/// Decides whether the presented secret is one of the client's and whether the client
/// may be used.
///
/// Whoever is let in and was before is let in by what was `verified` then. For all others
/// the work is the same, for an unknown client, a wrong secret, a right one, and a
/// client that is disabled or whose tenant is suspended: every secret that is good
/// is tried, also after one has matched, decoys make up for those that are missing,
/// and only then is the client's standing asked for. So only who gets a token anyway can tell
/// by the time that the secret is right.
pub fn authenticate(
    hasher: &Hasher,
    verified: &VerifiedSecrets,
    known: Option<&KnownClient>,
    presented: &str,
    now: Timestamp,
) -> Result<Authenticated, Refused> {
    if let Some(secret) = remembered(verified, known, presented, now) {
        return Ok(Authenticated {
            secret,
            rehash: None,
        });
    }
    let mut tried = 0;
    let mut matched = None;
    for secret in known.into_iter().flat_map(|known| known.secrets_at(now)) {
        tried += 1;
        match hasher.check_client_secret(presented, &secret.hash) {
            Check::Wrong => {}
            check => matched = Some((secret, check)),
        }
    }
    for _ in tried..SECRETS_TRIED {
        hasher.burn_client_secret(presented);
    }

    let known = known.ok_or(Refused::Unknown)?;
    let (secret, check) = matched.ok_or(Refused::WrongSecret)?;
    known.standing()?;
    let outdated = check == Check::Outdated;
    if !outdated {
        verified.remember(&secret.hash, presented);
    }
    Ok(Authenticated {
        secret: secret.id,
        rehash: outdated.then(|| hasher.hash_client_secret_text(presented)),
    })
}

/// Which secret this is, if it let the client in before and still would. For everybody it is
/// looked for as often.
fn remembered(
    verified: &VerifiedSecrets,
    known: Option<&KnownClient>,
    presented: &str,
    now: Timestamp,
) -> Option<SecretId> {
    let mut tried = 0;
    let mut found = None;
    for secret in known.into_iter().flat_map(|known| known.secrets_at(now)) {
        tried += 1;
        if verified.check(&secret.hash, presented) {
            found = Some(secret.id);
        }
    }
    for _ in tried..SECRETS_TRIED {
        verified.burn(presented);
    }
    found.filter(|_| known.is_some_and(|known| known.standing().is_ok()))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tenantry_domain::{
        client::{Client, ClientSecret, ClientStatus, SecretRecord},
        port::Entropy,
        tenant::TenantStatus,
        testing::{CountingEntropy, known_tenant_client},
    };

    use super::*;
    use crate::{
        entropy::OsEntropy,
        hashing::{CLIENT_SECRET_COST, Cost, PASSWORD_COST, Verdict},
        testing::now,
    };

    struct Fixture {
        hasher: Hasher,
        verified: VerifiedSecrets,
        known: KnownClient,
        secrets: Vec<ClientSecret>,
    }

    /// A client with that many secrets, all but the last of which expire in a minute.
    fn fixture(count: usize) -> Fixture {
        let hasher = Hasher::new();
        let entropy = CountingEntropy::default();
        let mut known = known_tenant_client();
        let secrets: Vec<_> = (0..count)
            .map(|_| ClientSecret::generate(&entropy))
            .collect();
        known.secrets = secrets
            .iter()
            .enumerate()
            .map(|(place, secret)| SecretRecord {
                id: SecretId::generate(now(), &entropy),
                hash: hasher.hash_client_secret(secret),
                created_at: now(),
                expires_at: (place + 1 < count).then(|| now().plus_seconds(60)),
                last_used_at: None,
            })
            .collect();
        Fixture {
            hasher,
            verified: VerifiedSecrets::new(&OsEntropy),
            known,
            secrets,
        }
    }

    impl Fixture {
        fn try_at(&self, presented: &str, at: Timestamp) -> Result<Authenticated, Refused> {
            authenticate(
                &self.hasher,
                &self.verified,
                Some(&self.known),
                presented,
                at,
            )
        }
    }

    #[test]
    fn every_good_secret_opens_and_is_named() {
        let fixture = fixture(3);
        for (secret, record) in fixture.secrets.iter().zip(&fixture.known.secrets) {
            let expected = Authenticated {
                secret: record.id,
                rehash: None,
            };
            assert_eq!(fixture.try_at(secret.expose(), now()), Ok(expected));
        }
    }

    #[test]
    fn an_expired_secret_is_wrong() {
        let fixture = fixture(2);
        let end = now().plus_seconds(60);
        let old = fixture.secrets[0].expose();
        assert!(fixture.try_at(old, end.plus_seconds(-1)).is_ok());
        assert_eq!(fixture.try_at(old, end), Err(Refused::WrongSecret));
        assert!(fixture.try_at(fixture.secrets[1].expose(), end).is_ok());
    }

    #[test]
    fn the_unknown_and_the_wrong_are_refused() {
        let fixture = fixture(1);
        let right = fixture.secrets[0].expose();
        assert_eq!(
            authenticate(&fixture.hasher, &fixture.verified, None, right, now()),
            Err(Refused::Unknown)
        );
        for wrong in ["", "wrong", &right[1..], &"x".repeat(5000)] {
            assert_eq!(fixture.try_at(wrong, now()), Err(Refused::WrongSecret));
        }
        let mut none = fixture.known.clone();
        none.secrets.clear();
        assert_eq!(
            authenticate(
                &fixture.hasher,
                &fixture.verified,
                Some(&none),
                right,
                now()
            ),
            Err(Refused::WrongSecret)
        );
    }

    #[test]
    fn standing_is_asked_only_for_a_right_secret() {
        let mut fixture = fixture(1);
        let right = fixture.secrets[0].expose().to_owned();
        fixture.known.tenant.as_mut().unwrap().status = TenantStatus::Suspended;
        assert_eq!(
            fixture.try_at(&right, now()),
            Err(Refused::Standing(ClientRefusal::TenantSuspended))
        );
        assert_eq!(fixture.try_at("wrong", now()), Err(Refused::WrongSecret));

        let mut record = (*fixture.known.client).clone();
        record.status = ClientStatus::Disabled;
        fixture.known.client = Client::from_record(record);
        assert_eq!(
            fixture.try_at(&right, now()),
            Err(Refused::Standing(ClientRefusal::Disabled))
        );
    }

    #[test]
    fn everyone_who_was_not_let_in_before_costs_the_same_work() {
        let cost = |fixture: &Fixture, known: Option<&KnownClient>, presented: &str| {
            let before = fixture.hasher.client_secret_checks();
            let _ = authenticate(&fixture.hasher, &fixture.verified, known, presented, now());
            fixture.hasher.client_secret_checks() - before
        };
        for count in [1, 2] {
            let mut fixture = fixture(count);
            let known = fixture.known.clone();
            for secret in &fixture.secrets {
                assert_eq!(cost(&fixture, Some(&known), secret.expose()), SECRETS_TRIED);
            }
            assert_eq!(cost(&fixture, Some(&known), "wrong"), SECRETS_TRIED);
            assert_eq!(cost(&fixture, None, "wrong"), SECRETS_TRIED);

            fixture.known.tenant.as_mut().unwrap().status = TenantStatus::Suspended;
            let right = fixture.secrets[0].expose();
            assert_eq!(cost(&fixture, Some(&fixture.known), right), SECRETS_TRIED);
            fixture.known.secrets.clear();
            assert_eq!(cost(&fixture, Some(&fixture.known), right), SECRETS_TRIED);
        }
    }

    #[test]
    fn who_was_let_in_before_costs_nothing_until_something_changes() {
        let mut fixture = fixture(2);
        let [old, new] = [0, 1].map(|place| fixture.secrets[place].expose().to_owned());
        let cost = |fixture: &Fixture, presented: &str, at: Timestamp| {
            let before = fixture.hasher.client_secret_checks();
            let checked = fixture.try_at(presented, at).map(|one| one.secret);
            (checked, fixture.hasher.client_secret_checks() - before)
        };
        let ids = [0, 1].map(|place| fixture.known.secrets[place].id);
        assert_eq!(cost(&fixture, &old, now()), (Ok(ids[0]), SECRETS_TRIED));
        assert_eq!(cost(&fixture, &old, now()), (Ok(ids[0]), 0));
        assert_eq!(cost(&fixture, &new, now()), (Ok(ids[1]), SECRETS_TRIED));
        assert_eq!(cost(&fixture, &new, now()), (Ok(ids[1]), 0));
        assert_eq!(
            cost(&fixture, "wrong", now()),
            (Err(Refused::WrongSecret), SECRETS_TRIED)
        );
        // The secret has expired, or its hash is another one.
        let later = now().plus_seconds(60);
        let refused = (Err(Refused::WrongSecret), SECRETS_TRIED);
        assert_eq!(cost(&fixture, &old, later), refused);
        fixture.known.secrets[1].hash = fixture.hasher.hash_client_secret_text(&old);
        assert_eq!(cost(&fixture, &new, now()), refused);
        // The client may not be used: nothing tells that the secret is right.
        fixture.known.tenant.as_mut().unwrap().status = TenantStatus::Suspended;
        let suspended = Refused::Standing(ClientRefusal::TenantSuspended);
        assert_eq!(cost(&fixture, &old, now()), (Err(suspended), SECRETS_TRIED));
    }

    /// Counts how often salts are drawn, and so how many hashes are made.
    #[derive(Clone, Default)]
    struct Counted(Arc<AtomicUsize>);

    impl Entropy for Counted {
        fn fill(&self, buffer: &mut [u8]) {
            self.0.fetch_add(1, Ordering::SeqCst);
            buffer.fill(7);
        }
    }

    #[test]
    fn an_outdated_hash_is_made_anew_only_for_who_is_let_in() {
        let mut fixture = fixture(1);
        let right = fixture.secrets[0].expose().to_owned();
        let drawn = Counted::default();
        let newer = Cost {
            passes: 2,
            ..CLIENT_SECRET_COST
        };
        fixture.hasher = Hasher::with(drawn.clone(), newer, PASSWORD_COST);
        let before = drawn.0.load(Ordering::SeqCst);

        let rehash = fixture.try_at(&right, now()).unwrap().rehash.unwrap();
        assert_eq!(drawn.0.load(Ordering::SeqCst), before + 1);
        assert_eq!(
            fixture.hasher.verify_client_secret(&right, &rehash),
            Verdict::Right
        );

        fixture.known.tenant.as_mut().unwrap().status = TenantStatus::Suspended;
        assert!(fixture.try_at(&right, now()).is_err());
        assert!(fixture.try_at("wrong", now()).is_err());
        assert_eq!(drawn.0.load(Ordering::SeqCst), before + 1);
    }
}
