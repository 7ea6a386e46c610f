//! §4.2: a POST under a key of the caller's is done once, and its answer given again.

use std::collections::BTreeSet;
use std::sync::Barrier;

use serde_json::{Value, json};

use crate::harness::reference::{environments_file, shared, unique_label};
use crate::harness::{Request, Response, Server};
use crate::support::{
    SCOPES, assert_error, assert_faults, create_body, create_tenant, created, management_client,
    text,
};

const KEY: &str = "Idempotency-Key";

fn post(server: &Server, path: &str, key: &str, body: &Value) -> Response {
    let request = server.post(path).bearer(&server.token());
    request.header(KEY, key).json(body).send()
}

fn is_replayed(answer: &Response) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

/// Everything that a caller can see of an answer but what belongs to the request itself.
fn shown(answer: &Response) -> (u16, String, Option<&str>, Option<&str>) {
    let header = |name| answer.header(name);
    (
        answer.status,
        answer.text(),
        header("location"),
        header("etag"),
    )
}

#[test]
fn a_repeat_gets_the_first_answer_again_and_makes_nothing() {
    let server = shared();
    let (key, label) = (unique_label("key"), unique_label("idem"));
    let body = create_body(&label);
    let first = post(server, "/v1/tenants", &key, &body).expect_status(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    for _ in 0..2 {
        let again = post(server, "/v1/tenants", &key, &body);
        assert_eq!(shown(&again), shown(&first));
        assert!(is_replayed(&again), "{again}");
        assert_eq!(again.header("cache-control"), Some("no-store"));
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    }
    let tenant = created(&first);
    server.token_for(&tenant.client_id, &tenant.client_secret);
    let list = format!("/v1/tenants?subdomain={label}");
    let list = server.get(&list).bearer(&server.token()).send().json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);

    // Without the key, or under another one, it is another request.
    let other = post(server, "/v1/tenants", &unique_label("key"), &body);
    assert_eq!(
        assert_error(&other, 400, "BadRequest")["code"],
        "subdomain_taken"
    );
    let without = server
        .post("/v1/tenants")
        .bearer(&server.token())
        .json(&body)
        .send();
    assert_error(&without, 400, "BadRequest");
    // What has become of the tenant does not matter.
    server
        .delete(&tenant.path())
        .bearer(&server.token())
        .send()
        .expect_status(204);
    let again = post(server, "/v1/tenants", &key, &body);
    assert_eq!(shown(&again), shown(&first));
}

