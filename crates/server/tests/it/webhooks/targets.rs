//! Where webhooks may not lead, and whom their receivers are trusted by.

use std::net::ToSocketAddrs as _;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;

use super::{Hook, builder, create};
use crate::harness::reference::{environments_file, shared};
use crate::harness::{Receiver, Server};
use crate::support::{assert_faults, text};

/// A name other than `localhost` that leads to this machine, where there is one.
fn inner_name() -> Option<String> {
    let own = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let names = ["ip6-localhost", "ip6-loopback", own.trim()];
    let is_inner = |name: &&&str| {
        let found = (**name, 443).to_socket_addrs();
        !name.is_empty()
            && found.is_ok_and(|found| {
                let mut all = found.map(|address| address.ip()).peekable();
                all.peek().is_some() && all.all(|ip| !tenantry_domain::webhook::is_public(ip))
            })
    };
    names.iter().find(is_inner).map(|&name| name.to_owned())
}

#[test]
fn what_is_not_public_is_refused_when_a_webhook_is_made_or_changed() {
    let server = shared();
    let outer = json!({"url": "https://203.0.114.1/hook", "disabled": true});
    let made = create(server, &outer).send().expect_status(201).json();
    let path = format!("/v1/webhooks/{}", text(&made["id"]));
    let mut inner: Vec<String> = [
        "http://203.0.114.1/hook",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://0/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1:8443/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://192.0.2.1/",
        "https://198.18.0.1/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://[::]/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:0a00:0001]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:7f00:1::]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[ff02::1]/",
        "https://[2001:db8::1]/",
        "https://localhost/",
        "https://LocalHost.:8443/",
        "https://tenants.localhost/",
    ]
    .map(str::to_owned)
    .into();
    // Found out by looking the name up.
    inner.extend(inner_name().map(|name| format!("https://{name}/")));
    for url in inner {
        let body = json!({"url": url});
        let refused = assert_faults(&create(server, &body).send(), "body", &["url"]);
        assert_eq!(refused["details"][0]["value"], url, "{refused}");
        let change = server.patch(&path).bearer(&server.token()).json(&body);
        assert_faults(&change.send(), "body", &["url"]);
    }
    // A name that nobody knows today may be there tomorrow.
    let later = json!({"url": "https://hooks.invalid/", "disabled": true});
    create(server, &later).send().expect_status(201);
}

/// What was allowed when the webhook was made is looked at anew when it is called.
#[test]
fn what_is_not_public_is_refused_again_at_each_connect() {
    let mut server = builder().start();
    let receiver = Receiver::start();
    let mut hosts = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    hosts.extend(inner_name());
    let environment = super::environment(&server);
    let hooks: Vec<_> = hosts
        .iter()
        .map(|host| {
            let url = format!("https://{host}:{}/hook", receiver.port());
            let body = json!({"url": url, "environmentIds": [environment]});
            let made = create(&server, &body).send().expect_status(201).json();
            Hook {
                id: text(&made["id"]),
                secret: text(&made["secret"]),
                environment: environment.clone(),
            }
        })
        .collect();
    server.set_env("TENANTRY_WEBHOOK_ALLOW_PRIVATE", "false");
    server.restart();
    hooks[0].cause(&server, 1);
    for hook in &hooks {
        let failed = hook.poll(&server, |one| one["attempts"].as_i64() >= Some(1));
        assert_eq!(failed["lastStatusCode"], json!(null));
        let error = text(&failed["lastError"]);
        assert!(error.contains("private"), "{error}");
    }
    assert_eq!(receiver.connections(), 0);
}

/// A certificate authority of one's own, and what it has signed for a receiver here.
fn authority() -> (String, rustls::ServerConfig) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let leaf = CertificateParams::new(names).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    (issuer.pem(), config)
}

#[test]
fn only_a_receiver_with_a_certificate_that_is_trusted_is_told() {
    let (pem, config) = authority();
    let receiver = Receiver::secure(config);
    let mut server = builder().file("authority.pem", &pem).start();
    let hook = Hook::of_creations(&server, &receiver);
    hook.cause(&server, 1);
    let failed = hook.poll(&server, |one| one["attempts"].as_i64() >= Some(1));
    assert_eq!(failed["status"], "pending");
    let error = text(&failed["lastError"]).to_lowercase();
    assert!(error.contains("certificate"), "{error}");
    assert_eq!(
        receiver.delivered().len(),
        0,
        "nothing is said to a stranger"
    );
    server.set_env("TENANTRY_WEBHOOK_CA_FILE", "authority.pem");
    server.restart();
    let delivered = receiver.wait_for(1);
    super::genuine::assert_genuine(&server, &hook.secret, &delivered[0]);
}

#[test]
fn a_file_that_holds_no_certificate_is_refused_at_the_start() {
    for (content, says) in [(None, "can't be read"), (Some("x"), "PEM")] {
        let server = Server::builder()
            .environments_file(&environments_file())
            .env("TENANTRY_WEBHOOK_CA_FILE", "authority.pem");
        let server = match content {
            Some(content) => server.file("authority.pem", content),
            None => server,
        };
        let output = crate::harness::cli(&server.prepare(), &["serve"]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let named = output.stderr.contains("TENANTRY_WEBHOOK_CA_FILE");
        assert!(named && output.stderr.contains(says), "{output:?}");
    }
}
