//! The record's shape, making, changing and deleting it, and the same tenant
//! seen through the management API.

use serde_json::{Value, json};

use super::{SystemApi, TENANTS, assert_problem, id_of, item, uuid_of};
use crate::harness::{Server, reference};

/// A record as the contract prints it, to the byte.
fn printed(record: &Value, data: &str) -> String {
    let text = |member: &str| record[member].as_str().unwrap().to_owned();
    format!(
        r#"{{"id":{},"uuid":"{}","createdAt":"{}","updatedAt":"{}","data":{data},"version":{}}}"#,
        id_of(record),
        uuid_of(record),
        text("createdAt"),
        text("updatedAt"),
        record["version"],
    )
}

#[track_caller]
fn assert_whole_seconds(date: &Value) {
    let date = date.as_str().expect("a date is a string");
    let shape: String = date
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(shape, "0000-00-00T00:00:00+00:00", "{date}");
    assert!(date.ends_with("+00:00"), "{date}");
}

fn management_tenant(server: &Server, prefix: &str) -> Value {
    server
        .post("/v1/tenants")
        .bearer(&server.token())
        .json(&json!({
            "subdomain": reference::unique_label(prefix),
            "environmentId": reference::ENVIRONMENT_ID,
        }))
        .send()
        .expect_status(201)
        .json()
}

