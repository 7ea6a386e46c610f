//! The rules for claims.

use serde_json::json;

use super::*;

#[test]
fn a_token_ends_at_the_second_of_exp() {
    let token = KEYS.ring.sign(&claims(), now()).unwrap();
    let end = now().plus_seconds(86_400);
    let micro = |micros| Timestamp::from_unix_micros(end.unix_micros() + micros).unwrap();
    assert_eq!(check_at(&token, micro(-1)), Ok(claims()));
    assert_eq!(check_at(&token, end), Err(TokenFault::Expired));
    assert_eq!(check_at(&token, micro(1)), Err(TokenFault::Expired));
    assert_eq!(
        with_claims(|claims| claims["exp"] = json!(-1)),
        Err(TokenFault::Expired)
    );
    assert_eq!(
        with_claims(|claims| claims["exp"] = json!(i64::MIN)),
        Err(TokenFault::Expired)
    );
}

#[test]
fn a_token_from_the_future_is_refused() {
    let second = now().unix_seconds();
    let of = |name: &'static str, at: i64| with_claims(|claims| claims[name] = json!(at));
    assert!(of("iat", second + MAX_CLOCK_SKEW_SECONDS).is_ok());
    assert_eq!(
        of("iat", second + MAX_CLOCK_SKEW_SECONDS + 1),
        Err(TokenFault::NotYetValid)
    );
    assert_eq!(
        of("iat", second + 86_401),
        Err(TokenFault::Claims),
        "issued after its end"
    );
    assert!(of("nbf", second).is_ok());
    assert_eq!(of("nbf", second + 1), Err(TokenFault::NotYetValid));
    for nbf in [json!("soon"), json!(1.5), json!(null)] {
        assert_eq!(
            with_claims(|claims| claims["nbf"] = nbf),
            Err(TokenFault::Claims)
        );
    }
}

#[test]
fn issuer_and_audience_are_compared_exactly() {
    for issuer in [
        "https://tenantry.example/",
        "https://TENANTRY.example",
        "http://tenantry.example",
        "",
    ] {
        let result = with_claims(|claims| claims["iss"] = json!(issuer));
        assert_eq!(result, Err(TokenFault::Issuer), "{issuer}");
    }
    for audience in [
        "https://tenantry.example",
        "https://my-tenant.vii.mattr.global/",
        "",
        "*",
    ] {
        let result = with_claims(|claims| claims["aud"] = json!(audience));
        assert_eq!(result, Err(TokenFault::Audience), "{audience}");
    }
    let several = json!([
        "https://my-tenant.vii.mattr.global",
        "https://other.example"
    ]);
    assert_eq!(
        with_claims(|claims| claims["aud"] = several),
        Err(TokenFault::Claims)
    );
}

#[test]
fn every_claim_is_required_and_typed() {
    let required = [
        "iss",
        "sub",
        "client_id",
        "aud",
        "iat",
        "exp",
        "jti",
        "scope",
    ];
    for name in required {
        assert_eq!(
            with_claims(|claims| remove(claims, name)),
            Err(TokenFault::Claims),
            "{name}"
        );
        for value in [json!(null), json!(true), json!([]), json!({}), json!(1.5)] {
            let result = with_claims(|claims| claims[name] = value.clone());
            assert_eq!(result, Err(TokenFault::Claims), "{name}: {value}");
        }
    }
    for (name, value) in [
        ("exp", "4102444800"),
        ("jti", ""),
        ("sub", "another"),
        ("tenant_id", "x"),
    ] {
        let result = with_claims(|claims| claims[name] = json!(value));
        assert_eq!(result, Err(TokenFault::Claims), "{name}");
    }
    let empty = with_claims(|claims| {
        claims["sub"] = json!("");
        claims["client_id"] = json!("");
    });
    assert_eq!(empty, Err(TokenFault::Claims));
    assert!(with_claims(|claims| claims["scope"] = json!("")).is_ok());
    assert!(with_claims(|claims| claims["unknown"] = json!({"a": [1]})).is_ok());
}
