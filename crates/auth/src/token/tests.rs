use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::testing::{ALGORITHMS, KEYS, claims, encode, now};

mod claims;

const EXPECTED: Expected<'static> = Expected {
    issuer: "https://tenantry.example",
    audience: Some("https://my-tenant.vii.mattr.global"),
};

fn check_at(token: &str, at: Timestamp) -> Result<AccessClaims, TokenFault> {
    verify(&KEYS.ring, token, &EXPECTED, at).map(|verified| verified.claims)
}

fn check_now(token: &str) -> Result<AccessClaims, TokenFault> {
    check_at(token, now())
}

fn header() -> Json {
    json!({"typ": "at+jwt", "alg": "EdDSA", "kid": KEYS.of(SigningAlgorithm::EdDsa).kid})
}

/// What becomes of a well-signed token whose header was changed like that.
fn with_header(change: impl FnOnce(&mut Json)) -> Result<AccessClaims, TokenFault> {
    let mut header = header();
    change(&mut header);
    let payload = serde_json::to_vec(&claims()).unwrap();
    check_now(&KEYS.forge(&header.to_string(), &payload))
}

/// What becomes of a well-signed token whose claims were changed like that.
fn with_claims(change: impl FnOnce(&mut Json)) -> Result<AccessClaims, TokenFault> {
    let mut payload = serde_json::to_value(claims()).unwrap();
    change(&mut payload);
    check_now(&KEYS.forge(&header().to_string(), payload.to_string().as_bytes()))
}

fn remove(json: &mut Json, name: &str) {
    json.as_object_mut().unwrap().remove(name);
}

#[test]
fn tokens_of_every_algorithm_verify() {
    for algorithm in ALGORITHMS {
        let token = KEYS.ring_of(algorithm).sign(&claims(), now()).unwrap();
        assert_eq!(check_now(&token), Ok(claims()), "{}", algorithm.as_str());
    }
    assert_eq!(
        with_header(|_| ()),
        Ok(claims()),
        "what the tests forge is right but for one thing"
    );
}

#[test]
fn a_management_token_has_no_tenant() {
    let mut claims = claims();
    claims.tenant_id = None;
    let token = KEYS.ring.sign(&claims, now()).unwrap();
    assert_eq!(check_now(&token), Ok(claims.clone()));
    let json = serde_json::to_string(&claims).unwrap();
    assert!(!json.contains("tenant_id"), "{json}");
}

#[test]
fn the_type_must_be_that_of_an_access_token() {
    for typ in [
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/At+Jwt",
    ] {
        assert_eq!(
            with_header(|header| header["typ"] = json!(typ)),
            Ok(claims()),
            "{typ}"
        );
    }
    for typ in [
        json!("JWT"),
        json!("jwt"),
        json!("at"),
        json!("id+jwt"),
        json!("text/at+jwt"),
        json!("application/application/at+jwt"),
        json!(""),
        json!(null),
        json!(["at+jwt"]),
    ] {
        let result = with_header(|header| header["typ"] = typ.clone());
        assert_eq!(result, Err(TokenFault::Type), "{typ}");
    }
    assert_eq!(
        with_header(|header| remove(header, "typ")),
        Err(TokenFault::Type)
    );
}

#[test]
fn an_unsigned_token_is_refused() {
    let payload = encode(serde_json::to_vec(&claims()).unwrap());
    let kid = &KEYS.of(SigningAlgorithm::EdDsa).kid;
    for alg in ["none", "None", "NONE", "nOnE"] {
        let header = encode(json!({"typ": "at+jwt", "alg": alg, "kid": kid}).to_string());
        for signature in ["", "AAAA"] {
            let token = format!("{header}.{payload}.{signature}");
            assert_eq!(check_now(&token), Err(TokenFault::Algorithm), "{alg}");
        }
    }
}

#[test]
fn an_hmac_under_the_public_key_is_refused() {
    let key = KEYS.of(SigningAlgorithm::Rs256);
    let jwk: Json = serde_json::from_str(&key.public_jwk).unwrap();
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    for secret in [key.public_jwk.as_bytes(), &modulus] {
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(key.kid.clone());
        let secret = EncodingKey::from_secret(secret);
        let token = jsonwebtoken::encode(&header, &claims(), &secret).unwrap();
        assert_eq!(check_now(&token), Err(TokenFault::Algorithm));
    }
}

#[test]
fn the_algorithm_is_the_keys_and_not_the_tokens() {
    let rs256 = &KEYS.of(SigningAlgorithm::Rs256).kid;
    assert_eq!(
        with_header(|header| header["kid"] = json!(rs256)),
        Err(TokenFault::Algorithm),
        "signed by EdDSA, with the kid of an RSA key"
    );
    assert_eq!(
        with_header(|header| header["alg"] = json!("RS256")),
        Err(TokenFault::Algorithm)
    );
    for alg in [
        json!("PS256"),
        json!("RS512"),
        json!("ES384"),
        json!("eddsa"),
        json!("Ed25519"),
        json!(""),
        json!(null),
        json!(["EdDSA"]),
        json!({"EdDSA": 1}),
    ] {
        let result = with_header(|header| header["alg"] = alg.clone());
        assert_eq!(result, Err(TokenFault::Algorithm), "{alg}");
    }
    assert_eq!(
        with_header(|header| remove(header, "alg")),
        Err(TokenFault::Algorithm)
    );
}