#[test]
fn a_record_is_printed_to_the_byte_by_every_operation() {
    let server = reference::shared();
    let made = server
        .system("POST", TENANTS)
        .json(&json!({"data": {}, "version": 1}))
        .send()
        .expect_status(200);
    let record = made.json();
    assert_eq!(record["version"], 1);
    assert!(id_of(&record) >= 1);
    assert_whole_seconds(&record["createdAt"]);
    assert_eq!(record["createdAt"], record["updatedAt"]);
    assert_eq!(made.text(), printed(&record, "{}"));

    let path = item(uuid_of(&record));
    let read = server.system("GET", &path).send().expect_status(200);
    assert_eq!(read.text(), made.text());

    let changed = server
        .system("PUT", &path)
        .json(&json!({"data": {"plan": "gold"}, "version": 1}))
        .send()
        .expect_status(200);
    let after = changed.json();
    assert_eq!(after["version"], 2);
    assert_eq!(after["createdAt"], record["createdAt"]);
    assert_whole_seconds(&after["updatedAt"]);
    assert_eq!(changed.text(), printed(&after, r#"{"plan":"gold"}"#));
    let read = server.system("GET", &path).send().expect_status(200);
    assert_eq!(read.text(), changed.text());
}

#[test]
fn a_collection_is_a_bare_array_of_records_printed_as_single_ones() {
    let server = Server::start();
    let empty = server.system("GET", TENANTS).send().expect_status(200);
    assert_eq!(empty.text(), "[]");
    let first = server.make(&json!({"n": 1}));
    let second = server.make(&json!({}));
    let list = server.system("GET", TENANTS).send().expect_status(200);
    let expected = format!(
        "[{},{}]",
        printed(&first, r#"{"n":1}"#),
        printed(&second, "{}")
    );
    assert_eq!(list.text(), expected);
}

#[test]
fn a_record_in_json_ld_gains_context_id_and_type_first() {
    let server = reference::shared();
    let record = server.make(&json!({"a": 1}));
    let uuid = uuid_of(&record);
    let plain = printed(&record, r#"{"a":1}"#);
    let expected = format!(
        r#"{{"@context":"/contexts/system/Tenant","@id":"/system/tenants/{uuid}","@type":"system/Tenant",{}"#,
        &plain[1..]
    );
    let read = server
        .system_default("GET", &item(uuid))
        .send()
        .expect_status(200);
    assert_eq!(read.text(), expected);
    let changed = server
        .system_default("PUT", &item(uuid))
        .json(&json!({"version": 1}))
        .send()
        .expect_status(200)
        .json();
    assert_eq!(changed["@type"], "system/Tenant");
    assert_eq!(changed["version"], 2);
    let made = server
        .system_default("POST", TENANTS)
        .json(&json!({"data": {}, "version": 1}))
        .send()
        .expect_status(200);
    let record = made.json();
    assert_eq!(record["@id"], item(uuid_of(&record)));
    assert!(
        made.text()
            .starts_with(r#"{"@context":"/contexts/system/Tenant","@id":"#)
    );
}

#[test]
fn a_given_uuid_is_used_and_printed_in_lower_case() {
    let server = reference::shared();
    for (sent, printed) in [
        (
            "d928b020-94f6-4928-a510-04fc49d5a174",
            "d928b020-94f6-4928-a510-04fc49d5a174",
        ),
        (
            "F9412502-67DE-4C1F-B4CF-12A92DF58A5A",
            "f9412502-67de-4c1f-b4cf-12a92df58a5a",
        ),
    ] {
        let record = server
            .system("POST", TENANTS)
            .json(&json!({"uuid": sent, "data": {}, "version": 1}))
            .send()
            .expect_status(200)
            .json();
        assert_eq!(record["uuid"], printed);
        assert_eq!(server.read(sent), record, "any letter case finds it");
        assert_eq!(server.read(printed), record);
    }
}

#[test]
fn a_tenant_starts_at_the_version_it_is_given() {
    let server = reference::shared();
    for version in [1, 7, 2_147_483_647_u32] {
        let record = server
            .system("POST", TENANTS)
            .json(&json!({"data": {}, "version": version}))
            .send()
            .expect_status(200)
            .json();
        assert_eq!(record["version"], version);
        assert_eq!(server.read(uuid_of(&record))["version"], version);
    }
}

#[test]
fn a_create_answers_201_where_it_is_configured() {
    let server = Server::builder()
        .env("TENANTRY_SYSTEM_CREATE_STATUS", "201")
        .start();
    let made = server
        .system("POST", TENANTS)
        .json(&json!({"data": {}, "version": 1}))
        .send()
        .expect_status(201)
        .json();
    server
        .system("PUT", &item(uuid_of(&made)))
        .json(&json!({"version": 1}))
        .send()
        .expect_status(200);
}

#[test]
fn unknown_members_of_a_body_are_ignored() {
    let server = reference::shared();
    let record = server
        .system("POST", TENANTS)
        .json(&json!({"data": {}, "version": 1, "id": 999_999, "createdAt": 5, "name": ["x"]}))
        .send()
        .expect_status(200)
        .json();
    assert_ne!(id_of(&record), 999_999);
    server
        .system("PUT", &item(uuid_of(&record)))
        .json(&json!({"version": 1, "nope": {"a": []}}))
        .send()
        .expect_status(200);
}

#[test]
fn a_put_may_give_a_tenant_a_new_uuid() {
    let server = reference::shared();
    let record = server.make(&json!({"keep": true}));
    let old = uuid_of(&record);
    let new = "0a0a0a0a-1111-4222-8333-444455556666";
    let changed = server
        .system("PUT", &item(old))
        .json(&json!({"uuid": new, "version": 1}))
        .send()
        .expect_status(200)
        .json();
    assert_eq!(changed["uuid"], new);
    assert_eq!(changed["id"], record["id"]);
    assert_eq!(changed["version"], 2);
    assert_eq!(changed["data"], json!({"keep": true}));
    assert_eq!(server.read(new), changed);
    let gone = server.system("GET", &item(old)).send();
    assert_problem(&gone, 404, "Not Found");
    // The management API calls it by the new one as well.
    server
        .get(&format!("/v1/tenants/{new}"))
        .bearer(&server.token())
        .send()
        .expect_status(200);
}

#[test]
fn a_uuid_that_no_tenant_has_any_more_may_be_used_again() {
    let server = reference::shared();
    let create = |uuid: &str| {
        server
            .system("POST", TENANTS)
            .json(&json!({"uuid": uuid, "data": {}, "version": 1}))
            .send()
            .expect_status(200)
            .json()
    };
    let uuid = "0b0b0b0b-1111-4222-8333-444455556666";
    let first = create(uuid);
    let path = item(uuid);
    server.system("DELETE", &path).send().expect_status(204);
    let second = create(uuid);
    assert!(id_of(&second) > id_of(&first));
    let moved = json!({"uuid": "0c0c0c0c-1111-4222-8333-444455556666", "version": 1});
    let put = server.system("PUT", &path).json(&moved).send();
    put.expect_status(200);
    let third = create(uuid);
    assert!(id_of(&third) > id_of(&second));
}

#[test]
fn a_put_without_data_leaves_it_and_with_data_replaces_all_of_it() {
    let server = reference::shared();
    let record = server.make(&json!({"a": 1, "b": {"c": 2}}));
    let path = item(uuid_of(&record));
    let put = |body: Value| {
        server
            .system("PUT", &path)
            .json(&body)
            .send()
            .expect_status(200)
            .json()
    };
    let kept = put(json!({"version": 1}));
    assert_eq!(kept["data"], json!({"a": 1, "b": {"c": 2}}));
    assert_eq!(kept["version"], 2, "also where nothing changed");
    let own = put(json!({"uuid": uuid_of(&record), "version": 2}));
    assert_eq!(own["version"], 3, "its own uuid is not in use by another");
    let replaced = put(json!({"data": {"d": 4}, "version": 3}));
    assert_eq!(replaced["data"], json!({"d": 4}));
    let emptied = put(json!({"data": {}, "version": 4}));
    assert_eq!(emptied["data"], json!({}));
    assert_eq!(emptied["version"], 5);
}

#[test]
fn a_delete_answers_204_with_no_body_and_the_tenant_is_gone() {
    let server = reference::shared();
    let record = server.make_any();
    let path = item(uuid_of(&record));
    let answer = server.system("DELETE", &path).send().expect_status(204);
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("content-type"), None);
    for method in ["GET", "DELETE"] {
        assert_problem(&server.system(method, &path).send(), 404, "Not Found");
    }
    let put = server
        .system("PUT", &path)
        .json(&json!({"data": {}, "version": 1}))
        .send();
    assert_problem(&put, 404, "Not Found");
}

#[test]
fn an_unknown_or_malformed_uuid_in_the_path_is_not_found() {
    let server = reference::shared();
    let record = server.make_any();
    let uuid = uuid_of(&record);
    let paths = [
        "00000000-0000-4000-8000-000000000000".to_owned(),
        "nope".to_owned(),
        "1".to_owned(),
        format!("urn:uuid:{uuid}"),
        format!("%7B{uuid}%7D"),
        uuid.replace('-', ""),
        format!("{uuid}0"),
        uuid[1..].to_owned(),
        format!("%20{uuid}"),
    ];
    for path in paths {
        for method in ["GET", "DELETE"] {
            let answer = server.system(method, &item(&path)).send();
            assert_problem(&answer, 404, "Not Found");
        }
        let put = server
            .system("PUT", &item(&path))
            .json(&json!({"data": {}, "version": 1}))
            .send();
        assert_problem(&put, 404, "Not Found");
    }
    assert_eq!(server.read(uuid), record, "none of them reached it");
}

#[test]
fn ids_rise_in_order_of_creation_and_are_never_used_again() {
    let mut server = Server::reference();
    let first = server.make_any();
    let second = management_tenant(&server, "rise");
    let second = server.read(second["id"].as_str().unwrap());
    let third = server.make_any();
    assert!(id_of(&first) < id_of(&second) && id_of(&second) < id_of(&third));
    for record in [&third, &second] {
        let path = item(uuid_of(record));
        server.system("DELETE", &path).send().expect_status(204);
    }
    let fourth = server.make_any();
    assert!(id_of(&fourth) > id_of(&third));
    let path = item(uuid_of(&fourth));
    server.system("DELETE", &path).send().expect_status(204);
    server.restart();
    let fifth = server.make_any();
    assert!(id_of(&fifth) > id_of(&fourth), "nor after a restart");
}

#[test]
fn a_tenant_of_the_management_api_is_a_record_here() {
    let server = reference::shared();
    let tenant = management_tenant(server, "both");
    let id = tenant["id"].as_str().unwrap();
    let record = server.read(id);
    assert_eq!(record["uuid"], id);
    assert_eq!(record["data"], json!({}));
    assert_eq!(record["version"], 1);
    for member in ["createdAt", "updatedAt"] {
        let (here, there) = (record[member].as_str(), tenant[member].as_str());
        assert_eq!(here.unwrap()[..19], there.unwrap()[..19], "{member}");
    }
    server
        .system("PUT", &item(id))
        .json(&json!({"data": {"from": "system"}, "version": 1}))
        .send()
        .expect_status(200);
    let seen = server
        .get(&format!("/v1/tenants/{id}"))
        .bearer(&server.token())
        .send()
        .expect_status(200)
        .json();
    assert_eq!(seen["version"], 2);
    assert_eq!(seen["data"], json!({"from": "system"}));
    assert_eq!(seen["subdomain"], tenant["subdomain"]);
    assert_eq!(seen["name"], tenant["name"]);
}

#[test]
fn data_given_to_the_management_api_is_seen_here() {
    let server = reference::shared();
    let tenant = server
        .post("/v1/tenants")
        .bearer(&server.token())
        .json(&json!({
            "subdomain": reference::unique_label("data"),
            "environmentId": reference::ENVIRONMENT_ID,
            "data": {"tier": "gold"},
        }))
        .send()
        .expect_status(201)
        .json();
    let record = server.read(tenant["id"].as_str().unwrap());
    assert_eq!(record["data"], json!({"tier": "gold"}));
}

#[test]
fn a_record_made_here_is_a_tenant_of_the_default_environment_without_a_client() {
    let server = Server::reference();
    let record = server.make_any();
    let uuid = uuid_of(&record);
    let token = server.token();
    let tenant = server
        .get(&format!("/v1/tenants/{uuid}"))
        .bearer(&token)
        .send()
        .expect_status(200)
        .json();
    let label = format!("t-{}", uuid.replace('-', ""));
    assert_eq!(tenant["environment"], reference::environment());
    assert_eq!(tenant["name"], label.as_str());
    assert_eq!(
        tenant["subdomain"],
        format!("{label}.{}", reference::TENANT_DOMAIN)
    );
    assert_eq!(tenant["status"], "active");
    let clients = server
        .get(&format!("/v1/tenants/{uuid}/clients"))
        .bearer(&token)
        .send()
        .expect_status(200)
        .json();
    assert_eq!(clients, json!({"data": []}));
}

#[test]
fn a_delete_through_either_family_is_a_delete_in_both() {
    let server = reference::shared();
    let token = server.token();
    let by_system = management_tenant(server, "gone");
    let by_management = server.make_any();
    let (id, uuid) = (by_system["id"].as_str().unwrap(), uuid_of(&by_management));
    server.system("DELETE", &item(id)).send().expect_status(204);
    server
        .delete(&format!("/v1/tenants/{uuid}"))
        .bearer(&token)
        .send()
        .expect_status(204);
    for id in [id, uuid] {
        assert_problem(&server.system("GET", &item(id)).send(), 404, "Not Found");
        server
            .get(&format!("/v1/tenants/{id}"))
            .bearer(&token)
            .send()
            .expect_status(404);
    }
    let client = &by_system["client"];
    server
        .post("/oauth/token")
        .json(&json!({
            "client_id": client["clientId"],
            "client_secret": client["clientSecret"],
            "grant_type": "client_credentials",
        }))
        .send()
        .expect_status(401);
}
