//! Makes checked settings of what was given.

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use secrecy::SecretString;
use tenantry_domain::{
    account::Username,
    client::{ClientId, ClientSecret},
    environment::{AuthorizationServerDomain, DeploymentModel},
    name::Name,
    subdomain::{DomainName, ReservedLabels},
    usecase::environments::{CreateEnvironment, RegionChoice},
    webhook::{RetryPolicy, TargetPolicy},
};
use tenantry_storage::{DatabaseUrl, Synchronous};

use super::{
    BootstrapSettings, DatabaseSettings, EventSettings, Listen, LogFormat, LogSettings,
    MasterKeySource, Origin, PublicUrl, RawValue, SettingError, Settings, Sources,
    SystemCreateStatus, TlsFiles, WebhookSettings, environments_file, table::Key,
};

/// Checks all that was given, and fills in the defaults.
pub(super) fn read(sources: &Sources) -> Result<Settings, SettingError> {
    let reader = Reader(sources);
    let listen = reader
        .optional(Key::Listen, Listen::parse)?
        .unwrap_or_else(|| Listen::Address(([127, 0, 0, 1], 8080).into()));
    let tls = read_tls(&reader, &listen)?;
    let public_url = reader.optional(Key::PublicUrl, PublicUrl::parse)?;
    let data_dir = reader
        .optional(Key::DataDir, parse_path)?
        .unwrap_or_else(|| PathBuf::from("./tenantry-data"));
    let mut warnings = sources.warnings().to_vec();
    let host = match (&public_url, listen.address()) {
        (Some(url), _) => url.clone(),
        (None, Some(address)) => {
            let own = PublicUrl::of_address(address, tls.is_some());
            if address.ip().is_unspecified() {
                warnings.push(format!(
                    "TENANTRY_PUBLIC_URL is not set: tokens and links will name {own}, \
                     which no client can reach"
                ));
            }
            own
        }
        (None, None) => {
            let problem = "must be given where TENANTRY_LISTEN is a socket, which has no URL";
            return Err(reader.fault(Key::PublicUrl, problem, None));
        }
    };
    if let Some(url) = public_url.as_ref().filter(|url| !url.is_encrypted())
        && tls.is_some()
    {
        warnings.push(format!(
            "TENANTRY_PUBLIC_URL is {url}, but the server speaks https:// alone"
        ));
    }
    Ok(Settings {
        listen,
        tls,
        database: read_database(&reader, &data_dir)?,
        master_key: read_master_key(&reader, &data_dir)?,
        bootstrap: read_bootstrap(&reader, &host)?,
        public_url,
        data_dir,
        token_ttl: reader.number(Key::TokenTtl, 1, 31_536_000, 86_400)?,
        log: read_log(&reader)?,
        system_create_status: reader
            .optional(Key::SystemCreateStatus, parse_create_status)?
            .unwrap_or(SystemCreateStatus::Ok),
        cors_origins: read_cors_origins(&reader)?,
        reserved: read_reserved(&reader)?,
        failed_logins_per_client: reader.number(Key::FailedLoginsPerClient, 1, 1_000_000, 10)?,
        failed_logins_per_address: reader.number(Key::FailedLoginsPerAddress, 1, 1_000_000, 100)?,
        stream_heartbeat: reader.number(Key::StreamHeartbeat, 1, 300, 15)?,
        events: EventSettings {
            are_on: reader.optional(Key::Events, parse_switch)?.unwrap_or(true),
            retention_days: reader.number(Key::EventRetentionDays, 1, 36_500, 30)?,
        },
        webhooks: read_webhooks(&reader)?,
        warnings,
    })
}

struct Reader<'a>(&'a Sources);

impl Reader<'_> {
    fn origin(&self, key: Key) -> &Origin {
        self.0
            .get(key)
            .map_or(&Origin::Default, |given| &given.origin)
    }

    fn fault(&self, key: Key, problem: impl Display, value: Option<&str>) -> SettingError {
        SettingError::of(key, self.origin(key), problem, value)
    }

    fn optional<T, E: Display>(
        &self,
        key: Key,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, SettingError> {
        let Some(given) = self.0.get(key) else {
            return Ok(None);
        };
        match &given.value {
            RawValue::Text(text) if text.is_empty() => {
                Err(self.fault(key, "must not be empty", None))
            }
            RawValue::Text(text) => parse(text)
                .map(Some)
                .map_err(|problem| self.fault(key, problem, Some(text))),
            RawValue::List(_) => Err(self.fault(key, "must not be a list", None)),
        }
    }

    /// The entries of a list, without white space around them and without empty ones.
    fn list(&self, key: Key) -> Option<Vec<&str>> {
        let entries: Vec<&str> = match &self.0.get(key)?.value {
            RawValue::Text(text) => text.split(',').map(str::trim).collect(),
            RawValue::List(items) => items.iter().map(|item| item.trim()).collect(),
        };
        Some(
            entries
                .into_iter()
                .filter(|entry| !entry.is_empty())
                .collect(),
        )
    }

    fn number<T>(&self, key: Key, least: T, most: T, default: T) -> Result<T, SettingError>
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let parse = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            match text.parse() {
                Ok(number) if digits && least <= number && number <= most => Ok(number),
                _ => Err(format!("must be a whole number from {least} to {most}")),
            }
        };
        Ok(self.optional(key, parse)?.unwrap_or(default))
    }
}