#[test]
fn every_post_under_v1_can_be_repeated() {
    let server = Server::reference();
    let tenant = create_tenant(&server, "idem");
    let clients = format!("{}/clients", tenant.path());
    let secrets = format!("{clients}/{}/secrets", tenant.client_id);
    let environment = json!({
        "name": "Second", "domain": "second.example",
        "region": {"name": "X", "displayName": "X"},
    });
    let bodies = [
        ("/v1/tenants", create_body("other")),
        ("/v1/tenants/{id}/clients", json!({"name": "x"})),
        ("/v1/tenants/{id}/clients/{clientId}/secrets", json!({})),
        ("/v1/environments", environment),
    ];
    // Those below webhooks have their own tests: some need what has been delivered.
    let elsewhere = [
        "/v1/webhooks",
        "/v1/webhooks/{id}/secrets",
        "/v1/webhooks/{id}/deliveries/{deliveryId}/redeliver",
    ];
    let routed: BTreeSet<_> = tenantry_http::operations()
        .filter(|one| one.method == "POST" && one.path.starts_with("/v1/"))
        .map(|one| one.path)
        .collect();
    let here = bodies.iter().map(|(path, _)| *path);
    assert_eq!(routed, here.chain(elsewhere).collect());
    for (n, (path, body)) in bodies.iter().enumerate() {
        let path = path
            .replace("{id}", &tenant.id)
            .replace("{clientId}", &tenant.client_id);
        let key = format!("key-{n}");
        let first = post(&server, &path, &key, body).expect_status(201);
        let again = post(&server, &path, &key, body);
        assert_eq!(shown(&again), shown(&first));
        assert!(is_replayed(&again), "{path}: {again}");
    }
    let list = |path: &str| {
        let answer = server.get(path).bearer(&server.token()).send();
        answer.expect_status(200).json()["data"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(list(&clients), 2);
    assert_eq!(list(&secrets), 2);
    assert_eq!(list("/v1/environments"), 2);
    assert_eq!(list("/v1/tenants"), 2);
}

#[test]
fn another_request_under_the_same_key_is_refused() {
    let server = shared();
    let key = unique_label("key");
    let body = create_body(&unique_label("idem"));
    post(server, "/v1/tenants", &key, &body).expect_status(201);
    let raw = |path: &str, body: &str| {
        let request = server.post(path).bearer(&server.token()).header(KEY, &key);
        request.body("application/json", body).send()
    };
    let tenant = create_tenant(server, &unique_label("idem"));
    for answer in [
        raw(
            "/v1/tenants",
            &create_body(&unique_label("idem")).to_string(),
        ),
        raw("/v1/tenants", &format!("{body} ")),
        raw("/v1/tenants", "{}"),
        raw("/v1/tenants", "no JSON"),
        raw(&format!("{}/clients", tenant.path()), &body.to_string()),
        raw(&format!("{}/clients", tenant.path()), r#"{"name":"x"}"#),
    ] {
        let told = assert_error(&answer, 422, "UnprocessableEntity");
        assert_eq!(told["code"], "idempotency_key_reused");
    }
    assert!(
        is_replayed(&raw("/v1/tenants", &body.to_string())),
        "the first is still known"
    );
}

#[test]
fn keys_belong_to_their_client() {
    let server = shared();
    let (id, secret) = management_client(server, &["tenants:write"], &[]);
    let other = server.token_for(&id, &secret);
    let key = unique_label("key");
    let body = create_body(&unique_label("idem"));
    let first = post(server, "/v1/tenants", &key, &body).expect_status(201);
    let request = server.post("/v1/tenants").bearer(&other).header(KEY, &key);
    let answer = request.json(&body).send();
    assert_eq!(
        assert_error(&answer, 400, "BadRequest")["code"],
        "subdomain_taken"
    );
    let body = create_body(&unique_label("idem"));
    let request = server.post("/v1/tenants").bearer(&other).header(KEY, &key);
    let theirs = request.json(&body).send().expect_status(201);
    assert_ne!(theirs.json()["id"], first.json()["id"]);
}

#[test]
fn only_successes_are_kept() {
    let server = shared();
    let key = unique_label("key");
    let taken = create_tenant(server, &unique_label("idem"));
    for body in [json!({}), create_body("www"), create_body(&taken.label)] {
        for _ in 0..2 {
            let answer = post(server, "/v1/tenants", &key, &body);
            assert_error(&answer, 400, "BadRequest");
            assert!(!is_replayed(&answer));
        }
    }
    let body = create_body(&unique_label("idem"));
    let made = post(server, "/v1/tenants", &key, &body).expect_status(201);
    assert!(!is_replayed(&made));
}

#[test]
fn a_malformed_key_is_named_and_not_shown() {
    let server = shared();
    let body = create_body(&unique_label("idem"));
    let long = "x".repeat(256);
    for bad in ["with space", "", "tab\tx", &long] {
        let answer = post(server, "/v1/tenants", bad, &body);
        let told = assert_faults(&answer, "headers", &["Idempotency-Key"]);
        assert_eq!(told["code"], "validation_error");
        assert_eq!(told["details"][0].get("value"), None, "{answer}");
    }
    let twice = server.post("/v1/tenants").bearer(&server.token());
    let twice = twice
        .header(KEY, "one")
        .header(KEY, "one")
        .json(&body)
        .send();
    assert_faults(&twice, "headers", &["Idempotency-Key"]);
    let longest = format!("{}{}", unique_label("key"), "x".repeat(200));
    let answer = post(server, "/v1/tenants", &longest, &body).expect_status(201);
    assert!(is_replayed(&post(server, "/v1/tenants", &longest, &body)));
    assert!(!answer.text().contains(&longest));
}

#[test]
fn a_repeat_needs_the_credential_and_the_scope_still() {
    let server = shared();
    let (id, secret) = management_client(server, &SCOPES, &[]);
    let token = server.token_for(&id, &secret);
    let key = unique_label("key");
    let body = create_body(&unique_label("idem"));
    let request = server.post("/v1/tenants").header(KEY, &key).json(&body);
    request.clone().bearer(&token).send().expect_status(201);
    assert_error(&request.clone().send(), 401, "Unauthorized");
    assert_error(
        &request.clone().bearer("rubbish").send(),
        401,
        "Unauthorized",
    );
    let narrow = server
        .post("/oauth/token")
        .json(&json!({
            "client_id": id, "client_secret": secret, "grant_type": "client_credentials",
            "scope": "tenants:read",
        }))
        .send()
        .expect_status(200);
    let narrow = text(&narrow.json()["access_token"]);
    assert_error(&request.clone().bearer(&narrow).send(), 403, "Forbidden");
    assert!(is_replayed(&request.clone().bearer(&token).send()));
    server
        .post("/oauth/revoke")
        .basic(&id, &secret)
        .form(&[("token", &token)])
        .send()
        .expect_status(200);
    assert_error(&request.bearer(&token).send(), 401, "Unauthorized");
}

/// Sends every request at once.
fn at_once(requests: Vec<Request>) -> Vec<Response> {
    let start = Barrier::new(requests.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = requests
            .into_iter()
            .map(|request| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    request.send()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

/// Of many repeats at once one is done, and no answer is another one than that of it, or
/// that it is still running.
#[track_caller]
fn assert_done_once(answers: &[Response]) {
    let (made, others): (Vec<_>, Vec<_>) = answers.iter().partition(|one| one.status == 201);
    let bodies: BTreeSet<_> = made.iter().map(|one| one.text()).collect();
    assert_eq!(bodies.len(), 1, "{answers:?}");
    assert_eq!(made.iter().filter(|one| !is_replayed(one)).count(), 1);
    for other in others {
        let told = assert_error(other, 409, "Conflict");
        assert_eq!(told["code"], "idempotency_key_in_use");
        assert!(other.header("retry-after").is_some(), "{other}");
    }
}

#[test]
fn of_many_at_once_one_is_done() {
    let server = shared();
    for _ in 0..5 {
        let (key, body) = (unique_label("key"), create_body(&unique_label("idem")));
        let request = server.post("/v1/tenants").bearer(&server.token());
        let request = request.header(KEY, &key).json(&body);
        assert_done_once(&at_once(vec![request; 12]));
    }
}

#[test]
fn of_many_at_once_on_two_servers_one_is_done() {
    let both = Server::builder()
        .environments_file(&environments_file())
        .nodes(2)
        .start();
    let (one, other) = (both.nth(0), both.nth(1));
    let token = one.token();
    for _ in 0..5 {
        let (key, body) = (unique_label("key"), create_body(&unique_label("idem")));
        let request = |server: &Server| {
            let request = server.post("/v1/tenants").bearer(&token);
            request.header(KEY, &key).json(&body)
        };
        let requests = (0..12).map(|n| request(if n % 2 == 0 { &one } else { &other }));
        assert_done_once(&at_once(requests.collect()));
        let again = request(&other).send().expect_status(201);
        assert!(is_replayed(&again));
    }
}

#[test]
fn after_a_crash_a_repeat_finds_out_what_has_happened() {
    const WRITERS: usize = 4;
    const EACH: usize = 200;
    let mut server = Server::builder()
        .env("TENANTRY_PUBLIC_URL", "https://manage.example.test")
        .environments_file(&environments_file())
        .start();
    let token = server.token();
    let request = |server: &Server, writer: usize, n: usize| {
        let request = server.post("/v1/tenants").bearer(&token);
        let request = request.header(KEY, &format!("key-{writer}-{n}"));
        request.json(&create_body(&format!("t-{writer}-{n}")))
    };
    let answered = std::sync::atomic::AtomicUsize::new(0);
    // What each writer heard, up to the request that it heard nothing of.
    let heard: Vec<Vec<Response>> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (server, request, answered) = (&server, &request, &answered);
                scope.spawn(move || {
                    let mut heard = Vec::new();
                    while heard.len() < EACH {
                        let Ok(answer) = request(server, writer, heard.len()).try_send() else {
                            break;
                        };
                        heard.push(answer.expect_status(201));
                        answered.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                    heard
                })
            })
            .collect();
        while answered.load(std::sync::atomic::Ordering::Relaxed) < 40 {
            std::thread::yield_now();
        }
        server.signal("KILL");
        writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect()
    });
    server.kill();
    server.restart();
    let mut expected = 0;
    for (writer, answers) in heard.iter().enumerate() {
        for (n, answer) in answers.iter().enumerate() {
            let again = request(&server, writer, n).send();
            assert_eq!(
                shown(&again),
                shown(answer),
                "what was acknowledged is kept"
            );
        }
        // It happened or it did not; now it has, once, and its secret is known.
        let last = request(&server, writer, answers.len()).send();
        let tenant = created(&last.expect_status(201));
        server.token_for(&tenant.client_id, &tenant.client_secret);
        expected += answers.len() + 1;
    }
    let list = server.get("/v1/tenants?limit=1000").bearer(&token).send();
    let list = list.expect_status(200).json();
    assert_eq!(list["data"].as_array().unwrap().len(), expected);
}
