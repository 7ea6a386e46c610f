//! What ends a start: one clear line that names the setting, and exit status 2.

use crate::harness::{Builder, CliOutput, Server, write_private};
use crate::process::{assert_refused, fault};

fn refused(builder: Builder) -> CliOutput {
    builder.run_to_exit(&["serve"])
}

#[test]
fn a_bad_value_is_refused_by_the_settings_name() {
    let cases = [
        ("TENANTRY_LISTEN", "nonsense"),
        ("TENANTRY_LISTEN", "127.0.0.1"),
        ("TENANTRY_LISTEN", "127.0.0.1:99999"),
        ("TENANTRY_LISTEN", "127.0.0.1:-1"),
        // A documentation address: no machine has it.
        ("TENANTRY_LISTEN", "192.0.2.1:8080"),
        ("TENANTRY_PUBLIC_URL", "nonsense"),
        ("TENANTRY_PUBLIC_URL", "ftp://tenants.example.org"),
        ("TENANTRY_PUBLIC_URL", "https://tenants.example.org?x=1"),
        ("TENANTRY_PUBLIC_URL", "https://tenants.example.org#x"),
        ("TENANTRY_DATABASE_URL", "nonsense"),
        ("TENANTRY_DATABASE_URL", "mysql://localhost/x"),
        ("TENANTRY_DATABASE_URL", "sqlite:///dev/null/x.db"),
        ("TENANTRY_DATABASE_URL", "postgres://127.0.0.1:1/x"),
        ("TENANTRY_MASTER_KEY", "short"),
        ("TENANTRY_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODw=="),
        (
            "TENANTRY_MASTER_KEY",
            "!!!CAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ),
        ("TENANTRY_MASTER_KEY_FILE", "/dev/null/master.key"),
        (
            "TENANTRY_BOOTSTRAP_CLIENT_SECRET",
            "only-31-characters-are-not-enou",
        ),
        ("TENANTRY_ENVIRONMENTS_FILE", "no-such-file.json"),
        ("TENANTRY_TOKEN_TTL", "abc"),
        ("TENANTRY_TOKEN_TTL", "-1"),
        ("TENANTRY_TOKEN_TTL", "0"),
        ("TENANTRY_TOKEN_TTL", "1.5"),
        ("TENANTRY_TOKEN_TTL", "99999999999999999999"),
        ("TENANTRY_LOG", "info,=,nonsense=nonsense"),
        ("TENANTRY_LOG_FORMAT", "xml"),
        ("TENANTRY_SYSTEM_CREATE_STATUS", "204"),
        ("TENANTRY_SYSTEM_CREATE_STATUS", "created"),
        ("TENANTRY_CORS_ORIGINS", "not an origin"),
    ];
    let faults: Vec<String> = cases
        .iter()
        .filter_map(|&(name, value)| {
            let output = refused(Server::builder().env(name, value));
            fault(&output, name).map(|fault| format!("{name}={value}: {fault}"))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_bad_secret_is_not_shown() {
    for (name, value) in [
        ("TENANTRY_MASTER_KEY", "bad-but-still-secret"),
        ("TENANTRY_BOOTSTRAP_CLIENT_SECRET", "bad-but-still-secret"),
        (
            "TENANTRY_DATABASE_URL",
            "mysql://user:bad-but-still-secret@localhost/x",
        ),
        (
            "TENANTRY_DATABASE_URL",
            "postgres://user:bad-but-still-secret@127.0.0.1:1/x",
        ),
    ] {
        let output = refused(Server::builder().env(name, value));
        assert_refused(&output, name);
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(!said.contains("bad-but-still-secret"), "{said}");
    }
}

#[test]
fn a_bad_value_in_the_file_or_a_flag_is_refused_by_name_too() {
    let file = Server::builder().file("tenantry.toml", "token_ttl = \"soon\"\n");
    assert_refused(&refused(file), "token_ttl");
    let file = Server::builder().file("tenantry.toml", "log_format = 5\n");
    assert_refused(&refused(file), "log_format");
    let output = Server::builder().run_to_exit(&["serve", "--token-ttl", "soon"]);
    assert_eq!(output.status.code(), Some(2), "{}", output.stderr);
    assert!(output.stderr.contains("token-ttl") || output.stderr.contains("TOKEN_TTL"));
}

#[test]
fn an_unknown_key_in_the_file_is_refused_by_name() {
    for content in [
        "token_tll = 5\n",
        "[server]\nport = 80\n",
        "TENANTRY_LISTEN = \"x\"\n",
    ] {
        let name = content
            .trim_start_matches('[')
            .split(['=', ']', ' '])
            .next()
            .unwrap();
        println!("{name}");
        let output = refused(Server::builder().file("tenantry.toml", content));
        assert_refused(&output, name);
    }
}

#[test]
fn a_broken_or_missing_settings_file_is_refused_by_its_name() {
    let output = refused(Server::builder().file("tenantry.toml", "token_ttl = = 5\n"));
    assert_refused(&output, "tenantry.toml");
    let output = Server::builder().run_to_exit(&["serve", "--config", "missing.toml"]);
    assert_refused(&output, "missing.toml");
}

#[test]
fn an_unknown_flag_or_command_is_refused_with_status_2() {
    for args in [&["serve", "--nope"][..], &["nope"]] {
        let output = Server::builder().run_to_exit(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", output.stderr);
    }
}

#[test]
fn a_port_in_use_is_refused_by_the_settings_name() {
    let server = Server::start();
    let taken = server.address().to_string();
    let output = refused(Server::builder().env("TENANTRY_LISTEN", &taken));
    assert_refused(&output, "TENANTRY_LISTEN");
}

#[test]
fn a_data_directory_that_cannot_be_one_is_refused() {
    let server = Server::builder()
        .file("a-file", "")
        .env("TENANTRY_DATA_DIR", "a-file");
    assert_refused(&refused(server), "TENANTRY_DATA_DIR");
    let below = Server::builder()
        .file("a-file", "")
        .env("TENANTRY_DATA_DIR", "a-file/deeper");
    assert_refused(&refused(below), "TENANTRY_DATA_DIR");
}

#[test]
fn a_database_that_is_none_is_refused() {
    let builder = Server::builder()
        .file("not.db", &"This is no SQLite database at all. ".repeat(200))
        .env("TENANTRY_DATABASE_URL", "sqlite://not.db");
    assert_refused(&refused(builder), "TENANTRY_DATABASE_URL");
}

#[test]
fn a_master_key_file_that_holds_no_key_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("my.key");
    for content in ["", "short", "\u{0}\u{1}\u{2}"] {
        write_private(&path, content);
        let builder = Server::builder().env("TENANTRY_MASTER_KEY_FILE", path.to_str().unwrap());
        assert_refused(&refused(builder), "TENANTRY_MASTER_KEY_FILE");
    }
}
