//! Tenants through the management API.

use serde_json::{Value, json};

use super::{Ask, Expect, Step, any, any_name, any_object, unknown_id};
use crate::model::{
    pattern::symbol,
    state::{Client, Secret, State, Tenant, merge},
};

const BASE: &str = "/v1/tenants";

fn path(tenant: &Tenant) -> String {
    format!("{BASE}/{}", tenant.id)
}

fn thing(tenant: &Tenant) -> String {
    format!("m{}", tenant.place)
}

/// One tenant as its own URL shows it.
fn shown(state: &mut State, status: u16, tenant: &Tenant) -> Expect {
    let body = state.managed(tenant);
    let tag = state.show_tag(&thing(tenant), tenant.version, &body);
    Expect::json(status, body).header("ETag", tag)
}

pub(super) fn create(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let environment = any(&state.environments, rng)?.id.clone();
    let place = state.fresh();
    let label = format!("tenant-{place}");
    let name = rng.bool().then(|| any_name(rng));
    let data = rng.bool().then(|| any_object(rng, 2));
    let created = symbol("time", format!("c{place}"));
    let client = state.fresh();
    let client = Client {
        id: symbol("client", client),
        name: name.unwrap_or(&label).to_owned(),
        active: true,
        scopes: Vec::new(),
        created: created.clone(),
        secrets: vec![Secret {
            id: symbol("id", format!("s{client}")),
            value: symbol("secret", client),
            created: created.clone(),
            expires: Value::Null,
        }],
    };
    let tenant = Tenant {
        place,
        id: symbol("id", format!("t{place}")),
        name: name.unwrap_or(&label).to_owned(),
        label: label.clone(),
        environment: environment.clone(),
        data: data.clone().unwrap_or_else(|| json!({})),
        active: true,
        version: 1,
        created: created.clone(),
        updated: created,
        touched: state.changes.len(),
        clients: vec![client.clone()],
    };
    let mut body = json!({"subdomain": label, "environmentId": environment});
    if let Some(name) = name {
        body["name"] = json!(format!("  {name} "));
    }
    if let Some(data) = data {
        body["data"] = data;
    }
    state.tenants.push(tenant.clone());
    state.tell("tenant.created", &tenant, false);
    state.tell_client("client.created", &tenant, &client);
    let representation = state.managed(&tenant);
    let tag = state.show_tag(&thing(&tenant), 1, &representation);
    let mut made = state.listed(&tenant);
    made["client"] = json!({
        "clientId": client.id, "clientSecret": client.secrets[0].value,
    });
    let expect = Expect::json(201, made)
        .header("Location", path(&tenant))
        .header("ETag", tag);
    Ask::management("POST", BASE)
        .header("Idempotency-Key", format!("key-{place}"))
        .json(body)
        .expect("create a tenant", expect)
}

pub(super) fn create_refused(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let environment = any(&state.environments, rng)?.id.clone();
    let label = format!("refused-{}", state.fresh());
    let mut body = json!({"subdomain": label, "environmentId": environment});
    let expect = match rng.u8(..8) {
        0 => {
            let other = any(&state.tenants, rng)?;
            body["subdomain"] = json!(other.label);
            body["environmentId"] = json!(other.environment);
            Expect::error(400, "BadRequest", "subdomain_taken", &["subdomain"])
        }
        1 => {
            body["environmentId"] = json!(unknown_id(rng));
            Expect::invalid(&["environmentId"])
        }
        2 => {
            let labels = [
                "", "-a", "a-", "A", "ab--c", "xn--a", "www", "a.b", "ä", "a b",
            ];
            body["subdomain"] = json!(rng.choice(labels));
            Expect::invalid(&["subdomain"])
        }
        3 => {
            body["name"] = json!(rng.choice([" ", "\t"]));
            body["data"] = json!([]);
            Expect::invalid(&["name", "data"])
        }
        4 => {
            body["name"] = json!("ä".repeat(256));
            Expect::invalid(&["name"])
        }
        5 => {
            body = json!({});
            Expect::invalid(&["subdomain", "environmentId"])
        }
        6 => {
            body["data"] = json!({"nul": "\u{0}"});
            Expect::error(400, "BadRequest", "malformed_json", &[])
        }
        _ => {
            body["data"] = json!({"large": "x".repeat(256 * 1024)});
            Expect::invalid(&["data"])
        }
    };
    Ask::management("POST", BASE)
        .json(body)
        .expect("create a tenant that may not be", expect)
}

