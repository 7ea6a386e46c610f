//! §4.2: what a create answers, and what it takes for granted.

use std::collections::BTreeSet;
use std::sync::Barrier;

use serde_json::{Value, json};

use crate::harness::Server;
use crate::harness::reference::{ENVIRONMENT_ID, TENANT_DOMAIN, environment, shared, unique_label};
use crate::support::{
    UNKNOWN_ID, ask_token, assert_error, assert_faults, create_body, create_tenant, created, keys,
    management_client, post_tenant, text, utc,
};

#[test]
fn the_references_example_is_reproduced_to_the_value() {
    let server = Server::reference();
    let request = json!({
        "name": "My Tenant",
        "subdomain": "my-tenant",
        "environmentId": ENVIRONMENT_ID,
    });
    let answer = post_tenant(&server, &request).expect_status(201);
    let body = answer.json();
    let members = [
        "client",
        "createdAt",
        "environment",
        "id",
        "name",
        "status",
        "subdomain",
        "updatedAt",
        "version",
    ];
    assert_eq!(keys(&body), members.into());
    assert_eq!(body["name"], "My Tenant");
    assert_eq!(body["subdomain"], "my-tenant.vii.mattr.global");
    assert_eq!(body["environment"], environment());
    assert_eq!(body["status"], "active");
    assert_eq!(body["version"], 1);
    assert_eq!(utc(&body["createdAt"]), utc(&body["updatedAt"]));
    assert_eq!(keys(&body["client"]), ["clientId", "clientSecret"].into());
    let client_id = text(&body["client"]["clientId"]);
    assert_eq!(client_id.len(), 32);
    assert!(
        client_id.chars().all(|c| c.is_ascii_alphanumeric()),
        "{client_id}"
    );
    let id = text(&body["id"]);
    assert_eq!(
        uuid::Uuid::parse_str(&id).unwrap().hyphenated().to_string(),
        id
    );
}

#[test]
fn the_answer_says_where_the_tenant_is_and_is_kept_by_no_cache() {
    let server = shared();
    let answer = post_tenant(server, &create_body(&unique_label("headers"))).expect_status(201);
    let tenant = created(&answer);
    assert_eq!(answer.header("location"), Some(tenant.path().as_str()));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(
        answer
            .header("content-type")
            .unwrap()
            .starts_with("application/json")
    );
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let read = server
        .get(&tenant.path())
        .bearer(&server.token())
        .send()
        .expect_status(200);
    assert_eq!(read.header("etag"), Some(tenant.etag.as_str()));
}

#[test]
fn the_new_client_gets_a_token_at_once_and_no_other_secret_does() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("token"));
    ask_token(server, &tenant.client_id, &tenant.client_secret).expect_status(200);
    ask_token(
        server,
        &tenant.client_id,
        &format!("{}x", tenant.client_secret),
    )
    .expect_status(401);
    let other = create_tenant(server, &unique_label("token"));
    assert_ne!(tenant.client_id, other.client_id);
    assert_ne!(tenant.client_secret, other.client_secret);
    ask_token(server, &tenant.client_id, &other.client_secret).expect_status(401);
}

#[test]
fn a_name_defaults_to_the_label_and_is_trimmed() {
    let server = shared();
    let longest = "é".repeat(255);
    let padded = format!("  {longest}\t");
    let table = [
        (None, None),
        (Some("  My Tenant \n"), Some("My Tenant")),
        (Some("x"), Some("x")),
        (Some("Ünïcödé 名前 🎉"), Some("Ünïcödé 名前 🎉")),
        (Some(longest.as_str()), Some(longest.as_str())),
        (Some(padded.as_str()), Some(longest.as_str())),
    ];
    for (given, expected) in table {
        let label = unique_label("name");
        let mut body = create_body(&label);
        if let Some(name) = given {
            body["name"] = Value::from(name);
        }
        let tenant = created(&post_tenant(server, &body).expect_status(201));
        assert_eq!(tenant.body["name"], expected.unwrap_or(&label));
    }
}