fn parse_path(text: &str) -> Result<PathBuf, &'static str> {
    if text.contains('\0') {
        return Err("must be a path");
    }
    Ok(PathBuf::from(text))
}

fn parse_switch(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("must be `on` or `off`"),
    }
}

fn parse_create_status(text: &str) -> Result<SystemCreateStatus, &'static str> {
    match text {
        "200" => Ok(SystemCreateStatus::Ok),
        "201" => Ok(SystemCreateStatus::Created),
        _ => Err("must be 200 or 201"),
    }
}

fn read_tls(reader: &Reader<'_>, listen: &Listen) -> Result<Option<TlsFiles>, SettingError> {
    let certificate = reader.optional(Key::TlsCert, parse_path)?;
    let key = reader.optional(Key::TlsKey, parse_path)?;
    let alone = |key, missing: Key| {
        let problem = format!("must be given together with {}", missing.variable());
        Err(reader.fault(key, problem, None))
    };
    match (certificate, key) {
        (Some(_), Some(_)) if listen.address().is_none() => {
            let problem = "must not be given where TENANTRY_LISTEN is a socket: \
                           what connects there is on this machine";
            Err(reader.fault(Key::TlsCert, problem, None))
        }
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        (Some(_), None) => alone(Key::TlsCert, Key::TlsKey),
        (None, Some(_)) => alone(Key::TlsKey, Key::TlsCert),
    }
}

fn read_database(reader: &Reader<'_>, data_dir: &Path) -> Result<DatabaseSettings, SettingError> {
    let default = || DatabaseUrl::sqlite(data_dir.join("tenantry.db"));
    let given = reader.optional(Key::DatabaseUrl, DatabaseUrl::parse)?;
    let parse_synchronous = |text: &str| match text {
        "full" => Ok(Synchronous::Full),
        "normal" => Ok(Synchronous::Normal),
        _ => Err("must be `full` or `normal`"),
    };
    Ok(DatabaseSettings {
        url: given.unwrap_or_else(default),
        sqlite_readers: reader.number(Key::SqliteReaders, 1, 64, 4)?,
        sqlite_synchronous: reader
            .optional(Key::SqliteSynchronous, parse_synchronous)?
            .unwrap_or(Synchronous::Full),
        postgres_pool: reader.number(Key::PostgresPool, 2, 1000, 10)?,
    })
}

fn read_master_key(reader: &Reader<'_>, data_dir: &Path) -> Result<MasterKeySource, SettingError> {
    let file = reader.optional(Key::MasterKeyFile, parse_path)?;
    let inline = reader.optional(Key::MasterKey, |text| {
        tenantry_auth::master_key::MasterKey::parse(text).map(|_| SecretString::from(text))
    })?;
    match (inline, file) {
        (Some(_), Some(_)) => {
            let problem = "must not be given together with TENANTRY_MASTER_KEY_FILE";
            Err(reader.fault(Key::MasterKey, problem, None))
        }
        (Some(key), None) => Ok(MasterKeySource::Inline(key)),
        (None, Some(path)) => Ok(MasterKeySource::File(path)),
        (None, None) => Ok(MasterKeySource::File(data_dir.join("master.key"))),
    }
}

fn read_bootstrap(
    reader: &Reader<'_>,
    public_url: &PublicUrl,
) -> Result<BootstrapSettings, SettingError> {
    let host = AuthorizationServerDomain::parse(public_url.host())
        .map_err(|problem| reader.fault(Key::PublicUrl, problem, Some(public_url.as_str())))?;
    let environments = reader.optional(Key::EnvironmentsFile, |path| {
        let bytes = fs::read(path).map_err(|error| format!("can't be read: {error}"))?;
        environments_file::parse(&bytes, &host).map_err(|fault| fault.to_string())
    })?;
    let environments = match environments {
        Some(environments) => environments,
        None => vec![
            local_environment(&host)
                .map_err(|problem| reader.fault(Key::EnvironmentsFile, problem, None))?,
        ],
    };
    Ok(BootstrapSettings {
        client_id: reader.optional(Key::BootstrapClientId, ClientId::parse)?,
        client_secret: reader.optional(Key::BootstrapClientSecret, ClientSecret::parse)?,
        username: reader.optional(Key::SystemUsername, Username::parse)?,
        password: reader.optional(Key::SystemPassword, parse_password)?,
        environments,
        authorization_server_domain: host,
    })
}