pub(super) fn list(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let limit = rng.choice([1, 2, 3, 5, 100])?;
    let mut query = vec![format!("limit={limit}")];
    let mut found: Vec<Tenant> = state.tenants.clone();
    if rng.u8(..3) == 0 {
        let environment = any(&state.environments, rng)?.id.clone();
        query.push(format!("environmentId={environment}"));
        found.retain(|tenant| tenant.environment == environment);
    }
    if rng.u8(..4) == 0 {
        let active = rng.bool();
        let status = if active { "active" } else { "suspended" };
        query.push(format!("status={status}"));
        found.retain(|tenant| tenant.active == active);
    }
    if rng.u8(..4) == 0 {
        let start = rng.choice(["acme", "ACME%25", "%C3%A4r", "tenant-1", "T-", "o'n", ""])?;
        query.push(format!("q={start}"));
        let start = start
            .replace("%25", "%")
            .replace("%C3%A4", "ä")
            .to_lowercase();
        found.retain(|tenant| tenant.name.to_lowercase().starts_with(&start));
    }
    if rng.u8(..5) == 0 {
        let wanted = any(&state.tenants, rng)?.clone();
        let host = state.host(&wanted);
        let by_host = rng.bool();
        query.push(format!(
            "subdomain={}",
            if by_host { &host } else { &wanted.label }
        ));
        found.retain(|tenant| {
            tenant.label == wanted.label && (!by_host || tenant.environment == wanted.environment)
        });
    }
    if rng.bool()
        && let Some((place, cursor)) = any(&state.cursors, rng).cloned()
    {
        query.push(format!("cursor={cursor}"));
        found.retain(|tenant| tenant.place > place);
    }
    found.truncate(limit);
    let data: Vec<_> = found.iter().map(|tenant| state.listed(tenant)).collect();
    let mut page = json!({"data": data});
    if let Some(last) = found.last() {
        let cursor = symbol(
            "cursor",
            format!("{}.{}", last.place, last.id.replace(['«', '»'], "")),
        );
        page["nextCursor"] = json!(cursor);
        state.cursors.push((last.place, cursor));
    }
    Ask::management("GET", format!("{BASE}?{}", query.join("&")))
        .expect("list tenants", Expect::json(200, page))
}

pub(super) fn read(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let tenant = any(&state.tenants, rng)?.clone();
    let known = state.tags.get(&thing(&tenant)).cloned();
    let known = known.map(|(tag, _)| tag);
    let mut ask = Ask::management("GET", path(&tenant));
    let mut expect = shown(state, 200, &tenant);
    if let Some(known) = known.filter(|_| rng.bool()) {
        let current = state.tags.get(&thing(&tenant)).map(|(tag, _)| tag) == Some(&known);
        ask = ask.header("If-None-Match", known.clone());
        if current {
            expect = Expect::empty(304).header("ETag", known);
        }
    }
    ask.expect("read a tenant", expect)
}

