//! §4.3, filters of the list, and §4.6, from a host to its tenant.

use serde_json::{Value, json};

use crate::harness::Server;
use crate::harness::reference::{ENVIRONMENT_ID, TENANT_DOMAIN, environment, shared, unique_label};
use crate::support::{
    SCOPES, Tenant, UNKNOWN_ID, assert_error, assert_faults, create_body, created,
    management_client, post_tenant, text,
};

const SECOND: &str = "0b0e6d8f-5f3a-4d53-a2c4-4d8c16a0a3f5";

fn two_environments() -> Server {
    let second = json!({
        "id": SECOND, "name": "Second", "domain": ".second.example",
        "region": {"name": "X", "displayName": "X"},
    });
    Server::builder()
        .environments_file(&json!([environment(), second]))
        .start()
}

fn make(server: &Server, environment: &str, label: &str, name: &str) -> Tenant {
    let body = json!({"subdomain": label, "environmentId": environment, "name": name});
    created(&post_tenant(server, &body))
}

/// The names of all tenants that a query finds, page by page.
fn names(server: &Server, token: &str, query: &[(&str, &str)]) -> Vec<String> {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/tenants?{query}&limit=2{cursor}");
        let page = server
            .get(&path)
            .bearer(token)
            .send()
            .expect_status(200)
            .json();
        let data = page["data"].as_array().unwrap();
        if data.is_empty() {
            return found;
        }
        found.extend(data.iter().map(|tenant| text(&tenant["name"])));
        cursor = format!("&cursor={}", text(&page["nextCursor"]));
    }
}

#[test]
fn a_list_is_narrowed_by_all_that_is_given() {
    let server = two_environments();
    let token = server.token();
    make(&server, ENVIRONMENT_ID, "one", "Århus");
    let two = make(&server, ENVIRONMENT_ID, "two", "århundrede");
    make(&server, SECOND, "one", "ÅRHUS 2");
    make(&server, SECOND, "three", "Berlin");
    let suspend = server.patch(&two.path()).bearer(&token);
    suspend
        .json(&json!({"status": "suspended"}))
        .send()
        .expect_status(200);
    let find = |query: &[(&str, &str)]| names(&server, &token, query);
    let all = ["Århus", "århundrede", "ÅRHUS 2", "Berlin"];
    assert_eq!(find(&[]), all);
    assert_eq!(find(&[("environmentId", SECOND)]), all[2..]);
    assert_eq!(find(&[("environmentId", &SECOND.to_uppercase())]), all[2..]);
    assert_eq!(find(&[("environmentId", UNKNOWN_ID)]), [""; 0]);
    assert_eq!(find(&[("subdomain", "one")]), ["Århus", "ÅRHUS 2"]);
    let host = format!("one.{TENANT_DOMAIN}");
    assert_eq!(find(&[("subdomain", &host)]), ["Århus"]);
    assert_eq!(find(&[("subdomain", "one.second.example")]), ["ÅRHUS 2"]);
    assert_eq!(find(&[("subdomain", "one.nowhere.example")]), [""; 0]);
    assert_eq!(find(&[("subdomain", "on")]), [""; 0], "exact");
    assert_eq!(
        find(&[("subdomain", &host), ("environmentId", SECOND)]),
        [""; 0]
    );
    assert_eq!(find(&[("status", "suspended")]), ["århundrede"]);
    assert_eq!(
        find(&[("status", "active")]),
        ["Århus", "ÅRHUS 2", "Berlin"]
    );
    assert_eq!(find(&[("q", "årh")]), all[..3]);
    assert_eq!(find(&[("q", "ÅRHUS")]), ["Århus", "ÅRHUS 2"]);
    assert_eq!(find(&[("q", "rhus")]), [""; 0], "a beginning");
    assert_eq!(find(&[("q", "")]), all);
    assert_eq!(find(&[("q", "%")]), [""; 0]);
    assert_eq!(
        find(&[("q", "å"), ("status", "active"), ("environmentId", SECOND)]),
        ["ÅRHUS 2"]
    );
    assert_eq!(
        find(&[("unknown", "x"), ("status", "suspended")]),
        ["århundrede"]
    );

    let (id, secret) = management_client(&server, &SCOPES, &[SECOND]);
    let bound = server.token_for(&id, &secret);
    let find = |query: &[(&str, &str)]| names(&server, &bound, query);
    assert_eq!(find(&[("q", "å")]), ["ÅRHUS 2"]);
    assert_eq!(find(&[("subdomain", "one")]), ["ÅRHUS 2"]);
    assert_eq!(find(&[("subdomain", &host)]), [""; 0]);
    assert_eq!(find(&[("environmentId", ENVIRONMENT_ID)]), [""; 0]);
    assert_eq!(find(&[("status", "suspended")]), [""; 0]);
}

