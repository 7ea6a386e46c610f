//! What is not imported, and that nothing is left of it.

use std::fs;
use std::io::Write as _;

use serde_json::json;

use super::{builder, export, refused, source, target, write_lines};
use crate::harness::reference::ENVIRONMENT_ID;
use crate::harness::{Server, cli, cli_begin_with_input, cli_with};
use crate::key_rotation::command;
use crate::support::create_tenant;

/// How many rows there are of what is imported.
fn rows(server: &Server) -> i64 {
    let count = "SELECT (SELECT count(*) FROM tenants) + (SELECT count(*) FROM signing_keys) \
                 + (SELECT count(*) FROM changes) + (SELECT count(*) FROM regions) AS number";
    server.database().numbers(count)[0]
}

#[test]
fn a_file_that_is_damaged_is_refused_with_its_line_and_nothing_is_stored() {
    let server = source();
    create_tenant(&server, "one");
    create_tenant(&server, "two");
    let whole = export(&server, "whole.jsonl");
    let text = fs::read_to_string(&whole).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let first = |kind: &str| {
        let begin = format!("{{\"{kind}\":");
        lines
            .iter()
            .position(|line| line.starts_with(&begin))
            .unwrap()
    };
    let target = target();
    let says = |lines: &[&str], status: i32, words: &str| {
        let said = refused(&target, &write_lines(&target, lines), status);
        assert!(said.contains(words), "{words}: {said}");
        assert_eq!(rows(&target), 0, "{words}");
    };

    let end = lines.len();
    says(
        &lines[..end - 1],
        1,
        &format!("line {end}: the file ends here"),
    );
    says(&lines[..0], 1, "line 1: the file is empty");
    says(&lines[1..], 1, "line 1: this is no export");
    let change = |place: usize, from: &str, to: &str, words: &str| {
        assert!(lines[place].contains(from), "{}", lines[place]);
        let changed = lines[place].replacen(from, to, 1);
        let mut all = lines.clone();
        all[place] = &changed;
        says(&all, 1, &format!("line {}: {words}", place + 1));
    };
    let tenant = first("tenant");
    change(tenant, "\"active\"", "\"asleep\"", "status of tenant 1");
    change(
        tenant,
        "{\"tenant\"",
        "{\"tenants\"",
        "no record that is known",
    );
    change(tenant, "}", "", "no JSON");
    change(
        end - 1,
        "\"sha256\":\"",
        "\"sha256\":\"0",
        "the checksum is wrong",
    );

    // What no look at one line tells, the database does.
    let mut twice = lines.clone();
    twice.insert(tenant, lines[tenant]);
    let place = |last: usize| format!("lines {} to {}: ", tenant + 1, last);
    says(&twice, 1, &place(tenant + 3));
    let mut backwards = lines.clone();
    backwards.swap(tenant, tenant - 1);
    says(&backwards, 1, &format!("line {}: ", tenant + 1));
    let mut dangling = lines.clone();
    dangling.remove(first("region"));
    let refused = refused(&target, &write_lines(&target, &dangling), 1);
    assert!(refused.contains("nothing was stored"), "{refused}");
    assert_eq!(rows(&target), 0);

    // After all that, it is as good as new.
    let imported = command(&target, &["import", whole.to_str().unwrap()]);
    assert_eq!(imported["records"]["tenant"], 2, "{imported}");
}

#[test]
fn only_an_empty_database_is_filled_and_none_is_exported_twice_into_one_file() {
    let server = source();
    let file = export(&server, "export.jsonl");
    let before = fs::read(&file).unwrap();
    let said = refused(&server, &file, 1);
    assert!(said.contains("not empty: it holds signing keys"), "{said}");
    let again = cli(&server, &["export", file.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert_eq!(fs::read(&file).unwrap(), before);
    create_tenant(&server, "later");
    command(&server, &["export", "--force", file.to_str().unwrap()]);
    assert_ne!(fs::read(&file).unwrap(), before);
    // Standard output has the same, and nothing else.
    let piped = cli(&server, &["export"]);
    assert!(piped.status.success(), "{piped:?}");
    assert_eq!(piped.stdout.as_bytes(), fs::read(&file).unwrap());
}

#[test]
fn what_another_master_key_has_sealed_is_refused() {
    let server = source();
    let file = export(&server, "export.jsonl");
    let target = target();
    let other = [(
        "TENANTRY_MASTER_KEY",
        "HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    )];
    let import = ["import", file.to_str().unwrap()];
    let said = cli_with(&target, &other, &import);
    assert_eq!(said.status.code(), Some(2), "{said:?}");
    assert!(said.stderr.contains("TENANTRY_MASTER_KEY: "), "{said:?}");
    assert_eq!(rows(&target), 0);
    command(&target, &import);
}

#[test]
fn an_import_that_was_killed_is_run_again() {
    let server = source();
    // More than a pipe holds, so that what was written was read.
    let long = "x".repeat(200_000);
    for label in ["one", "two"] {
        let body =
            json!({"subdomain": label, "environmentId": ENVIRONMENT_ID, "data": {"d": long}});
        let make = server.post("/v1/tenants").bearer(&server.token());
        make.json(&body).send().expect_status(201);
    }
    let file = export(&server, "export.jsonl");
    let text = fs::read(&file).unwrap();

    let mut target = target();
    let mut import = cli_begin_with_input(&target, &["import"]);
    let mut input = import.stdin.take().unwrap();
    input.write_all(&text[..text.len() - 1000]).unwrap();
    import.kill().unwrap();
    assert!(!import.wait().unwrap().success());
    drop(input);
    command(&target, &["import", file.to_str().unwrap()]);
    let again = export(&target, "again.jsonl");
    assert!(fs::read(again).unwrap() == text, "all of it, once");
    target.restart();
    let token = server.token();
    let list = target.get("/v1/tenants").bearer(&token).send();
    let list = list.expect_status(200).json();
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
}

#[test]
fn a_database_that_is_not_there_is_not_made_by_an_export() {
    let target = builder().prepare();
    let nowhere = target.directory().join("nowhere.db");
    let url = format!("sqlite://{}", nowhere.display());
    let said = cli_with(&target, &[("TENANTRY_DATABASE_URL", &url)], &["export"]);
    assert_eq!(said.status.code(), Some(2), "{said:?}");
    assert!(said.stdout.is_empty(), "{said:?}");
    assert!(!nowhere.exists());
    // One without a schema has nothing to export either.
    let target = super::target();
    let said = cli(&target, &["export"]);
    assert_eq!(said.status.code(), Some(2), "{said:?}");
}
