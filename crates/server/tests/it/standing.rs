//! §3.1, §3.3, §3.4: whether a client may have a token, or use one, is one decision, wherever it is
//! asked for: at issue, at use and at introspection, on every server, before and after a restart.

use serde_json::json;

use crate::harness::{Server, cli};
use crate::key_rotation::command;
use crate::support::{
    Tenant, ask_token, assert_oauth_error, create_tenant, management_client, poll,
};

struct Place {
    servers: [Server; 2],
    /// A client that is never touched, to ask with.
    asking: (String, String),
}

/// Two servers on one database.
fn place(token_ttl: &str) -> Place {
    let both = Server::builder()
        .environments_file(&crate::harness::reference::environments_file())
        .env("TENANTRY_TOKEN_TTL", token_ttl)
        .nodes(2)
        .start();
    let asking = management_client(&both, &["tenants:read"], &[]);
    let servers = [both.nth(0), both.nth(1)];
    Place { servers, asking }
}

impl Place {
    /// Fails unless the client, and its token, are good or not on every server.
    #[track_caller]
    fn assert_standing(&self, what: &str, client: (&str, &str), token: &str, good: bool) {
        for server in &self.servers {
            let issued = ask_token(server, client.0, client.1);
            if good {
                assert_eq!(issued.status, 200, "{what}: {issued}");
            } else {
                assert_oauth_error(&issued, 401, "invalid_client");
            }
            assert_eq!(self.is_active(server, token), good, "{what}");
        }
    }

    fn is_active(&self, server: &Server, token: &str) -> bool {
        let answer = server
            .post("/oauth/introspect")
            .basic(&self.asking.0, &self.asking.1)
            .form(&[("token", token)])
            .send()
            .expect_status(200);
        let body = answer.json();
        if body["active"] == false {
            assert_eq!(body, json!({"active": false}));
        }
        body["active"] == true
    }

    fn restart(&mut self) {
        for server in &mut self.servers {
            server.restart();
        }
    }
}

fn uses(server: &Server, token: &str) -> u16 {
    server.get("/v1/tenants").bearer(token).send().status
}

#[test]
fn a_management_client_that_is_disabled_or_deleted_is_so_everywhere() {
    let mut place = place("3600");
    let (id, secret) = management_client(&place.servers[0], &["tenants:read"], &[]);
    let client = (id.as_str(), secret.as_str());
    let token = place.servers[0].token_for(&id, &secret);
    for (verb, good) in [
        ("enable", true),
        ("disable", false),
        ("enable", true),
        ("delete", false),
    ] {
        command(&place.servers[0], &["client", verb, &id]);
        for _ in 0..2 {
            place.assert_standing(verb, client, &token, good);
            for server in &place.servers {
                assert_eq!(uses(server, &token), if good { 200 } else { 401 }, "{verb}");
            }
            place.restart();
        }
    }
}

#[test]
fn a_tenants_client_falls_and_rises_with_its_tenant_and_by_itself() {
    let mut place = place("3600");
    let tenant: Tenant = create_tenant(&place.servers[0], "standing");
    let client = (tenant.client_id.as_str(), tenant.client_secret.as_str());
    let token = place.servers[0].token_for(client.0, client.1);
    let of_client = format!("{}/clients/{}", tenant.path(), tenant.client_id);
    let patches = [
        (tenant.path(), "suspended", false),
        (tenant.path(), "active", true),
        (of_client.clone(), "disabled", false),
        (of_client.clone(), "active", true),
    ];
    for (path, status, good) in patches {
        let server = &place.servers[0];
        let patch = server.patch(&path).bearer(&server.token());
        let patch = patch.json(&json!({"status": status})).send();
        patch.expect_status(200);
        for _ in 0..2 {
            place.assert_standing(status, client, &token, good);
            place.restart();
        }
    }
    let server = &place.servers[1];
    let delete = server.delete(&of_client).bearer(&place.servers[0].token());
    delete.send().expect_status(204);
    place.assert_standing("deleted", client, &token, false);

    let other = create_tenant(&place.servers[0], "other");
    let client = (other.client_id.as_str(), other.client_secret.as_str());
    let token = place.servers[0].token_for(client.0, client.1);
    place.assert_standing("made", client, &token, true);
    let server = &place.servers[1];
    let delete = server
        .delete(&other.path())
        .bearer(&place.servers[0].token());
    delete.send().expect_status(204);
    place.assert_standing("its tenant is deleted", client, &token, false);
    place.restart();
    place.assert_standing("its tenant is deleted", client, &token, false);
}

#[test]
fn a_token_and_a_secret_end_with_their_time() {
    let place = place("4");
    let server = &place.servers[0];
    let (id, secret) = management_client(server, &["tenants:read"], &[]);
    let token = server.token_for(&id, &secret);
    assert_eq!(uses(server, &token), 200);
    let rotated = command(server, &["client", "rotate", &id, "--overlap", "2"]);
    let second = crate::support::text(&rotated["clientSecret"]);
    for server in &place.servers {
        let use_it = server.get("/v1/tenants").bearer(&token);
        poll(&use_it, |answer| answer.status == 401);
        assert!(!place.is_active(server, &token));
        let old = server
            .post("/oauth/token")
            .json(&crate::support::token_body(&id, &secret));
        poll(&old, |answer| [401, 429].contains(&answer.status));
        ask_token(server, &id, &second).expect_status(200);
    }
    let listed = cli(server, &["client", "list"]);
    assert!(listed.status.success(), "{listed:?}");
}
