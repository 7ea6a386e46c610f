//! §4.4: when a client was last used, without a write for every request.

use serde_json::Value;

use crate::harness::reference::{shared, unique_label};
use crate::harness::{Request, Response, Server};
use crate::support::{Tenant, ask_token, create_tenant, poll, utc};

fn list(server: &Server, tenant: &Tenant) -> Request {
    server
        .get(&format!("{}/clients", tenant.path()))
        .bearer(&server.token())
}

fn last_use(answer: &Response) -> Value {
    answer.json()["data"][0]["lastUsedAt"].clone()
}

#[test]
fn a_client_was_last_used_when_it_last_authenticated() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("use"));
    let list = list(server, &tenant);
    assert_eq!(last_use(&list.clone().send()), Value::Null);

    // Whoever is refused has not used it.
    ask_token(server, &tenant.client_id, "wrong").expect_status(401);
    ask_token(server, &tenant.client_id, &tenant.client_secret).expect_status(200);
    let answer = poll(&list, |answer| !last_use(answer).is_null());
    let first = utc(&last_use(&answer));
    assert!(first >= utc(&tenant.body["createdAt"]), "{answer}");

    let token = server.token_for(&tenant.client_id, &tenant.client_secret);
    let introspected = server
        .post("/oauth/introspect")
        .basic(&tenant.client_id, &tenant.client_secret)
        .form(&[("token", &token)]);
    introspected.send().expect_status(200);
    poll(&list, |answer| utc(&last_use(answer)) > first);
}

#[test]
fn a_clean_stop_loses_no_use() {
    let mut server = Server::reference();
    let tenant = create_tenant(&server, "stop");
    ask_token(&server, &tenant.client_id, &tenant.client_secret).expect_status(200);
    server.restart();
    let answer = list(&server, &tenant).send();
    assert_ne!(last_use(&answer), Value::Null, "{answer}");
}
