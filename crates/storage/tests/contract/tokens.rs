//! Revoked tokens.

use tenantry_domain::{
    port::{self, StoreError},
    testing::instant,
    token::RevokedToken,
};
use tenantry_storage::testing::TestDatabase;

use crate::make::{read, write};

pub(crate) fn a_revoked_token_stays_so_until_it_has_expired(db: &TestDatabase) {
    let end = instant("2026-01-01T12:00:00Z");
    let token = RevokedToken {
        id: "one".to_owned(),
        expires_at: end,
    };
    let is_revoked = |id: &str| {
        let look = |unit: &mut dyn port::Snapshot| unit.tokens().is_revoked(id, "key");
        port::read::<_, StoreError>(&**db, look).unwrap()
    };
    let revoke = |token: &RevokedToken, now| {
        port::write::<_, StoreError>(&**db, |unit| {
            unit.tokens().forget_expired(now)?;
            unit.tokens().revoke(token)
        })
        .unwrap();
    };
    assert!(!is_revoked("one"));
    revoke(&token, end.plus_seconds(-60));
    revoke(&token, end.plus_seconds(-30));
    assert!(is_revoked("one") && !is_revoked("two"));

    let other = RevokedToken {
        id: "two".to_owned(),
        expires_at: end.plus_seconds(60),
    };
    revoke(&other, end);
    assert!(
        is_revoked("one"),
        "it expires at that instant, and is not expired before it"
    );
    revoke(&other, end.plus_seconds(1));
    assert!(!is_revoked("one") && is_revoked("two"));
}

pub(crate) fn all_tokens_of_a_key_can_be_revoked(db: &TestDatabase) {
    let all = RevokedToken {
        id: RevokedToken::all_of_key("retired"),
        expires_at: instant("2026-01-01T12:00:00Z"),
    };
    write(&**db, |unit| unit.tokens().revoke(&all));
    read(&**db, |unit| {
        let tokens = unit.tokens();
        assert!(tokens.is_revoked("any", "retired")? && !tokens.is_revoked("any", "other")?);
        assert!(!tokens.is_revoked("retired", "other")?);
        assert!(tokens.is_key_revoked("retired")? && !tokens.is_key_revoked("other")?);
        Ok(())
    });
}
