//! The key that opens the database's keys, and what is said where it does not.

use super::assert_refused;
use crate::harness::{CliOutput, Server, cli_with, write_private};

#[test]
fn a_master_key_that_does_not_open_the_databases_keys_is_refused() {
    let mut server = Server::start();
    assert!(server.stop().success());
    let data = server.data_directory();
    let again =
        |name: &str, value: &str| -> CliOutput { cli_with(&server, &[(name, value)], &["serve"]) };

    let other = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let output = again("TENANTRY_MASTER_KEY", other);
    assert_refused(&output, "TENANTRY_MASTER_KEY");
    assert!(!output.stderr.contains(other), "{}", output.stderr);

    let path = data.join("other.key");
    write_private(&path, &format!("{other}\n"));
    let output = again("TENANTRY_MASTER_KEY_FILE", path.to_str().unwrap());
    assert_refused(&output, "TENANTRY_MASTER_KEY");

    // Without its key file a used database must not be given a new key in silence.
    std::fs::rename(data.join("master.key"), data.join("kept.key")).unwrap();
    assert_refused(&cli_with(&server, &[], &["serve"]), "TENANTRY_MASTER_KEY");
    assert!(!data.join("master.key").exists());

    // And nothing of it has done any harm.
    std::fs::rename(data.join("kept.key"), data.join("master.key")).unwrap();
    server.restart();
    server.token();
}
