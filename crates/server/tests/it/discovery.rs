//! §3.2: keys and metadata, for whoever asks.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::harness::reference::shared;
use crate::harness::{Response, Server};
use crate::support::{SCOPES, text};

const DOCUMENTS: [&str; 2] = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
];

fn set(value: &Value) -> BTreeSet<String> {
    value
        .as_array()
        .expect("an array")
        .iter()
        .map(text)
        .collect()
}

#[track_caller]
fn assert_public_json(answer: &Response) {
    assert_eq!(answer.status, 200, "{answer}");
    assert!(
        answer
            .header("content-type")
            .unwrap()
            .starts_with("application/"),
        "{answer}"
    );
    assert!(
        answer.header("content-type").unwrap().contains("json"),
        "{answer}"
    );
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("x-request-id").is_some());
}

#[test]
fn the_key_set_lists_public_rsa_keys_and_may_be_cached_for_five_minutes() {
    let answer = shared().get("/.well-known/jwks.json").send();
    assert_public_json(&answer);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    let body = answer.json();
    let keys = body["keys"].as_array().unwrap();
    assert!(!keys.is_empty());
    let mut ids = BTreeSet::new();
    for key in keys {
        assert_eq!(key["use"], "sig", "{key}");
        assert_eq!(key["alg"], "RS256", "{key}");
        assert_eq!(key["kty"], "RSA", "{key}");
        assert_eq!(key["e"], "AQAB", "{key}");
        assert!(ids.insert(text(&key["kid"])), "{key}");
        let modulus = URL_SAFE_NO_PAD.decode(text(&key["n"])).unwrap();
        assert_eq!(modulus.len(), 256, "2048 bits, no leading zero: {key}");
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(key.get(private).is_none(), "{private} is served");
        }
    }
}

#[test]
fn every_server_makes_keys_of_its_own() {
    let key_id = |server: &Server| {
        text(&server.get("/.well-known/jwks.json").send().json()["keys"][0]["kid"])
    };
    assert_ne!(key_id(&Server::start()), key_id(shared()));
}

#[test]
fn both_metadata_documents_say_the_same_and_all_of_it_comes_from_the_public_url() {
    let public_url = "https://manage.example.test";
    let server = Server::builder()
        .env("TENANTRY_PUBLIC_URL", public_url)
        .start();
    let [oauth, openid] = DOCUMENTS.map(|path| {
        let answer = server
            .get(path)
            .header("X-Forwarded-Host", "evil.example")
            .header("Forwarded", "host=evil.example;proto=http")
            .header("X-Forwarded-Proto", "http")
            .send();
        assert_public_json(&answer);
        answer.json()
    });
    assert_eq!(oauth, openid);
    assert_eq!(oauth["issuer"], public_url);
    for (member, path) in [
        ("token_endpoint", "/oauth/token"),
        ("jwks_uri", "/.well-known/jwks.json"),
        ("introspection_endpoint", "/oauth/introspect"),
        ("revocation_endpoint", "/oauth/revoke"),
    ] {
        assert_eq!(oauth[member], format!("{public_url}{path}"), "{member}");
    }
    assert_eq!(
        oauth["grant_types_supported"],
        json!(["client_credentials"])
    );
    let methods = ["client_secret_basic", "client_secret_post"].map(str::to_owned);
    assert_eq!(
        set(&oauth["token_endpoint_auth_methods_supported"]),
        methods.into()
    );
    assert_eq!(
        set(&oauth["scopes_supported"]),
        SCOPES.map(str::to_owned).into()
    );
    assert_eq!(oauth["response_types_supported"], json!([]));
}

#[test]
fn discovery_needs_no_credential_ignores_a_bad_one_and_answers_head() {
    let server = shared();
    for path in ["/.well-known/jwks.json", DOCUMENTS[0], DOCUMENTS[1]] {
        server.get(path).bearer("rubbish").send().expect_status(200);
        let head = server.head(path).send().expect_status(200);
        assert!(head.body.is_empty());
        let get = server.get(path).send();
        assert_eq!(head.header("content-type"), get.header("content-type"));
        assert_eq!(head.header("cache-control"), get.header("cache-control"));
        assert_eq!(
            server
                .post(path)
                .send()
                .expect_status(405)
                .header("allow")
                .map(|allow| { allow.contains("GET") && allow.contains("HEAD") }),
            Some(true)
        );
    }
}
