//! `tenantry tenant`, beside a running server.

use serde_json::{Value, json};

use crate::harness::reference::{ENVIRONMENT_ID, TENANT_DOMAIN};
use crate::harness::{Server, cli};
use crate::key_rotation::command;
use crate::support::{UNKNOWN_ID, ask_token, assert_oauth_error, text};

#[test]
fn a_tenant_lives_from_its_making_to_its_end_as_the_api_shows_it() {
    let server = Server::reference();
    let api = |id: &str| {
        let path = format!("/v1/tenants/{id}");
        server.get(&path).bearer(&server.token()).send()
    };
    let made = command(
        &server,
        &[
            "tenant",
            "create",
            "by-cli",
            "--name",
            "By hand",
            "--data",
            r#"{"n":1.50}"#,
        ],
    );
    let id = text(&made["id"]);
    let (client, secret) = (
        text(&made["client"]["clientId"]),
        text(&made["client"]["clientSecret"]),
    );
    ask_token(&server, &client, &secret).expect_status(200);
    let shown = command(&server, &["tenant", "show", &id]);
    assert_eq!(shown, api(&id).expect_status(200).json());
    assert!(shown["environment"]["id"] == ENVIRONMENT_ID, "the default");
    let host = format!("by-cli.{TENANT_DOMAIN}");
    assert_eq!(command(&server, &["tenant", "show", &host]), shown);

    let suspended = command(&server, &["tenant", "suspend", &host]);
    assert_eq!(
        (&suspended["status"], &suspended["version"]),
        (&json!("suspended"), &json!(2))
    );
    let refused = ask_token(&server, &client, &secret);
    assert_oauth_error(&refused, 401, "invalid_client");
    let of_status = |status: &str| {
        let listed = command(&server, &["tenant", "list", "--status", status]);
        listed["data"].as_array().unwrap().len()
    };
    assert_eq!((of_status("suspended"), of_status("active")), (1, 0));
    command(&server, &["tenant", "resume", &id]);
    ask_token(&server, &client, &secret).expect_status(200);

    let table = cli(&server, &["tenant", "list", "--name", "by H"]);
    assert!(table.stdout.contains(&host), "{table:?}");
    command(&server, &["tenant", "delete", &id]);
    api(&id).expect_status(404);
    let changes = server.get("/v1/changes").bearer(&server.token()).send();
    let changes = changes.expect_status(200).json();
    let last = changes["data"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["type"], "tenant.deleted");
    assert_eq!(last["actor"], json!({"kind": "cli", "id": null}));
}

#[test]
fn lists_go_on_where_the_last_one_has_ended() {
    let server = Server::reference();
    for label in ["one", "two", "three"] {
        command(&server, &["tenant", "create", label]);
    }
    let mut seen = Vec::new();
    let mut after = None::<String>;
    loop {
        let mut args = vec!["tenant", "list", "--limit", "2"];
        args.extend(after.iter().flat_map(|after| ["--after", after.as_str()]));
        let page = command(&server, &args);
        let names = page["data"].as_array().unwrap().iter();
        seen.extend(names.map(|tenant| text(&tenant["name"])));
        match page.get("nextCursor").and_then(Value::as_str) {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(seen, ["one", "two", "three"]);
}

#[test]
fn what_the_rules_refuse_is_refused_here_too() {
    let server = Server::reference();
    command(&server, &["tenant", "create", "taken"]);
    for (args, status) in [
        (&["tenant", "create", "taken"][..], 1),
        (&["tenant", "create", "www"], 1),
        (&["tenant", "create", "No!"], 2),
        (&["tenant", "create", "x", "--data", "[]"], 2),
        (&["tenant", "create", "x", "--environment", UNKNOWN_ID], 1),
        (&["tenant", "show", UNKNOWN_ID], 1),
        (&["tenant", "show", "nobody.example"], 1),
        (&["tenant", "suspend", "not a host"], 1),
        (&["tenant", "delete", UNKNOWN_ID], 1),
        (&["tenant", "list", "--limit", "0"], 2),
        (&["tenant", "list", "--after", "nonsense"], 2),
    ] {
        let refused = cli(&server, args);
        assert_eq!(refused.status.code(), Some(status), "{args:?}: {refused:?}");
        assert!(refused.stdout.is_empty(), "{refused:?}");
    }
    let listed = command(&server, &["tenant", "list"]);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    // What was made as `taken` is not found as `taken`; it is told what is wrong with that.
    let refused = cli(&server, &["tenant", "show", "taken"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = "neither an id nor a whole host name";
    assert!(refused.stderr.contains(said), "{refused:?}");
}
