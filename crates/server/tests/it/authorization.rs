//! Who may do what: one case for every operation that the server routes, each tried with
//! every kind of credential. An operation without a case fails the suite.

mod cases;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::json;

use self::cases::{Access, CASES, Case, Elsewhere, Target, new_environment, new_webhook};
use crate::harness::reference::{ENVIRONMENT_ID, environment, unique_label};
use crate::harness::{Request, Response, Server};
use crate::support::{SCOPES, assert_error, create_tenant, management_client, poll, text};

/// An environment that nothing of this file lies in; clients bound to it see nothing.
const ELSEWHERE: &str = "0b0e6d8f-5f3a-4d53-a2c4-4d8c16a0a3f5";

/// Whether the operation belongs to one of the two families, which need a credential.
fn in_a_family(path: &str) -> bool {
    ["/v1", "/system"].iter().any(|family| {
        path.strip_prefix(family)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// A server of two environments; everything here happens in the first.
fn server() -> &'static Server {
    static SERVER: LazyLock<Server> = LazyLock::new(|| {
        let elsewhere = json!({
            "id": ELSEWHERE,
            "name": "Elsewhere",
            "domain": ".elsewhere.example",
            "region": {"name": "X", "displayName": "X"},
        });
        Server::builder()
            .environments_file(&json!([environment(), elsewhere]))
            .start()
    });
    &SERVER
}

impl Target {
    /// Makes it; gives the ids that stand in its path.
    fn make(self) -> Vec<String> {
        let tenant = || create_tenant(server(), &unique_label("authz"));
        match self {
            Self::None => vec![],
            Self::Environment => vec![ENVIRONMENT_ID.to_owned()],
            Self::EmptyEnvironment => {
                let request = server().post("/v1/environments").bearer(&server().token());
                let made = request.json(&new_environment()).send().expect_status(201);
                vec![text(&made.json()["id"])]
            }
            Self::Tenant => vec![tenant().id],
            Self::Label => vec![tenant().label],
            Self::Client => {
                let tenant = tenant();
                vec![tenant.id, tenant.client_id]
            }
            Self::Secret => {
                let tenant = tenant();
                let path = format!("{}/clients/{}/secrets", tenant.path(), tenant.client_id);
                let rotate = server().post(&path).bearer(&server().token());
                rotate.json(&json!({})).send().expect_status(201);
                let list = server().get(&path).bearer(&server().token()).send();
                let secret = list.expect_status(200).json()["data"][0]["id"].clone();
                vec![tenant.id, tenant.client_id, text(&secret)]
            }
            Self::Webhook => vec![make_webhook(&new_webhook())],
            Self::Delivery => {
                let mut body = new_webhook();
                body["disabled"] = json!(false);
                let webhook = make_webhook(&body);
                tenant();
                let path = format!("/v1/webhooks/{webhook}/deliveries");
                let list = server().get(&path).bearer(&server().token());
                let list = poll(&list, |answer| answer.json()["data"][0].is_object());
                vec![webhook, text(&list.json()["data"][0]["id"])]
            }
        }
    }
}

fn make_webhook(body: &serde_json::Value) -> String {
    let request = server().post("/v1/webhooks").bearer(&server().token());
    let made = request.json(body).send().expect_status(201);
    text(&made.json()["id"])
}

impl Case {
    /// The request without a credential, on a target of its own.
    fn request(&self) -> Request {
        let mut path = self.path.to_owned();
        for id in self.target.make() {
            path = path.replacen("{}", &id, 1);
        }
        let request = server().request(self.method, &path);
        match self.body {
            Some(body) => request.json(&body()),
            None => request,
        }
    }

    #[track_caller]
    fn assert_unauthorized(&self, answer: &Response) {
        assert_eq!(answer.status, 401, "{}: {answer}", self.name);
        let challenge = answer.header("www-authenticate").expect("a challenge");
        match self.access {
            Access::Scope(_) => {
                assert_error(answer, 401, "Unauthorized");
                assert!(
                    challenge.starts_with(r#"Bearer realm="tenantry""#),
                    "{answer}"
                );
            }
            Access::System => {
                assert_eq!(challenge, r#"Basic realm="Secured Area", charset="UTF-8""#);
            }
        }
    }
}

/// The cases that need a scope, with it.
fn scoped() -> impl Iterator<Item = (&'static Case, &'static str)> {
    CASES.iter().filter_map(|case| match case.access {
        Access::Scope(scope) => Some((case, scope)),
        Access::System => None,
    })
}

fn system() -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(|case| case.access == Access::System)
}

#[test]
fn every_operation_that_the_server_routes_has_a_case_and_every_case_an_operation() {
    let routed: BTreeSet<_> = tenantry_http::operations()
        .filter(|operation| in_a_family(operation.path))
        .map(|operation| {
            let access = operation.access.to_string();
            let path: String = operation
                .path
                .split(['{', '}'])
                .step_by(2)
                .collect::<Vec<_>>()
                .join("{}");
            (
                operation.name.to_owned(),
                operation.method.to_owned(),
                path,
                access,
            )
        })
        .collect();
    let cases: BTreeSet<_> = CASES
        .iter()
        .map(|case| {
            let access = match case.access {
                Access::Scope(scope) => scope,
                Access::System => "system",
            };
            (
                case.name.into(),
                case.method.into(),
                case.path.split('?').next().unwrap().to_owned(),
                access.to_owned(),
            )
        })
        .collect();
    let untested: Vec<_> = routed.difference(&cases).collect();
    let unrouted: Vec<_> = cases.difference(&routed).collect();
    assert!(
        untested.is_empty() && unrouted.is_empty(),
        "routed and without a case: {untested:#?}\nwith a case and not routed: {unrouted:#?}"
    );
}

#[test]
fn what_lies_outside_both_families_is_public() {
    for operation in tenantry_http::operations().filter(|operation| !in_a_family(operation.path)) {
        assert_eq!(operation.access.to_string(), "public", "{}", operation.name);
    }
}

#[test]
fn without_a_credential_every_operation_is_401() {
    for case in CASES {
        case.assert_unauthorized(&case.request().send());
    }
}

#[test]
fn with_a_bad_credential_every_operation_is_401() {
    let credentials = server().credentials();
    for case in CASES {
        let request = case.request();
        case.assert_unauthorized(&request.clone().bearer("rubbish").send());
        case.assert_unauthorized(&request.clone().basic("nobody", "nothing").send());
        let wrong = request
            .clone()
            .basic(&credentials.system_username, "wrong")
            .send();
        case.assert_unauthorized(&wrong);
        case.assert_unauthorized(&request.header("Authorization", "Basic").send());
    }
}

#[test]
fn a_tenant_clients_token_opens_nothing() {
    let tenant = create_tenant(server(), &unique_label("authz"));
    let token = server().token_for(&tenant.client_id, &tenant.client_secret);
    for case in CASES {
        case.assert_unauthorized(&case.request().bearer(&token).send());
        let basic = case
            .request()
            .basic(&tenant.client_id, &tenant.client_secret)
            .send();
        case.assert_unauthorized(&basic);
    }
}

#[test]
fn the_other_familys_credential_opens_nothing() {
    let credentials = server().credentials();
    for (case, _) in scoped() {
        let account = (&credentials.system_username, &credentials.system_password);
        case.assert_unauthorized(&case.request().basic(account.0, account.1).send());
        let client = (&credentials.client_id, &credentials.client_secret);
        case.assert_unauthorized(&case.request().basic(client.0, client.1).send());
    }
    for case in system() {
        case.assert_unauthorized(&case.request().bearer(&server().token()).send());
        let client = (&credentials.client_id, &credentials.client_secret);
        case.assert_unauthorized(&case.request().basic(client.0, client.1).send());
    }
}

#[test]
fn the_right_credential_alone_is_enough() {
    let credentials = server().credentials();
    for (case, scope) in scoped() {
        let token = server().token_with_scopes(&[scope]);
        let answer = case.request().bearer(&token).send();
        assert_eq!(
            answer.status, case.success,
            "{} with {scope}: {answer}",
            case.name
        );
    }
    for case in system() {
        let request = case.request();
        let answer = request
            .basic(&credentials.system_username, &credentials.system_password)
            .send();
        assert_eq!(answer.status, case.success, "{}: {answer}", case.name);
    }
}

#[test]
fn every_other_scope_together_is_not_enough() {
    for (case, scope) in scoped() {
        let others: Vec<_> = SCOPES.into_iter().filter(|other| *other != scope).collect();
        let answer = case
            .request()
            .bearer(&server().token_with_scopes(&others))
            .send();
        assert_eq!(
            answer.status, 403,
            "{} without {scope}: {answer}",
            case.name
        );
        assert_error(&answer, 403, "Forbidden");
        let challenge = answer.header("www-authenticate").expect("a challenge");
        assert!(
            challenge.contains(r#"error="insufficient_scope""#),
            "{answer}"
        );
        assert!(
            challenge.contains(&format!(r#"scope="{scope}""#)),
            "{answer}"
        );
    }
}

#[test]
fn a_client_bound_to_another_environment_sees_nothing_of_this_one() {
    create_tenant(server(), &unique_label("authz"));
    let (id, secret) = management_client(server(), &SCOPES, &[ELSEWHERE]);
    let token = server().token_for(&id, &secret);
    for (case, _) in scoped() {
        let answer = case.request().bearer(&token).send();
        let shown = format!("{}: {answer}", case.name);
        match case.elsewhere {
            Elsewhere::NotFound => {
                assert_eq!(answer.status, 404, "{shown}");
                assert_error(&answer, 404, "NotFound");
            }
            Elsewhere::Forbidden => {
                assert_eq!(answer.status, 403, "{shown}");
                assert_error(&answer, 403, "Forbidden");
            }
            Elsewhere::Absent => {
                assert_eq!(answer.status, 200, "{shown}");
                assert!(!answer.text().contains(ENVIRONMENT_ID), "{shown}");
            }
            Elsewhere::Unbound => unreachable!("{shown}"),
        }
    }
}

#[test]
fn a_bound_client_works_in_its_own_environments() {
    let (id, secret) = management_client(server(), &SCOPES, &[ELSEWHERE]);
    let token = server().token_for(&id, &secret);
    let body = json!({"subdomain": unique_label("bound"), "environmentId": ELSEWHERE});
    let answer = server()
        .post("/v1/tenants")
        .bearer(&token)
        .json(&body)
        .send();
    let tenant = crate::support::created(&answer);
    let environments = server().get("/v1/environments").bearer(&token).send();
    let environments = environments.expect_status(200).json();
    assert_eq!(
        environments["data"].as_array().unwrap().len(),
        1,
        "{environments}"
    );
    assert_eq!(environments["data"][0]["id"], ELSEWHERE);
    let list = server()
        .get("/v1/tenants?limit=1000")
        .bearer(&token)
        .send()
        .expect_status(200);
    assert!(list.text().contains(&tenant.id), "{list}");
    for path in [tenant.path(), format!("{}/clients", tenant.path())] {
        server().get(&path).bearer(&token).send().expect_status(200);
    }
    server()
        .delete(&tenant.path())
        .bearer(&token)
        .send()
        .expect_status(204);

    let (id, secret) = management_client(server(), &SCOPES, &[ELSEWHERE, ENVIRONMENT_ID]);
    let token = server().token_for(&id, &secret);
    let both = server()
        .get("/v1/environments")
        .bearer(&token)
        .send()
        .expect_status(200)
        .json();
    assert_eq!(both["data"].as_array().unwrap().len(), 2, "{both}");
}

#[test]
fn a_bound_client_pages_through_its_own_tenants_only() {
    let (id, secret) = management_client(server(), &["tenants:read"], &[ELSEWHERE]);
    let token = server().token_for(&id, &secret);
    let mut mine = Vec::new();
    for _ in 0..3 {
        let body = json!({"subdomain": unique_label("page"), "environmentId": ELSEWHERE});
        mine.push(crate::support::created(&crate::support::post_tenant(server(), &body)).id);
        create_tenant(server(), &unique_label("page"));
    }
    let mut seen = Vec::new();
    let mut path = "/v1/tenants?limit=1".to_owned();
    loop {
        let body = server()
            .get(&path)
            .bearer(&token)
            .send()
            .expect_status(200)
            .json();
        let Some(tenant) = body["data"].get(0) else {
            break;
        };
        assert_eq!(tenant["environment"]["id"], ELSEWHERE);
        seen.push(text(&tenant["id"]));
        path = format!("/v1/tenants?limit=1&cursor={}", text(&body["nextCursor"]));
    }
    seen.retain(|id| mine.contains(id));
    assert_eq!(seen, mine);
}
