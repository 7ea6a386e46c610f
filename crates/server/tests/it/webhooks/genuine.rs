//! Whether a delivery is genuine: the command that checks one, and libraries of others.

use std::path::PathBuf;

use serde_json::json;

use super::{Hook, shared};
use crate::harness::{CliOutput, Clients, Delivered, Receiver, Server, cli, cli_with_input};
use crate::support::{poll, text};

/// Two files that no other test uses: the head and the body of a delivery.
fn files(server: &Server, head: &str, body: &[u8]) -> [PathBuf; 2] {
    let name = crate::harness::reference::unique_label("delivery");
    let place = |suffix: &str| server.directory().join(format!("{name}.{suffix}"));
    let (head_file, body_file) = (place("head"), place("body"));
    std::fs::write(&head_file, head).unwrap();
    std::fs::write(&body_file, body).unwrap();
    [head_file, body_file]
}

fn verify(server: &Server, secret: &str, head: &str, body: &[u8], more: &[&str]) -> CliOutput {
    let [head, body] = files(server, head, body);
    let (head, body) = (head.to_str().unwrap(), body.to_str().unwrap());
    let args = [
        "webhook",
        "verify",
        "--headers-file",
        head,
        "--body-file",
        body,
    ];
    cli_with_input(server, &[&args, more].concat(), secret)
}

#[track_caller]
pub(super) fn assert_genuine(server: &Server, secret: &str, delivered: &Delivered) {
    let checked = verify(server, secret, &delivered.head(), &delivered.body, &[]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
}

#[track_caller]
pub(super) fn assert_forged(server: &Server, secret: &str, delivered: &Delivered) {
    let checked = verify(server, secret, &delivered.head(), &delivered.body, &[]);
    assert_eq!(checked.status.code(), Some(1), "{checked:?}");
}

#[test]
fn the_command_says_what_is_wrong_with_a_delivery() {
    let (server, receiver) = (shared(), Receiver::start());
    let hook = Hook::of_creations(server, &receiver);
    hook.cause(server, 1);
    let delivered = receiver.wait_for(1).remove(0);
    let (head, body, secret) = (delivered.head(), &delivered.body[..], hook.secret.as_str());
    let good = verify(server, secret, &head, body, &["--output", "json"]);
    assert_eq!(
        good.json()["id"],
        delivered.header("webhook-id"),
        "{good:?}"
    );
    let says = |secret: &str, head: &str, body: &[u8], more: &[&str], what: &str| {
        let checked = verify(server, secret, head, body, more);
        assert_eq!(checked.status.code(), Some(1), "{checked:?}");
        assert!(checked.stderr.contains(what), "{what}: {checked:?}");
        assert!(!checked.stderr.contains(&hook.secret), "{checked:?}");
    };
    let at = delivered.header("webhook-timestamp");
    let signature = delivered.header("webhook-signature");
    says(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        &head,
        body,
        &[],
        "none of the 1 signatures",
    );
    says(secret, &head, b"{}", &[], "byte for byte");
    says("secret", &head, body, &[], "must be `whsec_`");
    says(
        secret,
        &head.replace("webhook-id", "x-id"),
        body,
        &[],
        "webhook-id is not there",
    );
    says(
        secret,
        &format!("{head}{head}"),
        body,
        &[],
        "more than once",
    );
    says(
        secret,
        &head.replace(at, "yesterday"),
        body,
        &[],
        "webhook-timestamp is not",
    );
    says(
        secret,
        &head.replace(signature, "v2,x"),
        body,
        &[],
        "no signature of the form",
    );
    // The clock of a second ago is as far as a test can go without signing by itself.
    let old =
        |checked: &CliOutput| checked.status.code() == Some(1) && checked.stderr.contains("signed");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !old(&verify(server, secret, &head, body, &["--tolerance", "0"])) {
        assert!(
            std::time::Instant::now() < deadline,
            "it never gets too old"
        );
    }
    let any = verify(
        server,
        secret,
        &head
            .to_uppercase()
            .replace(&signature.to_uppercase(), signature)
            .replace(
                &delivered.header("webhook-id").to_uppercase(),
                delivered.header("webhook-id"),
            ),
        body,
        &["--any-age"],
    );
    assert_eq!(any.status.code(), Some(0), "{any:?}");
    let file = server.directory().join(format!("{}.secret", hook.id));
    std::fs::write(&file, format!("{secret}\n")).unwrap();
    let [head, body] = files(server, &head, body);
    let args = [
        "webhook",
        "verify",
        "--secret-file",
        file.to_str().unwrap(),
        "--headers-file",
        head.to_str().unwrap(),
        "--body-file",
        body.to_str().unwrap(),
    ];
    let checked = cli(server, &args);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
}

#[test]
fn the_command_lists_webhooks() {
    let (server, receiver) = (shared(), Receiver::start());
    let hook = Hook::of_creations(server, &receiver);
    let listed = cli(server, &["webhook", "list", "--output", "json"]).json();
    let own = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["id"] == hook.id);
    assert_eq!(own.unwrap()["url"], receiver.url());
    assert!(cli(server, &["webhook", "list"]).stdout.contains(&hook.id));
}

