//! Several servers that start at the same time on one database.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use serde_json::Value;

use crate::harness::Server;
use crate::support::text;

const SERVERS: usize = 10;
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn count(server: &Server, what: &str) -> i64 {
    let count = format!("SELECT count(*) AS number FROM {what}");
    server.database().numbers(&count)[0]
}

/// What was generated, and where: the files of all servers.
fn generated(server: &Server) -> Vec<Value> {
    let directories = server.data_directories();
    let paths = directories
        .iter()
        .map(|directory| directory.join("bootstrap-credentials.json"));
    paths
        .filter_map(|path| std::fs::read(path).ok())
        .map(|content| serde_json::from_slice(&content).unwrap())
        .collect()
}

#[test]
fn ten_that_start_together_on_an_empty_database_are_one_service() {
    let mut server = Server::builder()
        .on_an_empty_database()
        .env("TENANTRY_MASTER_KEY", MASTER_KEY)
        .nodes(SERVERS)
        .prepare();
    server.start_together();

    let said = server.stderr();
    let found = generated(&server);
    assert_eq!(
        found.len(),
        1,
        "one of them has made the first start: {said}"
    );
    for (table, rows) in [
        ("clients", 1),
        ("client_secrets", 1),
        ("system_accounts", 1),
        ("signing_keys", 1),
        ("environments", 1),
    ] {
        assert_eq!(count(&server, table), rows, "{table}");
    }
    let versions = "(SELECT DISTINCT version FROM __diesel_schema_migrations) AS versions";
    assert_eq!(
        count(&server, "__diesel_schema_migrations"),
        count(&server, versions)
    );

    let member = |name: &str| text(&found[0][name]);
    let (id, secret) = (member("clientId"), member("clientSecret"));
    let (user, password) = (member("systemUsername"), member("systemPassword"));
    let nodes: Vec<_> = (0..SERVERS).map(|number| server.nth(number)).collect();
    let key_sets: BTreeSet<_> = nodes
        .iter()
        .map(|node| node.get("/.well-known/jwks.json").send().text())
        .collect();
    assert_eq!(key_sets.len(), 1, "one set of keys");
    let tokens: Vec<_> = nodes
        .iter()
        .map(|node| node.token_for(&id, &secret))
        .collect();
    for node in &nodes {
        node.get("/readyz").send().expect_status(200);
        for token in &tokens {
            node.get("/v1/environments")
                .bearer(token)
                .send()
                .expect_status(200);
        }
        node.get("/system/tenants")
            .basic(&user, &password)
            .send()
            .expect_status(200);
    }
    assert!(server.stop().success(), "{}", server.stderr());
}

/// Filling a database takes its time on a slow machine, and giving up would end the
/// process.
#[test]
fn a_start_waits_longer_for_another_one_than_a_request_does() {
    let mut server = Server::builder().nodes(1).prepare();
    let mut other = PgConnection::establish(&server.database().url().unwrap()).unwrap();
    let lock = i64::from_be_bytes(*b"tenantry");
    let fill = format!("BEGIN; SELECT pg_advisory_xact_lock({lock})");
    other.batch_execute(&fill).unwrap();
    let looks_on = server.nth(0);
    std::thread::scope(|scope| {
        let started = scope.spawn(|| server.start_together());
        let waiting = "SELECT extract(epoch FROM now() - query_start)::bigint AS number
            FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event = 'advisory'";
        let deadline = Instant::now() + Duration::from_mins(1);
        while !looks_on
            .database()
            .numbers(waiting)
            .iter()
            .any(|&seconds| seconds >= 3)
        {
            assert!(!started.is_finished(), "it has not waited");
            assert!(Instant::now() < deadline, "it does not wait");
            std::thread::sleep(Duration::from_millis(20));
        }
        other.batch_execute("ROLLBACK").unwrap();
    });
    server.token();
}

/// A server that is put beside others later finds all that is there, and changes none
/// of it.
#[test]
fn one_that_comes_later_joins_in() {
    let mut server = Server::start();
    let token = server.token();
    let changes = count(&server, "changes");
    for number in [1, 0] {
        let mut node = server.nth(number);
        assert!(node.stop().success(), "{}", node.stderr());
        // The other one has not noticed.
        let other = server.nth(number + 1);
        other.get("/readyz").send().expect_status(200);
        other
            .get("/v1/tenants")
            .bearer(&token)
            .send()
            .expect_status(200);
        node.restart();
        node.get("/v1/tenants")
            .bearer(&token)
            .send()
            .expect_status(200);
    }
    assert_eq!(count(&server, "changes"), changes);
    assert!(server.stop().success());
}
