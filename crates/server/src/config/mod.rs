//! What the operator can set, and from where it is taken.
//!
//! A flag wins over an environment variable, that over the settings file, that over
//! the default. All of it is read and checked before the program does anything else,
//! so that a bad value never leaves something half made.

mod environments_file;
mod error;
mod listen;
mod public_url;
mod reader;
mod sources;
pub mod table;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use secrecy::SecretString;
use tenantry_domain::{
    account::Username,
    client::{ClientId, ClientSecret},
    environment::AuthorizationServerDomain,
    subdomain::ReservedLabels,
    usecase::environments::CreateEnvironment,
    webhook::{RetryPolicy, TargetPolicy},
};

pub use self::{
    error::{Origin, SettingError},
    listen::{Listen, ListenFault},
    public_url::PublicUrl,
    sources::{Flags, Given, RawValue, Sources},
};

/// All settings, checked.
#[derive(Debug)]
pub struct Settings {
    /// Where to listen.
    pub listen: Listen,
    /// The certificate that whoever connects is shown; `None` for plain text.
    pub tls: Option<TlsFiles>,
    /// The URL under which clients reach the server; `None` for the address that it
    /// really listens on, which is not a socket then.
    pub public_url: Option<PublicUrl>,
    /// The directory for everything that is kept in files.
    pub data_dir: PathBuf,
    /// The database.
    pub database: DatabaseSettings,
    /// Where the master key is.
    pub master_key: MasterKeySource,
    /// What the first start makes.
    pub bootstrap: BootstrapSettings,
    /// How many seconds an access token lives.
    pub token_ttl: u32,
    /// What is logged, and how.
    pub log: LogSettings,
    /// What a create on the system API answers.
    pub system_create_status: SystemCreateStatus,
    /// The origins of browsers' pages that may call.
    pub cors_origins: Vec<String>,
    /// The labels that no tenant may take.
    pub reserved: ReservedLabels,
    /// How often a minute one client may fail to authenticate from one address.
    pub failed_logins_per_client: u32,
    /// How often a minute one address may fail to authenticate.
    pub failed_logins_per_address: u32,
    /// How many seconds a stream of changes is silent at the most.
    pub stream_heartbeat: u32,
    /// Whether requests are told of in events, and for how long.
    pub events: EventSettings,
    /// How webhooks are delivered to.
    pub webhooks: WebhookSettings,
    /// What is odd, but no reason to refuse; to be logged once logging works.
    pub warnings: Vec<String>,
}

/// The files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and behind it those that have signed it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Which database, and how it is used.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// Where it is.
    pub url: tenantry_storage::DatabaseUrl,
    /// How many connections read from SQLite.
    pub sqlite_readers: u32,
    /// How durable a commit on SQLite is.
    pub sqlite_synchronous: tenantry_storage::Synchronous,
    /// How many connections there are to a PostgreSQL server, at the most.
    pub postgres_pool: u32,
}

/// Whether requests are told of in events, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSettings {
    /// Whether they are. What was told before stays, for as long as it is kept.
    pub are_on: bool,
    /// How many days an event is kept.
    pub retention_days: u32,
}

/// How webhooks are delivered to.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// Where they may lead.
    pub targets: TargetPolicy,
    /// A file of certificates that receivers are trusted by, beside the machine's own.
    pub ca_file: Option<PathBuf>,
    /// How long a delivery may take.
    pub timeout: Duration,
    /// When what has failed is tried again.
    pub retries: RetryPolicy,
    /// For how many seconds a finished delivery is kept.
    pub retention: u32,
}

/// Where the master key is.
#[derive(Clone, Debug)]
pub enum MasterKeySource {
    /// In the settings themselves.
    Inline(SecretString),
    /// In a file.
    File(PathBuf),
}

/// What the first start makes. What is not given is generated.
#[derive(Clone, Debug)]
pub struct BootstrapSettings {
    /// The first management client's id.
    pub client_id: Option<ClientId>,
    /// Its secret.
    pub client_secret: Option<ClientSecret>,
    /// The first system account's name.
    pub username: Option<Username>,
    /// Its password.
    pub password: Option<SecretString>,
    /// The environments; the first becomes the default.
    pub environments: Vec<CreateEnvironment>,
    /// The host that issues tokens for an environment that names none.
    pub authorization_server_domain: AuthorizationServerDomain,
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// A filter that `tracing-subscriber` takes; `None` for the default.
    pub filter: Option<String>,
    /// The form.
    pub format: LogFormat,
}

/// In which form the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// What a create on the system API answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemCreateStatus {
    /// 200, as the reference shows.
    Ok,
    /// 201, for clients that want that.
    Created,
}

impl Settings {
    /// The URL of a server that is reached at the address it listens on.
    pub fn url_of(&self, address: SocketAddr) -> PublicUrl {
        PublicUrl::of_address(address, self.tls.is_some())
    }

    /// Collects and checks the settings of this process.
    pub fn load(flags: &Flags) -> Result<Self, SettingError> {
        let variables = sources::process_variables();
        Self::check(&Sources::gather(flags, variables, ".".as_ref())?)
    }

    /// Checks what was given, and fills in the defaults.
    pub fn check(sources: &Sources) -> Result<Self, SettingError> {
        reader::read(sources)
    }
}

#[cfg(test)]
pub(crate) mod tests;
