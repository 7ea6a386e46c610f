//! Every operation that the server routes, asked for with every kind of thing that must not be, at every
//! place where something can stand. Whatever comes: a clear refusal in the shape of its family, never a
//! fault of the server's, and nothing is stored, not even by halves.
//!
//! What a table can't say stands elsewhere: slow bodies and connections in `hygiene`, targets of webhooks in
//! `webhooks::targets`, tokens in `bearer`, lines of the log in `process::logs`.

mod inputs;
mod tables;
mod wire;

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use serde_json::value::RawValue;

use self::tables::{members, parameters, valid, with_member};
use crate::harness::reference::{ENVIRONMENT_ID, environments_file, unique_label};
use crate::harness::{Response, Server, World, raw};
use crate::support::{create_tenant, text};

/// How many attack at once.
const ATTACKERS: usize = 4;

/// What every request that is answered leaves alone: of each table how many rows it has.
const TABLES: &[&str] = &[
    "tenants",
    "clients",
    "client_secrets",
    "environments",
    "regions",
    "changes",
    "webhooks",
    "revoked_tokens",
];

/// One request that must be refused, or at least do nothing.
struct Attack {
    what: String,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
    /// Whether a success without an effect is fine, too.
    may_succeed: bool,
}

/// A server with one of everything.
struct Scene {
    server: Server,
    /// What stands in paths for `{id}` and the like, by the operation's path.
    tenant: String,
    client: String,
    secret: String,
    webhook: String,
    system: String,
}

/// One operation, as the server tells of it.
#[derive(Clone, Copy)]
struct Operation {
    name: &'static str,
    method: &'static str,
    path: &'static str,
}

fn operations() -> Vec<Operation> {
    let all = tenantry_http::operations();
    all.map(|operation| Operation {
        name: operation.name,
        method: operation.method,
        path: operation.path,
    })
    .collect()
}

fn scene() -> &'static Scene {
    static SCENE: LazyLock<Scene> = LazyLock::new(Scene::set);
    &SCENE
}

impl Scene {
    fn set() -> Self {
        let server = Server::builder()
            .environments_file(&environments_file())
            // What is refused here is refused for its form, not for how often.
            .env("TENANTRY_FAILED_LOGINS_PER_CLIENT", "1000000")
            .env("TENANTRY_FAILED_LOGINS_PER_ADDRESS", "1000000")
            .start();
        let tenant = create_tenant(&server, &unique_label("victim"));
        let secrets = format!("{}/clients/{}/secrets", tenant.path(), tenant.client_id);
        let secrets = server.get(&secrets).bearer(&server.token()).send();
        let secret = text(&secrets.expect_status(200).json()["data"][0]["id"]);
        let webhook = json!({"url": "https://hooks.invalid/", "disabled": true});
        let made = server.post("/v1/webhooks").bearer(&server.token());
        let webhook = text(&made.json(&webhook).send().expect_status(201).json()["id"]);
        let account = server.credentials();
        let pair = format!("{}:{}", account.system_username, account.system_password);
        Self {
            tenant: tenant.id,
            client: tenant.client_id,
            secret,
            webhook,
            system: format!("Basic {}", STANDARD.encode(pair)),
            server,
        }
    }

    /// What a place of a path is filled with; what it names is there, but for deliveries.
    fn id(&self, path: &str, place: &str) -> &str {
        match place {
            "clientId" => &self.client,
            "secretId" => &self.secret,
            "deliveryId" => crate::support::UNKNOWN_ID,
            _ if path.starts_with("/v1/webhooks") => &self.webhook,
            _ if path.starts_with("/v1/environments") => ENVIRONMENT_ID,
            _ => &self.tenant,
        }
    }

    /// A path of an operation, with something else in the place of that number.
    fn path(&self, operation: Operation, place: Option<(usize, &str)>) -> String {
        let mut path = String::new();
        for (number, part) in operation.path.split(['{', '}']).enumerate() {
            match place {
                _ if number % 2 == 0 => path.push_str(part),
                Some((at, id)) if at == number => path.push_str(id),
                _ => path.push_str(self.id(operation.path, part)),
            }
        }
        path
    }

    /// The path to something that is not there.
    fn path_to_nothing(&self, operation: Operation) -> String {
        self.path(operation, Some((1, crate::support::UNKNOWN_ID)))
    }

    fn credential(&self, path: &str) -> Vec<u8> {
        match path {
            path if path.starts_with("/system") => self.system.clone().into_bytes(),
            path if path.starts_with("/v1") => {
                format!("Bearer {}", self.server.token()).into_bytes()
            }
            _ => Vec::new(),
        }
    }

    fn attack(&self, operation: Operation, what: &str, path: String) -> Attack {
        let credential = self.credential(operation.path);
        let mut headers = Vec::new();
        if !credential.is_empty() {
            headers.push(("Authorization", credential));
        }
        Attack {
            what: format!("{}, {what}", operation.name),
            method: operation.method,
            path,
            headers,
            body: Vec::new(),
            may_succeed: false,
        }
    }

