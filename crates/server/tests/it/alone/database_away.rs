//! What is answered while the database is away. Here its file is; what befalls PostgreSQL is
//! tried in the suite of faults.

use crate::harness::Server;
use crate::support::poll;

#[test]
fn the_key_set_and_the_metadata_are_answered_while_the_database_is_away() {
    let server = Server::start();
    let documents = [
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
    ];
    let before = documents.map(|path| server.get(path).send().expect_status(200).text());
    for addition in ["", "-wal", "-shm"] {
        let mut path = server.data_directory().join("tenantry.db").into_os_string();
        path.push(addition);
        let mut aside = path.clone();
        aside.push(".aside");
        let _ = std::fs::rename(path, aside);
    }
    poll(&server.get("/readyz"), |answer| answer.status == 503);
    for (path, before) in documents.iter().zip(before) {
        let after = server.get(path).send().expect_status(200);
        assert_eq!(after.text(), before, "{path}");
    }
}
