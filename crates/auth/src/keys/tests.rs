use std::{collections::HashSet, sync::Arc, thread};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, TokenData, Validation, decode, decode_header,
    jwk::{Jwk, JwkSet},
};
use serde_json::json;

use super::*;
use crate::{
    entropy::OsEntropy,
    testing::{ALGORITHMS, KEYS, claims, now},
    token::AccessClaims,
};

fn library_algorithm(algorithm: SigningAlgorithm) -> Algorithm {
    algorithm.as_str().parse().unwrap()
}

/// What a service of a tenant does that has nothing but the published keys.
fn verify_elsewhere(
    jwks: &str,
    token: &str,
) -> jsonwebtoken::errors::Result<TokenData<AccessClaims>> {
    let set: JwkSet = serde_json::from_str(jwks).unwrap();
    let header = decode_header(token)?;
    let jwk = set.find(header.kid.as_deref().unwrap()).unwrap();
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&["https://my-tenant.vii.mattr.global"]);
    validation.set_issuer(&["https://tenantry.example"]);
    decode(token, &DecodingKey::from_jwk(jwk)?, &validation)
}

#[test]
fn others_verify_our_tokens_by_the_published_keys() {
    for algorithm in ALGORITHMS {
        let ring = KEYS.ring_of(algorithm);
        // The other verifier looks at the system's clock.
        let mut claims = claims();
        claims.exp = 4_102_444_800;
        let token = ring.sign(&claims, now()).unwrap();
        let data = verify_elsewhere(&ring.jwks(now()), &token).unwrap();
        assert_eq!(data.claims, claims);
        assert_eq!(data.header.alg, library_algorithm(algorithm));

        let (rest, _) = token.rsplit_once('.').unwrap();
        let other = ring.sign(&self::claims(), now()).unwrap();
        let (_, signature) = other.rsplit_once('.').unwrap();
        let mixed = format!("{rest}.{signature}");
        assert!(verify_elsewhere(&ring.jwks(now()), &mixed).is_err());
    }
}

#[test]
fn the_header_is_type_algorithm_and_key_and_no_more() {
    for algorithm in ALGORITHMS {
        let token = KEYS.ring_of(algorithm).sign(&claims(), now()).unwrap();
        let header = token.split('.').next().unwrap();
        let json = URL_SAFE_NO_PAD.decode(header).unwrap();
        let header: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let expected = json!({
            "typ": "at+jwt",
            "alg": algorithm.as_str(),
            "kid": KEYS.of(algorithm).kid,
        });
        assert_eq!(header, expected);
    }
}

#[test]
fn thumbprints_are_those_of_the_standards() {
    // The examples of RFC 7638 §3.1 and RFC 8037 appendix A.3.
    let examples = [
        (
            json!({
                "kty": "RSA",
                "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
                "e": "AQAB",
                "alg": "RS256",
                "kid": "2011-04-29",
            }),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        ),
        (
            json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            }),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        ),
    ];
    for (jwk, expected) in examples {
        let jwk: Jwk = serde_json::from_value(jwk).unwrap();
        assert_eq!(thumbprint(&jwk).as_deref(), Some(expected));
    }
}

#[test]
fn no_name_of_a_key_looks_like_a_flag() {
    // One of 64 would.
    for _ in 0..500 {
        let algorithm = SigningAlgorithm::EdDsa;
        let key = generate(algorithm, now(), 3600, &OsEntropy, &KEYS.master_key).unwrap();
        assert!(!key.kid.starts_with('-'), "{}", key.kid);
    }
}

#[test]
fn published_keys_are_public_and_complete() {
    for key in &KEYS.sealed {
        let jwk: serde_json::Value = serde_json::from_str(&key.public_jwk).unwrap();
        let members: HashSet<&str> = jwk
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let expected: &[&str] = match key.algorithm {
            SigningAlgorithm::Rs256 => &["kty", "kid", "use", "alg", "n", "e"],
            SigningAlgorithm::Es256 => &["kty", "kid", "use", "alg", "crv", "x", "y"],
            SigningAlgorithm::EdDsa => &["kty", "kid", "use", "alg", "crv", "x"],
        };
        assert_eq!(members, expected.iter().copied().collect());
        assert_eq!(jwk["kid"], key.kid.as_str());
        assert_eq!(jwk["use"], "sig");
        assert_eq!(jwk["alg"], key.algorithm.as_str());
        if let Some(modulus) = jwk["n"].as_str() {
            let modulus = URL_SAFE_NO_PAD.decode(modulus).unwrap();
            assert_eq!(modulus.len(), 256);
            assert!(modulus[0] >= 0x80, "all of the 2048 bits count");
        }
        let parsed: Jwk = serde_json::from_str(&key.public_jwk).unwrap();
        assert_eq!(thumbprint(&parsed).as_ref(), Some(&key.kid));
    }
}