    /// How many rows each table has, and what the one tenant looks like.
    fn fingerprint(&self) -> Vec<String> {
        let tables = TABLES.iter().map(|table| {
            let count = format!("SELECT count(*) AS number FROM {table}");
            format!("{table}: {:?}", self.server.database().numbers(&count))
        });
        let path = format!("/v1/tenants/{}", self.tenant);
        let shown = self.server.get(&path).bearer(&self.server.token()).send();
        tables.chain([shown.expect_status(200).text()]).collect()
    }

    /// The same for what no database gets to see: all of it in one world, some of it in the others.
    fn withstands_before_any_database(&self, attacks: Vec<Attack>) {
        if crate::WORLD == World::Sqlite {
            self.withstands(attacks);
        } else {
            self.withstands(some_of(attacks));
        }
    }

    /// Sends all of them; fails with all that were not answered as they should be.
    fn withstands(&self, attacks: Vec<Attack>) {
        // What one server on PostgreSQL refuses, two refuse too.
        let attacks = match crate::WORLD {
            World::Sqlite | World::Postgres => attacks,
            World::Pair => some_of(attacks),
        };
        assert!(!attacks.is_empty());
        let before = self.fingerprint();
        let faults = Mutex::new(Vec::new());
        let attacks = Mutex::new(attacks.into_iter());
        thread::scope(|scope| {
            for _ in 0..ATTACKERS {
                scope.spawn(|| {
                    loop {
                        let Some(attack) = attacks.lock().unwrap().next() else {
                            return;
                        };
                        let answer = attack.send(&self.server);
                        if let Some(fault) = attack.fault(&answer) {
                            let fault = format!("{}: {fault}: {answer}", attack.what);
                            faults.lock().unwrap().push(fault);
                        }
                    }
                });
            }
        });
        let faults = faults.into_inner().unwrap();
        assert!(
            faults.is_empty(),
            "{}: {}",
            faults.len(),
            faults.join("\n\n")
        );
        assert_eq!(self.fingerprint(), before, "something was stored");
    }
}

/// Every seventh, so that all operations and all kinds are among them.
fn some_of(attacks: Vec<Attack>) -> Vec<Attack> {
    attacks.into_iter().step_by(7).collect()
}

impl Attack {
    fn with(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    fn body(self, body: &[u8]) -> Self {
        let mut with = self.with("Content-Type", "application/json");
        with.body = body.to_vec();
        with
    }

    fn may_succeed(mut self) -> Self {
        self.may_succeed = true;
        self
    }

    fn send(&self, server: &Server) -> Response {
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nHost: x\r\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: ").as_bytes());
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        let length = format!("Content-Length: {}\r\n", self.body.len());
        bytes.extend_from_slice(length.as_bytes());
        bytes.extend_from_slice(b"Connection: close\r\n\r\n");
        bytes.extend_from_slice(&self.body);
        raw::parse(&raw::exchange(server.address(), bytes))
    }

    /// What is wrong with an answer.
    fn fault(&self, answer: &Response) -> Option<&'static str> {
        if !answer.header_all("x-injected").is_empty() {
            return Some("a header was injected");
        }
        match answer.status {
            500.. => Some("a fault of the server's"),
            400.. => (!self.is_in_shape(answer)).then_some("not the family's shape"),
            _ if self.may_succeed => None,
            _ => Some("not refused"),
        }
    }

    fn is_in_shape(&self, answer: &Response) -> bool {
        if answer.body.is_empty() && [400, 408, 431].contains(&answer.status) {
            // No HTTP request at all, and so of no family (docs/ERRORS.md).
            return true;
        }
        // As text, since what was refused is shown as it was received: a number beyond all range, too.
        let body: BTreeMap<String, &RawValue> =
            serde_json::from_slice(&answer.body).unwrap_or_default();
        let has = |members: &[&str]| members.iter().all(|name| body.contains_key(*name));
        let in_shape = match self.path.as_str() {
            path if path.starts_with("/oauth") => has(&["error", "error_description"]),
            path if ["/system", "/contexts", "/docs.jsonld"]
                .iter()
                .any(|own| path.starts_with(own)) =>
            {
                has(&["title", "detail"]) || has(&["hydra:title", "hydra:description"])
            }
            "/" => true,
            _ => has(&["code", "type", "message", "details"]),
        };
        in_shape && answer.header("x-request-id").is_some()
    }
}