/// What the master key seals is sealed anew with it, and the secret stays what it is.
#[test]
fn a_secret_survives_a_rotation_of_the_master_key() {
    let mut server = super::builder().start();
    let receiver = Receiver::start();
    let hook = Hook::of_creations(&server, &receiver);
    let rotated = cli(&server, &["master-key", "rotate"]);
    assert!(rotated.status.success(), "{rotated:?}");
    // A webhook that a server makes which has not heard of it yet opens everywhere as well.
    let other = Receiver::start();
    let other_hook = Hook::of(&server, &other, &hook.environment);
    if server.data_directories().len() > 1 {
        let key = std::fs::read(server.data_directory().join("master.key")).unwrap();
        for directory in &server.data_directories()[1..] {
            let file = directory.join("master.key");
            if file.exists() {
                std::fs::write(file, &key).unwrap();
            }
        }
    }
    server.restart();
    hook.cause(&server, 1);
    assert_genuine(&server, &hook.secret, &receiver.wait_for(1)[0]);
    assert_genuine(&server, &other_hook.secret, &other.wait_for(1)[0]);
}

#[test]
fn libraries_of_others_verify_and_parse_deliveries() {
    let Some(clients) = Clients::node("webhooks") else {
        return;
    };
    let (server, receiver) = (shared(), Receiver::start());
    let hook = Hook::of_creations(server, &receiver);
    let rotate = server
        .post(&format!("{}/secrets", hook.path()))
        .bearer(&server.token());
    let second = text(&rotate.json(&json!({})).send().expect_status(201).json()["secret"]);
    hook.cause(server, 2);
    let delivered = receiver.wait_for(2);
    let shown: Vec<_> = delivered
        .iter()
        .map(|one| {
            let headers: serde_json::Map<_, _> = one
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), json!(value)))
                .collect();
            json!({"headers": headers, "body": String::from_utf8(one.body.clone()).unwrap()})
        })
        .collect();
    let [file, _] = files(server, &json!(shown).to_string(), b"");
    let report = clients.run(
        "receiver.mjs",
        &[file.to_str().unwrap(), &hook.secret, &second],
    );
    for (one, seen) in delivered.iter().zip(report.as_array().unwrap()) {
        assert_eq!(
            seen["verified"],
            json!([true, true]),
            "by either secret: {seen}"
        );
        assert_eq!(seen["refused"], json!([true, true, true]), "{seen}");
        assert_eq!(seen["id"], one.sequence().to_string());
        assert_eq!(seen["type"], "tenantry.tenant.created");
        assert_eq!(seen["source"], server.public_url());
        assert_eq!(seen["subject"], one.json()["subject"]);
        assert_eq!(seen["datacontenttype"], "application/json");
        assert_eq!(seen["data"], one.json()["data"]);
        assert_eq!(
            seen["extensions"],
            json!([]),
            "no attribute that the standard does not know"
        );
    }
    let last = delivered[1].header("webhook-id").to_owned();
    poll(
        &server
            .get(&format!("{}/deliveries", hook.path()))
            .bearer(&server.token()),
        |answer| answer.text().contains(&last),
    );
}
