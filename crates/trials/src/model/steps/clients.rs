//! Clients of tenants, their secrets and their tokens.

use serde_json::{Value, json};

use super::{Ask, By, Expect, Step, any, any_name};
use crate::model::{
    pattern::{ANY, symbol},
    state::{Client, Secret, State, Tenant},
};

fn path(tenant: &Tenant) -> String {
    format!("/v1/tenants/{}/clients", tenant.id)
}

fn path_of(tenant: &Tenant, client: &Client) -> String {
    format!("{}/{}", path(tenant), client.id)
}

fn any_client(state: &State, rng: &mut fastrand::Rng) -> Option<(Tenant, Client)> {
    let tenant = any(&state.tenants, rng)?;
    Some((tenant.clone(), any(&tenant.clients, rng)?.clone()))
}

/// Puts a client back in its place.
fn keep(state: &mut State, tenant: &Tenant, client: &Client) {
    let tenant = state.tenant_mut(tenant.place);
    let clients = tenant.into_iter().flat_map(|tenant| &mut tenant.clients);
    for one in clients.filter(|one| one.id == client.id) {
        *one = client.clone();
    }
}

fn any_scopes(rng: &mut fastrand::Rng) -> Vec<String> {
    let all = ["read", "urn:x:write", "zz!#"];
    let some = all.iter().filter(|_| rng.bool());
    some.map(|&scope| scope.to_owned()).collect()
}

pub(super) fn create(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let tenant = any(&state.tenants, rng)?.clone();
    let ask = Ask::management("POST", path(&tenant));
    if rng.u8(..4) == 0 {
        let (body, params): (_, &[_]) = match rng.u8(..4) {
            0 => (json!({}), &["name"]),
            1 => (json!({"name": "x", "scope": "x"}), &["scope"]),
            2 => (json!({"name": "", "scopes": "x"}), &["name", "scopes"]),
            _ => (json!({"name": "x", "scopes": {}}), &["scopes"]),
        };
        let expect = Expect::invalid(params);
        return ask
            .json(body)
            .expect("create a client that may not be", expect);
    }
    let place = state.fresh();
    let created = symbol("time", format!("c{place}"));
    let client = Client {
        id: symbol("client", place),
        name: any_name(rng).to_owned(),
        active: true,
        scopes: any_scopes(rng),
        created: created.clone(),
        secrets: vec![Secret {
            id: symbol("id", format!("s{place}")),
            value: symbol("secret", place),
            created,
            expires: Value::Null,
        }],
    };
    state.tell_client("client.created", &tenant, &client);
    state.tenant_mut(tenant.place)?.clients.push(client.clone());
    let mut made = client.detail();
    made["clientSecret"] = json!(client.secrets[0].value);
    let expect = Expect::json(201, made).header("Location", path_of(&tenant, &client));
    ask.header("Idempotency-Key", format!("key-{place}"))
        .json(json!({"name": client.name, "scopes": client.scopes}))
        .expect("create a client", expect)
}

pub(super) fn list(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let tenant = any(&state.tenants, rng)?.clone();
    if let Some(client) = any(&tenant.clients, rng).filter(|_| rng.bool()) {
        let expect = Expect::json(200, client.detail());
        return Ask::management("GET", path_of(&tenant, client)).expect("read a client", expect);
    }
    let limit = rng.choice([1, 2, 100])?;
    let data: Vec<_> = tenant
        .clients
        .iter()
        .take(limit)
        .map(Client::listed)
        .collect();
    let mut page = json!({"data": data});
    if !data.is_empty() {
        page["nextCursor"] = json!(ANY);
    }
    Ask::management("GET", format!("{}?limit={limit}", path(&tenant)))
        .expect("list clients", Expect::json(200, page))
}

pub(super) fn patch(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let (tenant, mut client) = any_client(state, rng)?;
    let ask = Ask::management("PATCH", path_of(&tenant, &client));
    if rng.u8(..5) == 0 {
        let body = json!({"status": "active", "secret": 1});
        let expect = Expect::invalid(&["secret"]);
        return ask
            .json(body)
            .expect("patch a client as may not be", expect);
    }
    let mut body = json!({});
    if rng.bool() {
        any_name(rng).clone_into(&mut client.name);
        body["name"] = json!(client.name);
    }
    if rng.bool() {
        client.active = rng.u8(..3) > 0;
        body["status"] = json!(if client.active { "active" } else { "disabled" });
    }
    if rng.u8(..3) == 0 {
        client.scopes = any_scopes(rng);
        body["scopes"] = json!(client.scopes);
    }
    state.tell_client("client.updated", &tenant, &client);
    keep(state, &tenant, &client);
    ask.json(body)
        .expect("patch a client", Expect::json(200, client.detail()))
}