#[test]
fn whatever_stands_for_an_id_in_a_path_is_refused() {
    let scene = scene();
    let mut attacks = Vec::new();
    for operation in operations() {
        let places = operation.path.matches('{').count();
        for place in (0..places).map(|number| 2 * number + 1) {
            for id in inputs::IDS {
                let path = scene.path(operation, Some((place, id)));
                // The body is what such an operation takes, so that nothing but the id is wrong.
                let attack = scene.attack(operation, &format!("{id} for an id"), path);
                attacks.push(attack.body(br#"{"version":1,"data":{},"name":"x"}"#));
            }
        }
    }
    scene.withstands_before_any_database(attacks);
}

#[test]
fn whatever_stands_for_a_parameter_is_refused() {
    let scene = scene();
    let mut attacks = Vec::new();
    for operation in operations() {
        let path = scene.path(operation, None);
        for (name, values) in parameters(operation.name) {
            let family = operation.path.starts_with("/v1");
            // Not so in the system API, where the last one counts.
            let twice = family.then(|| format!("{path}?{name}=1&{name}=1"));
            let bad = values.iter().map(|value| format!("{path}?{name}={value}"));
            for path in bad.chain(twice) {
                attacks.push(scene.attack(operation, &path, path.clone()));
            }
        }
    }
    scene.withstands(attacks);
}

#[test]
fn whatever_stands_in_a_header_does_no_harm() {
    let scene = scene();
    let mut attacks = Vec::new();
    // A stream of changes does not end; its credentials are tried below.
    let ends = |operation: &Operation| operation.name != "CHANGE_STREAM";
    for operation in operations().into_iter().filter(ends) {
        let path = scene.path_to_nothing(operation);
        for (name, value) in inputs::HEADERS {
            let what = format!("{name}: {}", value.escape_ascii());
            let attack = scene.attack(operation, &what, path.clone()).body(b"{");
            attacks.push(attack.with(name, *value).may_succeed());
        }
        for value in [
            &b""[..],
            b"json",
            b"application/json, text/html",
            b"\xff",
            b"multipart/form-data",
        ] {
            let what = format!("Content-Type: {}", value.escape_ascii());
            let attack = scene.attack(operation, &what, path.clone()).body(b"{}");
            let attack = attack.with("Content-Type", value);
            attacks.push(attack.may_succeed());
        }
    }
    scene.withstands_before_any_database(attacks);
}

#[test]
fn whatever_stands_for_a_credential_opens_nothing() {
    let scene = scene();
    let mut attacks = Vec::new();
    let is_public = |path: &str| !["/v1", "/system"].iter().any(|own| path.starts_with(own));
    for operation in operations().into_iter().filter(|one| !is_public(one.path)) {
        for value in inputs::CREDENTIALS {
            let what = format!("Authorization: {}", value.escape_ascii());
            let attack = scene.attack(operation, &what, scene.path(operation, None));
            attacks.push(attack.with("Authorization", *value));
        }
    }
    scene.withstands_before_any_database(attacks);
}

#[test]
fn whatever_stands_for_an_idempotency_key_is_refused() {
    let scene = scene();
    let mut attacks = Vec::new();
    let takes_one = |one: &Operation| one.method == "POST" && one.path.starts_with("/v1");
    for operation in operations().into_iter().filter(takes_one) {
        for value in inputs::KEYS {
            let what = format!("Idempotency-Key: {}", value.escape_ascii());
            let path = scene.path(operation, None);
            let attack = scene
                .attack(operation, &what, path)
                .body(&valid(operation.name));
            attacks.push(attack.with("Idempotency-Key", *value));
        }
    }
    scene.withstands(attacks);
}

#[test]
fn whatever_stands_for_a_member_of_a_body_is_refused() {
    let scene = scene();
    let mut attacks = Vec::new();
    for operation in operations() {
        for (member, values) in members(operation.name) {
            for value in values {
                let path = scene.path(operation, None);
                let what = format!("{member} is {value}");
                let body = with_member(operation.name, member, value);
                attacks.push(scene.attack(operation, &what, path).body(&body));
            }
        }
    }
    scene.withstands(attacks);
}

#[test]
fn whatever_stands_for_a_body_is_refused() {
    let scene = scene();
    let takes_one = |one: &Operation| ["POST", "PUT", "PATCH"].contains(&one.method);
    let mut attacks = Vec::new();
    for operation in operations().into_iter().filter(takes_one) {
        let path = scene.path(operation, None);
        for body in inputs::BODIES {
            let what = format!("the body {}", body.escape_ascii());
            let attack = scene.attack(operation, &what, path.clone()).body(body);
            attacks.push(attack);
        }
        let nested = [b"{\"data\":".repeat(65), b"{}".to_vec(), b"}".repeat(65)].concat();
        for body in [nested, b"[".repeat(100_000)] {
            let attack = scene.attack(operation, "a deep body", path.clone());
            attacks.push(attack.body(&body));
        }
    }
    scene.withstands_before_any_database(attacks);
}

/// The tables above must not fall behind the server: every operation with a body or a page has its row.
#[test]
fn every_operation_that_reads_something_has_its_row() {
    for operation in operations() {
        let reads_body = ["POST", "PUT", "PATCH"].contains(&operation.method);
        if reads_body && operation.name != "WEBHOOK_DELIVERY_REDELIVER" {
            assert!(!members(operation.name).is_empty(), "{}", operation.name);
        }
        let is_list = operation.path.starts_with("/v1") && operation.name.ends_with("_LIST");
        if is_list && operation.name != "TENANT_CLIENT_SECRET_RETRIEVE_LIST" {
            assert!(!parameters(operation.name).is_empty(), "{}", operation.name);
        }
    }
}