#[test]
fn a_name_has_between_1_and_255_characters() {
    let server = shared();
    for name in [
        String::new(),
        "   ".into(),
        "\t\n".into(),
        "x".repeat(256),
        "é".repeat(256),
    ] {
        let mut body = create_body(&unique_label("name"));
        body["name"] = Value::from(name);
        assert_faults(&post_tenant(server, &body), "body", &["name"]);
    }
}

#[test]
fn a_subdomain_that_is_a_dns_label_is_taken_as_it_is() {
    let server = Server::reference();
    let longest = "a".repeat(63);
    let labels = [
        "a", "7", "a-b", "a--b", "abc--d", "ab-c", "abc-d", "a-b-c", "1-2", "0x", "www1", "my-api",
        "adminx", &longest,
    ];
    for label in labels {
        let tenant = created(&post_tenant(&server, &create_body(label)).expect_status(201));
        assert_eq!(tenant.body["subdomain"], format!("{label}.{TENANT_DOMAIN}"));
    }
}

#[test]
fn a_subdomain_that_is_no_dns_label_or_reserved_is_refused() {
    let server = shared();
    let too_long = "a".repeat(64);
    let labels = [
        // Length and characters.
        "",
        &too_long,
        "My-Tenant",
        "my_tenant",
        "my tenant",
        " my-tenant",
        "my-tenant ",
        "my.tenant",
        "my-tenant.vii.mattr.global",
        "my-tenant.",
        "tänant",
        "名前",
        "a\n",
        "a\t",
        "a/b",
        "a\\b",
        "a*",
        "*",
        "@",
        "a\u{200b}b",
        "ａ",
        // Hyphens.
        "-",
        "--",
        "-a",
        "a-",
        "ab--c",
        "xn--abc",
        "xn--",
        // Reserved.
        "www",
        "api",
        "admin",
        "auth",
        "manage",
        "system",
    ];
    for label in labels {
        let answer = post_tenant(server, &create_body(label));
        let body = assert_faults(&answer, "body", &["subdomain"]);
        assert_eq!(body["details"][0]["value"], label, "{answer}");
    }
}

#[test]
fn an_environment_that_is_unknown_or_no_id_is_refused_with_the_detail() {
    let server = shared();
    let undashed = ENVIRONMENT_ID.replace('-', "");
    let braced = format!("{{{ENVIRONMENT_ID}}}");
    let urn = format!("urn:uuid:{ENVIRONMENT_ID}");
    let spaced = format!(" {ENVIRONMENT_ID}");
    for id in [UNKNOWN_ID, "", "x", &undashed, &braced, &urn, &spaced] {
        let body = json!({"subdomain": unique_label("env"), "environmentId": id});
        let answer = post_tenant(server, &body);
        let body = assert_faults(&answer, "body", &["environmentId"]);
        assert_eq!(body["details"][0]["value"], id, "{answer}");
    }
    let upper = json!({
        "subdomain": unique_label("env"),
        "environmentId": ENVIRONMENT_ID.to_uppercase(),
    });
    let tenant = created(&post_tenant(server, &upper).expect_status(201));
    assert_eq!(tenant.body["environment"]["id"], ENVIRONMENT_ID);
}

#[test]
fn a_subdomain_in_use_is_subdomain_taken() {
    let server = shared();
    let label = unique_label("taken");
    create_tenant(server, &label);
    let answer = post_tenant(server, &create_body(&label));
    let body = assert_faults(&answer, "body", &["subdomain"]);
    assert_eq!(body["code"], "subdomain_taken");
    assert_eq!(body["details"].as_array().unwrap().len(), 1);
    assert_eq!(body["details"][0]["value"], label);
}

