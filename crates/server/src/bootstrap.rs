//! The first start on an empty database.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use tenantry_auth::{credentials, keys, master_key::MasterKey};
use tenantry_domain::{
    account::Username,
    client::ClientSecret,
    environment::EnvironmentAccess,
    key::SigningAlgorithm,
    name::Name,
    port::{Entropy, Store, StoreError, UnitOfWork},
    scope::ManagementScope,
    usecase::{
        bootstrap,
        clients::{CreateManagementClient, NewCredentials},
    },
};

use crate::{
    config::{BootstrapSettings, Settings, table::Key},
    failure::{Failure, with_causes},
    files, master_key,
    world::World,
};

/// What a first start has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FirstStart {
    /// The credentials that were generated, if any were.
    pub(crate) credentials: Option<GeneratedCredentials>,
}

/// Where generated credentials are, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GeneratedCredentials {
    /// The file.
    pub(crate) file: PathBuf,
    /// The names of its members.
    pub(crate) members: Vec<&'static str>,
}

impl fmt::Display for FirstStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.credentials {
            Some(generated) => write!(
                f,
                "first start: the generated credentials are in {}",
                generated.file.display()
            ),
            None => f.write_str("first start: the database is filled"),
        }
    }
}

/// The name of the file with the generated credentials.
pub(crate) const CREDENTIALS_FILE: &str = "bootstrap-credentials.json";

/// Fills the database if it is empty, in one unit of work, and tells what it has made.
///
/// Of several processes that start on one empty database exactly one fills it; the
/// unit of work makes the others wait, and then they find it filled. A unit is opened
/// on every start, so that a database that can't be written is found out before
/// anything is listened on.
pub(crate) fn ensure(
    store: &dyn Store,
    settings: &Settings,
    world: &World,
) -> Result<Option<FirstStart>, Failure> {
    let mut unit = store.begin().map_err(|error| Failure::database(&error))?;
    let is_needed = bootstrap::is_needed(&mut *unit).map_err(|error| Failure::database(&error))?;
    if !is_needed {
        return Ok(None);
    }
    let master_key = master_key::load_or_make(&settings.master_key, &*world.entropy)?;
    let (command, generated) = prepare(settings, world, &master_key)?;
    bootstrap::run(&mut *unit, &world.context(settings), command)
        .map_err(|error| Failure::of_use_case(&error))?;
    let path = settings.data_dir.join(CREDENTIALS_FILE);
    commit(unit, &generated, &path, &*world.entropy)
}

