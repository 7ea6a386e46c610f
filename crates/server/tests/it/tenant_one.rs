//! §4.3: reading one tenant, and deleting it for good.

use serde_json::{Value, json};

use crate::harness::reference::{shared, unique_label};
use crate::harness::{Request, Response, Server};
use crate::support::{
    Tenant, UNKNOWN_ID, ask_token, assert_error, assert_oauth_error, create_body, create_tenant,
    created, keys, post_tenant,
};

fn get(server: &Server, tenant: &Tenant) -> Request {
    server.get(&tenant.path()).bearer(&server.token())
}

fn delete(server: &Server, tenant: &Tenant) -> Request {
    server.delete(&tenant.path()).bearer(&server.token())
}

/// Changes the tenant through the other family, so that its version is 2.
fn change(server: &Server, tenant: &Tenant) {
    let credentials = server.credentials();
    server
        .put(&format!("/system/tenants/{}", tenant.id))
        .basic(&credentials.system_username, &credentials.system_password)
        .json(&json!({"version": 1, "data": {"changed": true}}))
        .send()
        .expect_status(200);
}

#[test]
fn one_tenant_is_what_the_create_said_without_the_client_and_with_its_data() {
    let server = shared();
    let mut request = create_body(&unique_label("one"));
    request["name"] = Value::from("My Tenant");
    request["data"] = json!({"plan": "gold", "seats": 5});
    let tenant = created(&post_tenant(server, &request));
    let mut expected = tenant.body.clone();
    expected.as_object_mut().unwrap().remove("client");
    expected["data"] = request["data"].clone();
    let answer = get(server, &tenant).send().expect_status(200);
    assert_eq!(answer.json(), expected);
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    let etag = answer.header("etag").unwrap();
    let opaque = etag.strip_prefix("W/").unwrap_or(etag);
    assert!(
        opaque.len() > 2 && opaque.starts_with('"') && opaque.ends_with('"'),
        "{etag}"
    );
}

#[test]
fn an_id_is_read_in_any_letter_case() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("case"));
    let path = format!("/v1/tenants/{}", tenant.id.to_uppercase());
    let answer = server
        .get(&path)
        .bearer(&server.token())
        .send()
        .expect_status(200);
    assert_eq!(answer.json()["id"], tenant.id);
    server
        .delete(&path)
        .bearer(&server.token())
        .send()
        .expect_status(204);
}

#[test]
fn head_is_get_without_the_body() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("head"));
    let get = get(server, &tenant).send().expect_status(200);
    let head = server
        .head(&tenant.path())
        .bearer(&server.token())
        .send()
        .expect_status(200);
    assert!(head.body.is_empty());
    for name in ["etag", "content-type", "cache-control"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
}

#[test]
fn if_none_match_with_the_current_etag_is_304_and_empty() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("etag"));
    let etag = &tenant.etag;
    let unchanged = |answer: &Response| {
        assert_eq!(answer.status, 304, "{answer}");
        assert!(answer.body.is_empty());
        assert_eq!(answer.header("etag"), Some(etag.as_str()));
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    };
    let weak = format!("W/{}", etag.trim_start_matches("W/"));
    for value in [
        etag.clone(),
        weak,
        "*".into(),
        format!("\"other\", {etag}"),
        format!("\"a\",{etag},\"b\""),
    ] {
        unchanged(&get(server, &tenant).header("If-None-Match", &value).send());
    }
    for value in ["\"other\"", "\"a\", \"b\""] {
        get(server, &tenant)
            .header("If-None-Match", value)
            .send()
            .expect_status(200);
    }
    let head = server.head(&tenant.path()).bearer(&server.token());
    unchanged(&head.header("If-None-Match", etag).send());
    // A condition opens nothing.
    server
        .get(&tenant.path())
        .header("If-None-Match", etag)
        .send()
        .expect_status(401);
}

#[test]
fn a_change_changes_the_etag() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("etag"));
    change(server, &tenant);
    let answer = get(server, &tenant)
        .header("If-None-Match", &tenant.etag)
        .send();
    let answer = answer.expect_status(200);
    assert_ne!(answer.header("etag"), Some(tenant.etag.as_str()));
    assert_eq!(answer.json()["version"], 2);
    assert_eq!(answer.json()["data"], json!({"changed": true}));
}

