//! What comes out of one database goes into another one, and there it works.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde_json::{Value, json};
use tenantry_storage::testing::PostgresDatabase;

use super::{builder, export, source};
use crate::harness::reference::ENVIRONMENT_ID;
use crate::harness::{Server, cli_with};
use crate::key_rotation::command;
use crate::support::{
    Tenant, ask_token, assert_oauth_error, create_tenant, management_client, text,
};
use crate::system::{TENANTS, id_of};

/// What is to be found again.
struct Content {
    kept: Tenant,
    suspended: Tenant,
    /// The token of the first client, with all scopes.
    token: String,
    revoked: String,
    /// Bound to the one environment.
    bound: (String, String),
    second_secret: String,
}

fn fill(server: &Server) -> Content {
    let kept = create_tenant(server, "kept");
    let suspended = create_tenant(server, "suspended");
    let gone = create_tenant(server, "gone");
    let token = server.token();
    let patch = |tenant: &Tenant, body: Value| {
        let patch = server.patch(&tenant.path()).bearer(&token).json(&body);
        patch.send().expect_status(200);
    };
    patch(&suspended, json!({"status": "suspended"}));
    patch(&kept, json!({"name": "Größer"}));
    let with_data = r#"{"data":{"z":12345678901234567890123,"a":[1.50,"\n\u2028 \" \\"],"e":{}}}"#;
    let patched = server.patch(&kept.path()).bearer(&token);
    let patched = patched.body("application/json", with_data);
    patched.send().expect_status(200);
    // The highest number is not there any more, and never given out again.
    let delete = server.delete(&gone.path()).bearer(&token);
    delete.send().expect_status(204);
    let secrets = format!("{}/clients/{}/secrets", kept.path(), kept.client_id);
    let second = server.post(&secrets).bearer(&token).json(&json!({}));
    let second = second.send().expect_status(201).json();
    let revoked = server.token_for(&kept.client_id, &kept.client_secret);
    let form = [("token", &*revoked)];
    server
        .post("/oauth/revoke")
        .basic(&kept.client_id, &kept.client_secret)
        .form(&form)
        .send()
        .expect_status(200);
    // Nobody listens there, so that there are deliveries that wait.
    let hook = json!({"url": "http://127.0.0.1:9/hook", "types": ["tenant.deleted"],
                      "environmentIds": [ENVIRONMENT_ID]});
    let hook = server.post("/v1/webhooks").bearer(&token).json(&hook);
    hook.send().expect_status(201);
    Content {
        bound: management_client(server, &["tenants:read"], &[ENVIRONMENT_ID]),
        second_secret: text(&second["clientSecret"]),
        kept,
        suspended,
        token,
        revoked,
    }
}

fn sqlite_url(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

/// Imports a file into the database at that URL, and exports it again.
fn through(server: &Server, url: &str, file: &Path, name: &str) -> Vec<u8> {
    let there = [("TENANTRY_DATABASE_URL", url)];
    let imported = cli_with(server, &there, &["import", file.to_str().unwrap()]);
    assert!(imported.status.success(), "{imported:?}");
    let path = server.directory().join(name);
    let exported = cli_with(server, &there, &["export", path.to_str().unwrap()]);
    assert!(exported.status.success(), "{exported:?}");
    fs::read(path).unwrap()
}

#[test]
fn everything_goes_from_one_database_to_the_other_and_back_and_works_there() {
    let mut server = source();
    let content = fill(&server);
    let before = Seen::by(&server, &content);
    assert!(server.stop().success());
    let first = export(&server, "first.jsonl");
    assert_eq!(fs::metadata(&first).unwrap().mode() & 0o7777, 0o600);
    let exported = fs::read(&first).unwrap();

    let file = server.directory().join("there.db");
    let there = sqlite_url(&file);
    let Some(postgres) = PostgresDatabase::empty() else {
        return;
    };
    assert_same(&through(&server, &there, &first, "second.jsonl"), &exported);
    let second = server.directory().join("second.jsonl");
    let url = postgres.url();
    assert_same(&through(&server, &url, &second, "third.jsonl"), &exported);
    let back = sqlite_url(&server.directory().join("back.db"));
    let third = server.directory().join("third.jsonl");
    assert_same(&through(&server, &back, &third, "fourth.jsonl"), &exported);

    for url in [&url, &back] {
        let other = builder().env("TENANTRY_DATABASE_URL", url).start();
        assert_eq!(Seen::by(&other, &content), before, "{url}");
        goes_on(&other, &content, &before);
        let counted = command(&other, &["migrate", "recount"]);
        assert_eq!(counted["wrong"], 0, "{url}");
    }
}

#[track_caller]
fn assert_same(one: &[u8], other: &[u8]) {
    let lines = |bytes: &[u8]| -> Vec<String> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.lines().map(str::to_owned).collect()
    };
    assert_eq!(lines(one), lines(other));
}

