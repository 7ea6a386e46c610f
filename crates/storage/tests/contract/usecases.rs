//! The domain's use cases on a real database.

use tenantry_domain::{
    account::Username,
    client::{ClientChange, ClientStatus, SecretHash},
    environment::{EnvironmentAccess, EnvironmentChange},
    error::{Error, FaultKind, Thing},
    id::TenantId,
    page::PageRequest,
    port::{self, Store, StoreError, Unique},
    rotation::Overlap,
    scope::{ManagementScope, ScopeSet},
    tenant::{Precondition, Tenant, TenantStatus},
    testing::{
        context, context_at, create_environment, create_reference_environment, credentials, instant,
    },
    usecase::{
        Context,
        bootstrap::{self, Bootstrap},
        clients::{self, CreateManagementClient, CreateTenantClient},
        environments,
        secrets::{self, RotateSecret},
        tenants::{
            self, CreateTenant, CreateTenantRecord, CreatedTenant, PatchTenant, ReplaceTenantRecord,
        },
    },
    version::Version,
};
use tenantry_storage::testing::TestDatabase;

use crate::make::{by_id, count, data, domain, key, label, name, read, version};

const ALL: EnvironmentAccess = EnvironmentAccess::All;

fn reference_environment(db: &TestDatabase, context: &Context) {
    let command = create_reference_environment();
    port::write::<_, Error>(&**db, |unit| environments::create(unit, context, command)).unwrap();
}

