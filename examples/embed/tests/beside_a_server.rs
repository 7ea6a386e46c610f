//! The example beside a real server, on SQLite and on PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail the test that called them; clippy only exempts the test functions themselves"
)]

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tenantry_storage::testing::PostgresDatabase;
use tenantry_trials::{
    http::{Answer, Credential, Http, Request},
    node::Node,
};

/// The server's program. `cargo test --workspace` builds it; alone, it is built by `cargo build`.
fn server() -> PathBuf {
    let own = Path::new(env!("CARGO_BIN_EXE_tenantry-example-embed"));
    let path = own.with_file_name("tenantry");
    assert!(
        path.exists(),
        "{} is built by `cargo build`",
        path.display()
    );
    path
}

/// The example, gone when dropped.
struct Example {
    process: Child,
    http: Http,
}

impl Example {
    fn start(node: &Node, database: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_tenantry-example-embed"))
            .env("EMBED_LISTEN", "127.0.0.1:0")
            .env("EMBED_DATABASE_URL", database)
            .env("EMBED_ISSUER", "http://tenantry.test")
            .env(
                "EMBED_JWKS_URL",
                format!("{}/.well-known/jwks.json", node.url()),
            )
            .env("NO_PROXY", "*")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap_or_else(|| {
                panic!("not listening: {line:?}, {:?}", process.wait());
            });
        let http = Http::new(url.to_owned());
        Self { process, http }
    }

    fn ask(&self, host: &str, token: Option<&str>) -> Answer {
        let by = token.map_or(Credential::None, |token| {
            Credential::Bearer(token.to_owned())
        });
        let request = Request::bare("GET", "/whoami").header("Host", host);
        self.http.send(&request.by(&by)).unwrap()
    }

    /// Asks again until the answer is the one that is waited for.
    fn wait(&self, tenant: &Tenant, done: impl Fn(&Answer) -> bool) -> Answer {
        let begun = Instant::now();
        loop {
            let answer = self.ask(&tenant.host, Some(&tenant.token));
            if done(&answer) {
                return answer;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "still {answer:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The server's API, with a token of its management client.
struct Api {
    http: Http,
    token: Credential,
    environment: String,
}

/// A tenant with a token of its client.
struct Tenant {
    id: String,
    host: String,
    client: String,
    token: String,
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value}"))
        .to_owned()
}

fn token_of(http: &Http, id: &str, secret: &str) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_secret", secret),
    ];
    let answer = http.send(&Request::new("POST", "/oauth/token").form(&form));
    text(&answer.unwrap().json()["access_token"])
}

impl Api {
    fn of(node: &Node) -> Self {
        let http = node.http();
        let Credential::Basic(id, secret) = Node::client() else {
            unreachable!("a client has a secret");
        };
        let mut api = Self {
            token: Credential::Bearer(token_of(&http, &id, &secret)),
            http,
            environment: String::new(),
        };
        let environments = api.call(200, "GET", "/v1/environments", None);
        api.environment = text(&environments["data"][0]["id"]);
        api
    }

    fn call(&self, status: u16, method: &'static str, path: &str, body: Option<Value>) -> Value {
        let mut request = Request::new(method, path).by(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = self.http.send(&request).unwrap();
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        answer.json()
    }

    fn create(&self, label: &str) -> Tenant {
        let body = json!({"subdomain": label, "environmentId": self.environment,
            "data": {"plan": "gold"}});
        let made = self.call(201, "POST", "/v1/tenants", Some(body));
        let client = text(&made["client"]["clientId"]);
        Tenant {
            id: text(&made["id"]),
            host: text(&made["subdomain"]),
            token: token_of(&self.http, &client, &text(&made["client"]["clientSecret"])),
            client,
        }
    }

    fn patch(&self, tenant: &Tenant, body: Value) {
        self.call(
            200,
            "PATCH",
            &format!("/v1/tenants/{}", tenant.id),
            Some(body),
        );
    }

    fn delete(&self, path: &str) {
        self.call(204, "DELETE", path, None);
    }
}

/// Everything that the example promises, on whatever database the server has.
fn holds_on(postgres: Option<&str>) {
    let mut node = Node::new(&server(), postgres);
    node.start();
    let file = format!("sqlite://{}/tenantry.db", node.data_directory().display());
    let api = Api::of(&node);
    let (one, other) = (api.create("one"), api.create("other"));
    let example = Example::start(&node, postgres.unwrap_or(&file));

    let answer = example.ask(&one.host, Some(&one.token));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["tenant"], one.id);
    assert_eq!(answer.json()["data"], json!({"plan": "gold"}));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    // However a host is written.
    let written = format!("{}.:8090", one.host.to_uppercase());
    assert_eq!(example.ask(&written, Some(&one.token)).status, 200);

    // Another tenant's token, the operator's, a damaged one, none.
    let Credential::Bearer(operator) = &api.token else {
        unreachable!("it has a token");
    };
    let damaged = format!("{}A", one.token);
    for token in [&other.token, operator, &damaged] {
        let answer = example.ask(&one.host, Some(token));
        assert_eq!(answer.status, 401, "{answer:?}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains("invalid_token"), "{answer:?}");
    }
    let answer = example.ask(&one.host, None);
    assert_eq!(
        (answer.status, answer.header("www-authenticate")),
        (401, Some("Bearer"))
    );

    // Hosts that nobody has, known environment or not, and what is no host.
    let (_, domain) = one.host.split_once('.').unwrap();
    for host in [&format!("nobody.{domain}"), "one.example.org", domain] {
        assert_eq!(example.ask(host, Some(&one.token)).status, 404, "{host}");
    }
    assert_eq!(example.ask("[::1]", Some(&one.token)).status, 400);

    // What changes is dropped, so that the next answer is right.
    api.patch(
        &one,
        json!({"name": "Number One", "data": {"plan": "silver"}}),
    );
    let answer = example.wait(&one, |answer| answer.json()["name"] == "Number One");
    assert_eq!(answer.json()["data"], json!({"plan": "silver"}));
    api.patch(&one, json!({"status": "suspended"}));
    example.wait(&one, |answer| answer.status == 403);
    api.patch(&one, json!({"status": "active"}));
    example.wait(&one, |answer| answer.status == 200);

    // A client's end is its tokens' end, although their signature is still good.
    assert_eq!(example.ask(&other.host, Some(&other.token)).status, 200);
    api.delete(&format!(
        "/v1/tenants/{}/clients/{}",
        other.id, other.client
    ));
    assert_eq!(example.ask(&other.host, Some(&other.token)).status, 401);

    api.delete(&format!("/v1/tenants/{}", one.id));
    example.wait(&one, |answer| answer.status == 404);
    // Who comes to live at the same host is somebody else.
    let again = api.create("one");
    assert_eq!(again.host, one.host);
    example.wait(&again, |answer| answer.status == 200);
    assert_eq!(example.ask(&one.host, Some(&one.token)).status, 401);
}

#[test]
fn the_example_serves_a_servers_tenants_on_sqlite() {
    holds_on(None);
}

#[test]
fn the_example_serves_a_servers_tenants_on_postgres() {
    if let Some(database) = PostgresDatabase::migrated() {
        holds_on(Some(&database.url()));
    }
}

#[test]
fn without_a_database_it_does_not_start_and_makes_none() {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tenantry-example-embed"))
        .env("EMBED_DATABASE_URL", "sqlite://nowhere.db")
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"nowhere.db is not there\n", "{output:?}");
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}
