//! Tenants through the system API.

use serde_json::{Value, json};

use super::{Ask, Body, Expect, Step, any, any_object, unknown_id};
use crate::model::{
    collection::{Bound, Collection, Order},
    pattern::{in_seconds, symbol},
    state::{State, Tenant},
};

const BASE: &str = "/system/tenants";
const BLANK: &str = "This value should not be blank.";

fn path(tenant: &Tenant) -> String {
    format!("{BASE}/{}", tenant.id)
}

/// One record as its own URL shows it in JSON.
fn shown(state: &mut State, tenant: &Tenant) -> Expect {
    let thing = format!("s{}", tenant.place);
    let body = tenant.record();
    let tag = state.show_tag(&thing, tenant.version, &body);
    Expect::json(200, body).header("ETag", tag)
}

pub(super) fn create(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let place = state.fresh();
    let given = rng.bool().then(|| unknown_id(rng));
    let id = given
        .clone()
        .unwrap_or_else(|| symbol("id", format!("t{place}")));
    let created = symbol("time", format!("c{place}"));
    let label = Tenant::derived_label(&id);
    let version = rng.choice([1, 1, 7, 2_147_483_646])?;
    let data = any_object(rng, 2);
    let tenant = Tenant {
        place,
        id,
        name: label.clone(),
        label,
        environment: state.environments[0].id.clone(),
        data: data.clone(),
        active: true,
        version,
        created: created.clone(),
        updated: created,
        touched: state.changes.len(),
        clients: Vec::new(),
    };
    state.tenants.push(tenant.clone());
    state.tell("tenant.created", &tenant, true);
    let mut body = json!({"data": data, "version": version, "unknown": [1]});
    if let Some(id) = given {
        body["uuid"] = json!(if rng.bool() { id.to_uppercase() } else { id });
    }
    let expect = Expect::json(200, tenant.record());
    Ask::system("POST", BASE)
        .json(body)
        .expect("create a record", expect)
}

pub(super) fn create_refused(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let taken = any(&state.tenants, rng)?.id.clone();
    let (body, violations): (_, &[_]) = match rng.u8(..5) {
        0 => (
            json!({"data": {}, "version": 1, "uuid": taken}),
            &[("uuid", "This value is already used.")],
        ),
        1 => (json!({}), &[("data", BLANK), ("version", BLANK)]),
        2 => (
            json!({"data": [], "version": 1.5}),
            &[
                ("data", "This value should be of type object."),
                ("version", "This value should be of type integer."),
            ],
        ),
        3 => (
            json!({"data": {}, "version": 0}),
            &[("version", "This value should be 1 or more.")],
        ),
        _ => (
            json!({"data": {}, "version": 1, "uuid": "x"}),
            &[("uuid", "This is not a valid UUID.")],
        ),
    };
    Ask::system("POST", BASE).json(body).expect(
        "create a record that may not be",
        Expect::violations(violations),
    )
}

pub(super) fn list(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let mut query = Vec::new();
    let mut collection = Collection {
        tenants: state.tenants.clone(),
        ..Collection::default()
    };
    if rng.bool() {
        collection.page = rng.usize(1..4);
        query.push(format!("page={}", collection.page));
    }
    if rng.bool() {
        collection.limit = rng.choice([0, 1, 2, 3, 50])?;
        let name = rng.choice(["limit", "itemsPerPage", "_limit"])?;
        query.push(format!("{name}={}", collection.limit));
    }
    if rng.u8(..4) == 0 {
        let wanted: Vec<_> = (0..2)
            .filter_map(|_| any(&state.tenants, rng))
            .map(|tenant| tenant.id.clone())
            .collect();
        query.extend(wanted.iter().map(|id| format!("uuid[]={id}")));
        collection
            .tenants
            .retain(|tenant| wanted.contains(&tenant.id));
    }
    if rng.u8(..3) == 0 {
        let (parameter, bound) = rng.choice([
            ("after", Bound::After),
            ("before", Bound::Before),
            ("strictly_after", Bound::StrictlyAfter),
            ("strictly_before", Bound::StrictlyBefore),
        ])?;
        let instant = in_seconds(&any(&state.tenants, rng)?.created);
        query.push(format!("createdAt[{parameter}]={instant}"));
        collection.created = Some((bound, instant));
    }
    if rng.bool() {
        let (name, order) = rng.choice([
            ("id", Order::Number),
            ("createdAt", Order::Created),
            ("updatedAt", Order::Updated),
        ])?;
        let descending = rng.bool();
        let direction = if descending { "DESC" } else { "asc" };
        query.push(format!("order[{name}]={direction}"));
        collection.order = Some((order, descending));
    }
    let mut ask = Ask::system("GET", format!("{BASE}?{}", query.join("&")));
    if rng.bool() {
        collection.linked = true;
        ask.headers.clear();
    }
    let expect = Expect {
        status: 200,
        headers: Vec::new(),
        body: Body::Collection(collection),
    };
    ask.expect("list records", expect)
}