pub(super) fn delete(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let (tenant, client) = any_client(state, rng)?;
    state.tell_client("client.deleted", &tenant, &client);
    let kept = &mut state.tenant_mut(tenant.place)?.clients;
    kept.retain(|one| one.id != client.id);
    Ask::management("DELETE", path_of(&tenant, &client))
        .expect("delete a client", Expect::empty(204))
}

pub(super) fn rotate(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let (tenant, mut client) = any_client(state, rng)?;
    let ask = Ask::management("POST", format!("{}/secrets", path_of(&tenant, &client)));
    let place = state.fresh();
    let overlap = rng.choice([-1, 0, 600, 604_800, 604_801])?;
    let ask = ask.json(json!({"overlapSeconds": overlap}));
    if !(0..=604_800).contains(&overlap) {
        let expect = Expect::invalid(&["overlapSeconds"]);
        return ask.expect("rotate as may not be", expect);
    }
    let end = symbol("time", format!("e{place}"));
    let mut previous = client.secrets.pop()?;
    previous.expires = json!(end);
    client.secrets.clear();
    if overlap > 0 {
        client.secrets.push(previous);
    }
    let value = symbol("secret", place);
    client.secrets.push(Secret {
        id: symbol("id", format!("s{place}")),
        value: value.clone(),
        created: symbol("time", format!("c{place}")),
        expires: Value::Null,
    });
    state.tell_client("client.secret_rotated", &tenant, &client);
    keep(state, &tenant, &client);
    let made = json!({"clientSecret": value, "previousSecretExpiresAt": end});
    ask.header("Idempotency-Key", format!("key-{place}"))
        .expect("rotate a secret", Expect::json(201, made))
}

pub(super) fn secrets(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let (tenant, client) = any_client(state, rng)?;
    let data: Vec<_> = client.secrets.iter().map(Secret::view).collect();
    for secret in &client.secrets {
        state.told.insert(secret.id.clone());
    }
    Ask::management("GET", format!("{}/secrets", path_of(&tenant, &client))).expect(
        "list secrets",
        Expect::json(200, json!({"data": data, "nextCursor": ANY})),
    )
}

pub(super) fn retire(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let (tenant, mut client) = any_client(state, rng)?;
    let at = rng.usize(..client.secrets.len());
    let id = client.secrets[at].id.clone();
    let ask = Ask::management(
        "DELETE",
        format!("{}/secrets/{id}", path_of(&tenant, &client)),
    );
    if !state.told.contains(&id) {
        // Its id is in no answer yet.
        return None;
    }
    if client.secrets.len() == 1 {
        let expect = Expect::error(409, "Conflict", "last_secret", &[]);
        return ask.expect("retire the last secret", expect);
    }
    client.secrets.remove(at);
    client.secrets[0].expires = Value::Null;
    state.tell_client("client.updated", &tenant, &client);
    keep(state, &tenant, &client);
    ask.expect("retire a secret", Expect::empty(204))
}

pub(super) fn token(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let (tenant, client) = any_client(state, rng)?;
    let secret = any(&client.secrets, rng)?.value.clone();
    let wrong = rng.u8(..4) == 0;
    let secret = if wrong { format!("{secret}x") } else { secret };
    let ask = Ask::management("POST", "/oauth/token").field("grant_type", "client_credentials");
    let ask = Ask {
        by: By::Client(client.id.clone(), secret),
        ..ask
    };
    if wrong || !client.active || !tenant.active {
        let body = json!({"error": "invalid_client", "error_description": ANY});
        let expect = Expect::json(401, body).header("WWW-Authenticate", "Basic realm=\"tenantry\"");
        return ask.expect("ask for a token in vain", expect);
    }
    let token = symbol("token", state.fresh());
    let scope = match client.scopes.as_slice() {
        [] => json!(ANY),
        scopes => json!(scopes.join(" ")),
    };
    state
        .tokens
        .push((tenant.place, client.id.clone(), token.clone()));
    let body = json!({
        "access_token": token, "expires_in": 86400, "token_type": "Bearer", "scope": scope,
    });
    ask.expect("ask for a token", Expect::json(200, body))
}

pub(super) fn introspect(state: &mut State, rng: &mut fastrand::Rng) -> Option<Step> {
    let (place, id, token) = any(&state.tokens, rng)?.clone();
    let tenant = state.tenants.iter().find(|tenant| tenant.place == place);
    let tenant = tenant.filter(|tenant| tenant.active);
    let clients = tenant.into_iter().flat_map(|tenant| &tenant.clients);
    let active = clients
        .into_iter()
        .any(|client| client.id == id && client.active);
    let body = if active {
        json!({"active": true, "client_id": id, "token_type": "Bearer", ANY: ANY})
    } else {
        json!({"active": false})
    };
    let ask = Ask::management("POST", "/oauth/introspect").field("token", token);
    let ask = Ask {
        by: By::Operator,
        ..ask
    };
    ask.expect("introspect a token", Expect::json(200, body))
}
