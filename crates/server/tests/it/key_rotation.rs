//! §3.2: signing keys come and go while tokens stay good.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::harness::{CliOutput, Server, cli};
use crate::jwt;
use crate::support::{poll, poll_each, text};

/// Runs a command that has to succeed, and reads what it has printed.
#[track_caller]
pub(crate) fn command(server: &Server, args: &[&str]) -> Value {
    let output = cli(server, &[args, &["--output", "json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
    output.json()
}

/// Runs a command that has to fail with status 1 and one line.
#[track_caller]
pub(crate) fn refused(server: &Server, args: &[&str]) -> CliOutput {
    let output = cli(server, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    assert_eq!(output.stderr.trim_end().lines().count(), 1, "{output:?}");
    assert_eq!(output.stdout, "");
    output
}

/// The state of each key, by its name.
fn states(server: &Server) -> BTreeMap<String, String> {
    let listed = command(server, &["key", "list"]);
    let keys = listed.as_array().unwrap().iter();
    keys.map(|key| (text(&key["kid"]), text(&key["state"])))
        .collect()
}

fn listed(server: &Server) -> Vec<String> {
    let set = server.get("/.well-known/jwks.json").send().json();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| text(&key["kid"])).collect()
}

fn kid_of(token: &str) -> String {
    text(&jwt::part(token, 0)["kid"])
}

fn fresh_token(server: &Server) -> String {
    let bootstrap = server.credentials();
    server.token_for(&bootstrap.client_id, &bootstrap.client_secret)
}

fn status_of(server: &Server, token: &str) -> u16 {
    server.get("/v1/environments").bearer(token).send().status
}

fn is_active(server: &Server, token: &str) -> bool {
    let bootstrap = server.credentials();
    let answer = server
        .post("/oauth/introspect")
        .basic(&bootstrap.client_id, &bootstrap.client_secret)
        .form(&[("token", token)])
        .send();
    answer.expect_status(200).json()["active"] == true
}

/// Two servers on one database.
fn two_servers() -> (Server, Server) {
    let both = Server::builder().nodes(2).start();
    (both.nth(0), both.nth(1))
}

#[test]
fn a_new_key_is_listed_before_it_signs_and_the_old_one_after() {
    let server = Server::start();
    let before = fresh_token(&server);
    let old = kid_of(&before);
    assert_eq!(states(&server)[&old], "signing");

    let made = command(&server, &["key", "rotate"]);
    let new = text(&made["kid"]);
    assert_eq!(
        (&made["state"], &made["algorithm"]),
        (&json!("published"), &json!("RS256"))
    );
    let (made_at, signs_from) = (
        crate::support::utc(&made["createdAt"]),
        crate::support::utc(&made["signsFrom"]),
    );
    // Whatever cached the key set just before the last server listed the key has fetched
    // it anew by then.
    assert!((signs_from - made_at).whole_seconds() >= 310, "{made}");
    assert_eq!(states(&server)[&new], "published");

    poll_each(&server, "/.well-known/jwks.json", |answer| {
        answer.text().contains(&new)
    });
    assert_eq!(listed(&server), [old.clone(), new.clone()]);
    assert_eq!(kid_of(&fresh_token(&server)), old, "it does not sign yet");
    assert_eq!(status_of(&server, &before), 200);

    // The operator thinks better of it.
    command(&server, &["key", "retire", &new]);
    assert_eq!(states(&server)[&new], "dead");
    poll_each(&server, "/.well-known/jwks.json", |answer| {
        !answer.text().contains(&new)
    });
    assert_eq!(kid_of(&fresh_token(&server)), old);
}

#[test]
fn keys_of_every_algorithm_take_over_and_their_tokens_are_good() {
    let mut server = Server::builder()
        .env("TENANTRY_PUBLIC_URL", "https://manage.example.test")
        .start();
    let mut tokens = vec![fresh_token(&server)];
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        let made = command(
            &server,
            &["key", "rotate", "--algorithm", algorithm, "--after", "7"],
        );
        let kid = text(&made["kid"]);
        poll_each(&server, "/.well-known/jwks.json", |answer| {
            answer.text().contains(&kid)
        });
        let bootstrap = server.credentials();
        let ask = server
            .post("/oauth/token")
            .json(&crate::support::token_body(
                &bootstrap.client_id,
                &bootstrap.client_secret,
            ));
        let token_in = |answer: &crate::harness::Response| text(&answer.json()["access_token"]);
        let answer = poll(&ask, |answer| kid_of(&token_in(answer)) == kid);
        let token = token_in(&answer);
        assert_eq!(jwt::part(&token, 0)["alg"], algorithm);
        tokens.push(token);
        for token in &tokens {
            assert_eq!(status_of(&server, token), 200, "{algorithm}");
            assert!(is_active(&server, token), "{algorithm}");
        }
    }
    assert_eq!(listed(&server).len(), 4);
    // All of it is in the database.
    server.restart();
    for token in &tokens {
        assert_eq!(status_of(&server, token), 200);
    }
    let set = server.get("/.well-known/jwks.json").send().json();
    let keys: Vec<_> = set["keys"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&keys[1]["kty"], &keys[1]["crv"], &keys[1]["alg"]),
        (&json!("EC"), &json!("P-256"), &json!("ES256"))
    );
    assert_eq!(
        (&keys[2]["kty"], &keys[2]["crv"], &keys[2]["alg"]),
        (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"))
    );
    for key in keys {
        assert!(key.get("d").is_none() && key["use"] == "sig", "{key}");
    }
}

#[test]
fn a_token_of_a_key_that_another_server_has_just_got_is_good_at_once() {
    let (first, second) = two_servers();
    for _ in 0..3 {
        let made = command(&first, &["key", "rotate", "--now", "--algorithm", "EdDSA"]);
        // Whichever of them hears of it first signs with it.
        let kid = text(&made["kid"]);
        let bootstrap = first.credentials();
        let ask = first.post("/oauth/token").json(&crate::support::token_body(
            &bootstrap.client_id,
            &bootstrap.client_secret,
        ));
        let token_in = |answer: &crate::harness::Response| text(&answer.json()["access_token"]);
        let answer = poll(&ask, |answer| kid_of(&token_in(answer)) == kid);
        assert_eq!(status_of(&second, &token_in(&answer)), 200);
    }
}

#[test]
fn a_retired_keys_tokens_are_dead_at_once_on_every_server() {
    let (first, second) = two_servers();
    let bootstrap = first.credentials();
    let token = |server: &Server| server.token_for(&bootstrap.client_id, &bootstrap.client_secret);
    let stolen = token(&first);
    let old = kid_of(&stolen);
    let refusal = refused(&first, &["key", "retire", &old]);
    assert!(refusal.stderr.contains("key rotate --now"), "{refusal:?}");
    refused(&first, &["key", "retire", "no-such-key"]);

    let made = command(&first, &["key", "rotate", "--now"]);
    let retired = command(&first, &["key", "retire", &old]);
    assert_eq!(retired["state"], "dead");
    for server in [&first, &second] {
        let refused = server.get("/v1/environments").bearer(&stolen).send();
        assert_eq!(refused.status, 401, "{refused}");
        let challenge = refused.header("www-authenticate").unwrap();
        assert!(challenge.contains("invalid_token"), "{refused}");
        // And neither signs with it any more.
        let new = token(server);
        assert_eq!(kid_of(&new), text(&made["kid"]));
        assert_eq!(status_of(&first, &new), 200);
        assert_eq!(status_of(&second, &new), 200);
        poll_each(server, "/.well-known/jwks.json", |answer| {
            !answer.text().contains(&old)
        });
    }
    // Once more is no mistake.
    command(&first, &["key", "retire", &old]);
}

#[test]
fn made_up_key_names_are_refused_without_harm() {
    let server = Server::start();
    let token = fresh_token(&server);
    let (_, rest) = token.split_once('.').unwrap();
    let forged = |kid: &str| {
        let header = json!({"typ": "at+jwt", "alg": "RS256", "kid": kid});
        format!("{}.{rest}", jwt::encode(&header))
    };
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for thread in 0..4 {
            let (server, done, forged) = (&server, &done, &forged);
            scope.spawn(move || {
                let mut number = 0;
                while !done.load(Ordering::Relaxed) {
                    let token = forged(&format!("made-up-{thread}-{number}"));
                    assert_eq!(status_of(server, &token), 401);
                    number += 1;
                }
            });
        }
        for _ in 0..20 {
            assert_eq!(status_of(&server, &token), 200);
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn no_good_token_is_refused_while_keys_are_rotated_under_load() {
    let (first, second) = two_servers();
    let bootstrap = first.credentials();
    let early = first.token_for(&bootstrap.client_id, &bootstrap.client_secret);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let workers: Vec<_> = [(&first, &second), (&second, &first)]
            .into_iter()
            .map(|(issuer, verifier)| {
                let (bootstrap, early, done) = (&bootstrap, &early, &done);
                scope.spawn(move || {
                    let mut kids = BTreeMap::new();
                    while !done.load(Ordering::Relaxed) {
                        let token =
                            issuer.token_for(&bootstrap.client_id, &bootstrap.client_secret);
                        assert_eq!(status_of(verifier, &token), 200, "{}", kid_of(&token));
                        assert_eq!(status_of(verifier, early), 200);
                        *kids.entry(kid_of(&token)).or_insert(0) += 1;
                    }
                    kids
                })
            })
            .collect();
        let made = [
            command(&first, &["key", "rotate", "--after", "8"]),
            command(
                &first,
                &["key", "rotate", "--algorithm", "ES256", "--after", "12"],
            ),
        ];
        let last = text(&made[1]["kid"]);
        let ask = second
            .post("/oauth/token")
            .json(&crate::support::token_body(
                &bootstrap.client_id,
                &bootstrap.client_secret,
            ));
        poll(&ask, |answer| {
            kid_of(&text(&answer.json()["access_token"])) == last
        });
        command(&first, &["key", "rotate", "--now", "--algorithm", "EdDSA"]);
        poll(&ask, |answer| {
            kid_of(&text(&answer.json()["access_token"])) != last
        });
        done.store(true, Ordering::Relaxed);
        for worker in workers {
            let kids = worker.join().unwrap();
            assert!(kids.len() >= 3, "{kids:?}");
        }
    });
}