#[test]
fn a_new_key_carries_its_times() {
    let make = || {
        let algorithm = SigningAlgorithm::EdDsa;
        generate(algorithm, now(), 3600, &OsEntropy, &KEYS.master_key).unwrap()
    };
    let key = make();
    assert_eq!((key.created_at, key.signs_from), (now(), now()));
    assert_eq!((key.expires_at, key.token_ttl), (None, 3600));
    assert_ne!(key.kid, make().kid);
}

#[test]
fn a_sealed_key_opens_only_under_its_master_key_and_as_itself() {
    let key = KEYS.of(SigningAlgorithm::EdDsa);
    let refused = |key: SealedKey, master_key: &MasterKey| {
        let kid = key.kid.clone();
        let error = KeyRing::open(&[key], master_key).err();
        assert_eq!(error, Some(OpenKeyError { kid }));
    };
    refused(key.clone(), &MasterKey::generate(&OsEntropy));

    let mut renamed = key.clone();
    renamed.kid = KEYS.of(SigningAlgorithm::Es256).kid.clone();
    refused(renamed, &KEYS.master_key);

    let mut recast = key.clone();
    recast.algorithm = SigningAlgorithm::Es256;
    refused(recast, &KEYS.master_key);

    let mut damaged = key.clone();
    damaged.sealed[20] ^= 1;
    refused(damaged, &KEYS.master_key);

    let mut swapped = key.clone();
    swapped.sealed = KEYS.of(SigningAlgorithm::Es256).sealed.clone();
    refused(swapped, &KEYS.master_key);

    // Sealed under the master key for that name, but not the key that has the name.
    let make = || {
        let algorithm = SigningAlgorithm::EdDsa;
        generate(algorithm, now(), 3600, &OsEntropy, &KEYS.master_key).unwrap()
    };
    let mut impostor = key.clone();
    let context = context(&key.kid, key.algorithm);
    let private = KEYS.private(&make());
    impostor.sealed = KEYS.master_key.seal(&OsEntropy, &context, &private);
    refused(impostor, &KEYS.master_key);
}

#[test]
fn one_key_that_does_not_open_spoils_the_ring() {
    let mut keys = KEYS.sealed.clone();
    keys[1].sealed.clear();
    let error = KeyRing::open(&keys, &KEYS.master_key).unwrap_err();
    assert_eq!(error.kid, keys[1].kid);
    assert!(error.to_string().contains(&keys[1].kid));
}

#[test]
fn the_stored_public_half_is_not_believed() {
    let mut key = KEYS.of(SigningAlgorithm::EdDsa).clone();
    key.public_jwk = KEYS.of(SigningAlgorithm::Es256).public_jwk.clone();
    let ring = KeyRing::open(&[key], &KEYS.master_key).unwrap();
    assert_eq!(
        ring.jwks(now()),
        KEYS.ring_of(SigningAlgorithm::EdDsa).jwks(now())
    );
}

/// Keys with the given (created, signs from, expires) in seconds from now, and a ring.
fn ring_with(times: &[(i64, i64, Option<i64>)]) -> (Vec<String>, KeyRing) {
    let keys: Vec<_> = times
        .iter()
        .map(|&(created, signs, expires)| {
            let at = |seconds| now().plus_seconds(seconds);
            let algorithm = SigningAlgorithm::EdDsa;
            let mut key =
                generate(algorithm, at(created), 3600, &OsEntropy, &KEYS.master_key).unwrap();
            key.signs_from = at(signs);
            key.expires_at = expires.map(at);
            key
        })
        .collect();
    let ring = KeyRing::open(&keys, &KEYS.master_key).unwrap();
    (keys.into_iter().map(|key| key.kid).collect(), ring)
}

#[test]
fn the_newest_key_that_signs_already_signs() {
    // Handed over in no order: what counts is when they were made.
    let (kids, ring) = ring_with(&[(-10, 300, None), (-100, -100, None), (-500, -500, None)]);
    let signer = |seconds| ring.signing_kid(now().plus_seconds(seconds)).unwrap();
    assert_eq!(signer(0), kids[1]);
    assert_eq!(signer(299), kids[1]);
    assert_eq!(signer(300), kids[0]);

    let token = ring.sign(&claims(), now().plus_seconds(300)).unwrap();
    assert_eq!(decode_header(&token).unwrap().kid.as_ref(), Some(&kids[0]));
}

