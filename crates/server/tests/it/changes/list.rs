//! `GET /v1/changes`: what is in it, in which order, and from where.

use serde_json::{Value, json};

use super::{
    all_after, change_by_command, changes, latest, new_tenant, put_record, sequence, set_status,
};
use crate::harness::{Clients, Server, cli, reference};
use crate::support::{assert_error, assert_faults, keys, text, utc};

fn types(changes: &[Value]) -> Vec<&str> {
    changes
        .iter()
        .map(|change| change["type"].as_str().unwrap())
        .collect()
}

#[test]
fn every_change_of_either_family_and_of_the_command_line_is_one_in_order() {
    let server = Server::reference();
    let begin = latest(&server);
    assert_eq!(
        types(&all_after(&server, 0)),
        ["environment.created", "client.created"],
        "the first start's"
    );
    let tenant = new_tenant(&server);
    put_record(
        &server,
        &tenant.id,
        &json!({"version": 1, "data": {"a": 1}}),
    );
    set_status(&server, &tenant.id, "suspended");
    set_status(&server, &tenant.id, "active");
    let clients = format!("{}/clients", tenant.path());
    let token = server.token();
    let made = server
        .post(&clients)
        .bearer(&token)
        .json(&json!({"name": "n"}));
    let made = text(&made.send().expect_status(201).json()["clientId"]);
    let one = format!("{clients}/{made}");
    let patch = server
        .patch(&one)
        .bearer(&token)
        .json(&json!({"name": "m"}));
    patch.send().expect_status(200);
    let rotate = server.post(&format!("{one}/secrets")).bearer(&token);
    rotate.json(&json!({})).send().expect_status(201);
    server.delete(&one).bearer(&token).send().expect_status(204);
    server
        .delete(&tenant.path())
        .bearer(&token)
        .send()
        .expect_status(204);
    let environment = change_by_command(&server);
    let path = format!("/v1/environments/{environment}");
    let patch = server
        .patch(&path)
        .bearer(&token)
        .json(&json!({"name": "New"}));
    patch.send().expect_status(200);
    server
        .delete(&path)
        .bearer(&token)
        .send()
        .expect_status(204);
    let credentials = server.credentials();
    let rotated = cli(&server, &["client", "rotate", &credentials.client_id]);
    assert!(rotated.status.success(), "{rotated:?}");
    let all = all_after(&server, begin);
    assert_eq!(
        types(&all),
        [
            "tenant.created",
            "client.created",
            "tenant.updated",
            "tenant.suspended",
            "tenant.resumed",
            "client.created",
            "client.updated",
            "client.secret_rotated",
            "client.deleted",
            "tenant.deleted",
            "environment.created",
            "environment.updated",
            "environment.deleted",
            "client.secret_rotated",
        ]
    );
    for (change, expected) in all.iter().zip(begin + 1..) {
        assert_eq!(sequence(change), expected);
        utc(&change["time"]);
    }
    let kinds: Vec<_> = all.iter().map(|one| &one["actor"]["kind"]).collect();
    assert_eq!(kinds[0], "client");
    assert_eq!(all[0]["actor"]["id"], credentials.client_id.as_str());
    assert_eq!(kinds[2], "system-account");
    assert_eq!([kinds[10], kinds[13]], ["cli", "cli"]);
    assert_eq!(all[10]["requestId"], Value::Null);
    for process in server.each() {
        assert_eq!(
            all_after(&process, begin),
            all,
            "every process shows the same"
        );
    }
}