#[test]
fn a_malformed_or_repeated_filter_is_named() {
    let server = shared();
    let ask = |query: &str| {
        let path = format!("/v1/tenants?{query}");
        server.get(&path).bearer(&server.token()).send()
    };
    let long = "x".repeat(256);
    for (query, params) in [
        ("environmentId=x", &["environmentId"][..]),
        ("environmentId=", &["environmentId"]),
        ("subdomain=", &["subdomain"]),
        ("subdomain=My-Tenant", &["subdomain"]),
        ("subdomain=a..b", &["subdomain"]),
        ("subdomain=a.b:80", &["subdomain"]),
        ("status=Active", &["status"]),
        ("status=", &["status"]),
        ("q=%00", &["q"]),
        (&format!("q={long}"), &["q"]),
        ("q=a&q=a", &["q"]),
        ("status=active&status=suspended", &["status"]),
        (
            "status=x&environmentId=x&limit=0",
            &["status", "environmentId", "limit"],
        ),
    ] {
        assert_faults(&ask(query), "query", params);
    }
}

fn resolve(server: &Server, token: &str, host: &str) -> crate::harness::Response {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("host", host)
        .finish();
    server
        .get(&format!("/v1/resolve?{query}"))
        .bearer(token)
        .send()
}

#[test]
fn a_host_leads_to_its_tenant() {
    let server = shared();
    let mut body = create_body(&unique_label("host"));
    body["data"] = json!({"plan": 1.50});
    let tenant = created(&post_tenant(server, &body));
    let shown = server.get(&tenant.path()).bearer(&server.token()).send();
    let host = tenant.host();
    for spelled in [
        host.clone(),
        host.to_uppercase(),
        format!("{host}."),
        format!("{host}:443"),
        format!("{host}.:65535"),
        format!("{host}:"),
    ] {
        let answer = resolve(server, &server.token(), &spelled).expect_status(200);
        assert_eq!(answer.text(), shown.text(), "{spelled}");
        assert_eq!(answer.header("etag"), shown.header("etag"));
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    }
    let known = server
        .get(&format!("/v1/resolve?host={host}"))
        .bearer(&server.token())
        .header("If-None-Match", &tenant.etag)
        .send();
    assert_eq!(known.status, 304, "{known}");
    let suspend = server.patch(&tenant.path()).bearer(&server.token());
    suspend
        .json(&json!({"status": "suspended"}))
        .send()
        .expect_status(200);
    let answer = resolve(server, &server.token(), &host).expect_status(200);
    assert_eq!(answer.json()["status"], "suspended");
}

#[test]
fn a_404_tells_which_part_did_not_match() {
    let server = shared();
    let token = server.token();
    let told = |host: &str| {
        let body = assert_error(&resolve(server, &token, host), 404, "NotFound");
        (text(&body["code"]), text(&body["message"]))
    };
    for (host, domain) in [
        ("a.nowhere.example", "nowhere.example"),
        ("localhost", "localhost"),
        ("192.0.2.1", "0.2.1"),
        ("mattr.global", "global"),
        ("a.b.vii.mattr.global", "b.vii.mattr.global"),
        ("_dmarc._x.example", "_x.example"),
    ] {
        let (code, message) = told(host);
        assert_eq!(code, "environment_not_found", "{host}");
        assert!(message.contains(&format!(" {domain}.")), "{message}");
    }
    for label in ["nobody", "www", "_dmarc", "xn--mnchen-3ya"] {
        let (code, message) = told(&format!("{label}.{TENANT_DOMAIN}"));
        assert_eq!(code, "tenant_not_found", "{label}");
        assert!(
            message.contains(label) && message.contains(TENANT_DOMAIN),
            "{message}"
        );
    }
}

#[test]
fn what_is_no_host_is_400() {
    let server = shared();
    let token = server.token();
    let (label, long) = ("a".repeat(64), "a.".repeat(127));
    for host in [
        "",
        ".",
        ":80",
        "[::1]",
        "[::1]:80",
        "::1",
        "user@a.example",
        "user:pass@a.example",
        "a..example",
        ".a.example",
        "a.example:x",
        "a.example:65536",
        "a.example/x",
        "https://a.example",
        "a b.example",
        "münchen.example",
        "a\0.example",
        &format!("{label}.example"),
        &format!("{long}example"),
    ] {
        assert_faults(&resolve(server, &token, host), "query", &["host"]);
    }
    let ask = |query: &str| {
        let path = format!("/v1/resolve{query}");
        server.get(&path).bearer(&token).send()
    };
    let missing = assert_faults(&ask(""), "query", &["host"]);
    assert_eq!(missing["details"][0].get("value"), None::<&Value>);
    assert_faults(&ask("?host=a.example&host=a.example"), "query", &["host"]);
}

#[test]
fn a_bound_client_resolves_hosts_of_its_own_environments_only() {
    let server = two_environments();
    let mine = make(&server, SECOND, "one", "x");
    let other = make(&server, ENVIRONMENT_ID, "one", "x");
    let (id, secret) = management_client(&server, &["tenants:read"], &[SECOND]);
    let token = server.token_for(&id, &secret);
    let found = resolve(&server, &token, "one.second.example").expect_status(200);
    assert_eq!(found.json()["id"], mine.id);
    let hidden = resolve(&server, &token, &other.host());
    let unknown = resolve(&server, &token, "one.nowhere.example");
    let [hidden, unknown] = [hidden, unknown].map(|answer| assert_error(&answer, 404, "NotFound"));
    assert_eq!(
        hidden["code"], unknown["code"],
        "nobody learns that it is there"
    );
}