/// What clients see.
#[derive(Debug, PartialEq)]
struct Seen {
    tenants: Value,
    kept: Value,
    clients: Value,
    secrets: Value,
    environments: Value,
    webhooks: Value,
    changes: Vec<Value>,
    bound: Value,
    keys: Value,
}

impl Seen {
    fn by(server: &Server, content: &Content) -> Self {
        let get = |token: &str, path: &str| {
            let answer = server.get(path).bearer(token).send();
            let mut answer = answer.expect_status(200).json();
            // When something was last used goes on changing.
            for one in answer["data"].as_array_mut().into_iter().flatten() {
                if let Some(one) = one.as_object_mut() {
                    one.remove("lastUsedAt");
                }
            }
            answer
        };
        let of = |path: &str| get(&content.token, path);
        let kept = content.kept.path();
        let clients = format!("{kept}/clients");
        let (id, secret) = &content.bound;
        Self {
            tenants: of("/v1/tenants"),
            kept: of(&kept),
            secrets: of(&format!("{clients}/{}/secrets", content.kept.client_id)),
            clients: of(&clients),
            environments: of("/v1/environments"),
            webhooks: of("/v1/webhooks"),
            changes: all_with(server, &content.token),
            bound: get(&server.token_for(id, secret), "/v1/tenants"),
            keys: server.get("/.well-known/jwks.json").send().json(),
        }
    }
}

fn all_with(server: &Server, token: &str) -> Vec<Value> {
    let all = server.get("/v1/changes?limit=1000").bearer(token).send();
    all.expect_status(200).json()["data"]
        .as_array()
        .unwrap()
        .clone()
}

/// Credentials open what they opened, and numbers go on where they were.
fn goes_on(server: &Server, content: &Content, before: &Seen) {
    let Content {
        kept, suspended, ..
    } = content;
    for secret in [&kept.client_secret, &content.second_secret] {
        ask_token(server, &kept.client_id, secret).expect_status(200);
    }
    let refused = ask_token(server, &suspended.client_id, &suspended.client_secret);
    assert_oauth_error(&refused, 401, "invalid_client");
    let (id, secret) = &content.bound;
    let introspect = |token: &str| {
        let form = [("token", token)];
        let asked = server.post("/oauth/introspect").basic(id, secret);
        asked.form(&form).send().expect_status(200).json()["active"].clone()
    };
    assert_eq!(introspect(&content.token), true);
    assert_eq!(introspect(&content.revoked), false, "it stays revoked");

    let body = json!({"subdomain": "further", "environmentId": ENVIRONMENT_ID});
    let further = server.post("/v1/tenants").bearer(&content.token);
    let further = further.json(&body).send().expect_status(201).json();
    let made = command(server, &["system-account", "create", "inspector"]);
    let record = server
        .get(&format!("{TENANTS}/{}", text(&further["id"])))
        .basic("inspector", made["password"].as_str().unwrap())
        .header("Accept", "application/json")
        .send();
    let record = record.expect_status(200).json();
    assert_eq!(id_of(&record), 4, "behind the one that is gone");

    let after = all_with(server, &content.token);
    assert!(after.len() > before.changes.len());
    let sequences = after.iter().filter_map(|one| one["sequence"].as_u64());
    assert!(sequences.eq(1..=after.len() as u64), "without a gap");
}