#[test]
fn a_subdomain_is_unique_within_its_environment_only() {
    let second = "0b0e6d8f-5f3a-4d53-a2c4-4d8c16a0a3f5";
    let environments = json!([
        environment(),
        {
            "id": second,
            "name": "Other",
            "domain": ".other.example",
            "region": {"name": "X", "displayName": "X"},
        },
    ]);
    let server = Server::builder().environments_file(&environments).start();
    create_tenant(&server, "same");
    let body = json!({"subdomain": "same", "environmentId": second});
    let other = created(&post_tenant(&server, &body).expect_status(201));
    assert_eq!(other.body["subdomain"], "same.other.example");
    assert_eq!(
        assert_error(&post_tenant(&server, &body), 400, "BadRequest")["code"],
        "subdomain_taken"
    );
}

#[test]
fn a_refused_create_leaves_nothing_behind() {
    let server = Server::reference();
    create_tenant(&server, "first");
    post_tenant(&server, &create_body("first")).expect_status(400);
    let mut invalid = create_body("second");
    invalid["data"] = json!([]);
    post_tenant(&server, &invalid).expect_status(400);
    let list = server
        .get("/v1/tenants")
        .bearer(&server.token())
        .send()
        .json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1, "{list}");
    create_tenant(&server, "second");
}

#[test]
fn of_100_parallel_creates_of_one_subdomain_exactly_one_succeeds() {
    let server = Server::reference();
    let token = server.token();
    let body = create_body("contested");
    let start = Barrier::new(100);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let one = || {
            let request = server.post("/v1/tenants").bearer(&token).json(&body);
            start.wait();
            request.send()
        };
        let threads: Vec<_> = (0..100).map(|_| scope.spawn(one)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|a| a.status == 201);
    for answer in &refused {
        let body = assert_faults(answer, "body", &["subdomain"]);
        assert_eq!(body["code"], "subdomain_taken", "{answer}");
    }
    assert_eq!((made.len(), refused.len()), (1, 99));
    let tenant = created(made[0]);
    let list = server.get("/v1/tenants").bearer(&token).send().json();
    let listed: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| text(&t["id"]))
        .collect();
    assert_eq!(listed, std::slice::from_ref(&tenant.id));
    ask_token(&server, &tenant.client_id, &tenant.client_secret).expect_status(200);
    assert!(
        !server.stderr().contains("database is locked"),
        "{}",
        server.stderr()
    );
}

#[test]
fn parallel_creates_of_different_subdomains_all_succeed() {
    let server = Server::reference();
    let token = server.token();
    let ids: BTreeSet<_> = std::thread::scope(|scope| {
        let server = &server;
        let token = &token;
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                scope.spawn(move || {
                    let one = |n| {
                        let body = create_body(&format!("t{thread}-{n}"));
                        created(&server.post("/v1/tenants").bearer(token).json(&body).send()).id
                    };
                    (0..10).map(one).collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(ids.len(), 80);
    let list = server
        .get("/v1/tenants?limit=1000")
        .bearer(&token)
        .send()
        .json();
    assert_eq!(list["data"].as_array().unwrap().len(), 80);
}

#[test]
fn what_only_the_database_can_tell_is_told_with_the_rest() {
    let server = Server::reference();
    let body = json!({"subdomain": "www", "environmentId": UNKNOWN_ID});
    assert_faults(
        &post_tenant(&server, &body),
        "body",
        &["subdomain", "environmentId"],
    );

    // Where a client may not create at all, nothing is said about what it wanted to.
    let body = json!({
        "name": "Other",
        "domain": "other.example",
        "region": {"name": "OT01", "displayName": "Other"},
    });
    let other = server.post("/v1/environments").json(&body);
    let other = other.bearer(&server.token()).send().expect_status(201);
    let (id, secret) = management_client(&server, &["tenants:write"], &[ENVIRONMENT_ID]);
    let body = json!({"subdomain": "www", "environmentId": other.json()["id"]});
    let request = server.post("/v1/tenants").json(&body);
    let answer = request.bearer(&server.token_for(&id, &secret)).send();
    assert_error(&answer, 403, "Forbidden");
}
