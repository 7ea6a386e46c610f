//! System accounts and signing keys.

use tenantry_domain::{
    account::SystemAccount,
    client::SecretHash,
    key::{Lead, Schedules, SealedKey, SigningAlgorithm},
    port::{self, Store as _, StoreError, UnitOfWork},
    testing::CountingEntropy,
    usecase::{
        accounts::{self, AccountError},
        keys::{self, RetireError},
    },
};
use tenantry_storage::testing::TestDatabase;

use crate::make::{account, at, key, read, try_write, write};

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

pub(crate) fn accounts_are_made_changed_and_deleted(db: &TestDatabase) {
    let entropy = CountingEntropy::default();
    let name = |n: u32| account(n.into()).username;
    let hash = |text: &str| SecretHash::new(text.to_owned());
    let attempt = |work: &dyn Fn(&mut dyn UnitOfWork) -> Result<SystemAccount, AccountError>| {
        port::write(&**db, work)
    };
    let create = |n: u32| {
        attempt(&|unit| accounts::create(unit, name(n), hash("$first"), at(n.into()), &entropy))
    };
    let made = create(2).unwrap();
    assert_eq!((&made.username, made.created_at), (&name(2), at(2)));
    assert!(matches!(create(2), Err(AccountError::Taken)));
    create(1).unwrap();
    let all = || read(&**db, |unit| unit.accounts().all());
    let names: Vec<_> = all().into_iter().map(|account| account.username).collect();
    assert_eq!(names, [name(1), name(2)]);

    let password =
        |n: u32, text: &str| attempt(&|unit| accounts::set_password(unit, &name(n), &hash(text)));
    password(2, "$second").unwrap();
    assert!(matches!(password(3, "$x"), Err(AccountError::Missing)));
    let hashes: Vec<_> = all()
        .into_iter()
        .map(|account| account.password_hash)
        .collect();
    assert_eq!(hashes, [hash("$first"), hash("$second")]);

    let delete = |n: u32, force| attempt(&|unit| accounts::delete(unit, &name(n), force));
    assert!(matches!(delete(3, true), Err(AccountError::Missing)));
    delete(1, false).unwrap();
    assert!(matches!(delete(2, false), Err(AccountError::Last)));
    assert_eq!(all().len(), 1);
    delete(2, true).unwrap();
    assert_eq!(all(), []);
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

pub(crate) fn keys_are_updated_and_deleted(db: &TestDatabase) {
    let all = || read(&**db, |unit| unit.keys().all());
    write(&**db, |unit| {
        unit.keys().insert(&key(1))?;
        unit.keys().insert(&key(2))
    });
    let changed = SealedKey {
        sealed: vec![7, 0],
        signs_from: at(9),
        expires_at: Some(at(10)),
        token_ttl: 31_536_000,
        ..key(1)
    };
    assert!(write(&**db, |unit| unit.keys().update(&changed)));
    assert!(!write(&**db, |unit| unit.keys().update(&key(3))));
    assert_eq!(all(), [changed, key(2)]);
    write(&**db, |unit| unit.keys().delete("key-1"));
    write(&**db, |unit| unit.keys().delete("key-1"));
    assert_eq!(all(), [key(2)]);
}

pub(crate) fn keys_are_rotated_retired_and_kept(db: &TestDatabase) {
    let hour = 3600;
    let new = |n| SealedKey {
        token_ttl: 60,
        ..key(n)
    };
    let rotate = |n, lead, now| write(&**db, |unit| keys::rotate(unit, new(n), lead, at(now)));
    let retire = |kid: &str, now| {
        let mut unit = db.begin().unwrap();
        let retired = keys::retire(&mut *unit, kid, at(now));
        if retired.is_ok() {
            unit.commit().unwrap();
        }
        retired
    };
    let states = |now| {
        let all = read(&**db, |unit| unit.keys().all());
        let schedules = Schedules::of(&all);
        let state = |place| schedules.state(place, at(now)).unwrap().as_str();
        (0..all.len()).map(state).collect::<Vec<_>>()
    };
    let first = rotate(1, Lead::None, 0);
    assert_eq!((first.created_at, first.signs_from), (at(0), at(0)));
    assert!(matches!(retire("key-1", 1), Err(RetireError::Signing)));
    assert!(matches!(retire("key-9", 1), Err(RetireError::Missing)));

    // The clock was set back: the new key is the newest one all the same.
    let second = rotate(2, Lead::Usual, -50);
    assert_eq!(second.created_at, first.created_at.plus_micros(1));
    assert_eq!(second.signs_from, second.created_at.plus_seconds(320));
    assert_eq!(states(100), ["signing", "published"]);
    assert!(matches!(retire("key-1", 100), Err(RetireError::Signing)));

    // A server whose tokens live for an hour writes it down, once.
    let ttls = |keys: Vec<SealedKey>| keys.iter().map(|key| key.token_ttl).collect::<Vec<_>>();
    let keep = |ttl, now| write(&**db, |unit| keys::upkeep(unit, ttl, at(now)));
    let needs = |ttl, now| {
        let all = read(&**db, |unit| unit.keys().all());
        keys::needs_upkeep(&all, ttl, at(now))
    };
    assert!(needs(hour, 100) && !needs(60, 100));
    assert_eq!(ttls(keep(hour, 100)), [3600, 3600]);
    assert_eq!(ttls(keep(60, 100)), [3600, 3600]);
    assert!(!needs(hour, 100));
    // A key that signs no more is not kept longer for it.
    assert_eq!(ttls(keep(2 * hour, 400)), [3600, 7200]);

    // Retired, its tokens are dead at once.
    let revoked = |kid: &str| read(&**db, |unit| unit.tokens().is_key_revoked(kid));
    assert_eq!(states(400), ["verifying", "signing"]);
    assert!(!revoked("key-1"));
    assert_eq!(retire("key-1", 400).unwrap().expires_at, Some(at(400)));
    assert!(revoked("key-1") && !revoked("key-2"));
    assert_eq!(states(400), ["dead", "signing"]);
    assert_eq!(retire("key-1", 500).unwrap().expires_at, Some(at(400)));

    // It is forgotten a day later.
    assert_eq!(keep(60, 400 + 86_399).len(), 2);
    assert!(needs(60, 400 + 86_400));
    assert_eq!(keep(60, 400 + 86_400).len(), 1);
}

pub(crate) fn keys_are_sealed_anew_all_or_none(db: &TestDatabase) {
    write(&**db, |unit| {
        unit.keys().insert(&key(1))?;
        unit.keys().insert(&key(2))
    });
    let failed = try_write(&**db, |unit| {
        keys::reseal(unit, |key| match key.kid.as_str() {
            "key-1" => Ok(vec![1]),
            _ => Err(StoreError::Failed("no".into())),
        })
    });
    assert!(failed.is_err());
    assert_eq!(read(&**db, |unit| unit.keys().all()), [key(1), key(2)]);
    let seal = |key: &SealedKey| Ok::<_, StoreError>(key.kid.clone().into_bytes());
    assert_eq!(write(&**db, |unit| keys::reseal(unit, seal)), 2);
    let sealed = |n| SealedKey {
        sealed: format!("key-{n}").into_bytes(),
        ..key(n)
    };
    assert_eq!(
        read(&**db, |unit| unit.keys().all()),
        [sealed(1), sealed(2)]
    );
}
