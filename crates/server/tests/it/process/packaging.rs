//! What packages need of the program: completions, manual pages, an answer to whether it lives.

use crate::harness::{Server, cli, cli_with};

#[test]
fn completions_and_manual_pages_are_there_whatever_the_settings() {
    let server = Server::builder()
        .env("TENANTRY_TOKEN_TTL", "soon")
        .prepare();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = cli(&server, &["completions", shell]);
        assert!(script.status.success(), "{script:?}");
        for word in ["system-account", "--secret-file", "doctor"] {
            // What is optional is not named in every shell's words.
            let word = word.trim_start_matches('-');
            assert!(script.stdout.contains(word), "{shell}: {word}");
        }
    }
    let unknown = cli(&server, &["completions", "csh"]);
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");

    let page = cli(&server, &["man"]);
    assert!(page.status.success(), "{page:?}");
    assert!(page.stdout.contains(".TH tenantry 1"), "{}", page.stdout);
    let pages = server.directory().join("man1");
    let written = cli(&server, &["man", "--dir", pages.to_str().unwrap()]);
    assert!(written.status.success(), "{written:?}");
    for name in ["tenantry.1", "tenantry-serve.1", "tenantry-tenant-create.1"] {
        let page = std::fs::read_to_string(pages.join(name)).unwrap();
        assert!(page.contains(".SH"), "{name}");
    }
    assert!(!pages.join("tenantry-dev.1").exists(), "it is hidden");
}

#[test]
fn health_is_told_by_the_exit_status() {
    let mut server = Server::start();
    let listen = server.nth(0).address().to_string();
    let there = [("TENANTRY_LISTEN", &*listen)];
    for args in [&["health"][..], &["health", "--ready"]] {
        let asked = cli_with(&server, &there, args);
        assert_eq!(asked.status.code(), Some(0), "{asked:?}");
    }
    let last = "DELETE FROM __diesel_schema_migrations WHERE version = \
                (SELECT max(version) FROM __diesel_schema_migrations)";
    server.database().execute(last);
    let alive = cli_with(&server, &there, &["health"]);
    assert_eq!(alive.status.code(), Some(0), "{alive:?}");
    let ready = cli_with(&server, &there, &["health", "--ready"]);
    assert_eq!(ready.status.code(), Some(1), "{ready:?}");
    assert!(ready.stderr.contains("503"), "{ready:?}");
    server.kill();
    let gone = cli_with(&server, &there, &["health"]);
    assert_eq!(gone.status.code(), Some(1), "{gone:?}");
}
