//! The settings there are. This table drives the environment variables, the keys of
//! the file, the flags, their help, and what is suggested for a misspelt name.

/// What names a setting in this program: its place in [`TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The address and port to listen on, or a Unix socket.
    Listen,
    /// The certificate that the server shows.
    TlsCert,
    /// The private key of that certificate.
    TlsKey,
    /// The URL under which clients reach the server.
    PublicUrl,
    /// The directory for everything that is kept in files.
    DataDir,
    /// The database.
    DatabaseUrl,
    /// The file that holds the master key.
    MasterKeyFile,
    /// The master key itself.
    MasterKey,
    /// The first management client's id.
    BootstrapClientId,
    /// The first management client's secret.
    BootstrapClientSecret,
    /// The first system account's name.
    SystemUsername,
    /// The first system account's password.
    SystemPassword,
    /// The file with the first environments.
    EnvironmentsFile,
    /// How long a token lives.
    TokenTtl,
    /// What is logged.
    Log,
    /// In which form it is logged.
    LogFormat,
    /// The status of a create on the system API.
    SystemCreateStatus,
    /// The origins of browsers' pages that may call.
    CorsOrigins,
    /// The labels no tenant may take.
    ReservedSubdomains,
    /// How often a client may fail to authenticate from one address.
    FailedLoginsPerClient,
    /// How often an address may fail to authenticate.
    FailedLoginsPerAddress,
    /// How durable a commit on SQLite is.
    SqliteSynchronous,
    /// How many connections read from SQLite.
    SqliteReaders,
    /// How many connections there are to a PostgreSQL server.
    PostgresPool,
    /// How long a stream is silent at the most.
    StreamHeartbeat,
    /// Whether requests are told of in events.
    Events,
    /// How long events are kept.
    EventRetentionDays,
    /// Whether webhooks may lead to private addresses.
    WebhookAllowPrivate,
    /// Certificates that receivers of webhooks are trusted by.
    WebhookCaFile,
    /// How long a delivery to a webhook may take.
    WebhookTimeout,
    /// The waits between attempts to deliver.
    WebhookRetryDelays,
    /// For how long a delivery is tried.
    WebhookGiveUpAfter,
    /// After how much failure a webhook is disabled.
    WebhookDisableAfter,
    /// For how long finished deliveries are kept.
    WebhookRetentionDays,
}

impl Key {
    /// The environment variable of the setting.
    pub fn variable(self) -> String {
        Setting::of(self).variable()
    }
}