#[test]
fn a_key_must_be_named_and_known() {
    let unknown = TokenFault::UnknownKey;
    assert_eq!(with_header(|header| remove(header, "kid")), Err(unknown));
    for kid in [
        json!("made-up"),
        json!(""),
        json!(null),
        json!(7),
        json!("../../etc/passwd"),
    ] {
        assert_eq!(
            with_header(|header| header["kid"] = kid.clone()),
            Err(unknown),
            "{kid}"
        );
    }
}

#[test]
fn an_expired_key_verifies_nothing() {
    let token = KEYS.ring.sign(&claims(), now()).unwrap();
    let mut sealed = KEYS.of(SigningAlgorithm::EdDsa).clone();
    sealed.expires_at = Some(now().plus_seconds(60));
    let ring = KeyRing::open(&[sealed], &KEYS.master_key).unwrap();
    let at = |seconds| verify(&ring, &token, &EXPECTED, now().plus_seconds(seconds));
    let kid = KEYS.of(SigningAlgorithm::EdDsa).kid.clone();
    let claims = claims();
    assert_eq!(at(59), Ok(Verified { claims, kid }));
    assert_eq!(at(60), Err(TokenFault::UnknownKey));
}

#[test]
fn no_other_header_parameter_is_taken() {
    let jwk: Json = serde_json::from_str(&KEYS.of(SigningAlgorithm::EdDsa).public_jwk).unwrap();
    let parameters = [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("jwk", jwk),
        ("jku", json!("https://attacker.example/jwks.json")),
        ("x5u", json!("https://attacker.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("Kid", json!("x")),
    ];
    for (name, value) in parameters {
        let result = with_header(|header| header[name] = value);
        assert_eq!(result, Err(TokenFault::Header), "{name}");
    }
}

#[test]
fn a_changed_token_is_refused() {
    let token = KEYS.ring.sign(&claims(), now()).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let mut more = claims();
    more.scope = "orders:read orders:write orders:delete".to_owned();
    let payload = encode(serde_json::to_vec(&more).unwrap());
    let tampered = format!("{}.{payload}.{}", parts[0], parts[2]);
    assert_eq!(check_now(&tampered), Err(TokenFault::Signature));

    let stripped = format!("{}.{}.", parts[0], parts[1]);
    assert_eq!(check_now(&stripped), Err(TokenFault::Signature));
    let short = format!("{}.{}.{}", parts[0], parts[1], encode([0; 63]));
    assert_eq!(check_now(&short), Err(TokenFault::Signature));
    // An ES256 signature of zeros passed for any message in implementations that did
    // not check its range.
    let es256 = KEYS
        .ring_of(SigningAlgorithm::Es256)
        .sign(&claims(), now())
        .unwrap();
    let (rest, _) = es256.rsplit_once('.').unwrap();
    let zeros = format!("{rest}.{}", encode([0; 64]));
    assert_eq!(check_now(&zeros), Err(TokenFault::Signature));
}

#[test]
fn another_servers_key_is_not_ours() {
    let other = crate::keys::generate(
        SigningAlgorithm::EdDsa,
        now(),
        3600,
        &crate::entropy::OsEntropy,
        &KEYS.master_key,
    );
    let other = KeyRing::open(&[other.unwrap()], &KEYS.master_key).unwrap();
    let token = other.sign(&claims(), now()).unwrap();
    assert_eq!(check_now(&token), Err(TokenFault::UnknownKey));

    // With our kid in its header, its signature is still not ours.
    let (message, _) = KEYS
        .ring
        .sign(&claims(), now())
        .map(|token| {
            let (message, signature) = token.rsplit_once('.').unwrap();
            (message.to_owned(), signature.to_owned())
        })
        .unwrap();
    let (_, signature) = token.rsplit_once('.').unwrap();
    assert_eq!(
        check_now(&format!("{message}.{signature}")),
        Err(TokenFault::Signature)
    );
}

#[test]
fn what_is_not_three_parts_is_malformed() {
    let token = KEYS.ring.sign(&claims(), now()).unwrap();
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = rest.split_once('.').unwrap();
    let malformed = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "a.b".to_owned(),
        header.to_owned(),
        rest.to_owned(),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{header}..{payload}.{signature}"),
        format!("{token}="),
        format!("{token} "),
        format!("{header}.{payload}.{signature}\n"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}.+/"),
        format!("{}.{payload}.{signature}", encode("[]")),
        format!("{}.{payload}.{signature}", encode("{")),
        format!("{}.{payload}.{signature}", encode([0xff, 0xfe])),
        "eyJ\u{e9}.e.e".to_owned(),
    ];
    for token in malformed {
        assert_eq!(check_now(&token), Err(TokenFault::Malformed), "{token}");
    }
}

#[test]
fn a_payload_that_is_no_object_is_malformed() {
    let whole = serde_json::to_string(&claims()).unwrap();
    for payload in [
        "",
        "[]",
        "null",
        "7",
        "\"x\"",
        "{",
        &format!("{whole}{whole}"),
        &format!("[{whole}]"),
    ] {
        let token = KEYS.forge(&header().to_string(), payload.as_bytes());
        assert_eq!(check_now(&token), Err(TokenFault::Malformed), "{payload}");
    }
    let token = KEYS.forge(&header().to_string(), b"{\"iss\":\"\xff\"}");
    assert_eq!(check_now(&token), Err(TokenFault::Malformed));
}

#[test]
fn a_member_that_stands_twice_is_refused() {
    let payload = serde_json::to_string(&claims()).unwrap();
    for twice in [
        "\"aud\":\"https://other.example\"",
        "\"custom\":1,\"custom\":1",
        "\"\\u0061ud\":\"x\"",
    ] {
        let payload = payload.replacen('{', &format!("{{{twice},"), 1);
        let token = KEYS.forge(&header().to_string(), payload.as_bytes());
        assert_eq!(check_now(&token), Err(TokenFault::Malformed), "{twice}");
    }
    let header = header().to_string().replacen('{', "{\"alg\":\"none\",", 1);
    let token = KEYS.forge(&header, payload.as_bytes());
    assert_eq!(check_now(&token), Err(TokenFault::Malformed));
}

#[test]
fn the_length_is_bounded() {
    let mut many = claims();
    let scopes: Vec<_> = (0..64).map(|number| format!("{number:0>128}")).collect();
    many.scope = scopes.join(" ");
    for algorithm in ALGORITHMS {
        let token = KEYS.ring_of(algorithm).sign(&many, now()).unwrap();
        assert_eq!(check_now(&token), Ok(many.clone()), "{}", token.len());
    }
    many.scope = "x".repeat(MAX_TOKEN_LENGTH);
    let token = KEYS.ring.sign(&many, now()).unwrap();
    assert_eq!(check_now(&token), Err(TokenFault::TooLong));
    assert_eq!(
        check_now(&".".repeat(MAX_TOKEN_LENGTH + 1)),
        Err(TokenFault::TooLong)
    );
    assert_eq!(
        check_now(&".".repeat(MAX_TOKEN_LENGTH)),
        Err(TokenFault::Malformed)
    );
}

#[test]
fn faults_say_nothing_of_the_token() {
    let faults = [
        TokenFault::TooLong,
        TokenFault::Malformed,
        TokenFault::Algorithm,
        TokenFault::Type,
        TokenFault::Header,
        TokenFault::UnknownKey,
        TokenFault::Signature,
        TokenFault::Claims,
        TokenFault::Issuer,
        TokenFault::Audience,
        TokenFault::Expired,
        TokenFault::NotYetValid,
    ];
    let texts: std::collections::HashSet<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), faults.len());
    assert!(texts.iter().all(|text| text.starts_with("the token")));
}

