//! First starts on real databases.

use std::{os::unix::fs::MetadataExt, sync::Arc};

use tenantry_domain::{
    client::ClientId,
    port::{
        AccountRepository, AnswerRepository, ChangeLog, ClientRepository, EnvironmentRepository,
        EventRepository, Group, KeyRepository, ServerSecretRepository, Snapshot, TenantRepository,
        TokenRepository, WebhookRepository, read,
    },
    scope::ScopeSet,
};
use tenantry_storage::Database;

use super::*;
use crate::{
    config::{MasterKeySource, tests::settings},
    startup,
};

struct Place {
    directory: tempfile::TempDir,
    settings: Settings,
    database: Database,
    world: World,
}

impl Place {
    fn with(variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data_dir = ("DATA_DIR", directory.path().to_str().unwrap());
        let settings = settings(directory.path(), &[variables, &[data_dir]].concat()).unwrap();
        let database = startup::open_database(&settings).unwrap();
        database.migrate().unwrap();
        Self {
            directory,
            settings,
            database,
            world: World::real(),
        }
    }

    fn start(&self) -> Result<Option<FirstStart>, Failure> {
        ensure(&self.database, &self.settings, &self.world)
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join(CREDENTIALS_FILE)
    }

    fn credentials(&self) -> BTreeMap<String, String> {
        serde_json::from_slice(&fs::read(self.file()).unwrap()).unwrap()
    }

    fn look<T>(&self, look: impl FnOnce(&mut dyn Snapshot) -> Result<T, StoreError>) -> T {
        read(&self.database, look).unwrap()
    }
}

#[test]
fn the_first_start_fills_the_database_and_the_second_changes_nothing() {
    let place = Place::with(&[]);
    let first = place.start().unwrap().unwrap();
    let generated = first.credentials.unwrap();
    assert_eq!(generated.file, place.file());
    assert_eq!(fs::metadata(place.file()).unwrap().mode() & 0o7777, 0o600);
    let credentials = place.credentials();
    let members: Vec<_> = credentials.keys().map(String::as_str).collect();
    let all = [
        "clientId",
        "clientSecret",
        "systemPassword",
        "systemUsername",
    ];
    assert_eq!(members, all);
    assert_eq!(generated.members, all);
    assert_eq!(credentials["systemUsername"], "system");
    assert_eq!(credentials["systemPassword"].len(), 32);

    let id = ClientId::parse(&credentials["clientId"]).unwrap();
    let client = place.look(|unit| unit.clients().known(&id)).unwrap().client;
    assert_eq!(client.scopes, ScopeSet::all_management());
    let default = place.look(|unit| unit.environments().default()).unwrap();
    assert_eq!(default.name.as_str(), "Local");
    assert_eq!(place.look(|unit| unit.keys().all()).len(), 1);
    startup::open_keys(&place.database, &place.settings.master_key).unwrap();

    assert_eq!(place.start().unwrap(), None);
    assert_eq!(place.credentials(), credentials);
    assert_eq!(place.look(|unit| unit.keys().all()).len(), 1);
}

#[test]
fn given_credentials_are_used_and_not_written_down() {
    let secret = "0123456789abcdef0123456789abcdef";
    let place = Place::with(&[
        ("BOOTSTRAP_CLIENT_ID", "me"),
        ("BOOTSTRAP_CLIENT_SECRET", secret),
        ("SYSTEM_PASSWORD", "chosen"),
    ]);
    assert_eq!(
        place.start().unwrap(),
        Some(FirstStart { credentials: None })
    );
    assert!(!place.file().exists());
    let id = ClientId::parse("me").unwrap();
    let known = place.look(|unit| unit.clients().known(&id)).unwrap();
    let hash = &known.secrets[0].hash;
    let verdict = place.world.hasher.verify_client_secret(secret, hash);
    assert!(!matches!(verdict, tenantry_auth::hashing::Verdict::Wrong));
    let username = Username::parse("system").unwrap();
    assert!(
        place
            .look(|unit| unit.accounts().by_username(&username))
            .is_some()
    );
}

