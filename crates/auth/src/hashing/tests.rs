use proptest::prelude::*;
use tenantry_domain::testing::CountingEntropy;

use super::*;
use crate::testing::light_hasher;

const SECRET: &str = "cGxlYXNlLWRvLW5vdC11c2UtdGhpcy1zZWNyZXQtYXQtYWxs";

fn secret() -> ClientSecret {
    ClientSecret::parse(SECRET).unwrap()
}

/// A hash under other parameters than the hasher's own.
fn hash_at(algorithm: Algorithm, version: Version, memory: u32, passes: u32) -> SecretHash {
    let params = Params::new(memory, passes, 1, Some(32)).unwrap();
    let phc = Argon2::new(algorithm, version, params)
        .hash_password_with_salt(SECRET.as_bytes(), b"sixteen byte slt")
        .unwrap();
    SecretHash::new(phc.to_string())
}

#[test]
fn each_kind_of_secret_has_its_documented_parameters() {
    let hasher = Hasher::new();
    let light = hasher.hash_client_secret(&secret());
    let heavy = hasher.hash_password("a person's password");
    assert!(
        light.as_str().starts_with("$argon2id$v=19$m=8,t=1,p=1$"),
        "{}",
        light.as_str()
    );
    assert!(
        heavy
            .as_str()
            .starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{}",
        heavy.as_str()
    );
    for hash in [light, heavy] {
        let parsed = PasswordHash::new(hash.as_str()).unwrap();
        assert_eq!(parsed.salt.unwrap().len(), 16);
        assert_eq!(parsed.hash.unwrap().len(), 32);
    }
}

#[test]
fn only_the_hashed_secret_is_right() {
    let hasher = Hasher::new();
    let stored = hasher.hash_client_secret(&secret());
    assert_eq!(hasher.verify_client_secret(SECRET, &stored), Verdict::Right);
    for wrong in [
        "",
        "x",
        &SECRET[1..],
        &SECRET.to_lowercase(),
        &format!("{SECRET} "),
    ] {
        assert_eq!(hasher.verify_client_secret(wrong, &stored), Verdict::Wrong);
    }

    let stored = hasher.hash_password("pässword");
    assert_eq!(hasher.verify_password("pässword", &stored), Verdict::Right);
    assert_eq!(hasher.verify_password("passwort", &stored), Verdict::Wrong);
}

#[test]
fn every_hash_has_its_own_salt() {
    let hasher = Hasher::new();
    assert_ne!(
        hasher.hash_client_secret(&secret()),
        hasher.hash_client_secret(&secret())
    );
}

#[test]
fn a_hash_with_other_parameters_is_made_anew() {
    let hasher = Hasher::new();
    let outdated = [
        hash_at(Algorithm::Argon2id, Version::V0x13, 32, 1),
        hash_at(Algorithm::Argon2id, Version::V0x13, 8, 2),
        hash_at(Algorithm::Argon2id, Version::V0x10, 8, 1),
        hash_at(Algorithm::Argon2i, Version::V0x13, 8, 1),
    ];
    for stored in outdated {
        let Verdict::RightButOutdated(new) = hasher.verify_client_secret(SECRET, &stored) else {
            panic!("{} passes for a current hash", stored.as_str());
        };
        assert_eq!(hasher.verify_client_secret(SECRET, &new), Verdict::Right);
        assert_eq!(
            hasher.verify_client_secret("wrong", &stored),
            Verdict::Wrong
        );
    }
    // The same text under the parameters of the other kind is outdated as well.
    let light = hasher.hash_client_secret(&secret());
    let Verdict::RightButOutdated(heavy) = hasher.verify_password(SECRET, &light) else {
        panic!("a password must not stay under light parameters");
    };
    assert!(heavy.as_str().contains("m=19456,t=2,p=1"));
}

#[test]
fn the_presented_text_is_bounded() {
    let hasher = light_hasher();
    let longest = "x".repeat(MAX_PRESENTED_LENGTH);
    let stored = hasher.hash_password(&longest);
    assert_eq!(hasher.verify_password(&longest, &stored), Verdict::Right);

    let longer = "x".repeat(MAX_PRESENTED_LENGTH + 1);
    let stored = hasher.hash_password(&longer);
    assert_eq!(hasher.verify_password(&longer, &stored), Verdict::Wrong);
    hasher.burn_password(&longer);
    hasher.burn_client_secret(&longer);
}