#[test]
fn a_change_has_the_form_of_the_contract() {
    let server = Server::reference();
    let begin = latest(&server);
    let tenant = new_tenant(&server);
    let rename = server
        .patch(&tenant.path())
        .bearer(&server.token())
        .header("X-Request-Id", "the-feeds-own")
        .json(&json!({"name": "Other", "data": {"secret": "of the operator"}}));
    let shown = rename.send().expect_status(200).json();
    let page = changes(&server, &format!("after={}", begin + 2)).send();
    assert_eq!(page.header("content-type"), Some("application/json"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let page = page.expect_status(200).json();
    assert_eq!(keys(&page), ["data", "next"].into());
    let change = &page["data"][0];
    let mut subject = shown;
    subject.as_object_mut().unwrap().remove("data");
    let expected = json!({
        "sequence": begin + 3,
        "type": "tenant.updated",
        "time": change["time"],
        "tenantId": tenant.id,
        "clientId": null,
        "environmentId": reference::ENVIRONMENT_ID,
        "version": 2,
        "actor": {"kind": "client", "id": server.credentials().client_id},
        "requestId": "the-feeds-own",
        "subject": subject,
    });
    assert_eq!(*change, expected);
    let client = &all_after(&server, begin)[1];
    assert_eq!(client["clientId"], tenant.client_id.as_str());
    assert_eq!(client["tenantId"], tenant.id.as_str());
    assert_eq!(client["version"], Value::Null);
    assert!(!client.to_string().contains(&tenant.client_secret));
}

#[test]
fn a_change_of_the_id_tells_the_one_before() {
    let server = Server::reference();
    let tenant = new_tenant(&server);
    let begin = latest(&server);
    let id = "0198c0de-0000-7000-8000-00000000feed";
    put_record(&server, &tenant.id, &json!({"uuid": id, "version": 1}));
    put_record(&server, id, &json!({"version": 2}));
    let all = all_after(&server, begin);
    assert_eq!(all[0]["tenantId"], id);
    assert_eq!(all[0]["previousTenantId"], tenant.id.as_str());
    assert_eq!(all[0]["subject"]["id"], id);
    assert!(!keys(&all[1]).contains("previousTenantId"));
}

#[test]
fn pages_begin_behind_a_number_and_end_with_the_next() {
    let server = Server::reference();
    let begin = latest(&server);
    for _ in 0..4 {
        new_tenant(&server);
    }
    let end = begin + 8;
    let page = |query: &str| {
        let page = changes(&server, query).send().expect_status(200).json();
        let numbers: Vec<_> = page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(sequence)
            .collect();
        (numbers, page["next"].as_i64().unwrap())
    };
    assert_eq!(page("").0, (1..=end).collect::<Vec<_>>());
    assert_eq!(page("limit=2"), (vec![1, 2], 2));
    assert_eq!(
        page(&format!("after={}&limit=1000", end - 1)),
        (vec![end], end)
    );
    assert_eq!(page(&format!("after={end}")), (vec![], end));
    assert_eq!(page("after=123456"), (vec![], 123_456));
    assert_eq!(page("after=latest"), (vec![], end));
    assert_eq!(page("after=9223372036854775807&unknown=1").1, i64::MAX);
}

#[test]
fn everything_that_is_malformed_is_told() {
    let server = reference::shared();
    let bad = changes(server, "after=-1&limit=0&wait=61").send();
    assert_faults(&bad, "query", &["after", "limit", "wait"]);
    for (query, param) in [
        ("after=x", "after"),
        ("after=", "after"),
        ("after=9223372036854775808", "after"),
        ("after=1&after=2", "after"),
        ("limit=1001", "limit"),
        ("wait=-1", "wait"),
        ("wait=1.5", "wait"),
    ] {
        assert_faults(&changes(server, query).send(), "query", &[param]);
    }
    let xml = changes(server, "").header("Accept", "text/xml").send();
    assert_error(&xml, 406, "NotAcceptable");
    let post = server
        .post("/v1/changes")
        .bearer(&server.token())
        .json(&json!({}));
    assert_eq!(
        post.send().expect_status(405).header("allow"),
        Some("GET, HEAD, OPTIONS")
    );
}

#[test]
fn cloud_events_are_read_by_their_own_sdk() {
    let server = Server::reference();
    let tenant = new_tenant(&server);
    let batch = "application/cloudevents-batch+json";
    let answer = changes(&server, "after=2&limit=10")
        .header("Accept", batch)
        .send();
    assert_eq!(answer.header("content-type"), Some(batch), "{answer}");
    let url = server.public_url();
    let link = format!("<{url}/v1/changes?after=4&limit=10>; rel=\"next\"");
    assert_eq!(answer.header("link"), Some(link.as_str()));
    let events = answer.expect_status(200).json();
    let plain = all_after(&server, 2);
    assert_eq!(events.as_array().unwrap().len(), plain.len());
    let expected = json!({
        "specversion": "1.0",
        "id": "3",
        "source": url,
        "type": "tenantry.tenant.created",
        "subject": tenant.path(),
        "time": plain[0]["time"],
        "datacontenttype": "application/json",
        "data": plain[0],
    });
    assert_eq!(events[0], expected);
    let Some(clients) = Clients::node("cloudevents") else {
        return;
    };
    let read = clients.run("read.mjs", &[&events.to_string()]);
    assert_eq!(read["failures"], json!([]), "{read}");
    assert_eq!(read["ids"], json!(["3", "4"]));
    assert_eq!(
        read["types"],
        json!(["tenantry.tenant.created", "tenantry.client.created"])
    );
    assert_eq!(read["data"], json!(plain));
}
