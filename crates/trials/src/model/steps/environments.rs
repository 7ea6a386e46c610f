//! Environments.

use serde_json::{Value, json};

use super::{Ask, Expect, Step, any, unknown_id};
use crate::model::{
    pattern::{ANY, symbol},
    state::{Environment, State},
};

const BASE: &str = "/v1/environments";

/// More of them only make what else there is rarer.
const MOST: usize = 5;

fn path(environment: &Environment) -> String {
    format!("{BASE}/{}", environment.id)
}

fn thing(environment: &Environment) -> String {
    format!("e{}", environment.id.replace(['«', '»', ':'], ""))
}

/// Its representation, with the tag that goes with its version.
fn shown(state: &mut State, status: u16, environment: &Environment) -> Expect {
    let body = environment.view();
    let version = environment.version;
    let tag = state.show_tag(&thing(environment), version, &json!([version, body]));
    Expect::json(status, body).header("ETag", tag)
}

pub(super) fn create(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    if state.environments.len() >= MOST {
        return None;
    }
    let place = state.fresh();
    let id = symbol("id", format!("e{place}"));
    let old = any(&state.environments, rng)?.region.clone();
    let (region, asked): (_, Value) = match rng.u8(..3) {
        0 => (old.clone(), json!({"id": old.0})),
        // A region is known by its name, and what is shown of it stays.
        1 => (
            old.clone(),
            json!({"name": old.1, "displayName": "Another"}),
        ),
        _ => {
            let id = symbol("id", format!("r{place}"));
            let name = format!("R{place}");
            let asked = json!({"name": name, "displayName": "Région"});
            ((id, name, "Région".to_owned()), asked)
        }
    };
    let environment = Environment {
        id,
        name: format!("Environment {place}"),
        domain: format!("e{place}.example.com"),
        region,
        version: 1,
    };
    state.environments.push(environment.clone());
    state.tell_environment("environment.created", &environment);
    let dot = if rng.bool() { "." } else { "" };
    let body = json!({
        "name": environment.name, "domain": format!("{dot}{}", environment.domain), "region": asked,
    });
    let expect = shown(state, 201, &environment).header("Location", path(&environment));
    Ask::management("POST", BASE)
        .header("Idempotency-Key", format!("key-{place}"))
        .json(body)
        .expect("create an environment", expect)
}

pub(super) fn create_refused(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let other = any(&state.environments, rng)?.clone();
    let region = json!({"id": other.region.0});
    let (body, expect) = match rng.u8(..5) {
        0 => (
            json!({"name": "x", "domain": other.domain, "region": region}),
            Expect::error(400, "BadRequest", "domain_taken", &["domain"]),
        ),
        1 => (
            json!({"name": "x", "domain": "x.example", "region": {"id": unknown_id(rng)}}),
            Expect::invalid(&["region.id"]),
        ),
        2 => (
            json!({"name": "x", "domain": "X.example", "region": region}),
            Expect::invalid(&["domain"]),
        ),
        3 => (
            json!({"deploymentModel": "secret"}),
            Expect::error(400, "BadRequest", "validation_error", &[ANY; 4]),
        ),
        _ => (
            json!({"name": "x", "domain": "x.example", "region": region, "more": 1}),
            Expect::invalid(&["more"]),
        ),
    };
    Ask::management("POST", BASE)
        .json(body)
        .expect("create an environment that may not be", expect)
}

pub(super) fn list(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let environment = any(&state.environments, rng)?.clone();
    if rng.bool() {
        let expect = shown(state, 200, &environment);
        return Ask::management("GET", path(&environment)).expect("read an environment", expect);
    }
    let data: Vec<_> = state.environments.iter().map(Environment::view).collect();
    let page = json!({"data": data, "nextCursor": ANY});
    Ask::management("GET", BASE).expect("list environments", Expect::json(200, page))
}

pub(super) fn patch(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let mut environment = any(&state.environments, rng)?.clone();
    let ask = Ask::management("PATCH", path(&environment));
    let used = state
        .tenants
        .iter()
        .any(|one| one.environment == environment.id);
    if rng.u8(..3) == 0 {
        let other = any(&state.environments, rng)?.domain.clone();
        if other == environment.domain {
            return None;
        }
        let expect = if used {
            Expect::invalid(&["domain"])
        } else {
            Expect::error(400, "BadRequest", "domain_taken", &["domain"])
        };
        let ask = ask.json(json!({"domain": other}));
        return ask.expect("give an environment another one's domain", expect);
    }
    environment.version += 1;
    environment.name = format!("Environment v{}", environment.version);
    let body = json!({"name": environment.name});
    for one in &mut state.environments {
        if one.id == environment.id {
            *one = environment.clone();
        }
    }
    state.tell_environment("environment.updated", &environment);
    let expect = shown(state, 200, &environment);
    ask.json(body).expect("patch an environment", expect)
}

pub(super) fn delete(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let environment = any(&state.environments, rng)?.clone();
    let ask = Ask::management("DELETE", path(&environment));
    let refused = |code| Expect::error(409, "Conflict", code, &[]);
    if state
        .tenants
        .iter()
        .any(|one| one.environment == environment.id)
    {
        let expect = refused("environment_not_empty");
        return ask.expect("delete an environment with tenants", expect);
    }
    if environment.id == state.environments[0].id {
        let expect = refused("environment_is_default");
        return ask.expect("delete the default environment", expect);
    }
    state.tell_environment("environment.deleted", &environment);
    state.environments.retain(|one| one.id != environment.id);
    ask.expect("delete an environment", Expect::empty(204))
}
