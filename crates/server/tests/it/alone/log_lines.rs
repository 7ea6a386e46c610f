//! One line a request, with all that is to be in it, and no secret in any line: a whole scenario
//! over TLS, with everything logged that can be.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::harness::tls::{Authority, exchange};
use crate::harness::{Receiver, Response, Server};
use crate::support::text;

/// A client that speaks TLS and names its requests.
struct Caller<'a> {
    authority: &'a Authority,
    server: &'a Server,
    asked: Vec<(String, Expected)>,
}

/// What a line is to say.
struct Expected {
    method: &'static str,
    route: &'static str,
    status: u16,
    actor: Option<String>,
}

impl Caller<'_> {
    fn ask(
        &mut self,
        (method, route): (&'static str, &'static str),
        path: &str,
        authorization: &str,
        body: &Value,
        (status, actor): (u16, Option<&str>),
    ) -> Response {
        let id = format!("scenario-{}", self.asked.len());
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             X-Request-Id: {id}\r\nContent-Length: {}\r\n",
            body.len()
        );
        if !body.is_empty() {
            request.push_str("Content-Type: application/json\r\n");
        }
        if !authorization.is_empty() {
            for part in ["Authorization: ", authorization, "\r\n"] {
                request.push_str(part);
            }
        }
        request.push_str("\r\n");
        request.push_str(&body);
        let address = self.server.address();
        let mut stream = self
            .authority
            .connect(address, rustls::ALL_VERSIONS)
            .unwrap();
        let answer = exchange(&mut stream, &request);
        assert_eq!(answer.status, status, "{method} {path}: {answer}");
        let actor = actor.map(str::to_owned);
        let expected = Expected {
            method,
            route,
            status,
            actor,
        };
        self.asked.push((id, expected));
        answer
    }
}

/// A server that speaks TLS, and logs all there is.
fn over_tls(authority: &Authority, master_key: &str) -> Server {
    let certificate = authority.certificate(-1, 90);
    crate::webhooks::builder()
        .file("cert.pem", &certificate.pem)
        .file("key.pem", &certificate.key)
        .env("TENANTRY_TLS_CERT", "cert.pem")
        .env("TENANTRY_TLS_KEY", "key.pem")
        .env("TENANTRY_MASTER_KEY", master_key)
        .env("TENANTRY_LOG_FORMAT", "json")
        .env("TENANTRY_LOG", "trace")
        .start()
}

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn each_request_of_a_scenario_is_one_line_and_no_secret_is_in_any() {
    let (authority, receiver) = (Authority::new(), Receiver::start());
    let master_key = base64("a master key of exactly 32 bytes");
    let mut server = over_tls(&authority, &master_key);
    let account = server.credentials();
    let mut secrets = vec![
        account.client_secret.clone(),
        account.system_password.clone(),
        master_key,
        "a-password-that-is-wrong".to_owned(),
        "a-secret-that-is-wrong".to_owned(),
    ];
    let mut caller = Caller {
        authority: &authority,
        server: &server,
        asked: Vec::new(),
    };
    let client = account.client_id.as_str();
    let token = ("POST", "/oauth/token");
    let credentials = |id: &str, secret: &str| json!({"grant_type": "client_credentials", "client_id": id, "client_secret": secret});
    let asked = credentials(client, &account.client_secret);
    let answer = caller.ask(token, "/oauth/token", "", &asked, (200, Some(client)));
    let access = text(&answer.json()["access_token"]);
    let bearer = format!("Bearer {access}");
    let wrong = credentials(client, "a-secret-that-is-wrong");
    caller.ask(token, "/oauth/token", "", &wrong, (401, None));
    let system = ("GET", "/system/tenants");
    let name = account.system_username.as_str();
    for (password, expected) in [
        (account.system_password.as_str(), (200, Some(name))),
        ("a-password-that-is-wrong", (401, None)),
    ] {
        let pair = base64(&format!("{name}:{password}"));
        let basic = format!("Basic {pair}");
        caller.ask(system, "/system/tenants", &basic, &Value::Null, expected);
        secrets.push(pair);
    }
    let by = Some(client);
    let environments = ("GET", "/v1/environments");
    let listed = caller.ask(
        environments,
        "/v1/environments",
        &bearer,
        &Value::Null,
        (200, by),
    );
    let environment = text(&listed.json()["data"][0]["id"]);
    let body = json!({"subdomain": "lined", "environmentId": environment});
    let tenants = ("POST", "/v1/tenants");
    let made = caller
        .ask(tenants, "/v1/tenants", &bearer, &body, (201, by))
        .json();
    let (tenant, tenant_client) = (text(&made["id"]), text(&made["client"]["clientId"]));
    secrets.push(text(&made["client"]["clientSecret"]));
    let path = format!("/v1/tenants/{tenant}/clients/{tenant_client}/secrets");
    let route = ("POST", "/v1/tenants/{id}/clients/{clientId}/secrets");
    let rotated = caller
        .ask(route, &path, &bearer, &json!({}), (201, by))
        .json();
    secrets.push(text(&rotated["clientSecret"]));
    let asked = credentials(&tenant_client, secrets.last().unwrap());
    let theirs = caller.ask(
        token,
        "/oauth/token",
        "",
        &asked,
        (200, Some(&tenant_client)),
    );
    secrets.push(text(&theirs.json()["access_token"]));
    let body = json!({"url": receiver.url(), "types": ["tenant.created"]});
    let hooks = ("POST", "/v1/webhooks");
    let hook = caller
        .ask(hooks, "/v1/webhooks", &bearer, &body, (201, by))
        .json();
    secrets.push(text(&hook["secret"]));
    let body = json!({"subdomain": "lined-2", "environmentId": environment});
    let second = caller
        .ask(tenants, "/v1/tenants", &bearer, &body, (201, by))
        .json();
    secrets.push(text(&second["client"]["clientSecret"]));
    receiver.wait_for(1);
    let nowhere = format!("/nope/{access}");
    caller.ask(("GET", ""), &nowhere, &bearer, &Value::Null, (404, None));
    secrets.push(access);

    let asked = caller.asked;
    assert!(server.stop().success());
    assert_none_is_told(&server, &secrets);
    assert_each_has_one_line(&server, &asked);
}

fn assert_none_is_told(server: &Server, secrets: &[String]) {
    let said = format!("{}{}", server.stdout(), server.stderr());
    for secret in secrets {
        let line = said.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} in {line:?}");
    }
}

fn assert_each_has_one_line(server: &Server, asked: &[(String, Expected)]) {
    let lines: Vec<Value> = server
        .stderr()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .filter(|line: &Value| line["message"] == "request")
        .collect();
    for (id, expected) in asked {
        let of_it: Vec<_> = lines
            .iter()
            .filter(|line| line["request_id"] == **id)
            .collect();
        assert_eq!(of_it.len(), 1, "{id}: {of_it:?}");
        let line = of_it[0];
        assert_eq!(line["method"], expected.method, "{line}");
        assert_eq!(line["route"], expected.route, "{line}");
        assert_eq!(line["status"], expected.status, "{line}");
        assert_eq!(line["actor"].as_str(), expected.actor.as_deref(), "{line}");
        assert!(line["duration_us"].is_u64(), "{line}");
    }
}
