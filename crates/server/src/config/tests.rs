//! Settings as a whole: what each takes, what each refuses, what holds by default.

use std::path::Path;

use proptest::prelude::*;

use super::*;

/// Checks settings that are given as variables, with a settings file in `directory`.
pub(crate) fn settings(
    directory: &Path,
    variables: &[(&str, &str)],
) -> Result<Settings, SettingError> {
    let variables = variables
        .iter()
        .map(|&(name, value)| (format!("TENANTRY_{name}").into(), value.into()));
    Settings::check(&Sources::gather(&Flags::default(), variables, directory)?)
}

fn given(variables: &[(&str, &str)]) -> Result<Settings, SettingError> {
    settings(Path::new("/nonexistent"), variables)
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let settings = given(&[]).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.public_url, None);
    assert_eq!(settings.data_dir, Path::new("./tenantry-data"));
    assert_eq!(
        settings.database.url.to_string(),
        "sqlite://./tenantry-data/tenantry.db"
    );
    assert!(matches!(
        settings.master_key,
        MasterKeySource::File(path) if path == Path::new("./tenantry-data/master.key")
    ));
    assert_eq!(settings.token_ttl, 86_400);
    assert_eq!(settings.log.filter, None);
    assert_eq!(settings.log.format, LogFormat::Text);
    assert_eq!(settings.system_create_status, SystemCreateStatus::Ok);
    assert_eq!(settings.cors_origins, [] as [&str; 0]);
    assert_eq!(settings.reserved, ReservedLabels::default());
    assert_eq!(settings.failed_logins_per_client, 10);
    assert_eq!(settings.failed_logins_per_address, 100);
    assert_eq!(settings.warnings, [] as [&str; 0]);
    let [local] = &settings.bootstrap.environments[..] else {
        panic!("{:?}", settings.bootstrap.environments);
    };
    assert_eq!(local.name.as_str(), "Local");
    assert_eq!(local.domain.to_suffix(), ".tenants.localhost");
    assert_eq!(local.authorization_server_domain.as_str(), "127.0.0.1");
}