#[test]
fn what_is_no_hash_is_never_right() {
    let hasher = light_hasher();
    let good = hash_at(Algorithm::Argon2id, Version::V0x13, 8, 1);
    let unusable = [
        String::new(),
        "hash".to_owned(),
        "$".to_owned(),
        "$argon2id$v=19$m=8,t=1,p=1".to_owned(),
        "$argon2id$v=19$m=8,t=1,p=1$c2l4dGVlbiBieXRlIHNsdA".to_owned(),
        good.as_str().replace("argon2id", "scrypt"),
        good.as_str().replace("v=19", "v=20"),
        good.as_str().replace("v=19$", ""),
        good.as_str().replace("m=8", "m=7"),
        good.as_str().replace("t=1", "t=0"),
        good.as_str().replace("m=8,", "m=eight,"),
    ];
    for phc in unusable {
        let stored = SecretHash::new(phc.clone());
        assert_eq!(
            hasher.verify_client_secret(SECRET, &stored),
            Verdict::Wrong,
            "{phc}"
        );
        assert_eq!(
            hasher.verify_password(SECRET, &stored),
            Verdict::Wrong,
            "{phc}"
        );
    }
}

#[test]
fn every_refusal_costs_one_check() {
    let hasher = light_hasher();
    let stored = hasher.hash_client_secret(&secret());
    let cost = |work: &dyn Fn()| {
        let before = hasher.client_secret_checks();
        work();
        hasher.client_secret_checks() - before
    };
    let unreadable = SecretHash::new("hash".to_owned());
    let long = "x".repeat(MAX_PRESENTED_LENGTH + 1);
    assert_eq!(
        cost(&|| drop(hasher.verify_client_secret(SECRET, &stored))),
        1
    );
    assert_eq!(
        cost(&|| drop(hasher.verify_client_secret("wrong", &stored))),
        1
    );
    assert_eq!(
        cost(&|| drop(hasher.verify_client_secret("wrong", &unreadable))),
        1
    );
    assert_eq!(cost(&|| hasher.burn_client_secret("wrong")), 1);
    assert_eq!(
        cost(&|| drop(hasher.verify_client_secret(&long, &stored))),
        0
    );
    assert_eq!(cost(&|| hasher.burn_client_secret(&long)), 0);
}

#[test]
fn ruinous_stored_parameters_are_not_obeyed() {
    let good = hash_at(Algorithm::Argon2id, Version::V0x13, 8, 1);
    let scheme = Scheme::new(CLIENT_SECRET_COST, &CountingEntropy::default());
    assert_eq!(scheme.compare(SECRET, good.as_str()), Some(Check::Right));
    for ruinous in [
        good.as_str().replace("m=8", "m=262145"),
        good.as_str().replace("t=1", "t=17"),
        good.as_str().replace("m=8,t=1,p=1", "m=136,t=1,p=17"),
    ] {
        assert_eq!(scheme.compare(SECRET, &ruinous), None, "{ruinous}");
    }
}

#[test]
fn a_decoy_costs_what_a_hash_costs_and_matches_nothing() {
    let entropy = CountingEntropy::default();
    for cost in [CLIENT_SECRET_COST, PASSWORD_COST] {
        let scheme = Scheme::new(cost, &entropy);
        let hash = scheme.hash(SECRET, &entropy);
        let shape = |phc: &str| {
            let parsed = PasswordHash::new(phc).unwrap();
            let parameters = parsed.params.as_str().to_owned();
            (parsed.algorithm, parsed.version, parameters, phc.len())
        };
        assert_eq!(shape(&scheme.decoy), shape(hash.as_str()));
        assert_eq!(scheme.compare(SECRET, &scheme.decoy), Some(Check::Wrong));
    }
}

#[test]
fn nothing_secret_is_printed() {
    let hasher = light_hasher();
    let stored = hasher.hash_client_secret(&secret());
    let verdict = Verdict::RightButOutdated(stored);
    let shown = format!("{hasher:?} {verdict:?}");
    assert!(!shown.contains('$'), "{shown}");
}

proptest! {
    #[test]
    fn any_text_verifies_against_its_own_hash_only(secret in ".{0,64}", other in ".{0,64}") {
        let hasher = light_hasher();
        let stored = hasher.hash_password(&secret);
        prop_assert_eq!(hasher.verify_password(&secret, &stored), Verdict::Right);
        if other != secret {
            prop_assert_eq!(hasher.verify_password(&other, &stored), Verdict::Wrong);
        }
    }

    #[test]
    fn no_stored_text_makes_it_panic(phc in "\\$?(argon2id)?[$a-z0-9=,+/A-Z]{0,80}") {
        let hasher = light_hasher();
        prop_assert_eq!(hasher.verify_client_secret(SECRET, &SecretHash::new(phc)), Verdict::Wrong);
    }
}
