//! Every kind of request that changes something, and those that see what was changed.
//!
//! A new operation needs a function of the world and of chance here, and a line in [`all`].
//! It asks through [`World::ask`], says which change records it leaves, and tells the
//! world what it has learnt from the answer.

use std::thread;

use serde_json::{Value, json};

use crate::{
    history::{Attempt, Outcome, bare_id},
    http::{Answer, Credential, Request},
    node::Node,
    world::{Known, Promise, World},
};

/// How many take part in a race.
const RACERS: usize = 3;

const MANAGED: &[&str] = &["tenant.created", "client.created"];
const RECORD: &[&str] = &["tenant.created"];
const REPLACED: &[&str] = &["tenant.updated"];
const DELETED: &[&str] = &["tenant.deleted"];
const CLIENT_MADE: &[&str] = &["client.created"];
const CLIENT_CHANGED: &[&str] = &["client.updated"];
const CLIENT_ROTATED: &[&str] = &["client.secret_rotated"];
const CLIENT_DELETED: &[&str] = &["client.deleted"];

/// Somebody who asks for one kind of thing.
pub struct Writer(fn(&World, &mut fastrand::Rng));

impl Writer {
    /// Asks once.
    pub fn step(&self, world: &World, rng: &mut fastrand::Rng) {
        (self.0)(world, rng);
    }
}

/// All writers; one that stands here twice asks twice as often.
pub fn all() -> Vec<Writer> {
    vec![
        Writer(|world, _| drop(create_managed(world, &world.new_name("m"), None))),
        Writer(|world, _| drop(create_managed(world, &world.new_name("n"), None))),
        Writer(|world, _| create_record(world)),
        Writer(|world, rng| on_any(world, rng, |known| replace(world, known, None))),
        Writer(|world, rng| on_any(world, rng, |known| replace(world, known, None))),
        Writer(|world, rng| on_any(world, rng, |known| patch(world, known))),
        Writer(|world, rng| on_any(world, rng, |known| delete(world, known))),
        Writer(life_of_a_client),
        Writer(|world, rng| on_any(world, rng, |known| read(world, known))),
        Writer(|world, rng| on_any(world, rng, |known| read(world, known))),
        Writer(|world, rng| on_any(world, rng, |known| token(world, known))),
        Writer(|world, _| revoke(world)),
        Writer(|world, _| race_for_label(world)),
        Writer(|world, rng| on_any(world, rng, |known| race_for_version(world, known))),
    ]
}

