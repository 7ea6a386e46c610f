//! The operations on webhooks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Hook, create, environment, shared};
use crate::harness::{Delivered, Receiver};
use crate::support::{UNKNOWN_ID, assert_error, assert_faults, kept, keys, text, utc};

const URL: &str = "https://hooks.example.test/tenants";

#[test]
fn a_webhook_is_made_read_changed_and_deleted() {
    let server = shared();
    let made = create(server, &json!({"url": URL}))
        .send()
        .expect_status(201);
    let etag = made.header("etag").unwrap().to_owned();
    let location = made.header("location").unwrap().to_owned();
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.json();
    let id = text(&made["id"]);
    assert_eq!(location, format!("/v1/webhooks/{id}"));
    let members = [
        "createdAt",
        "disabled",
        "disabledReason",
        "environmentIds",
        "id",
        "secret",
        "types",
        "updatedAt",
        "url",
        "version",
    ];
    assert_eq!(keys(&made), members.into());
    assert_eq!(made["url"], URL);
    assert_eq!(
        (&made["types"], &made["environmentIds"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        (&made["disabled"], &made["version"]),
        (&json!(false), &json!(1))
    );
    utc(&made["createdAt"]);
    let bytes = STANDARD.decode(text(&made["secret"]).strip_prefix("whsec_").unwrap());
    assert_eq!(bytes.unwrap().len(), 32);

    let get = server.get(&location).bearer(&server.token());
    let shown = get.clone().send().expect_status(200);
    assert_eq!(shown.header("etag"), Some(etag.as_str()));
    let shown = shown.json();
    let mut expected = made.clone();
    expected.as_object_mut().unwrap().remove("secret");
    assert_eq!(shown, expected, "the secret is shown once");
    get.clone()
        .header("If-None-Match", &etag)
        .send()
        .expect_status(304);
    let head = server
        .head(&location)
        .bearer(&server.token())
        .send()
        .expect_status(200);
    assert_eq!(head.body, b"");

    let patch = |change: Value| {
        server
            .patch(&location)
            .bearer(&server.token())
            .json(&change)
    };
    let types = json!(["tenant.deleted", "tenant.created"]);
    let changed = patch(json!({"types": types})).header("If-Match", &etag);
    let changed = changed.send().expect_status(200).json();
    assert_eq!(
        changed["types"],
        json!(["tenant.created", "tenant.deleted"])
    );
    assert_eq!(
        (&changed["version"], &changed["url"]),
        (&json!(2), &json!(URL))
    );
    let stale = patch(json!({})).header("If-Match", &etag).send();
    assert_error(&stale, 412, "PreconditionFailed");
    let changed = patch(json!({"types": null, "disabled": true}))
        .send()
        .expect_status(200);
    assert_eq!(changed.json()["types"], Value::Null);

    let list = server
        .get("/v1/webhooks?limit=1000")
        .bearer(&server.token())
        .send();
    let list = list.expect_status(200).json();
    let listed = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["id"] == id);
    assert_eq!(*listed.unwrap(), changed.json());

    let delete = server.delete(&location).bearer(&server.token());
    let stale = delete.clone().header("If-Match", &etag).send();
    assert_error(&stale, 412, "PreconditionFailed");
    assert_eq!(delete.clone().send().expect_status(204).body, b"");
    for gone in [delete.send(), get.send(), patch(json!({})).send()] {
        assert_eq!(
            assert_error(&gone, 404, "NotFound")["code"],
            "webhook_not_found"
        );
    }
}

#[test]
fn a_password_in_a_url_is_not_sent_back() {
    let server = shared();
    for url in [
        "https://user:s3cr3tpass@example.test/x",
        "https://user:s3cr3tpass\u{40}example.test/\u{7}",
        "ftp://user:s3cr3tpass@example.test/",
    ] {
        let refused = create(server, &json!({"url": url})).send();
        assert_error(&refused, 400, "BadRequest");
        assert!(!refused.text().contains("s3cr3tpass"), "{refused}");
    }
    // What can't hold one is.
    let refused = create(server, &json!({"url": "ftp://example.test/"})).send();
    let fault = &assert_error(&refused, 400, "BadRequest")["details"][0];
    assert_eq!(fault["value"], "ftp://example.test/");
}

#[test]
fn every_fault_of_a_body_is_told() {
    let server = shared();
    let refused = |body: Value, params: &[&str]| {
        assert_faults(&create(server, &body).send(), "body", params);
    };
    refused(json!({}), &["url"]);
    refused(json!({"url": null}), &["url"]);
    refused(
        json!({"url": 7, "types": "x", "environmentIds": 1, "disabled": "no", "secret": "x"}),
        &["url", "types", "environmentIds", "disabled", "secret"],
    );
    refused(json!({"url": URL, "types": []}), &["types"]);
    refused(
        json!({"url": URL, "types": ["tenant.created", "tenant.moved", 7]}),
        &["types[1]", "types[2]"],
    );
    refused(
        json!({"url": URL, "environmentIds": []}),
        &["environmentIds"],
    );
    refused(
        json!({"url": URL, "environmentIds": ["x"]}),
        &["environmentIds[0]"],
    );
    refused(
        json!({"url": URL, "environmentIds": [UNKNOWN_ID]}),
        &["environmentIds"],
    );
    refused(json!({"url": URL, "disabled": null}), &["disabled"]);
    for url in [
        "",
        "hooks.example.test",
        "ftp://example.test/",
        "https://u:p@example.test/",
        "https://example.test/#x",
        "https:// example.test/",
    ] {
        refused(json!({"url": url}), &["url"]);
    }
    let webhook = create(server, &json!({"url": URL, "disabled": true})).send();
    let path = format!(
        "/v1/webhooks/{}",
        text(&webhook.expect_status(201).json()["id"])
    );
    let change = server.patch(&path).bearer(&server.token());
    let body = json!({"url": null, "disabled": null, "name": "x"});
    assert_faults(
        &change.json(&body).send(),
        "body",
        &["url", "disabled", "name"],
    );
    let secrets = server
        .post(&format!("{path}/secrets"))
        .bearer(&server.token());
    let body = json!({"overlapSeconds": 604_801});
    assert_faults(&secrets.json(&body).send(), "body", &["overlapSeconds"]);
    let list = |query: &str| {
        let path = format!("{path}/deliveries{query}");
        server.get(&path).bearer(&server.token()).send()
    };
    assert_faults(&list("?status=done&limit=0"), "query", &["status", "limit"]);
    assert_eq!(
        list("?status=pending").expect_status(200).json(),
        json!({"data": []})
    );
    let again = format!("{path}/deliveries/{UNKNOWN_ID}/redeliver");
    let again = server
        .post(&again)
        .bearer(&server.token())
        .json(&json!({}))
        .send();
    assert_eq!(
        assert_error(&again, 404, "NotFound")["code"],
        "delivery_not_found"
    );
    let malformed = server.get("/v1/webhooks/x").bearer(&server.token()).send();
    assert_faults(&malformed, "params", &["id"]);
}

#[test]
fn a_repeat_gets_the_same_secret_and_makes_nothing() {
    let server = shared();
    let own = environment(server);
    let body = json!({"url": URL, "environmentIds": [own]});
    let ask = create(server, &body).header("Idempotency-Key", &own);
    let first = ask.clone().send().expect_status(201);
    let again = ask.send().expect_status(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.body, first.body);
}

#[test]
fn deliveries_are_paged() {
    let (server, receiver) = (shared(), Receiver::start());
    let hook = Hook::of_creations(server, &receiver);
    hook.cause(server, 3);
    receiver.wait_for(3);
    let last = receiver.delivered()[2].header("webhook-id").to_owned();
    hook.poll(server, |one| {
        one["id"] == last && one["status"] == "delivered"
    });
    let mut seen = Vec::new();
    let mut path = format!("{}/deliveries?limit=2&status=delivered", hook.path());
    loop {
        let page = server.get(&path).bearer(&server.token()).send();
        let page = page.expect_status(200).json();
        let data = page["data"].as_array().unwrap();
        if data.is_empty() {
            break;
        }
        seen.extend(data.iter().map(|one| one["sequence"].as_i64().unwrap()));
        path = format!(
            "{}/deliveries?limit=2&status=delivered&cursor={}",
            hook.path(),
            text(&page["nextCursor"])
        );
    }
    let told: Vec<_> = receiver
        .delivered()
        .iter()
        .map(Delivered::sequence)
        .collect();
    assert_eq!(seen, told);
}

#[test]
fn no_secret_is_kept_in_the_clear() {
    let server = shared();
    let (own, receiver) = (environment(server), Receiver::start());
    let hook = Hook::of(server, &receiver, &own);
    hook.cause(server, 1);
    receiver.wait_for(1);
    let base64 = hook.secret.strip_prefix("whsec_").unwrap();
    let bytes = STANDARD.decode(base64).unwrap();
    for (place, content) in kept(server) {
        let holds = |needle: &[u8]| content.windows(needle.len()).any(|part| part == needle);
        assert!(!holds(base64.as_bytes()) && !holds(&bytes), "{place}");
    }
    assert!(!server.stderr().contains(base64));
}