fn command(context: &Context, text: &str) -> CreateTenant {
    CreateTenant {
        environment_id: create_reference_environment().id.unwrap(),
        label: label(text),
        name: None,
        data: data(r#"{"a":1.0}"#),
        credentials: credentials(context),
    }
}

fn create(
    db: &TestDatabase,
    context: &Context,
    command: CreateTenant,
) -> Result<CreatedTenant, Error> {
    port::write(&**db, |unit| tenants::create(unit, context, &ALL, command))
}

fn record(
    db: &TestDatabase,
    context: &Context,
    command: CreateTenantRecord,
) -> Result<Tenant, Error> {
    port::write(&**db, |unit| tenants::create_record(unit, context, command))
}

fn kinds(db: &TestDatabase) -> Vec<String> {
    db.changes().into_iter().map(|change| change.kind).collect()
}

pub(crate) fn a_tenant_and_its_client_are_made_both_or_none(db: &TestDatabase) {
    let context = context();
    reference_environment(db, &context);
    let first = create(db, &context, command(&context, "first")).unwrap();
    let before = db.changes();
    let mut second = command(&context, "second");
    second.credentials.client_id = first.client.id.clone();
    match create(db, &context, second) {
        Err(Error::Store(StoreError::Taken(Unique::ClientId))) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(
        count(&**db),
        1,
        "the tenant that was already inserted is gone"
    );
    assert_eq!(db.changes(), before, "and nothing tells of it");
    create(db, &context, command(&context, "second")).expect("its label is free");
    let known = read(&**db, |unit| unit.clients().known(&first.client.id)).unwrap();
    assert_eq!(known.tenant.unwrap().host, "first.vii.mattr.global");
}

pub(crate) fn a_tenant_is_made_read_changed_and_deleted(db: &TestDatabase) {
    let context = context();
    reference_environment(db, &context);
    let created = create(db, &context, command(&context, "one")).unwrap();
    let id = created.tenant.id;
    let found = port::read::<_, Error>(&**db, |unit| tenants::get(unit, &ALL, id)).unwrap();
    assert_eq!(found, (created.tenant.clone(), created.environment));
    let page = port::read::<_, Error>(&**db, |unit| {
        tenants::list(unit, &ALL, PageRequest::default())
    });
    let page = page.unwrap();
    assert_eq!(page.tenants, [created.tenant.head().clone()]);
    assert!(
        page.environments
            .contains_key(&created.tenant.environment_id)
    );

    let replace = |version, precondition: &Precondition| {
        let command = ReplaceTenantRecord {
            id: None,
            data: Some(data(r#"{"b":123456789012345678901234567890}"#)),
            version,
        };
        port::write::<_, Error>(&**db, |unit| {
            tenants::replace_record(unit, &context, id, precondition, command)
        })
    };
    let changed = replace(Version::FIRST, &Precondition::None).unwrap();
    assert_eq!(by_id(&**db, id), Some(changed.clone()));
    assert!(matches!(
        replace(Version::FIRST, &Precondition::None),
        Err(Error::Stale { stored, .. }) if stored == version(2)
    ));
    let old = Precondition::OneOf(vec![created.tenant.revision()]);
    assert!(matches!(
        replace(version(2), &old),
        Err(Error::PreconditionFailed(_))
    ));

    let delete = |precondition: &Precondition| {
        port::write::<_, Error>(&**db, |unit| {
            tenants::delete(unit, &context, &ALL, id, precondition)
        })
    };
    assert!(matches!(delete(&old), Err(Error::PreconditionFailed(_))));
    delete(&Precondition::OneOf(vec![changed.revision()])).unwrap();
    assert!(matches!(
        delete(&Precondition::None),
        Err(Error::Missing(Thing::Tenant))
    ));
    assert!(read(&**db, |unit| unit.clients().known(&created.client.id)).is_none());
    assert_eq!(
        kinds(db),
        [
            "environment.created",
            "tenant.created",
            "client.created",
            "tenant.updated",
            "tenant.deleted"
        ]
    );
}

pub(crate) fn a_patch_changes_the_version_it_finds(db: &TestDatabase) {
    let context = context();
    reference_environment(db, &context);
    let created = create(db, &context, command(&context, "one")).unwrap();
    let id = created.tenant.id;
    let patch = |command: PatchTenant, precondition: &Precondition, access: &EnvironmentAccess| {
        port::write::<_, Error>(&**db, |unit| {
            tenants::patch(unit, &context, access, id, precondition, command)
        })
        .map(|(tenant, _)| tenant)
    };
    let status = |status| PatchTenant {
        status: Some(status),
        ..PatchTenant::default()
    };
    let none = &Precondition::None;
    let suspended = PatchTenant {
        name: Some(name("New")),
        ..status(TenantStatus::Suspended)
    };
    let suspended = patch(suspended, none, &ALL).unwrap();
    assert_eq!(by_id(&**db, id), Some(suspended.clone()));
    assert_eq!(suspended.version, version(2));
    assert_eq!(suspended.data(), created.tenant.data());
    patch(status(TenantStatus::Suspended), none, &ALL).unwrap();
    patch(status(TenantStatus::Active), none, &ALL).unwrap();
    let last = patch(PatchTenant::default(), none, &ALL).unwrap();
    assert_eq!(last.version, version(5));
    assert_eq!(
        kinds(db)[3..],
        [
            "tenant.suspended",
            "tenant.updated",
            "tenant.resumed",
            "tenant.updated"
        ],
        "one change each, called by what became of the status"
    );
    let changes = db.changes();
    let old = Precondition::OneOf(vec![suspended.revision()]);
    assert!(matches!(
        patch(PatchTenant::default(), &old, &ALL),
        Err(Error::PreconditionFailed(Thing::Tenant))
    ));
    let elsewhere = EnvironmentAccess::Only([].into());
    assert!(matches!(
        patch(PatchTenant::default(), none, &elsewhere),
        Err(Error::Missing(Thing::Tenant))
    ));
    assert_eq!(db.changes(), changes);
    assert_eq!(by_id(&**db, id), Some(last));
}

pub(crate) fn a_tenants_clients_come_change_and_go(db: &TestDatabase) {
    let context = context();
    reference_environment(db, &context);
    let tenant = create(db, &context, command(&context, "one"))
        .unwrap()
        .tenant;
    let other = create(db, &context, command(&context, "two"))
        .unwrap()
        .tenant;
    let before = kinds(db).len();
    let make = CreateTenantClient {
        credentials: credentials(&context),
        name: name("Orders"),
        scopes: ScopeSet::parse("a b").unwrap(),
    };
    let client = port::write::<_, Error>(&**db, |unit| {
        clients::create_of_tenant(unit, &context, &ALL, tenant.id, make)
    });
    let client = client.unwrap();
    let get = |tenant: &Tenant| {
        port::read::<_, Error>(&**db, |unit| {
            clients::get_of_tenant(unit, &ALL, tenant.id, &client.id)
        })
    };
    assert_eq!(get(&tenant).unwrap(), client);
    assert!(matches!(get(&other), Err(Error::Missing(Thing::Client))));
    let patch = |tenant: &Tenant| {
        let change = ClientChange {
            status: Some(ClientStatus::Disabled),
            ..ClientChange::default()
        };
        port::write::<_, Error>(&**db, |unit| {
            clients::patch_of_tenant(unit, &context, &ALL, tenant.id, &client.id, change)
        })
    };
    assert!(matches!(patch(&other), Err(Error::Missing(Thing::Client))));
    assert_eq!(patch(&tenant).unwrap().status, ClientStatus::Disabled);
    let delete = |access: &EnvironmentAccess| {
        port::write::<_, Error>(&**db, |unit| {
            clients::delete_of_tenant(unit, &context, access, tenant.id, &client.id)
        })
    };
    let elsewhere = EnvironmentAccess::Only([].into());
    assert!(matches!(
        delete(&elsewhere),
        Err(Error::Missing(Thing::Tenant))
    ));
    delete(&ALL).unwrap();
    assert!(matches!(delete(&ALL), Err(Error::Missing(Thing::Client))));
    assert_eq!(
        kinds(db)[before..],
        ["client.created", "client.updated", "client.deleted"]
    );
    let changes = db.changes();
    for change in &changes[before..] {
        assert!(
            change.subject.contains(r#""scopes":["a","b"]"#),
            "{change:?}"
        );
        assert!(!change.subject.contains("hash"), "{change:?}");
    }
}

pub(crate) fn secrets_are_rotated_and_retired(db: &TestDatabase) {
    let context = context();
    reference_environment(db, &context);
    let created = create(db, &context, command(&context, "one")).unwrap();
    let (tenant, client) = (created.tenant.id, created.client.id.clone());
    let before = kinds(db).len();
    let rotate = |hash: &str, seconds| {
        let command = RotateSecret {
            hash: SecretHash::new(hash.to_owned()),
            overlap: Overlap::new(seconds).unwrap(),
        };
        port::write::<_, Error>(&**db, |unit| {
            secrets::rotate_of_tenants_client(unit, &context, &ALL, tenant, &client, command)
        })
        .unwrap()
    };
    let stored = || {
        read(&**db, |unit| unit.clients().known(&client))
            .unwrap()
            .secrets
    };
    let hashes = || {
        let hashes = stored().into_iter().map(|one| one.hash.as_str().to_owned());
        hashes.collect::<Vec<_>>()
    };
    let first = hashes()[0].clone();
    let end = rotate("second", 3600);
    assert_eq!(hashes(), [first, "second".to_owned()]);
    assert_eq!(stored()[0].expires_at, Some(end));
    rotate("third", 3600);
    assert_eq!(hashes(), ["second", "third"]);
    let retire = |id| {
        port::write::<_, Error>(&**db, |unit| {
            secrets::retire_of_tenants_client(unit, &context, &ALL, tenant, &client, id)
        })
    };
    retire(stored()[1].id).unwrap();
    assert_eq!(hashes(), ["second"]);
    assert_eq!(stored()[0].expires_at, None);
    assert!(matches!(retire(stored()[0].id), Err(Error::LastSecret)));
    rotate("fourth", 0);
    assert_eq!(hashes(), ["fourth"]);
    assert_eq!(
        kinds(db)[before..],
        [
            "client.secret_rotated",
            "client.secret_rotated",
            "client.updated",
            "client.secret_rotated"
        ]
    );
}

pub(crate) fn an_environment_comes_changes_and_goes(db: &TestDatabase) {
    let context = context();
    reference_environment(db, &context);
    let create_as = |access: &EnvironmentAccess| {
        let command = create_environment("second");
        port::write::<_, Error>(&**db, |unit| {
            environments::create_as(unit, &context, access, command)
        })
    };
    let bound = EnvironmentAccess::Only([create_reference_environment().id.unwrap()].into());
    assert!(matches!(create_as(&bound), Err(Error::Bound)));
    let made = create_as(&ALL).unwrap();
    let patch = |change: EnvironmentChange, precondition: &Precondition<_>, access: &_| {
        port::write::<_, Error>(&**db, |unit| {
            environments::patch(unit, &context, access, made.id, precondition, change)
        })
    };
    let renamed = EnvironmentChange {
        domain: Some(domain("renamed.example")),
        ..EnvironmentChange::default()
    };
    let none = &Precondition::None;
    assert!(matches!(
        patch(renamed.clone(), none, &bound),
        Err(Error::Missing(Thing::Environment))
    ));
    let changed = patch(renamed.clone(), none, &ALL).unwrap();
    assert_eq!(
        changed.tenant_domain,
        domain("renamed.example"),
        "it goes along"
    );
    assert_eq!(changed.version, version(2));
    let old = Precondition::OneOf(vec![made.revision()]);
    assert!(matches!(
        patch(renamed, &old, &ALL),
        Err(Error::PreconditionFailed(Thing::Environment))
    ));

    let mut tenant = command(&context, "one");
    tenant.environment_id = made.id;
    let tenant = create(db, &context, tenant).unwrap().tenant;
    let moved = EnvironmentChange {
        tenant_domain: Some(domain("moved.example")),
        ..EnvironmentChange::default()
    };
    match patch(moved, none, &ALL) {
        Err(Error::Invalid(faults)) => assert_eq!(faults[0].kind, FaultKind::DomainInUse),
        other => panic!("{other:?}"),
    }
    let before = kinds(db).len();
    let delete = |id| {
        port::write::<_, Error>(&**db, |unit| {
            environments::delete(unit, &context, &ALL, id, &Precondition::None)
        })
    };
    assert!(matches!(delete(made.id), Err(Error::NotEmpty)));
    port::write::<_, Error>(&**db, |unit| {
        tenants::delete(unit, &context, &ALL, tenant.id, &Precondition::None)
    })
    .unwrap();
    delete(made.id).unwrap();
    assert!(matches!(
        delete(made.id),
        Err(Error::Missing(Thing::Environment))
    ));
    let default = create_reference_environment().id.unwrap();
    assert!(matches!(delete(default), Err(Error::IsDefault)));
    assert_eq!(
        kinds(db)[before..],
        ["tenant.deleted", "environment.deleted"]
    );
    assert!(kinds(db).contains(&"environment.updated".to_owned()));
}

pub(crate) fn records_go_to_the_default_environment(db: &TestDatabase) {
    let context = context();
    let bare = || CreateTenantRecord {
        id: None,
        data: data("{}"),
        version: version(5),
    };
    let homeless = record(db, &context, bare());
    assert!(
        matches!(homeless, Err(Error::Missing(Thing::Environment))),
        "{homeless:?}"
    );
    reference_environment(db, &context);
    let other = port::write::<_, Error>(&**db, |unit| {
        environments::create(unit, &context, create_environment("other"))
    });
    let one = record(db, &context, bare()).unwrap();
    assert_eq!(Some(one.environment_id), create_reference_environment().id);
    assert_eq!(by_id(&**db, one.id), Some(one.clone()));
    let other = other.unwrap().id;
    port::write::<_, Error>(&**db, |unit| environments::set_default(unit, other)).unwrap();
    assert_eq!(record(db, &context, bare()).unwrap().environment_id, other);
    let again = CreateTenantRecord {
        id: Some(one.id),
        ..bare()
    };
    match record(db, &context, again) {
        Err(Error::Invalid(faults)) => assert_eq!(faults[0].kind, FaultKind::AlreadyUsed),
        other => panic!("{other:?}"),
    }
    assert_eq!(count(&**db), 2);
}

/// A reader that has come to the end of a list finds there what is made later.
pub(crate) fn a_clock_that_is_set_back_hides_no_tenant(db: &TestDatabase) {
    let context = context();
    reference_environment(db, &context);
    let page = |after| {
        let request = PageRequest {
            after,
            ..PageRequest::default()
        };
        port::read::<_, Error>(&**db, |unit| tenants::list(unit, &ALL, request)).unwrap()
    };
    create(db, &context, command(&context, "before")).unwrap();
    let end = page(None).next;

    let yesterday = context_at(instant("2025-12-31T00:00:00Z"));
    let made = create(db, &yesterday, command(&context, "after")).unwrap();
    let found: Vec<_> = page(end)
        .tenants
        .into_iter()
        .map(|tenant| tenant.id)
        .collect();
    assert_eq!(found, [made.tenant.id]);
}

/// The tenant that had the id before keeps its host; the id is free all the same.
pub(crate) fn an_id_that_was_given_up_can_be_used_again(db: &TestDatabase) {
    let context = context();
    reference_environment(db, &context);
    let make = |id| {
        let command = CreateTenantRecord {
            id,
            data: data("{}"),
            version: version(1),
        };
        record(db, &context, command)
    };
    let first = make(None).unwrap();
    let change = ReplaceTenantRecord {
        id: Some(make(None).unwrap().id),
        data: None,
        version: first.version,
    };
    let replace = |change| {
        port::write(&**db, |unit| {
            tenants::replace_record(unit, &context, first.id, &Precondition::None, change)
        })
    };
    let refused = replace(change.clone()).unwrap_err();
    assert!(
        matches!(&refused, Error::Invalid(faults) if faults[0].kind == FaultKind::AlreadyUsed),
        "{refused}"
    );
    let fresh = TenantId::generate(first.created_at, &*context.entropy);
    let moved = replace(ReplaceTenantRecord {
        id: Some(fresh),
        ..change
    })
    .unwrap();
    assert_eq!(
        (moved.id, moved.label.clone()),
        (fresh, first.label.clone())
    );

    let second = make(Some(first.id)).unwrap();
    assert_eq!(second.id, first.id);
    assert_ne!(second.label, first.label);
    let refused = make(Some(first.id)).unwrap_err();
    assert!(
        matches!(&refused, Error::Invalid(faults) if faults[0].member == "uuid"),
        "{refused}"
    );
}

pub(crate) fn bootstrap_fills_an_empty_database_once(db: &TestDatabase) {
    let context = context();
    let bootstrap = || Bootstrap {
        environments: vec![create_reference_environment(), create_environment("other")],
        client: CreateManagementClient {
            credentials: credentials(&context),
            name: name("First"),
            scopes: ManagementScope::ALL.to_vec(),
            access: EnvironmentAccess::All,
        },
        username: Username::parse("system").unwrap(),
        password_hash: SecretHash::new("$hash".to_owned()),
        key: key(1),
    };
    // As two servers do that start on one empty database.
    let others = [db.open_again(), db.open_again()];
    let ran = std::thread::scope(|scope| {
        let start = |store| {
            let (bootstrap, context) = (bootstrap(), &context);
            scope.spawn(move || {
                port::write::<_, Error>(store, |unit| {
                    let needed = bootstrap::is_needed(unit)?;
                    if needed {
                        bootstrap::run(unit, context, bootstrap)?;
                    }
                    Ok(needed)
                })
                .unwrap()
            })
        };
        let running = [start(&others[0]), start(&others[1])];
        running.map(|thread| thread.join().unwrap())
    });
    assert!(ran[0] ^ ran[1], "{ran:?}");
    read(&**db, |unit| {
        let default = unit.environments().default()?.unwrap();
        assert_eq!(Some(default.id), create_reference_environment().id);
        assert!(unit.clients().any_of_operator()? && unit.accounts().any()?);
        assert_eq!(unit.keys().all()?, [key(1)]);
        Ok(())
    });
    // Half of one is none.
    let mut unit = db.begin().unwrap();
    assert!(bootstrap::run(&mut *unit, &context, bootstrap()).is_err());
    drop(unit);
    assert_eq!(
        kinds(db),
        [
            "environment.created",
            "environment.created",
            "client.created"
        ]
    );
}

pub(crate) fn faults_of_unique_names_point_at_their_member(db: &TestDatabase) {
    let context = context();
    reference_environment(db, &context);
    create(db, &context, command(&context, "one")).unwrap();
    let member = |error: Error| match error {
        Error::Invalid(faults) => faults[0].member.clone(),
        other => panic!("{other:?}"),
    };
    let again = create(db, &context, command(&context, "one")).unwrap_err();
    assert_eq!(member(again), "subdomain");
    let environment = |change: fn(&mut environments::CreateEnvironment)| {
        let mut command = create_environment("other");
        change(&mut command);
        let made =
            port::write::<_, Error>(&**db, |unit| environments::create(unit, &context, command));
        member(made.unwrap_err())
    };
    let reference = |command: &mut environments::CreateEnvironment| {
        command.domain = create_reference_environment().domain;
    };
    assert_eq!(environment(reference), "domain");
    assert_eq!(
        environment(|command| command.tenant_domain = create_reference_environment().tenant_domain),
        "tenantDomain"
    );
    assert_eq!(
        environment(|command| command.id = create_reference_environment().id),
        "id"
    );
}