#[test]
fn an_expired_key_does_not_sign_and_is_not_listed() {
    let (kids, ring) = ring_with(&[(-100, -100, None), (-50, -50, Some(60))]);
    let end = now().plus_seconds(60);
    assert_eq!(
        ring.signing_kid(end.plus_seconds(-1)),
        Some(kids[1].as_str())
    );
    assert_eq!(ring.signing_kid(end), Some(kids[0].as_str()));

    let listed = |at| {
        let set: JwkSet = serde_json::from_str(&ring.jwks(at)).unwrap();
        set.keys.len()
    };
    assert_eq!(listed(end.plus_seconds(-1)), 2);
    assert_eq!(listed(end), 1);
    assert!(!ring.jwks(end).contains(&kids[1]));
    assert!(ring.find(&kids[1], end.plus_seconds(-1)).is_some());
    assert!(ring.find(&kids[1], end).is_none());
}

#[test]
fn where_none_signs_yet_the_oldest_steps_in() {
    let (kids, ring) = ring_with(&[(-10, 500, None), (-20, 400, None), (-30, 300, Some(-1))]);
    assert_eq!(ring.signing_kid(now()), Some(kids[1].as_str()));
    assert_eq!(ring.kids().count(), 3);
}

#[test]
fn without_a_key_nothing_is_signed() {
    let (_, expired) = ring_with(&[(-10, -10, Some(0))]);
    let empty = KeyRing::open(&[], &KEYS.master_key).unwrap();
    for ring in [expired, empty] {
        assert_eq!(ring.sign(&claims(), now()), Err(KeyError::NoKey));
        assert_eq!(ring.jwks(now()), r#"{"keys":[]}"#);
    }
}

#[test]
fn a_shared_ring_is_replaced_for_all() {
    let (old, ring) = ring_with(&[(0, 0, None)]);
    let shared = SharedKeyRing::new(ring, now());
    let clone = shared.clone();
    let held = clone.current();

    let (new, ring) = ring_with(&[(0, 0, None)]);
    thread::scope(|scope| {
        scope.spawn(|| shared.replace(ring, now()));
    });
    assert_eq!(clone.current().signing_kid(now()), Some(new[0].as_str()));
    assert_eq!(held.signing_kid(now()), Some(old[0].as_str()));
    assert!(Arc::ptr_eq(&clone.current(), &shared.current()));
}

#[test]
fn a_ring_is_fresh_until_nobody_has_read_the_keys_for_a_while() {
    let shared = SharedKeyRing::new(KEYS.ring_of(SigningAlgorithm::EdDsa), now());
    assert!(shared.is_fresh(now().plus_seconds(44)));
    assert!(!shared.is_fresh(now().plus_seconds(45)));
    shared.confirm(now().plus_seconds(40));
    assert!(shared.is_fresh(now().plus_seconds(84)));
    // A clock that was set back is no reason to stop.
    assert!(shared.is_fresh(now().plus_seconds(-9_000)));
}

#[test]
fn a_renewed_ring_opens_only_what_is_new() {
    let known = KEYS.of(SigningAlgorithm::EdDsa).clone();
    let ring = KeyRing::open(std::slice::from_ref(&known), &KEYS.master_key).unwrap();
    // Sealed under another master key, and with another end.
    let mut changed = known.clone();
    changed.sealed.clear();
    changed.expires_at = Some(now());
    let mut new = KEYS.of(SigningAlgorithm::Es256).clone();
    new.created_at = known.created_at.plus_seconds(1);
    let both = [changed, new.clone()];
    let renewed = ring.renewed(&both, &KEYS.master_key).unwrap();
    assert_eq!(renewed.kids().collect::<Vec<_>>(), [&known.kid, &new.kid]);
    assert!(renewed.find(&known.kid, now()).is_none());
    assert!(ring.find(&known.kid, now()).is_some());
    let token = renewed.sign(&claims(), now()).unwrap();
    assert_eq!(decode_header(&token).unwrap().kid.as_ref(), Some(&new.kid));

    new.sealed.clear();
    let error = ring.renewed(&[known, new.clone()], &KEYS.master_key);
    assert_eq!(error.unwrap_err().kid, new.kid);
}

#[test]
fn a_key_tells_how_long_its_tokens_may_live() {
    let mut key = KEYS.of(SigningAlgorithm::EdDsa).clone();
    key.token_ttl = 90;
    let ring = KeyRing::open(&[key], &KEYS.master_key).unwrap();
    assert_eq!(ring.longest_token_ttl(now()), Some(90));
}

#[test]
fn nothing_secret_is_printed() {
    let shared = SharedKeyRing::new(KEYS.ring_of(SigningAlgorithm::Rs256), now());
    let key = KEYS.of(SigningAlgorithm::Rs256);
    let shown = format!("{shared:?} {key:?}");
    assert!(shown.contains(&key.kid));
    // Kids are the longest words there are: no key material stands beside them.
    assert!(
        !shown
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| word.len() > 43)
    );
    assert!(!shown.contains("pair"), "{shown}");
}