fn identifiers() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._~-]{1,40}"
}

proptest! {
    #[test]
    fn any_claims_round_trip(
        (id, jti) in (identifiers(), identifiers()),
        (iss, aud, scope) in (".{0,40}", ".{0,40}", "[!-~ ]{0,80}"),
        life in 1_i64..1_000_000,
        place in 0_usize..2,
    ) {
        // U+0000 can stand in no string that Tenantry keeps.
        prop_assume!(!iss.contains('\0') && !aud.contains('\0'));
        let claims = AccessClaims {
            iss, aud, jti, scope,
            sub: id.clone(),
            client_id: id,
            exp: now().unix_seconds() + life,
            ..claims()
        };
        let ring = KEYS.ring_of([SigningAlgorithm::Es256, SigningAlgorithm::EdDsa][place]);
        let token = ring.sign(&claims, now()).unwrap();
        let expected = Expected { issuer: &claims.iss, audience: Some(&claims.aud) };
        let verified = verify(&ring, &token, &expected, now());
        prop_assert_eq!(verified.map(|verified| verified.claims), Ok(claims.clone()));
    }

    #[test]
    fn no_changed_character_goes_unnoticed(place in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let token = KEYS.ring.sign(&claims(), now()).unwrap();
        let place = place.index(token.len());
        let changed = format!("{}{to}{}", &token[..place], &token[place + 1..]);
        prop_assume!(changed != token);
        prop_assert!(check_now(&changed).is_err());
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}", part in "[A-Za-z0-9_-]{0,60}") {
        prop_assert!(check_now(&text).is_err());
        let token = format!("{part}.{part}.{part}");
        prop_assert!(check_now(&token).is_err());
        let token = KEYS.forge(&header().to_string(), text.as_bytes());
        prop_assert!(check_now(&token).is_err());
    }
}
