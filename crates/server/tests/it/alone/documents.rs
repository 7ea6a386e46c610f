//! The commands that documents have readers paste, run as they stand there.
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::harness::{Server, cli};
use crate::support::text;

/// The shell commands between a heading of a document and the next one of its kind.
fn commands(document: &str, heading: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(document);
    let text = std::fs::read_to_string(path).unwrap();
    let (_, section) = text
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("{document} has no `{heading}`"));
    let section = section.split("\n## ").next().unwrap();
    let blocks: Vec<_> = section
        .split("```sh\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect();
    assert!(!blocks.is_empty(), "{heading} of {document} has no command");
    blocks
}

/// Runs them in a server's directory, where its data is where a reader's would be; what they print.
#[track_caller]
fn paste(server: &Server, commands: &[String], variables: &[(&str, &str)]) -> String {
    let data = server.directory().join("tenantry-data");
    if !data.exists() {
        symlink(server.data_directory(), data).unwrap();
    }
    let script = commands
        .join("\n")
        .replace("http://127.0.0.1:8080", &server.url());
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(server.directory())
        .envs(variables.iter().copied())
        .env("NO_PROXY", "*")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    assert_eq!(said, "", "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether the tools are there that a document asks for.
fn are_there(tools: &[&str]) -> bool {
    let missing = tools.iter().find(|tool| {
        let found = Command::new(tool)
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        !found.is_ok_and(|status| status.success())
    });
    let Some(tool) = missing else { return true };
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!is_ci, "there is no {tool}");
    let line = format!("\ncommands of documents skipped: no {tool}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    false
}

#[test]
fn the_tour_of_the_readme_leads_where_it_says() {
    if !are_there(&["curl"]) {
        return;
    }
    let server = Server::start();
    let tour = commands("README.md", "## The five-minute tour");
    let said = paste(&server, &tour, &[]);
    let mut rest = said.as_str();
    for sign in [
        r#""name":"Local""#,
        r#""subdomain":"my-tenant."#,
        r#""clientSecret":""#,
        r#""code":"subdomain_taken""#,
        r#""subdomain":"my-tenant."#,
        r#"{"data":[{"clientId":""#,
        r#"{"access_token":""#,
        r#"[{"id":1,"#,
        r#""data":{"plan":"gold"},"version":2"#,
        "The optimistic lock on an entity failed.",
        "204\n",
        r#"{"data":[]}"#,
    ] {
        let at = rest.find(sign);
        let at = at.unwrap_or_else(|| panic!("{sign} is not in {rest:?}"));
        rest = &rest[at + sign.len()..];
    }
    assert_eq!(rest, "\n");
}

#[test]
fn the_guide_moves_tenants_from_either_api() {
    if !are_there(&["curl", "jq"]) {
        return;
    }
    let old = Server::reference();
    for label in ["one", "two", "three"] {
        let made = cli(&old, &["tenant", "create", label, "--name", "A \\n B"]);
        assert!(made.status.success(), "{made:?}");
    }
    let (url, token) = (old.url(), old.token());
    let account = old.credentials();
    let account = format!("{}:{}", account.system_username, account.system_password);
    let body = json!({"data": {"text": "a\nb \\ c"}, "version": 7});
    let record = old
        .post("/system/tenants")
        .header("Accept", "application/json");
    let record = record.basic("system", account.split_once(':').unwrap().1);
    let uuid = text(&record.json(&body).send().expect_status(200).json()["uuid"]);

    let management = commands("docs/MIGRATING.md", "## From a management API");
    let [fetch, environments, start, create, compare] = &management[..] else {
        panic!("there are {} blocks", management.len());
    };
    assert!(start.contains("TENANTRY_ENVIRONMENTS_FILE=environments.json tenantry bootstrap"));
    let variables = [
        ("OLD", url.as_str()),
        ("OLD_TOKEN", &token),
        ("OLD_ACCOUNT", &account),
    ];
    // Where it is fetched to; the new server is made of what was fetched.
    let bench = Server::start();
    let fetched = paste(&bench, &[fetch.clone(), environments.clone()], &variables);
    assert!(fetched.starts_with("4 old-tenants.jsonl"), "{fetched}");
    let read = |name: &str| std::fs::read_to_string(bench.directory().join(name)).unwrap();
    let new = Server::builder()
        .file("environments.json", &read("environments.json"))
        .file("old-tenants.jsonl", &read("old-tenants.jsonl"))
        .env("TENANTRY_ENVIRONMENTS_FILE", "environments.json")
        .start();
    let blocks = [create.clone(), compare.clone()];
    assert_eq!(paste(&new, &blocks, &[]), "the same\n");
    let credentials = std::fs::read_to_string(new.directory().join("new-clients.jsonl"));
    let credentials = credentials.unwrap();
    assert_eq!(credentials.lines().count(), 4, "{credentials}");
    // Run again, it does nothing, and gives the same credentials.
    assert_eq!(paste(&new, &blocks, &[]), "the same\n");
    let again = std::fs::read_to_string(new.directory().join("new-clients.jsonl")).unwrap();
    assert_eq!(again, credentials);
    let first: serde_json::Value =
        serde_json::from_str(credentials.lines().next().unwrap()).unwrap();
    new.token_for(&text(&first["clientId"]), &text(&first["clientSecret"]));

    let system = commands("docs/MIGRATING.md", "## From a system API");
    let moved = paste(&bench, &system, &variables);
    assert_eq!(moved.matches("200 {").count(), 4, "{moved}");
    let password = bench.credentials().system_password;
    let path = format!("/system/tenants/{uuid}");
    let record = bench.get(&path).header("Accept", "application/json");
    let record = record.basic("system", &password).send().expect_status(200);
    assert_eq!(
        (&record.json()["data"], &record.json()["version"]),
        (&body["data"], &json!(7))
    );
    let repeated = paste(&bench, &system, &variables);
    assert_eq!(
        repeated.matches("This value is already used.").count(),
        4,
        "{repeated}"
    );
}