#[test]
fn every_default_in_the_help_that_can_be_given_is_the_default() {
    for setting in &table::TABLE {
        let Some(value) = setting.default.filter(|value| {
            !value.contains(['<', ' ', ':']) && !["generated", "none"].contains(value)
        }) else {
            continue;
        };
        let name = setting.name.to_ascii_uppercase();
        let explicit = given(&[(&name, value)]).unwrap();
        let mut explicit = format!("{explicit:?}");
        // A filter that was given is told apart from the default one, which differs
        // between the server and the commands.
        explicit = explicit.replace(r#"filter: Some("info")"#, "filter: None");
        explicit = explicit.replace("username: Some(Username(\"system\"))", "username: None");
        assert_eq!(explicit, format!("{:?}", given(&[]).unwrap()), "{name}");
    }
}

#[test]
fn a_bad_value_is_refused_by_the_setting_s_name() {
    for (name, bad) in [
        ("LISTEN", "8080"),
        ("LISTEN", "127.0.0.1"),
        ("LISTEN", "127.0.0.1:99999"),
        ("PUBLIC_URL", "https://example.com/"),
        ("PUBLIC_URL", "example.com"),
        ("DATA_DIR", "a\0b"),
        ("DATABASE_URL", "mysql://db"),
        ("MASTER_KEY", "c2hvcnQ="),
        ("BOOTSTRAP_CLIENT_ID", "with space"),
        ("BOOTSTRAP_CLIENT_SECRET", "short"),
        ("SYSTEM_USERNAME", "a:b"),
        ("SYSTEM_PASSWORD", "a\nb"),
        ("ENVIRONMENTS_FILE", "/nonexistent/environments.json"),
        ("TOKEN_TTL", "0"),
        ("TOKEN_TTL", "-1"),
        ("TOKEN_TTL", "+60"),
        ("TOKEN_TTL", "1h"),
        ("TOKEN_TTL", "99999999999"),
        ("LOG", "loud"),
        ("LOG_FORMAT", "xml"),
        ("SYSTEM_CREATE_STATUS", "202"),
        ("CORS_ORIGINS", "https://a.example,*"),
        ("RESERVED_SUBDOMAINS", "www,No Label"),
        ("FAILED_LOGINS_PER_CLIENT", "0"),
        ("FAILED_LOGINS_PER_ADDRESS", "many"),
        ("SQLITE_SYNCHRONOUS", "off"),
        ("SQLITE_READERS", "0"),
        ("POSTGRES_POOL", "1"),
        ("DATABASE_URL", "postgres://db:port/tenantry"),
    ] {
        let error = given(&[(name, bad)]).unwrap_err().to_string();
        let start = format!("TENANTRY_{name} (from the environment) ");
        assert!(error.starts_with(&start), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_secret_that_is_refused_is_not_repeated() {
    for (name, bad) in [
        ("MASTER_KEY", "hunter2hunter2"),
        ("BOOTSTRAP_CLIENT_SECRET", "hunter2"),
        ("SYSTEM_PASSWORD", "hunter2\n"),
        ("DATABASE_URL", "mysql://u:hunter2@db"),
        ("DATABASE_URL", "postgres://u:hunter2/3@db/t"),
    ] {
        let error = given(&[(name, bad)]).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn what_is_given_is_taken() {
    let settings = given(&[
        ("LISTEN", "[::1]:9000"),
        ("PUBLIC_URL", "https://t.example.com"),
        ("DATA_DIR", "/srv/t"),
        ("MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("BOOTSTRAP_CLIENT_ID", "me"),
        (
            "BOOTSTRAP_CLIENT_SECRET",
            "0123456789abcdef0123456789abcdef",
        ),
        ("SYSTEM_USERNAME", "ops"),
        ("SYSTEM_PASSWORD", "pässword"),
        ("LOG_FORMAT", "json"),
        ("SYSTEM_CREATE_STATUS", "201"),
        ("CORS_ORIGINS", "https://a.example, http://localhost:3000 ,"),
        ("RESERVED_SUBDOMAINS", "kept"),
        ("SQLITE_SYNCHRONOUS", "normal"),
        ("SQLITE_READERS", "2"),
        ("POSTGRES_POOL", "20"),
    ])
    .unwrap();
    assert_eq!(settings.listen.address().map(|a| a.port()), Some(9000));
    assert_eq!(settings.public_url.unwrap().host(), "t.example.com");
    assert_eq!(
        settings.database.url.to_string(),
        "sqlite:///srv/t/tenantry.db"
    );
    assert!(matches!(settings.master_key, MasterKeySource::Inline(_)));
    assert_eq!(settings.bootstrap.client_id.unwrap().as_str(), "me");
    assert_eq!(
        settings.bootstrap.environments[0]
            .authorization_server_domain
            .as_str(),
        "t.example.com"
    );
    assert_eq!(
        settings.cors_origins,
        ["https://a.example", "http://localhost:3000"]
    );
    assert_eq!(settings.reserved, ReservedLabels::new(["kept"]).unwrap());
    assert_eq!(settings.database.sqlite_readers, 2);
    assert_eq!(settings.database.postgres_pool, 20);
}

#[test]
fn a_list_can_be_emptied_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tenantry.toml");
    std::fs::write(&file, "reserved_subdomains = []\nlisten = ''").unwrap();
    let error = settings(directory.path(), &[]).unwrap_err().to_string();
    assert!(error.ends_with("must not be empty"), "{error}");
    std::fs::write(&file, "reserved_subdomains = []").unwrap();
    let settings = settings(directory.path(), &[]).unwrap();
    assert_eq!(settings.reserved, ReservedLabels::new([]).unwrap());
}

#[test]
fn the_master_key_comes_from_one_place() {
    let error = given(&[
        ("MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("MASTER_KEY_FILE", "/run/key"),
    ])
    .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("together with TENANTRY_MASTER_KEY_FILE"),
        "{error}"
    );
}

#[test]
fn an_address_that_no_client_can_reach_is_a_warning() {
    let settings = given(&[("LISTEN", "0.0.0.0:8080")]).unwrap();
    assert!(
        settings.warnings[0].contains("TENANTRY_PUBLIC_URL"),
        "{:?}",
        settings.warnings
    );
    let url = ("PUBLIC_URL", "https://t.example.com");
    let settings = given(&[("LISTEN", "0.0.0.0:8080"), url]).unwrap();
    assert_eq!(settings.warnings, [] as [&str; 0]);
}

proptest! {
    /// A settings file that is nearly one is refused in one line, or taken, and nothing of a secret in it is
    /// repeated.
    #[test]
    fn no_settings_file_makes_it_panic_or_repeat_a_secret(
        lines in prop::collection::vec(
            "(listen|public_url|token_ttl|system_password|cors_origins|log|nope)?[ ]?=?[ ]?([\"\\[\\]0-9a-z:/.,=#]{0,12})", 0..4,
        ),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let secret = "Sup3rS3cr3t";
        let text = format!("{}\nbootstrap_client_secret = \"{secret}\"\n", lines.join("\n"));
        std::fs::write(directory.path().join("tenantry.toml"), text).unwrap();
        if let Err(error) = settings(directory.path(), &[]) {
            let told = error.to_string();
            prop_assert!(!told.contains(secret), "{told}");
            prop_assert_eq!(told.lines().count(), 1);
        }
    }
}

#[test]
fn a_certificate_and_its_key_are_given_together_and_make_the_url_one_of_tls() {
    let (certificate, key) = (("TLS_CERT", "c.pem"), ("TLS_KEY", "k.pem"));
    for (alone, other) in [
        (certificate, "TENANTRY_TLS_KEY"),
        (key, "TENANTRY_TLS_CERT"),
    ] {
        let error = given(&[alone]).unwrap_err().to_string();
        assert!(error.contains(&format!("together with {other}")), "{error}");
    }
    let settings = given(&[certificate, key]).unwrap();
    let files = settings.tls.as_ref().unwrap();
    assert_eq!(files.certificate, Path::new("c.pem"));
    assert_eq!(files.key, Path::new("k.pem"));
    let address = settings.listen.address().unwrap();
    assert_eq!(settings.url_of(address).as_str(), "https://127.0.0.1:8080");
    let plain = given(&[certificate, key, ("PUBLIC_URL", "http://example.com")]).unwrap();
    assert!(
        plain.warnings[0].contains("https:// alone"),
        "{:?}",
        plain.warnings
    );
}

#[test]
fn a_socket_needs_a_url_and_takes_no_certificate() {
    let socket = ("LISTEN", "unix:/run/tenantry.sock");
    let url = ("PUBLIC_URL", "https://example.com");
    let settings = given(&[socket, url]).unwrap();
    assert_eq!(settings.listen.to_string(), "unix:/run/tenantry.sock");
    assert_eq!(settings.warnings, [""; 0]);
    let error = given(&[socket]).unwrap_err().to_string();
    assert!(error.starts_with("TENANTRY_PUBLIC_URL"), "{error}");
    let both = [socket, url, ("TLS_CERT", "c.pem"), ("TLS_KEY", "k.pem")];
    let error = given(&both).unwrap_err().to_string();
    assert!(error.starts_with("TENANTRY_TLS_CERT"), "{error}");
}