pub(super) fn patch(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let before = any(&state.tenants, rng)?.clone();
    let mut tenant = before.clone();
    let mut body = json!({});
    if rng.bool() {
        let name = any_name(rng);
        body["name"] = json!(name);
        name.clone_into(&mut tenant.name);
    }
    if rng.bool() {
        let patch = any_object(rng, 2);
        merge(&mut tenant.data, &patch);
        body["data"] = patch;
    }
    if rng.u8(..3) == 0 {
        tenant.active = rng.bool();
        let status = if tenant.active { "active" } else { "suspended" };
        body["status"] = json!(status);
    }
    let mut ask = Ask::management("PATCH", path(&tenant)).json(body);
    if rng.bool() {
        let representation = state.managed(&before);
        let current = state.tag(&thing(&tenant), &representation);
        let (known, version) = state.tags.get(&thing(&tenant)).cloned()?;
        ask = ask.header("If-Match", known.clone());
        if version != before.version {
            return ask.expect("patch a stale tenant", Expect::precondition_failed());
        }
        if known != current {
            // Whether an environment's new name is another state is for the server to say.
            return None;
        }
    }
    if tenant.version == i64::from(i32::MAX) {
        let expect = Expect::error(409, "Conflict", "version_conflict", &[]);
        return ask.expect("patch the largest version", expect);
    }
    tenant.touch(state.changes.len());
    let kind = match (before.active, tenant.active) {
        (true, false) => "tenant.suspended",
        (false, true) => "tenant.resumed",
        _ => "tenant.updated",
    };
    state.tell(kind, &tenant, false);
    *state.tenant_mut(tenant.place)? = tenant.clone();
    let expect = shown(state, 200, &tenant);
    ask.expect("patch a tenant", expect)
}

pub(super) fn patch_refused(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let tenant = any(&state.tenants, rng)?.clone();
    let ask = Ask::management("PATCH", path(&tenant));
    let (body, params): (_, &[_]) = match rng.u8(..6) {
        0 => (json!({"name": null}), &["name"]),
        1 => (json!({"status": "deleted", "data": 1}), &["data", "status"]),
        2 => (json!({"subdomain": "other"}), &["subdomain"]),
        3 => (json!({"version": 1}), &["version"]),
        4 => (json!({"data": null, "name": 1}), &["name", "data"]),
        _ => {
            let ask = ask.header("If-Match", "\"of no state\"").json(json!({}));
            return ask.expect("patch another state", Expect::precondition_failed());
        }
    };
    ask.json(body)
        .expect("patch a tenant as may not be", Expect::invalid(params))
}

pub(super) fn delete(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let tenant = any(&state.tenants, rng)?.clone();
    let ask = Ask::management("DELETE", path(&tenant));
    if rng.u8(..4) == 0 {
        let ask = ask.header("If-Match", "\"of no state\"");
        return ask.expect("delete another state", Expect::precondition_failed());
    }
    state.tell("tenant.deleted", &tenant, false);
    state.tenants.retain(|one| one.place != tenant.place);
    state.gone.push(tenant.id);
    ask.expect("delete a tenant", Expect::empty(204))
}

pub(super) fn resolve(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let tenant = any(&state.tenants, rng)?.clone();
    let host = state.host(&tenant);
    let (host, expect) = match rng.u8(..6) {
        0 => (format!("{host}."), None),
        1 => (format!("{host}:8443"), None),
        2 => (host.replace("tenant", "TENANT"), None),
        3 => (format!("no-{host}"), Some("tenant_not_found")),
        4 => (format!("{host}.no"), Some("environment_not_found")),
        _ => (host, None),
    };
    let expect = match expect {
        Some(code) => Expect::not_found(code),
        None => shown(state, 200, &tenant),
    };
    Ask::management("GET", format!("/v1/resolve?host={host}")).expect("resolve a host", expect)
}

pub(super) fn missing(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let gone = any(&state.gone, rng).cloned();
    let id = gone
        .filter(|_| rng.bool())
        .unwrap_or_else(|| unknown_id(rng));
    let path = format!("{BASE}/{id}");
    let ask = match rng.u8(..5) {
        0 => Ask::management("GET", path),
        1 => Ask::management("PATCH", path).json(json!({"name": "x"})),
        2 => Ask::management("DELETE", path),
        3 => Ask::management("GET", format!("{path}/clients")),
        _ => Ask::management("POST", format!("{path}/clients")).json(json!({"name": "x"})),
    };
    ask.expect(
        "ask for what is not there",
        Expect::not_found("tenant_not_found"),
    )
}