/// All settings, in the order of [`Key`].
pub const TABLE: [Setting; 34] = [
    setting(Key::Listen, "listen", "listen", "ADDRESS:PORT|unix:PATH")
        .default("127.0.0.1:8080")
        .help("Where to listen; port 0 takes a free one, unix:PATH makes a socket"),
    setting(Key::TlsCert, "tls_cert", "tls-cert", "FILE")
        .default("none: plain HTTP")
        .help("The server's certificate and those that have signed it, in PEM form; read again when it changes"),
    setting(Key::TlsKey, "tls_key", "tls-key", "FILE")
        .default("none")
        .help("The private key of that certificate, in PEM form"),
    setting(Key::PublicUrl, "public_url", "public-url", "URL")
        .default("http://<listen>, or https://")
        .help("The URL under which clients reach this server, without a trailing slash: issuer, audience and the base of every link"),
    setting(Key::DataDir, "data_dir", "data-dir", "DIR")
        .default("./tenantry-data")
        .help("Where the SQLite database, the master key and the first credentials are kept"),
    setting(Key::DatabaseUrl, "database_url", "database-url", "URL")
        .default("sqlite://<data dir>/tenantry.db")
        .help("The database: sqlite://<path>, or postgres:// with one host or several as libpq takes it")
        .value_hidden(),
    setting(Key::MasterKeyFile, "master_key_file", "master-key-file", "FILE")
        .default("<data dir>/master.key")
        .help("32 bytes in base64 that seal the signing keys; made on the first start"),
    setting(Key::MasterKey, "master_key", "", "KEY")
        .help("The master key itself, in place of the file")
        .secret(),
    setting(Key::BootstrapClientId, "bootstrap_client_id", "bootstrap-client-id", "ID")
        .default("generated")
        .help("The id of the first management client"),
    setting(Key::BootstrapClientSecret, "bootstrap_client_secret", "", "SECRET")
        .default("generated")
        .help("The secret of the first management client, 32 characters or more")
        .secret(),
    setting(Key::SystemUsername, "system_username", "system-username", "NAME")
        .default("system")
        .help("The name of the first system account"),
    setting(Key::SystemPassword, "system_password", "", "PASSWORD")
        .default("generated")
        .help("The password of the first system account")
        .secret(),
    setting(Key::EnvironmentsFile, "environments_file", "environments-file", "FILE")
        .default("none: one environment named Local")
        .help("A JSON array of the environments to make on the first start"),
    setting(Key::TokenTtl, "token_ttl", "token-ttl", "SECONDS")
        .default("86400")
        .help("How long an access token lives"),
    setting(Key::Log, "log", "log", "FILTER")
        .default("info")
        .help("What is logged to standard error, such as `warn` or `info,tenantry_http=debug`"),
    setting(Key::LogFormat, "log_format", "log-format", "FORMAT")
        .default("text")
        .help("`text` for people, `json` for machines"),
    setting(Key::SystemCreateStatus, "system_create_status", "system-create-status", "STATUS")
        .default("200")
        .help("What a create on the system API answers: 200 or 201"),
    setting(Key::CorsOrigins, "cors_origins", "cors-origins", "ORIGIN,…")
        .default("none")
        .help("The origins whose pages may call from a browser")
        .list(),
    setting(Key::ReservedSubdomains, "reserved_subdomains", "reserved-subdomains", "LABEL,…")
        .default("www, api, admin and the like")
        .help("The subdomains that no tenant may take, in place of the default list")
        .list(),
    setting(Key::FailedLoginsPerClient, "failed_logins_per_client", "failed-logins-per-client", "N")
        .default("10")
        .help("How often a minute one client or account may fail to authenticate from one address"),
    setting(Key::FailedLoginsPerAddress, "failed_logins_per_address", "failed-logins-per-address", "N")
        .default("100")
        .help("How often a minute one address may fail to authenticate"),
    setting(Key::SqliteSynchronous, "sqlite_synchronous", "sqlite-synchronous", "MODE")
        .default("full")
        .help("`full` keeps every acknowledged write through a power cut, `normal` may lose the last ones"),
    setting(Key::SqliteReaders, "sqlite_readers", "sqlite-readers", "N")
        .default("4")
        .help("How many connections read from SQLite beside the one that writes"),
    setting(Key::PostgresPool, "postgres_pool", "postgres-pool", "N")
        .default("10")
        .help("How many connections there are to PostgreSQL, at the most"),
    setting(Key::StreamHeartbeat, "stream_heartbeat", "stream-heartbeat", "SECONDS")
        .default("15")
        .help("How long a stream of changes is silent before a comment shows that it lives: 1 to 300"),
    setting(Key::Events, "events", "events", "SWITCH")
        .default("on")
        .help("`on` tells of every request in analytic events, `off` of none"),
    setting(Key::EventRetentionDays, "event_retention_days", "event-retention-days", "DAYS")
        .default("30")
        .help("How many days analytic events are kept"),
    setting(Key::WebhookAllowPrivate, "webhook_allow_private", "webhook-allow-private", "true|false")
        .default("false")
        .help("Whether webhooks may lead to private addresses, and be http://"),
    setting(Key::WebhookCaFile, "webhook_ca_file", "webhook-ca-file", "FILE")
        .default("none")
        .help("Certificates in PEM form that receivers of webhooks are trusted by, beside the machine's own"),
    setting(Key::WebhookTimeout, "webhook_timeout", "webhook-timeout", "SECONDS")
        .default("10")
        .help("How long a receiver may take to answer a delivery"),
    setting(Key::WebhookRetryDelays, "webhook_retry_delays", "webhook-retry-delays", "SECONDS,…")
        .default("5, 30, 120, 600, 1800, 3600, 7200, 14400")
        .help("How long to wait before each further attempt at a delivery; the last one is repeated")
        .list(),
    setting(Key::WebhookGiveUpAfter, "webhook_give_up_after", "webhook-give-up-after", "SECONDS")
        .default("86400")
        .help("For how long a delivery is tried before it is given up"),
    setting(Key::WebhookDisableAfter, "webhook_disable_after", "webhook-disable-after", "SECONDS")
        .default("432000")
        .help("After how much time of nothing but failures a webhook is disabled"),
    setting(Key::WebhookRetentionDays, "webhook_retention_days", "webhook-retention-days", "DAYS")
        .default("7")
        .help("How many days a delivery is kept that was delivered or given up"),
];

