//! The command line beside a running server, and without one.

use serde_json::{Value, json};

use super::environments;
use crate::harness::{CliOutput, Server, cli, reference};
use crate::system::{SystemApi as _, uuid_of};

#[track_caller]
fn done(output: CliOutput) -> CliOutput {
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}{}",
        output.stdout,
        output.stderr
    );
    output
}

fn new_token(server: &Server, args: &[&str]) -> String {
    let fixed = ["client", "create", "--name", "made", "--output", "json"];
    let made = done(cli(server, &[&fixed, args].concat())).json();
    let members: Vec<&str> = made
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(members.len(), 2, "{members:?}");
    server.token_for(
        made["clientId"].as_str().unwrap(),
        made["clientSecret"].as_str().unwrap(),
    )
}

fn get(server: &Server, token: &str, path: &str) -> u16 {
    server.get(path).bearer(token).send().status
}

#[test]
fn a_client_made_beside_a_running_server_works_at_once_with_all_scopes() {
    let server = Server::reference();
    let token = new_token(&server, &[]);
    for path in ["/v1/tenants", "/v1/environments"] {
        assert_eq!(get(&server, &token, path), 200, "{path}");
    }
    let body = json!({"subdomain": "by-cli", "environmentId": reference::ENVIRONMENT_ID});
    let made = server.post("/v1/tenants").bearer(&token).json(&body).send();
    let id = made.expect_status(201).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        get(&server, &token, &format!("/v1/tenants/{id}/clients")),
        200
    );
}

#[test]
fn a_client_has_only_the_scopes_it_is_given() {
    let server = Server::reference();
    let token = new_token(
        &server,
        &["--scope", "tenants:read", "--scope", "environments:read"],
    );
    assert_eq!(get(&server, &token, "/v1/tenants"), 200);
    assert_eq!(get(&server, &token, "/v1/environments"), 200);
    let body = json!({"subdomain": "no-scope", "environmentId": reference::ENVIRONMENT_ID});
    let made = server.post("/v1/tenants").bearer(&token).json(&body).send();
    made.expect_status(403);
}

#[test]
fn a_client_bound_to_an_environment_sees_only_that_one() {
    let mut other = reference::environment();
    let other_id = "00000000-0000-4000-8000-000000000002";
    other["id"] = json!(other_id);
    other["name"] = json!("Other");
    other["domain"] = json!(".other.example");
    other["tenantDomain"] = json!("other.example");
    let server = Server::builder()
        .environments_file(&json!([reference::environment(), other]))
        .start();
    let token = new_token(&server, &["--environment", other_id]);
    let seen = server
        .get("/v1/environments")
        .bearer(&token)
        .send()
        .expect_status(200)
        .json();
    assert_eq!(seen["data"], json!([other]));
    let path = format!("/v1/environments/{}", reference::ENVIRONMENT_ID);
    assert_eq!(get(&server, &token, &path), 404);
    let create = |environment: &str| {
        let body = json!({"subdomain": "bound", "environmentId": environment});
        let made = server.post("/v1/tenants").bearer(&token).json(&body).send();
        made.status
    };
    assert_eq!(create(reference::ENVIRONMENT_ID), 403);
    assert_eq!(create(other_id), 201);
}

#[test]
fn a_client_with_a_scope_or_environment_that_is_none_is_not_made() {
    let server = Server::start();
    for args in [
        &["--scope", "tenants:everything"][..],
        &["--environment", "nope"],
        &["--environment", "00000000-0000-4000-8000-000000000009"],
    ] {
        let fixed = ["client", "create", "--name", "made", "--output", "json"];
        let output = cli(&server, &[&fixed, args].concat());
        assert!(!output.status.success(), "{args:?}: {}", output.stdout);
        assert!(!output.stderr.is_empty());
        assert!(!output.stdout.contains("clientSecret"), "{}", output.stdout);
        // Whoever has mistyped a scope is told which there are.
        let is_scope = args[0] == "--scope";
        assert_eq!(output.stderr.contains("environments:write"), is_scope);
    }
}

#[test]
fn a_client_made_for_people_is_shown_with_its_secret() {
    let server = Server::start();
    let output = done(cli(&server, &["client", "create", "--name", "shown"]));
    assert!(!output.stdout.trim().is_empty());
}