/// The environment that is made where the operator names none: its tenants' hosts
/// resolve to this machine everywhere (RFC 6761 §6.3).
fn local_environment(host: &AuthorizationServerDomain) -> Result<CreateEnvironment, String> {
    let name = |text| Name::parse(text).map_err(|fault| fault.to_string());
    Ok(CreateEnvironment {
        id: None,
        name: name("Local")?,
        domain: DomainName::parse(".tenants.localhost").map_err(|fault| fault.to_string())?,
        tenant_domain: None,
        authorization_server_domain: host.clone(),
        deployment_model: DeploymentModel::Public,
        region: RegionChoice::Named {
            id: None,
            name: name("LOCAL")?,
            display_name: name("Local")?,
        },
    })
}

fn parse_password(text: &str) -> Result<SecretString, &'static str> {
    // Control characters can't stand in Basic credentials (RFC 7617 §2), and what
    // costs a hash may not be of any length.
    if text.chars().any(char::is_control) || text.len() > 1024 {
        return Err("must be 1 to 1024 bytes without control characters");
    }
    Ok(SecretString::from(text))
}

fn read_log(reader: &Reader<'_>) -> Result<LogSettings, SettingError> {
    let parse_format = |text: &str| match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be `text` or `json`"),
    };
    Ok(LogSettings {
        filter: reader.optional(Key::Log, |text| {
            crate::telemetry::check_filter(text).map(|()| text.to_owned())
        })?,
        format: reader
            .optional(Key::LogFormat, parse_format)?
            .unwrap_or(LogFormat::Text),
    })
}

fn read_webhooks(reader: &Reader<'_>) -> Result<WebhookSettings, SettingError> {
    /// No wait is longer than a month, and no webhook fails for longer than a year unnoticed.
    const MONTH: u32 = 2_592_000;
    const YEAR: u32 = 31_536_000;
    let allow_private = reader.optional(Key::WebhookAllowPrivate, |text| match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be `true` or `false`"),
    })?;
    let delays = reader.list(Key::WebhookRetryDelays).map(|entries| {
        let delays: Vec<u32> = entries
            .iter()
            .map_while(|entry| entry.parse().ok().filter(|seconds| (1..=MONTH).contains(seconds)))
            .collect();
        let is_whole = delays.len() == entries.len() && (1..=32).contains(&delays.len());
        is_whole.then_some(delays).ok_or_else(|| {
            let problem = format!(
                "must be 1 to 32 whole numbers of seconds from 1 to {MONTH}, with commas between them"
            );
            reader.fault(Key::WebhookRetryDelays, problem, None)
        })
    });
    let delays = delays.transpose()?;
    Ok(WebhookSettings {
        targets: TargetPolicy {
            allow_private: allow_private.unwrap_or(false),
        },
        ca_file: reader.optional(Key::WebhookCaFile, parse_path)?,
        timeout: Duration::from_secs(reader.number(Key::WebhookTimeout, 1, 60, 10)?),
        retries: RetryPolicy::new(
            delays.unwrap_or_else(|| RetryPolicy::DELAYS.to_vec()),
            reader.number(
                Key::WebhookGiveUpAfter,
                1,
                MONTH,
                RetryPolicy::GIVE_UP_AFTER,
            )?,
            reader.number(
                Key::WebhookDisableAfter,
                1,
                YEAR,
                RetryPolicy::DISABLE_AFTER,
            )?,
        ),
        retention: 86_400 * reader.number(Key::WebhookRetentionDays, 1, 365, 7)?,
    })
}

fn read_cors_origins(reader: &Reader<'_>) -> Result<Vec<String>, SettingError> {
    let entries = reader.list(Key::CorsOrigins).unwrap_or_default();
    entries
        .into_iter()
        .map(|entry| match PublicUrl::parse_origin(entry) {
            Ok(_) => Ok(entry.to_owned()),
            Err(problem) => Err(reader.fault(Key::CorsOrigins, problem, Some(entry))),
        })
        .collect()
}

fn read_reserved(reader: &Reader<'_>) -> Result<ReservedLabels, SettingError> {
    let Some(entries) = reader.list(Key::ReservedSubdomains) else {
        return Ok(ReservedLabels::default());
    };
    ReservedLabels::new(entries).map_err(|entry| {
        let problem = "must list subdomain labels, with commas between them";
        reader.fault(Key::ReservedSubdomains, problem, Some(entry))
    })
}