/// What was generated, as it is written to the file. What the operator has given is
/// not in it: the operator has it.
#[derive(Default)]
struct Generated(BTreeMap<&'static str, SecretString>);

/// The members that the file can have.
pub(crate) mod member {
    pub(crate) const CLIENT_ID: &str = "clientId";
    pub(crate) const CLIENT_SECRET: &str = "clientSecret";
    pub(crate) const SYSTEM_USERNAME: &str = "systemUsername";
    pub(crate) const SYSTEM_PASSWORD: &str = "systemPassword";
}

impl Generated {
    fn put(&mut self, member: &'static str, value: &str) {
        self.0.insert(member, SecretString::from(value));
    }

    /// The file's content: one member a line, so that `sed` can read it where there is
    /// no `jq`.
    fn to_json(&self) -> Result<SecretString, serde_json::Error> {
        let members: BTreeMap<_, _> = self
            .0
            .iter()
            .map(|(&member, value)| (member, value.expose_secret()))
            .collect();
        serde_json::to_string_pretty(&members).map(|text| SecretString::from(text + "\n"))
    }
}

/// Writes the credentials to the disk and then commits, in that order: a crash in
/// between leaves credentials that nothing knows, and the next start replaces them;
/// the other order could leave a database that nobody can enter.
fn commit(
    unit: Box<dyn UnitOfWork>,
    generated: &Generated,
    path: &Path,
    entropy: &dyn Entropy,
) -> Result<Option<FirstStart>, Failure> {
    if generated.0.is_empty() {
        unit.commit().map_err(|error| uncommitted(&error))?;
        return Ok(Some(FirstStart { credentials: None }));
    }
    let unwritten = |problem: &str| {
        let problem = format!("{} can't be written: {problem}", path.display());
        Failure::setting(Key::DataDir, &problem)
    };
    let text = generated
        .to_json()
        .map_err(|error| unwritten(&error.to_string()))?;
    files::write_private(path, text.expose_secret().as_bytes(), entropy)
        .map_err(|error| unwritten(&error.to_string()))?;
    match unit.commit() {
        Ok(()) => Ok(Some(FirstStart {
            credentials: Some(GeneratedCredentials {
                file: path.to_owned(),
                members: generated.0.keys().copied().collect(),
            }),
        })),
        Err(error) => {
            // Where the outcome is unknown the credentials may be the ones that count,
            // and after a failure another process may have written its own by now.
            let is_ours =
                || fs::read_to_string(path).is_ok_and(|found| found == text.expose_secret());
            if !matches!(error, StoreError::OutcomeUnknown(_)) && is_ours() {
                let _ = fs::remove_file(path);
            }
            Err(uncommitted(&error))
        }
    }
}

fn uncommitted(error: &StoreError) -> Failure {
    let problem = with_causes(error);
    let problem = format!("the first start could not be committed: {problem}");
    Failure::setting(Key::DatabaseUrl, &problem)
}

/// Generates what was not given, and hashes and seals all of it.
fn prepare(
    settings: &Settings,
    world: &World,
    master_key: &MasterKey,
) -> Result<(bootstrap::Bootstrap, Generated), Failure> {
    let token_ttl = settings.token_ttl;
    let settings = &settings.bootstrap;
    let mut generated = Generated::default();
    let credentials = client_credentials(settings, world, &mut generated);
    let username = match &settings.username {
        Some(username) => username.clone(),
        None => Username::parse("system").map_err(|error| Failure::command(&error.to_string()))?,
    };
    let password = settings.password.clone().unwrap_or_else(|| {
        let password = generate_password(&*world.entropy);
        generated.put(member::SYSTEM_PASSWORD, password.expose_secret());
        if settings.username.is_none() {
            generated.put(member::SYSTEM_USERNAME, username.as_str());
        }
        password
    });
    let now = world.clock.now();
    let algorithm = SigningAlgorithm::default();
    let key = keys::generate(algorithm, now, token_ttl, &*world.entropy, master_key)
        .map_err(|error| Failure::command(&with_causes(&error)))?;
    let name = Name::parse("Bootstrap client").map_err(|e| Failure::command(&e.to_string()))?;
    let command = bootstrap::Bootstrap {
        environments: settings.environments.clone(),
        client: CreateManagementClient {
            credentials,
            name,
            scopes: ManagementScope::ALL.to_vec(),
            access: EnvironmentAccess::All,
        },
        username,
        password_hash: world.hasher.hash_password(password.expose_secret()),
        key,
    };
    Ok((command, generated))
}

fn client_credentials(
    settings: &BootstrapSettings,
    world: &World,
    generated: &mut Generated,
) -> NewCredentials {
    let mut credentials = credentials::mint(&*world.entropy, &world.hasher);
    match &settings.client_id {
        Some(id) => credentials.client_id = id.clone(),
        None => generated.put(member::CLIENT_ID, credentials.client_id.as_str()),
    }
    match &settings.client_secret {
        Some(secret) => {
            credentials.hash = world.hasher.hash_client_secret(secret);
            credentials.secret = ClientSecret::clone(secret);
        }
        None => generated.put(member::CLIENT_SECRET, credentials.secret.expose()),
    }
    credentials
}

/// Draws a password of 192 random bits, written in letters, digits, `-` and `_`.
pub(crate) fn generate_password(entropy: &dyn Entropy) -> SecretString {
    let mut bytes = [0_u8; 24];
    entropy.fill(&mut bytes);
    SecretString::from(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests;