#[test]
fn an_environment_made_beside_a_running_server_is_there_at_once() {
    let server = Server::start();
    done(cli(
        &server,
        &[
            "environment",
            "create",
            "--name",
            "Sydney",
            "--domain",
            ".syd.example",
            "--region",
            "AU01",
            "--output",
            "json",
        ],
    ))
    .json();
    let all = environments(&server);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(all[1]["name"], "Sydney");
    assert_eq!(all[1]["domain"], ".syd.example");
    assert_eq!(all[1]["tenantDomain"], "syd.example");
    assert_eq!(all[1]["region"]["name"], "AU01");
    let listed = done(cli(&server, &["environment", "list", "--output", "json"])).json();
    let ids: Vec<&Value> = listed
        .as_array()
        .or_else(|| listed["data"].as_array())
        .expect("a list")
        .iter()
        .map(|environment| &environment["id"])
        .collect();
    assert_eq!(ids, [&all[0]["id"], &all[1]["id"]]);
    let taken = cli(
        &server,
        &[
            "environment",
            "create",
            "--name",
            "Again",
            "--domain",
            ".syd.example",
            "--region",
            "AU01",
        ],
    );
    assert!(!taken.status.success());
    assert_eq!(environments(&server).len(), 2);
}

#[test]
fn the_default_environment_is_where_system_tenants_go() {
    let server = Server::start();
    done(cli(
        &server,
        &[
            "environment",
            "create",
            "--name",
            "Second",
            "--domain",
            ".second.example",
            "--region",
            "R2",
        ],
    ));
    let all = environments(&server);
    let environment_of_new = || {
        let record = server.make_any();
        let tenant = server
            .get(&format!("/v1/tenants/{}", uuid_of(&record)))
            .bearer(&server.token())
            .send()
            .expect_status(200)
            .json();
        tenant["environment"]["id"].clone()
    };
    assert_eq!(environment_of_new(), all[0]["id"]);
    let second = all[1]["id"].as_str().unwrap();
    done(cli(&server, &["environment", "default", second]));
    assert_eq!(environment_of_new(), second, "at once");
    for bad in ["nope", "00000000-0000-4000-8000-000000000009"] {
        assert!(
            !cli(&server, &["environment", "default", bad])
                .status
                .success()
        );
    }
    assert_eq!(environment_of_new(), second);
}

#[test]
fn migrate_status_and_run_tell_where_the_schema_is() {
    let mut server = Server::start();
    for running in [true, false] {
        if !running {
            assert!(server.stop().success());
        }
        let status = done(cli(&server, &["migrate", "status"]));
        assert!(!status.stdout.trim().is_empty());
        done(cli(&server, &["migrate", "status", "--output", "json"])).json();
        done(cli(&server, &["migrate", "run"]));
    }
}

#[test]
fn commands_work_without_a_server_and_what_they_made_is_there_at_its_start() {
    let mut server = Server::reference();
    assert!(server.stop().success());
    let fixed = ["client", "create", "--name", "early", "--output", "json"];
    let made = done(cli(&server, &fixed)).json();
    server.restart();
    server.token_for(
        made["clientId"].as_str().unwrap(),
        made["clientSecret"].as_str().unwrap(),
    );
}

#[test]
fn a_command_on_an_empty_directory_bootstraps_as_a_server_would() {
    let mut server = Server::builder()
        .environments_file(&reference::environments_file())
        .on_an_empty_database()
        .prepare();
    done(cli(&server, &["migrate", "run"]));
    let fixed = ["client", "create", "--name", "first", "--output", "json"];
    let made = done(cli(&server, &fixed)).json();
    server.restart();
    let token = server.token_for(
        made["clientId"].as_str().unwrap(),
        made["clientSecret"].as_str().unwrap(),
    );
    assert_eq!(get(&server, &token, "/v1/tenants"), 200);
}

#[test]
fn commands_refuse_bad_settings_as_the_server_does() {
    for args in [
        &["migrate", "status"][..],
        &["environment", "list"],
        &["client", "create", "--name", "x"],
    ] {
        let output = Server::builder()
            .env("TENANTRY_DATABASE_URL", "sqlite:///dev/null/x.db")
            .run_to_exit(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", output.stderr);
        assert!(
            output.stderr.contains("TENANTRY_DATABASE_URL"),
            "{}",
            output.stderr
        );
    }
}

#[test]
fn help_and_version_are_there() {
    for args in [&["--help"][..], &["serve", "--help"], &["--version"]] {
        let output = done(Server::builder().run_to_exit(args));
        assert!(!output.stdout.trim().is_empty(), "{args:?}");
    }
}