#[test]
fn an_unknown_tenant_is_404_to_read_and_to_delete() {
    let server = shared();
    let path = format!("/v1/tenants/{UNKNOWN_ID}");
    let token = server.token();
    for answer in [
        server.get(&path).bearer(&token).send(),
        server.delete(&path).bearer(&token).send(),
        server.get(&format!("{path}/clients")).bearer(&token).send(),
    ] {
        assert_eq!(assert_error(&answer, 404, "NotFound")["details"], json!([]));
    }
}

#[test]
fn delete_is_204_and_then_the_tenant_is_gone() {
    let server = Server::reference();
    let tenant = create_tenant(&server, "gone");
    let answer = delete(&server, &tenant).send().expect_status(204);
    assert!(answer.body.is_empty());
    assert!(answer.header("content-type").is_none(), "{answer}");
    assert!(answer.header("x-request-id").is_some());
    assert_error(&get(&server, &tenant).send(), 404, "NotFound");
    assert_error(&delete(&server, &tenant).send(), 404, "NotFound");
    let clients = format!("{}/clients", tenant.path());
    assert_error(
        &server.get(&clients).bearer(&server.token()).send(),
        404,
        "NotFound",
    );
    let list = server.get("/v1/tenants").bearer(&server.token()).send();
    assert_eq!(list.text(), r#"{"data":[]}"#);
}

#[test]
fn delete_honours_if_match() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("match"));
    for stale in ["\"stale\"", "\"a\", \"b\""] {
        let answer = delete(server, &tenant).header("If-Match", stale).send();
        assert_error(&answer, 412, "PreconditionFailed");
    }
    change(server, &tenant);
    let answer = delete(server, &tenant)
        .header("If-Match", &tenant.etag)
        .send();
    assert_error(&answer, 412, "PreconditionFailed");
    let current = get(server, &tenant).send().expect_status(200);
    let current = current.header("etag").unwrap();
    delete(server, &tenant)
        .header("If-Match", current)
        .send()
        .expect_status(204);

    let any = create_tenant(server, &unique_label("match"));
    delete(server, &any)
        .header("If-Match", "*")
        .send()
        .expect_status(204);
    let one_of = create_tenant(server, &unique_label("match"));
    let list = format!("\"other\", {}", one_of.etag);
    delete(server, &one_of)
        .header("If-Match", &list)
        .send()
        .expect_status(204);
}

#[test]
fn if_match_on_an_unknown_tenant_is_404_and_without_a_credential_401() {
    let server = shared();
    let path = format!("/v1/tenants/{UNKNOWN_ID}");
    let answer = server
        .delete(&path)
        .bearer(&server.token())
        .header("If-Match", "\"1\"")
        .send();
    assert!([404, 412].contains(&answer.status), "{answer}");
    let answer = server.delete(&path).header("If-Match", "*").send();
    assert_error(&answer, 401, "Unauthorized");
}

#[test]
fn of_parallel_deletes_of_one_tenant_exactly_one_succeeds() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("race"));
    let mut statuses: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..10)
            .map(|_| {
                let request = delete(server, &tenant);
                scope.spawn(move || request.send().status)
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404, 404, 404, 404, 404, 404, 404, 404, 404]);
}

#[test]
fn the_client_of_a_deleted_tenant_gets_no_new_token() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("dead"));
    ask_token(server, &tenant.client_id, &tenant.client_secret).expect_status(200);
    delete(server, &tenant).send().expect_status(204);
    let answer = ask_token(server, &tenant.client_id, &tenant.client_secret);
    assert_oauth_error(&answer, 401, "invalid_client");
}

#[test]
fn the_subdomain_of_a_deleted_tenant_is_free_again() {
    let server = shared();
    let label = unique_label("again");
    let first = create_tenant(server, &label);
    delete(server, &first).send().expect_status(204);
    let second = create_tenant(server, &label);
    assert_ne!(first.id, second.id);
    assert_ne!(first.client_id, second.client_id);
    assert_eq!(second.body["version"], 1);
    let read = get(server, &second).send().expect_status(200).json();
    assert!(!keys(&read).contains("client"));
    assert_error(&get(server, &first).send(), 404, "NotFound");
}
