//! System accounts and signing keys.

use tenantry_domain::{client::SecretHash, key::SealedKey, key::SigningAlgorithm};
use tenantry_storage::testing::TestDatabase;

use crate::make::{account, at, key, read, write};

pub(crate) fn accounts_come_back_as_they_went_in(db: &TestDatabase) {
    assert!(!read(&**db, |unit| unit.accounts().any()));
    write(&**db, |unit| {
        unit.accounts().insert(&account(1))?;
        unit.accounts().insert(&account(2))
    });
    read(&**db, |unit| {
        let accounts = unit.accounts();
        assert!(accounts.any()?);
        assert_eq!(
            accounts.by_username(&account(2).username)?,
            Some(account(2))
        );
        assert_eq!(accounts.by_username(&account(3).username)?, None);
        Ok(())
    });
}

pub(crate) fn accounts_get_a_new_hash_only_for_the_old_one(db: &TestDatabase) {
    write(&**db, |unit| {
        unit.accounts().insert(&account(1))?;
        unit.accounts().insert(&account(2))
    });
    let hash = |text: &str| SecretHash::new(text.to_owned());
    let rehash = |old: &SecretHash, new: &str| {
        write(&**db, |unit| {
            unit.accounts().rehash(account(1).id, old, &hash(new))
        });
        let found = read(&**db, |unit| {
            unit.accounts().by_username(&account(1).username)
        });
        found.unwrap().password_hash
    };
    let old = account(1).password_hash;
    assert_eq!(rehash(&hash("$other"), "$new"), old);
    assert_eq!(rehash(&old, "$new"), hash("$new"));
    assert_eq!(rehash(&old, "$newer"), hash("$new"));
    let other = read(&**db, |unit| {
        unit.accounts().by_username(&account(2).username)
    });
    assert_eq!(other, Some(account(2)));
}

pub(crate) fn keys_come_back_oldest_first(db: &TestDatabase) {
    let all = || read(&**db, |unit| unit.keys().all());
    assert_eq!(all(), []);
    let retired = SealedKey {
        algorithm: SigningAlgorithm::EdDsa,
        expires_at: Some(at(500)),
        ..key(1)
    };
    let bare = SealedKey {
        algorithm: SigningAlgorithm::Rs256,
        sealed: Vec::new(),
        ..key(2)
    };
    write(&**db, |unit| {
        unit.keys().insert(&key(3))?;
        unit.keys().insert(&bare)?;
        unit.keys().insert(&retired)
    });
    assert_eq!(all(), [retired, bare, key(3)]);
}
