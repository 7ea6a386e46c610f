//! Units for one question.

use tenantry_domain::{
    client::{ClientOwner, KnownClient},
    environment::{Environment, EnvironmentAccess},
    error::Error,
    port::{self, Snapshot, Store, StoreError},
    tenant::Tenant,
    token::RevokedToken,
};
use tenantry_storage::testing::TestDatabase;

use crate::make::{
    at, client, environment_id, environments, insert, of_tenant, read, secret, tenant_in, write,
};

/// What a question is answered in each kind of unit: a snapshot, one that is taken at once where
/// that can be had (twice, since it may remember), and a glance.
fn everywhere<T>(
    db: &dyn Store,
    ask: impl Fn(&mut dyn Snapshot) -> Result<T, StoreError>,
) -> Vec<T> {
    let mut answers = vec![read(db, &ask)];
    if let Some(mut unit) = db.snapshot_at_once() {
        answers.extend([ask(&mut *unit).unwrap(), ask(&mut *unit).unwrap()]);
    }
    answers.push(port::glance(db, |unit| Ok(ask(unit)?)).unwrap());
    answers
}

fn parts(known: KnownClient) -> impl PartialEq + std::fmt::Debug {
    (known.client, known.secrets, known.tenant)
}

pub(crate) fn find_a_client_with_all_that_decides_about_it(db: &TestDatabase) {
    environments(&**db, &[1, 2, 3]);
    let tenant = insert(&**db, tenant_in(2, 1));
    let bound = EnvironmentAccess::Only([environment_id(1), environment_id(3)].into());
    let owners = [
        of_tenant(tenant.number),
        ClientOwner::Operator(EnvironmentAccess::All),
        ClientOwner::Operator(bound),
    ];
    for (n, owner) in (1..).zip(owners) {
        let one = client(n, owner);
        let secrets = [secret(10 * n), secret(10 * n + 1)];
        write(&**db, |unit| {
            unit.clients().insert(&one, &secrets[0])?;
            unit.clients().insert_secret(one.key, &secrets[1])
        });
        let by_itself = everywhere(&**db, |unit| unit.clients().known(&one.id));
        let of_token = everywhere(&**db, |unit| unit.tokens().client_of(&one.id, "jti", "kid"));
        for found in by_itself.into_iter().chain(of_token) {
            let found = found.unwrap();
            assert_eq!(found.client, one);
            assert_eq!(found.secrets, secrets);
            let owner = found.tenant.as_ref().map(|owner| owner.id);
            assert_eq!(owner, (n == 1).then_some(tenant.id));
        }
    }
    let nobody = client(4, ClientOwner::Operator(EnvironmentAccess::All));
    for found in everywhere(&**db, |unit| {
        unit.tokens().client_of(&nobody.id, "jti", "kid")
    }) {
        assert!(found.map(parts).is_none());
    }
}

pub(crate) fn find_no_client_of_a_revoked_token(db: &TestDatabase) {
    let one = client(1, ClientOwner::Operator(EnvironmentAccess::All));
    write(&**db, |unit| unit.clients().insert(&one, &secret(1)));
    let is_good = |id: &str, kid: &str| {
        let found = everywhere(&**db, |unit| unit.tokens().client_of(&one.id, id, kid));
        let found: Vec<bool> = found.iter().map(Option::is_some).collect();
        assert!(found.iter().all(|one| *one == found[0]), "{found:?}");
        found[0]
    };
    let revoke = |id: &str| {
        let token = RevokedToken {
            id: id.to_owned(),
            expires_at: at(60),
        };
        write(&**db, |unit| unit.tokens().revoke(&token));
    };
    assert!(is_good("first", "key") && is_good("second", "key"));
    revoke("first");
    assert!(!is_good("first", "key") && is_good("second", "key"));
    revoke(&RevokedToken::all_of_key("key"));
    assert!(!is_good("second", "key") && is_good("second", "another key"));
}

pub(crate) fn find_a_tenant_with_its_environment(db: &TestDatabase) {
    environments(&**db, &[1, 2]);
    let ask = |unit: &mut dyn Snapshot, id| unit.tenants().with_environment(id);
    let tenant = insert(&**db, tenant_in(2, 1));
    let expected = |tenant: &Tenant| -> (Tenant, Environment) {
        let environment = read(&**db, |unit| {
            unit.environments().by_id(tenant.environment_id)
        });
        (tenant.clone(), environment.unwrap())
    };
    for found in everywhere(&**db, |unit| ask(unit, tenant.id)) {
        assert_eq!(found, Some(expected(&tenant)));
    }
    let unknown = tenant_in(1, 2).id;
    for found in everywhere(&**db, |unit| ask(unit, unknown)) {
        assert_eq!(found, None);
    }
}

pub(crate) fn answer_no_second_question(db: &TestDatabase) {
    let twice = |unit: &mut dyn Snapshot| -> Result<bool, Error> {
        unit.accounts().any()?;
        Ok(unit.accounts().any()?)
    };
    // More often than there are connections: each is as good as before.
    for _ in 0..30 {
        assert!(matches!(
            port::glance(&**db, twice),
            Err(Error::Store(StoreError::Failed(_)))
        ));
        let once = port::glance(&**db, |unit| Ok(unit.accounts().any()?));
        assert!(!once.unwrap());
    }
    assert!(!read(&**db, |unit| unit.accounts().any()));
}
