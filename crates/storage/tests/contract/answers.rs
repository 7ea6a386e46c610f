//! Answers that are kept for a repeat, and the secrets that all servers share.

use tenantry_domain::idempotency::{AnswerId, Fingerprint, KeptAnswer};
use tenantry_storage::testing::TestDatabase;

use crate::make::{at, read, server_secret, write};

fn answer(n: u8, end: i64) -> KeptAnswer {
    KeptAnswer {
        id: AnswerId([n; 32]),
        fingerprint: Fingerprint([n + 100; 32]),
        sealed: vec![0, 255, n],
        expires_at: at(end),
    }
}

fn by_id(db: &TestDatabase, n: u8) -> Option<KeptAnswer> {
    read(&**db, |unit| unit.answers().by_id(AnswerId([n; 32])))
}

pub(crate) fn come_back_as_they_went_in(db: &TestDatabase) {
    write(&**db, |unit| unit.answers().keep(&answer(1, 10)));
    assert_eq!(by_id(db, 1), Some(answer(1, 10)));
    assert_eq!(by_id(db, 2), None);
    let other = KeptAnswer {
        fingerprint: Fingerprint([9; 32]),
        ..answer(1, 99)
    };
    write(&**db, |unit| unit.answers().keep(&other));
    assert_eq!(by_id(db, 1), Some(other), "in place of the other one");
}

pub(crate) fn are_forgotten_in_small_steps(db: &TestDatabase) {
    for n in 1..=5 {
        write(&**db, |unit| {
            unit.answers().keep(&answer(n, 10 * i64::from(n)))
        });
    }
    let forget = |now, at_most| {
        write(&**db, |unit| {
            unit.answers().forget_expired(at(now), at_most)
        });
        (1..=5)
            .filter(|&n| by_id(db, n).is_some())
            .collect::<Vec<_>>()
    };
    assert_eq!(forget(9, 100), [1, 2, 3, 4, 5]);
    assert_eq!(forget(40, 2), [3, 4, 5], "the oldest first");
    assert_eq!(forget(40, 100), [5], "and one that ends then is over");
    assert_eq!(forget(40, 100), [5]);
}

pub(crate) fn server_secrets_come_back_and_are_replaced(db: &TestDatabase) {
    let all = || read(&**db, |unit| unit.server_secrets().all());
    assert_eq!(all(), []);
    write(&**db, |unit| {
        unit.server_secrets().insert(&server_secret(2))?;
        unit.server_secrets().insert(&server_secret(1))
    });
    assert_eq!(all(), [server_secret(1), server_secret(2)], "by name");
    let mut anew = server_secret(1);
    anew.sealed = vec![7];
    assert!(write(&**db, |unit| unit.server_secrets().replace(&anew)));
    assert_eq!(all(), [anew, server_secret(2)]);
    let missing = server_secret(9);
    assert!(!write(&**db, |unit| unit
        .server_secrets()
        .replace(&missing)));
}