pub(super) fn read(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let tenant = any(&state.tenants, rng)?.clone();
    if rng.bool() {
        let mut item = tenant.member();
        item["@context"] = json!("/contexts/system/Tenant");
        let mut ask = Ask::system("GET", path(&tenant));
        ask.headers.clear();
        return ask.expect("read a linked record", Expect::json(200, item));
    }
    let known = state.tags.get(&format!("s{}", tenant.place)).cloned();
    let mut ask = Ask::system("GET", path(&tenant));
    let mut expect = shown(state, &tenant);
    if let Some((tag, version)) = known.filter(|_| rng.bool()) {
        ask = ask.header("If-None-Match", tag.clone());
        if version == tenant.version {
            expect = Expect::empty(304).header("ETag", tag);
        }
    }
    ask.expect("read a record", expect)
}

pub(super) fn put(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let mut tenant = any(&state.tenants, rng)?.clone();
    let mut ask = Ask::system("PUT", path(&tenant));
    let read = match rng.u8(..4) {
        0 => (tenant.version - 1).max(1),
        _ => tenant.version,
    };
    let mut body = json!({"version": read});
    if rng.u8(..3) > 0 {
        let data = any_object(rng, 2);
        body["data"] = data.clone();
        tenant.data = data;
    }
    let before = tenant.id.clone();
    if rng.u8(..8) == 0 {
        tenant.id = unknown_id(rng);
        body["uuid"] = json!(tenant.id);
    }
    if rng.u8(..4) == 0 {
        let (tag, version) = state.tags.get(&format!("s{}", tenant.place)).cloned()?;
        ask = ask.header("If-Match", tag);
        if version != tenant.version {
            let expect = Expect::problem(412, "The entity tag is not that of the current state.");
            return ask
                .json(body)
                .expect("replace a stale state", any_detail(expect));
        }
    }
    if read != tenant.version || tenant.version == i64::from(i32::MAX) {
        let expect = Expect::problem(409, "The optimistic lock on an entity failed.");
        return ask.json(body).expect("replace a stale version", expect);
    }
    tenant.touch(state.changes.len());
    let mut told = tenant.clone();
    told.id.clone_from(&tenant.id);
    state.tell("tenant.updated", &told, true);
    if before != tenant.id {
        if let Some(last) = state.changes.last_mut() {
            last["previousTenantId"] = json!(before);
        }
        state.gone.push(before);
    }
    *state.tenant_mut(tenant.place)? = tenant.clone();
    let expect = shown(state, &tenant);
    ask.json(body).expect("replace a record", expect)
}

/// The words of an error left to the server.
fn any_detail(mut expect: Expect) -> Expect {
    if let Body::Like(body) = &mut expect.body {
        body["detail"] = Value::from(crate::model::pattern::ANY);
    }
    expect
}

pub(super) fn put_refused(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let tenant = any(&state.tenants, rng)?.clone();
    let other = any(&state.tenants, rng)?.id.clone();
    let (body, violations): (_, &[_]) = match rng.u8(..4) {
        0 if other != tenant.id && tenant.version < i64::from(i32::MAX) => (
            json!({"version": tenant.version, "uuid": other}),
            &[("uuid", "This value is already used.")],
        ),
        1 => (json!({"data": {}}), &[("version", BLANK)]),
        2 => (
            json!({"version": "1", "data": 5}),
            &[
                ("data", "This value should be of type object."),
                ("version", "This value should be of type integer."),
            ],
        ),
        _ => (
            json!({"version": 2_147_483_648_i64}),
            &[("version", "This value should be of type integer.")],
        ),
    };
    Ask::system("PUT", path(&tenant)).json(body).expect(
        "replace a record as may not be",
        Expect::violations(violations),
    )
}

pub(super) fn delete(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    if state.tenants.len() < 3 {
        return None;
    }
    let tenant = any(&state.tenants, rng)?.clone();
    state.tell("tenant.deleted", &tenant, true);
    state.tenants.retain(|one| one.place != tenant.place);
    state.gone.push(tenant.id.clone());
    Ask::system("DELETE", path(&tenant)).expect("delete a record", Expect::empty(204))
}

pub(super) fn missing(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let gone = any(&state.gone, rng).cloned();
    let id = gone
        .filter(|_| rng.bool())
        .unwrap_or_else(|| unknown_id(rng));
    let path = format!("{BASE}/{id}");
    let ask = match rng.u8(..3) {
        0 => Ask::system("GET", path),
        1 => Ask::system("PUT", path).json(json!({"version": 1})),
        _ => Ask::system("DELETE", path),
    };
    ask.expect("ask for no record", Expect::problem(404, "Not Found"))
}