/// The variable that names the settings file; no setting itself.
pub const CONFIG_VARIABLE: &str = "TENANTRY_CONFIG";

/// The beginning of every variable's name.
pub const PREFIX: &str = "TENANTRY_";

/// One setting, as it is named, shown and given.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Which one it is.
    pub key: Key,
    /// Its name in the settings file.
    pub name: &'static str,
    /// Its flag without the hyphens; `None` for a secret, because every user of a
    /// machine can see the command lines on it.
    pub flag: Option<&'static str>,
    /// What stands for its value in the help.
    pub value_name: &'static str,
    /// What holds where it is not given, for people.
    pub default: Option<&'static str>,
    /// What it is for.
    pub help: &'static str,
    /// Whether it takes a list.
    pub is_list: bool,
    /// Whether its value may appear in a message.
    pub is_shown: bool,
}

impl Setting {
    /// The setting of that key.
    pub const fn of(key: Key) -> &'static Self {
        // That the table is in the order of the keys is tested below.
        &TABLE[key as usize]
    }

    /// The setting of that name in the file.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        TABLE.iter().find(|setting| setting.name == name)
    }

    /// Its environment variable.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_ascii_uppercase())
    }

    const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    const fn list(mut self) -> Self {
        self.is_list = true;
        self
    }

    const fn value_hidden(mut self) -> Self {
        self.is_shown = false;
        self
    }

    const fn secret(mut self) -> Self {
        self.flag = None;
        self.is_shown = false;
        self
    }
}

const fn setting(
    key: Key,
    name: &'static str,
    flag: &'static str,
    value_name: &'static str,
) -> Setting {
    Setting {
        key,
        name,
        flag: Some(flag),
        value_name,
        default: None,
        help: "",
        is_list: false,
        is_shown: true,
    }
}

/// The name among `known` that somebody who wrote `name` most likely meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let longest_slip = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|&(distance, _)| distance <= longest_slip)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters have to be added, dropped or changed to get from one to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &b) in to.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_keys() {
        for (place, setting) in TABLE.iter().enumerate() {
            assert_eq!(setting.key as usize, place, "{}", setting.name);
            assert!(!setting.help.is_empty(), "{}", setting.name);
            assert_eq!(Setting::by_name(setting.name).unwrap().key, setting.key);
        }
    }

    #[test]
    fn a_flag_is_the_name_with_hyphens_and_a_secret_has_none() {
        for setting in &TABLE {
            match setting.flag {
                Some(flag) => assert_eq!(flag, setting.name.replace('_', "-")),
                None => assert!(!setting.is_shown, "{}", setting.name),
            }
        }
        let secrets: Vec<_> = TABLE.iter().filter(|s| s.flag.is_none()).collect();
        let names: Vec<_> = secrets.iter().map(|s| s.variable()).collect();
        assert_eq!(
            names,
            [
                "TENANTRY_MASTER_KEY",
                "TENANTRY_BOOTSTRAP_CLIENT_SECRET",
                "TENANTRY_SYSTEM_PASSWORD"
            ]
        );
    }

    #[test]
    fn suggests_the_name_that_was_meant() {
        let names = || TABLE.iter().map(|setting| setting.name);
        assert_eq!(nearest("lisen", names()), Some("listen"));
        assert_eq!(nearest("database", names()), None);
        assert_eq!(nearest("public_uri", names()), Some("public_url"));
        assert_eq!(nearest("zzzz", names()), None);
    }
}