#[test]
fn only_what_was_generated_is_written_down() {
    let place = Place::with(&[("BOOTSTRAP_CLIENT_ID", "me"), ("SYSTEM_USERNAME", "ops")]);
    place.start().unwrap();
    let credentials = place.credentials();
    let members: Vec<_> = credentials.keys().map(String::as_str).collect();
    assert_eq!(members, ["clientSecret", "systemPassword"]);
}

#[test]
fn of_many_first_starts_one_fills_the_database() {
    let place = Arc::new(Place::with(&[]));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let place = Arc::clone(&place);
            std::thread::spawn(move || {
                // Another process has connections of its own.
                let database = startup::open_database(&place.settings).unwrap();
                ensure(&database, &place.settings, &place.world).unwrap()
            })
        })
        .collect();
    let filled = threads.into_iter().map(|thread| thread.join().unwrap());
    assert_eq!(filled.flatten().count(), 1);
    let id = ClientId::parse(&place.credentials()["clientId"]).unwrap();
    assert!(place.look(|unit| unit.clients().known(&id)).is_some());
}

#[test]
fn another_master_key_does_not_open_the_keys() {
    let place = Place::with(&[]);
    place.start().unwrap();
    let other = MasterKeySource::Inline("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".into());
    let failure = startup::open_keys(&place.database, &other).unwrap_err();
    assert_eq!(failure.status(), 2);
    let text = failure.to_string();
    assert!(
        text.starts_with("TENANTRY_MASTER_KEY: the key does not open"),
        "{text}"
    );
}

#[test]
fn credentials_of_a_start_that_failed_are_taken_back() {
    let place = Place::with(&[]);
    let refusing = Refusing {
        store: place.database.clone(),
        error: || StoreError::Unavailable("the disk is full".to_owned()),
    };
    let failure = ensure(&refusing, &place.settings, &place.world).unwrap_err();
    assert_eq!(failure.status(), 2);
    assert!(!place.file().exists());
    assert!(
        place.start().unwrap().is_some(),
        "the database is still empty"
    );
}

#[test]
fn credentials_that_may_be_the_ones_that_count_are_kept() {
    let place = Place::with(&[]);
    let refusing = Refusing {
        store: place.database.clone(),
        error: || StoreError::OutcomeUnknown("the connection was lost".to_owned()),
    };
    ensure(&refusing, &place.settings, &place.world).unwrap_err();
    assert!(place.file().exists());
}

/// A store whose commits fail.
struct Refusing {
    store: Database,
    error: fn() -> StoreError,
}

struct RefusingUnit {
    unit: Box<dyn UnitOfWork>,
    error: fn() -> StoreError,
}

impl Store for Refusing {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.store.snapshot()
    }

    fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Ok(Box::new(RefusingUnit {
            unit: self.store.begin()?,
            error: self.error,
        }))
    }

    fn begin_group(&self) -> Result<Box<dyn Group>, StoreError> {
        self.store.begin_group()
    }

    fn check(&self) -> Result<(), StoreError> {
        self.store.check()
    }
}

impl UnitOfWork for RefusingUnit {
    fn environments(&mut self) -> &mut dyn EnvironmentRepository {
        self.unit.environments()
    }

    fn tenants(&mut self) -> &mut dyn TenantRepository {
        self.unit.tenants()
    }

    fn clients(&mut self) -> &mut dyn ClientRepository {
        self.unit.clients()
    }

    fn accounts(&mut self) -> &mut dyn AccountRepository {
        self.unit.accounts()
    }

    fn keys(&mut self) -> &mut dyn KeyRepository {
        self.unit.keys()
    }

    fn tokens(&mut self) -> &mut dyn TokenRepository {
        self.unit.tokens()
    }

    fn answers(&mut self) -> &mut dyn AnswerRepository {
        self.unit.answers()
    }

    fn server_secrets(&mut self) -> &mut dyn ServerSecretRepository {
        self.unit.server_secrets()
    }

    fn webhooks(&mut self) -> &mut dyn WebhookRepository {
        self.unit.webhooks()
    }

    fn changes(&mut self) -> &mut dyn ChangeLog {
        self.unit.changes()
    }

    fn events(&mut self) -> &mut dyn EventRepository {
        self.unit.events()
    }

    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        Err((self.error)())
    }
}
