//! Passwords and secrets: what a process remembers of them does not outlive a change.

use super::both_ways;
use crate::harness::Server;
use crate::support::{ask_token, assert_oauth_error, management_client, sql};
use crate::system::TENANTS;

const OLD: &str = "the-old-password-of-the-account";
const NEW: &str = "the-new-password-of-the-account";

fn with_password(password: &str) -> Server {
    Server::builder()
        .env("TENANTRY_SYSTEM_PASSWORD", password)
        .start()
}

fn sign_in(server: &Server, password: &str) -> u16 {
    server.get(TENANTS).basic("system", password).send().status
}

/// A password that was right once is remembered, because finding that out is made to be
/// slow.
#[test]
fn a_password_that_was_changed_is_refused_by_who_has_just_taken_it() {
    let hash = "SELECT password_hash AS line FROM system_accounts";
    let new_hash = with_password(NEW).database().lines(hash).remove(0);
    let server = with_password(OLD);
    let old_hash = server.database().lines(hash).remove(0);
    let change = |hash: &str| {
        sql(
            &server,
            &format!("UPDATE system_accounts SET password_hash = '{hash}'"),
        );
    };
    for (one, other) in both_ways(&server) {
        for _ in 0..2 {
            assert_eq!(sign_in(&one, OLD), 200);
            assert_eq!(sign_in(&other, OLD), 200);
        }
        change(&new_hash);
        assert_eq!(sign_in(&other, OLD), 401);
        assert_eq!(sign_in(&one, OLD), 401);
        assert_eq!(sign_in(&other, NEW), 200);
        assert_eq!(sign_in(&one, NEW), 200);
        change(&old_hash);
        assert_eq!(sign_in(&other, NEW), 401);
    }
    sql(&server, "DELETE FROM system_accounts");
    assert_eq!(sign_in(&server.nth(0), OLD), 401);
    assert_eq!(sign_in(&server.nth(1), OLD), 401);
}

#[test]
fn a_secret_that_was_changed_is_refused_by_who_has_just_taken_it() {
    let server = Server::start();
    for (one, other) in both_ways(&server) {
        let (id, secret) = management_client(&server, &["tenants:read"], &[]);
        let (second_id, second_secret) = management_client(&server, &["tenants:read"], &[]);
        for node in [&one, &other] {
            ask_token(node, &id, &secret).expect_status(200);
        }
        let key_of = |id: &str| format!("(SELECT key FROM clients WHERE client_id = '{id}')");
        sql(
            &server,
            &format!(
                "UPDATE client_secrets SET hash = (
                     SELECT hash FROM client_secrets WHERE client_key = {}
                 ) WHERE client_key = {}",
                key_of(&second_id),
                key_of(&id),
            ),
        );
        for node in [&one, &other] {
            assert_oauth_error(&ask_token(node, &id, &secret), 401, "invalid_client");
            ask_token(node, &id, &second_secret).expect_status(200);
        }
    }
}
