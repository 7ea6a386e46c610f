//! Wrong passwords, many of them.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use super::{SystemApi, TENANTS, assert_problem_shape};
use crate::harness::{Request, Response, Server, cli};
use crate::support::poll;

fn sign_in(server: &Server, name: &str, password: &str) -> Request {
    let request = server.get(TENANTS).header("Accept", "application/json");
    request.basic(name, password)
}

#[track_caller]
fn assert_limited(answer: &Response) {
    assert_problem_shape(answer, 429);
    let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{answer}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("www-authenticate"), None);
}

#[test]
fn failures_of_an_account_are_limited_and_the_right_password_is_not() {
    // Each process counts for itself.
    let server = Server::start().nth(0);
    let account = server.credentials();
    for (name, same) in [
        (account.system_username.as_str(), false),
        ("nobody", false),
        ("nobody else", true),
    ] {
        let wrong = |number| {
            if same {
                "the same".to_owned()
            } else {
                format!("wrong {number}")
            }
        };
        for number in 0..10 {
            let answer = sign_in(&server, name, &wrong(number)).send();
            assert_eq!(answer.status, 401, "{name} {number}: {answer}");
        }
        for number in 10..13 {
            assert_limited(&sign_in(&server, name, &wrong(number)).send());
        }
    }
    let limited = server
        .get(TENANTS)
        .basic("nobody", "wrong")
        .send()
        .expect_status(429);
    assert_eq!(limited.json()["@type"], "hydra:Error", "{limited}");
    // Nobody has signed in to this account since the server was started.
    for _ in 0..3 {
        let (name, password) = (&account.system_username, &account.system_password);
        sign_in(&server, name, password).send().expect_status(200);
    }
    assert_limited(&sign_in(&server, &account.system_username, "wrong").send());
}

#[test]
fn failures_from_an_address_are_limited_whatever_the_name() {
    let server = Server::builder()
        .env("TENANTRY_FAILED_LOGINS_PER_ADDRESS", "3")
        .start()
        .nth(0);
    for number in 0..3 {
        let name = format!("nobody {number}");
        sign_in(&server, &name, "wrong").send().expect_status(401);
    }
    assert_limited(&sign_in(&server, "somebody", "wrong").send());
    server.system("GET", TENANTS).send().expect_status(200);
    // The authorization server counts for itself.
    let refused = crate::support::ask_token(&server, "nobody", "wrong");
    refused.expect_status(401);
}

/// Sends attempts from several threads until `during` has ended.
fn flooded(attempt: impl Fn(u32) -> Response + Sync, during: impl FnOnce()) {
    let (done, number) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let answer = attempt(number.fetch_add(1, Ordering::Relaxed));
                    // 503 where checks are so slow that none of the first ten is done in time.
                    assert!([401, 429, 503].contains(&answer.status), "{answer}");
                }
            });
        }
        while number.load(Ordering::Relaxed) < 60 {
            thread::yield_now();
        }
        during();
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn an_account_gets_in_for_the_first_time_while_its_own_wrong_password_comes_again_and_again() {
    let server = Server::start();
    let account = server.credentials();
    let (name, password) = (&account.system_username, &account.system_password);
    flooded(
        |_| sign_in(&server, name, "an old password").send(),
        || {
            sign_in(&server, name, password).send().expect_status(200);
        },
    );
}

#[test]
fn a_flood_of_guesses_keeps_nobody_else_out() {
    let server = Server::start();
    let account = server.credentials();
    let made = cli(
        &server,
        &["system-account", "create", "other", "--output", "json"],
    );
    let other = made.json()["password"].as_str().unwrap().to_owned();
    flooded(
        |number| {
            let guess = format!("guess {number}");
            sign_in(&server, &account.system_username, &guess).send()
        },
        || {
            // Another account, from the same address, that has never signed in here. Its queue
            // is another one with a chance of 63 in 64.
            let first = sign_in(&server, "other", &other);
            poll(&first, |answer| answer.status == 200);
            for _ in 0..20 {
                first.clone().send().expect_status(200);
                let token = server.token_for(&account.client_id, &account.client_secret);
                let read = server.get("/v1/environments").bearer(&token).send();
                read.expect_status(200);
            }
        },
    );
}