fn on_any(world: &World, rng: &mut fastrand::Rng, work: impl FnOnce(&Known)) {
    if let Some(known) = world.any(rng) {
        work(&known);
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Makes a tenant through the management API; gives it if it was acknowledged.
pub(crate) fn create_managed(world: &World, label: &str, race: Option<String>) -> Option<Known> {
    let mark = world.new_name("mark-");
    let attempt = Attempt {
        what: "create a tenant",
        expects: MANAGED,
        race,
        mark: Some(mark.clone()),
        ..Attempt::default()
    };
    let request = Request::new("POST", "/v1/tenants")
        .by(&world.bearer())
        .json(&json!({
            "subdomain": label,
            "environmentId": world.environment,
            "data": {"mark": mark},
        }));
    let answer = world.ask(attempt, request, |attempt, answer| {
        attempt.tenant = Some(bare_id(&text(&answer.json()["id"])));
    });
    let made = answer?.json();
    let id = text(&made["id"]);
    let client = &made["client"];
    let client = (text(&client["clientId"]), text(&client["clientSecret"]));
    world.promise(Promise::Opens {
        tenant: id.clone(),
        client: client.clone(),
    });
    let known = Known {
        id,
        version: 1,
        client: Some(client),
    };
    world.learn(known.clone());
    Some(known)
}

/// Makes a tenant through the system API, under an id that is known before.
pub(crate) fn create_record(world: &World) {
    let mark = world.new_name("mark-");
    let id = format!("{:032x}", fastrand::u128(..));
    let id = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-");
    let attempt = Attempt {
        what: "create a record",
        tenant: Some(bare_id(&id)),
        expects: RECORD,
        mark: Some(mark.clone()),
        ..Attempt::default()
    };
    let request = Request::new("POST", "/system/tenants")
        .by(&Node::account())
        .json(&json!({"uuid": id, "version": 1, "data": {"mark": mark}}));
    if world.ask(attempt, request, |_, _| {}).is_some() {
        world.learn(Known {
            id,
            version: 1,
            client: None,
        });
    }
}

pub(crate) fn replace(world: &World, known: &Known, race: Option<String>) {
    let mark = world.new_name("mark-");
    let attempt = Attempt {
        what: "replace a record",
        tenant: Some(known.bare_id()),
        expects: REPLACED,
        race,
        read: Some(known.version),
        mark: Some(mark.clone()),
        ..Attempt::default()
    };
    let request = Request::new("PUT", format!("/system/tenants/{}", known.id))
        .by(&Node::account())
        .json(&json!({"version": known.version, "data": {"mark": mark}}));
    if let Some(answer) = world.ask(attempt, request, note_version) {
        world.see(&known.id, version(&answer));
    }
}

pub(crate) fn patch(world: &World, known: &Known) {
    let mark = world.new_name("mark-");
    let attempt = Attempt {
        what: "patch a tenant",
        tenant: Some(known.bare_id()),
        expects: REPLACED,
        mark: Some(mark.clone()),
        ..Attempt::default()
    };
    let request = Request::new("PATCH", format!("/v1/tenants/{}", known.id))
        .by(&world.bearer())
        .json(&json!({"name": world.new_name("Name "), "data": {"mark": mark}}));
    if let Some(answer) = world.ask(attempt, request, note_version) {
        world.see(&known.id, version(&answer));
    }
}

/// A tenant's further client from its making to its end, or until an answer is missing:
/// nobody else knows of it.
fn life_of_a_client(world: &World, rng: &mut fastrand::Rng) {
    let Some(known) = world.any(rng) else {
        return;
    };
    let all = format!("/v1/tenants/{}/clients", known.id);
    let ask = |what, expects, method, path: &str, body: Option<Value>| {
        let attempt = Attempt {
            what,
            expects,
            tenant: Some(known.bare_id()),
            ..Attempt::default()
        };
        let mut request = Request::new(method, path).by(&world.bearer());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = world.ask(attempt, request, |_, _| {});
        answer.map(|answer| answer.json())
    };
    let opens = |id: &str, secret: String| {
        world.promise(Promise::Opens {
            tenant: known.id.clone(),
            client: (id.to_owned(), secret),
        });
    };

    let body = json!({"name": world.new_name("client ")});
    let Some(made) = ask("create a client", CLIENT_MADE, "POST", &all, Some(body)) else {
        return;
    };
    let id = text(&made["clientId"]);
    let one = format!("{all}/{id}");
    let secrets = format!("{one}/secrets");
    match rng.u8(..4) {
        0 => opens(&id, text(&made["clientSecret"])),
        1 => {
            let body = Some(json!({"overlapSeconds": 0}));
            let rotated = ask("rotate a secret", CLIENT_ROTATED, "POST", &secrets, body);
            if let Some(rotated) = rotated {
                opens(&id, text(&rotated["clientSecret"]));
            }
        }
        2 => {
            let body = json!({"name": world.new_name("client "), "status": "disabled"});
            ask(
                "disable a client",
                CLIENT_CHANGED,
                "PATCH",
                &one,
                Some(body),
            );
        }
        _ => {
            ask("delete a client", CLIENT_DELETED, "DELETE", &one, None);
        }
    }
}

pub(crate) fn delete(world: &World, known: &Known) {
    // Gone or perhaps gone: nobody else begins with it.
    world.forget(&known.id);
    let through_system = known.client.is_none();
    let (path, by) = if through_system {
        ("/system/tenants", Node::account())
    } else {
        ("/v1/tenants", world.bearer())
    };
    let attempt = Attempt {
        what: "delete a tenant",
        tenant: Some(known.bare_id()),
        expects: DELETED,
        ..Attempt::default()
    };
    let request = Request::new("DELETE", format!("{path}/{}", known.id)).by(&by);
    world.ask(attempt, request, |_, _| {});
}

fn read(world: &World, known: &Known) {
    let attempt = Attempt {
        what: "read a tenant",
        tenant: Some(known.bare_id()),
        at_least: Some(known.version),
        ..Attempt::default()
    };
    let request = Request::new("GET", format!("/system/tenants/{}", known.id)).by(&Node::account());
    if let Some(answer) = world.ask(attempt, request, note_version) {
        world.see(&known.id, version(&answer));
    }
}

fn token(world: &World, known: &Known) {
    let Some((id, secret)) = known.client.clone() else {
        return;
    };
    let attempt = Attempt {
        what: "ask for a token",
        tenant: Some(known.bare_id()),
        ..Attempt::default()
    };
    let request = Request::new("POST", "/oauth/token")
        .by(&Credential::Basic(id, secret))
        .form(&[("grant_type", "client_credentials")]);
    world.ask(attempt, request, |_, _| {});
}

fn revoke(world: &World) {
    let Ok(token) = world.new_token(&Node::client()) else {
        return;
    };
    let attempt = Attempt {
        what: "revoke a token",
        ..Attempt::default()
    };
    let request = Request::new("POST", "/oauth/revoke")
        .by(&Node::client())
        .form(&[("token", &token)]);
    if world.ask(attempt, request, |_, _| {}).is_some() {
        world.promise(Promise::Revoked(token));
    }
}

fn race_for_label(world: &World) {
    let label = world.new_name("r");
    race(|| {
        drop(create_managed(
            world,
            &label,
            Some(format!("the label {label}")),
        ));
    });
}

fn race_for_version(world: &World, known: &Known) {
    let prize = format!("version {} of {}", known.version + 1, known.id);
    race(|| replace(world, known, Some(prize.clone())));
}

fn race(run: impl Fn() + Sync) {
    thread::scope(|scope| {
        for _ in 0..RACERS {
            scope.spawn(&run);
        }
    });
}

fn note_version(attempt: &mut Attempt, answer: &Answer) {
    attempt.seen = Some(version(answer));
}

fn version(answer: &Answer) -> i64 {
    answer.json()["version"].as_i64().unwrap_or_default()
}

/// Asks whether what the server is held to is so; where it is not, says what.
pub(crate) fn kept(
    world: &World,
    promise: &Promise,
    is_there: impl Fn(&str) -> bool,
) -> Option<String> {
    match promise {
        Promise::Revoked(token) => {
            let request = Request::new("POST", "/oauth/introspect")
                .by(&Node::client())
                .form(&[("token", token)]);
            let answer = world.http().send(&request);
            let is_dead = answer
                .as_ref()
                .is_ok_and(|answer| answer.status == 200 && answer.json()["active"] == false);
            (!is_dead).then(|| format!("a token that was revoked is not dead: {answer:?}"))
        }
        Promise::Opens { tenant, client } => {
            let (id, secret) = client.clone();
            let token = world.new_token(&Credential::Basic(id.clone(), secret));
            match (is_there(&bare_id(tenant)), token) {
                (true, Ok(_)) => None,
                (false, Err(Ok(answer))) if answer.status == 401 => None,
                (true, Err(answer)) => Some(format!(
                    "the client {id} of the tenant {tenant} gets no token: {answer:?}"
                )),
                (false, token) => Some(format!(
                    "the client {id} of the tenant {tenant}, which is gone, gets {token:?}"
                )),
            }
        }
    }
}

/// Whether an answer of a writer's shows that its tenant is not there.
pub(crate) fn denies_tenant(attempt: &Attempt) -> bool {
    matches!(attempt.outcome, Outcome::Refused(404 | 401))
}
