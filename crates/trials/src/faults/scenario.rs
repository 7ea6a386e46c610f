//! Every kind of change once, each with what must be so afterwards whatever has happened to it.

use std::{
    cell::Cell,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    history::{Attempt, Outcome, bare_id},
    http::{Answer, Credential, NoAnswer, Request},
    node::Node,
    shim::{Fault, Shim},
    world::{Known, Promise, World},
    writers,
};

/// How long a server may take until it works again.
const RECOVERY: Duration = Duration::from_mins(1);

/// The moment of harm: what is done during it meets the fault.
pub(super) struct Moment<'a> {
    shim: &'a Shim,
    fault: Fault,
    nth: u64,
    fired: Cell<u64>,
}

/// What must be so when the server works again; tells what is not.
type Afterwards<'a> = Box<dyn FnOnce(&World) -> Vec<String> + 'a>;

/// One kind of change.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// What it is called.
    pub(super) name: &'static str,
    run: for<'a> fn(&'a World, &Moment<'_>) -> Afterwards<'a>,
}

impl<'a> Moment<'a> {
    pub(super) fn new(shim: &'a Shim, fault: Fault, nth: u64) -> Self {
        Self {
            shim,
            fault,
            nth,
            fired: Cell::new(0),
        }
    }

    /// Does it while the fault is there.
    pub(super) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        self.shim.arm(self.fault, self.nth);
        let done = work();
        self.fired.set(self.shim.fired());
        self.shim.disarm();
        done
    }

    /// Whether the fault was met.
    pub(super) fn was_met(&self) -> bool {
        self.fired.get() > 0
    }
}

impl Step {
    pub(super) fn run<'a>(self, world: &'a World, moment: &Moment<'_>) -> Afterwards<'a> {
        (self.run)(world, moment)
    }
}

/// All of them.
pub(super) const STEPS: &[Step] = &[
    Step {
        name: "create a tenant and repeat it",
        run: create,
    },
    Step {
        name: "create a record",
        run: |world, moment| {
            moment.during(|| writers::create_record(world));
            nothing()
        },
    },
    Step {
        name: "replace a record",
        run: |world, moment| {
            let known = made(world);
            moment.during(|| writers::replace(world, &known, None));
            nothing()
        },
    },
    Step {
        name: "patch a tenant",
        run: |world, moment| {
            let known = made(world);
            moment.during(|| writers::patch(world, &known));
            nothing()
        },
    },
    Step {
        name: "suspend and resume a tenant",
        run: suspend,
    },
    Step {
        name: "delete a tenant",
        run: |world, moment| {
            let known = made(world);
            moment.during(|| writers::delete(world, &known));
            nothing()
        },
    },
    Step {
        name: "create a client",
        run: create_client,
    },
    Step {
        name: "rotate a secret",
        run: rotate,
    },
    Step {
        name: "change and delete a client",
        run: end_client,
    },
    Step {
        name: "create an environment",
        run: create_environment,
    },
    Step {
        name: "change and delete an environment",
        run: end_environment,
    },
    Step {
        name: "create a webhook",
        run: create_webhook,
    },
    Step {
        name: "delete a webhook",
        run: delete_webhook,
    },
    Step {
        name: "ask for a token and revoke it",
        run: token,
    },
];

fn nothing<'a>() -> Afterwards<'a> {
    Box::new(|_| Vec::new())
}

/// Asks again and again until the answer has that status.
pub(super) fn insist(world: &World, request: &Request, status: u16) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = world.http().send(request);
        match answer {
            Ok(answer) if answer.status == status => return answer,
            Ok(Answer {
                status: 503 | 409, ..
            })
            | Err(NoAnswer::Lost(_))
                if begun.elapsed() < RECOVERY =>
            {
                thread::sleep(Duration::from_millis(20));
            }
            other => crate::node::unable(&format!("{request:?} is answered with {other:?}")),
        }
    }
}

/// A new tenant with its client, whose creation nothing disturbs.
fn made(world: &World) -> Known {
    let begun = Instant::now();
    loop {
        if let Some(known) = writers::create_managed(world, &world.new_name("p"), None) {
            return known;
        }
        if begun.elapsed() > RECOVERY {
            let last = world.attempts().pop();
            crate::node::unable(&format!("the server does not recover: {last:?}"));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The last attempt's outcome.
fn outcome(world: &World) -> Outcome {
    world
        .attempts()
        .pop()
        .map_or(Outcome::Lost, |last| last.outcome)
}

fn ask(
    world: &World,
    what: &'static str,
    expects: &'static [&'static str],
    tenant: Option<&Known>,
    request: Request,
) -> Option<Answer> {
    let attempt = Attempt {
        what,
        expects,
        tenant: tenant.map(Known::bare_id),
        ..Attempt::default()
    };
    world.ask(attempt, request, |_, _| {})
}

/// A repeat under the same key finds out what has happened, and in the end there is one tenant.
fn create<'a>(world: &'a World, moment: &Moment<'_>) -> Afterwards<'a> {
    let label = world.new_name("k");
    let mark = world.new_name("mark-");
    let request = Request::new("POST", "/v1/tenants")
        .by(&world.bearer())
        .header("Idempotency-Key", label.clone())
        .json(&json!({
            "subdomain": label,
            "environmentId": world.environment,
            "data": {"mark": mark},
        }));
    let attempt = Attempt {
        what: "create a tenant under a key",
        expects: &["tenant.created", "client.created"],
        mark: Some(mark),
        ..Attempt::default()
    };
    let first = moment.during(|| {
        world.ask(attempt, request.clone(), |attempt, answer| {
            attempt.tenant = Some(bare_id(&text(&answer.json()["id"])));
        })
    });
    Box::new(move |world| {
        let mut found = Vec::new();
        let again = request.header("X-Request-Id", format!("again-{label}"));
        let again = insist(world, &again, 201);
        if let Some(first) = first
            && first.text != again.text
        {
            found.push(format!(
                "{label} is repeated with another answer: {again:?}"
            ));
        }
        let list =
            Request::new("GET", format!("/v1/tenants?subdomain={label}")).by(&world.bearer());
        let list = insist(world, &list, 200).json();
        let number = list["data"].as_array().map_or(0, Vec::len);
        if number != 1 {
            found.push(format!("there are {number} tenants called {label}"));
        }
        let made = again.json();
        world.promise(Promise::Opens {
            tenant: text(&made["id"]),
            client: (
                text(&made["client"]["clientId"]),
                text(&made["client"]["clientSecret"]),
            ),
        });
        found
    })
}

fn suspend<'a>(world: &'a World, moment: &Moment<'_>) -> Afterwards<'a> {
    let known = made(world);
    let request = |status| {
        Request::new("PATCH", format!("/v1/tenants/{}", known.id))
            .by(&world.bearer())
            .json(&json!({"status": status}))
    };
    let client = known.client.clone().unwrap_or_default();
    let client = Credential::Basic(client.0, client.1);
    let suspended = moment.during(|| {
        ask(
            world,
            "suspend a tenant",
            &["tenant.suspended"],
            Some(&known),
            request("suspended"),
        )
    });
    let refused = outcome(world) == Outcome::Unavailable;
    Box::new(move |world| {
        // No answer of the past outlives the change.
        let open = token_of(world, &client).is_some();
        let is_wrong = (suspended.is_some() && open) || (refused && !open);
        let mut found = Vec::new();
        if is_wrong {
            found.push(format!(
                "{known:?}: suspended {}, and gets a token: {open}",
                suspended.is_some()
            ));
        }
        // Whoever looks into what the server was held to finds it open.
        if !open {
            let body = json!({"status": "active"});
            let resume = Request::new("PATCH", format!("/v1/tenants/{}", known.id))
                .by(&world.bearer())
                .json(&body);
            ask(
                world,
                "resume a tenant",
                &["tenant.resumed"],
                Some(&known),
                resume,
            );
        }
        found
    })
}

/// A token, or nothing where the client is refused.
fn token_of(world: &World, client: &Credential) -> Option<String> {
    let request = Request::new("POST", "/oauth/token")
        .by(client)
        .form(&[("grant_type", "client_credentials")]);
    let begun = Instant::now();
    loop {
        match world.http().send(&request) {
            Ok(answer) if answer.status == 200 => {
                return Some(text(&answer.json()["access_token"]));
            }
            Ok(answer) if answer.status == 401 => return None,
            other if begun.elapsed() > RECOVERY => {
                crate::node::unable(&format!("a token is answered with {other:?}"))
            }
            _ => thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn new_client(world: &World, known: &Known) -> Request {
    Request::new("POST", format!("/v1/tenants/{}/clients", known.id))
        .by(&world.bearer())
        .json(&json!({"name": world.new_name("client ")}))
}

fn made_client(world: &World, known: &Known) -> (String, String) {
    let made = insist(world, &new_client(world, known), 201).json();
    (text(&made["clientId"]), text(&made["clientSecret"]))
}

fn create_client<'a>(world: &'a World, moment: &Moment<'_>) -> Afterwards<'a> {
    let known = made(world);
    let request = new_client(world, &known);
    let made = moment.during(|| {
        ask(
            world,
            "create a client",
            &["client.created"],
            Some(&known),
            request,
        )
    });
    if let Some(made) = made.map(|made| made.json()) {
        world.promise(Promise::Opens {
            tenant: known.id,
            client: (text(&made["clientId"]), text(&made["clientSecret"])),
        });
    }
    nothing()
}

/// Either the new secret opens the client, or the old one does.
fn rotate<'a>(world: &'a World, moment: &Moment<'_>) -> Afterwards<'a> {
    let known = made(world);
    let (id, old) = made_client(world, &known);
    let path = format!("/v1/tenants/{}/clients/{id}/secrets", known.id);
    let request = Request::new("POST", path)
        .by(&world.bearer())
        .json(&json!({"overlapSeconds": 0}));
    let rotated = moment.during(|| {
        ask(
            world,
            "rotate a secret",
            &["client.secret_rotated"],
            Some(&known),
            request,
        )
    });
    let refused = outcome(world) == Outcome::Unavailable;
    Box::new(move |world| {
        let opens =
            |secret: String| token_of(world, &Credential::Basic(id.clone(), secret)).is_some();
        let new = rotated.map(|rotated| opens(text(&rotated.json()["clientSecret"])));
        let old = opens(old);
        let is_right = match new {
            Some(new) => new && !old,
            None => !refused || old,
        };
        let wrong =
            format!("the secret of {id}: the new one opens it: {new:?}; the old one: {old}");
        if is_right { Vec::new() } else { vec![wrong] }
    })
}

fn end_client<'a>(world: &'a World, moment: &Moment<'_>) -> Afterwards<'a> {
    let known = made(world);
    let (id, _) = made_client(world, &known);
    let path = format!("/v1/tenants/{}/clients/{id}", known.id);
    let disable = Request::new("PATCH", path.clone())
        .by(&world.bearer())
        .json(&json!({"status": "disabled"}));
    let delete = Request::new("DELETE", path).by(&world.bearer());
    moment.during(|| {
        ask(
            world,
            "disable a client",
            &["client.updated"],
            Some(&known),
            disable,
        );
        ask(
            world,
            "delete a client",
            &["client.deleted"],
            Some(&known),
            delete,
        );
    });
    nothing()
}

fn new_environment(world: &World) -> Request {
    let name = world.new_name("e");
    Request::new("POST", "/v1/environments")
        .by(&world.bearer())
        .json(&json!({
            "name": name,
            "domain": format!(".{name}.example"),
            "region": {"name": name, "displayName": name},
        }))
}

fn create_environment<'a>(world: &'a World, moment: &Moment<'_>) -> Afterwards<'a> {
    let request = new_environment(world);
    let made = moment.during(|| {
        ask(
            world,
            "create an environment",
            &["environment.created"],
            None,
            request,
        )
    });
    Box::new(move |world| {
        if let Some(made) = made {
            let path = format!("/v1/environments/{}", text(&made.json()["id"]));
            insist(world, &Request::new("GET", path).by(&world.bearer()), 200);
        }
        Vec::new()
    })
}

fn end_environment<'a>(world: &'a World, moment: &Moment<'_>) -> Afterwards<'a> {
    let made = insist(world, &new_environment(world), 201).json();
    let path = format!("/v1/environments/{}", text(&made["id"]));
    let name = world.new_name("Name ");
    let change = Request::new("PATCH", path.clone())
        .by(&world.bearer())
        .json(&json!({"name": name}));
    let delete = Request::new("DELETE", path.clone()).by(&world.bearer());
    let deleted = moment.during(|| {
        ask(
            world,
            "change an environment",
            &["environment.updated"],
            None,
            change,
        );
        ask(
            world,
            "delete an environment",
            &["environment.deleted"],
            None,
            delete,
        )
    });
    Box::new(move |world| {
        if deleted.is_some() {
            insist(world, &Request::new("GET", path).by(&world.bearer()), 404);
        }
        Vec::new()
    })
}

fn new_webhook(world: &World) -> (String, Request) {
    let url = format!("https://{}.example/hook", world.new_name("w"));
    let request = Request::new("POST", "/v1/webhooks")
        .by(&world.bearer())
        .json(&json!({"url": url, "disabled": true}));
    (url, request)
}

/// Whether a webhook with that URL is there.
fn is_listed(world: &World, url: &str) -> bool {
    let list = Request::new("GET", "/v1/webhooks?limit=1000").by(&world.bearer());
    let list = insist(world, &list, 200).json();
    let webhooks = list["data"].as_array().cloned().unwrap_or_default();
    webhooks.iter().any(|one| one["url"] == url)
}

fn create_webhook<'a>(world: &'a World, moment: &Moment<'_>) -> Afterwards<'a> {
    let (url, request) = new_webhook(world);
    let made = moment.during(|| ask(world, "create a webhook", &[], None, request));
    let refused = outcome(world) == Outcome::Unavailable;
    Box::new(move |world| {
        let there = is_listed(world, &url);
        let is_right = if made.is_some() {
            there
        } else {
            !refused || !there
        };
        let wrong = format!(
            "the webhook {url} was made: {}; it is listed: {there}",
            made.is_some()
        );
        if is_right { Vec::new() } else { vec![wrong] }
    })
}

fn delete_webhook<'a>(world: &'a World, moment: &Moment<'_>) -> Afterwards<'a> {
    let (url, request) = new_webhook(world);
    let made = insist(world, &request, 201).json();
    let path = format!("/v1/webhooks/{}", text(&made["id"]));
    let request = Request::new("DELETE", path.clone()).by(&world.bearer());
    let deleted = moment.during(|| ask(world, "delete a webhook", &[], None, request));
    let refused = outcome(world) == Outcome::Unavailable;
    Box::new(move |world| {
        let there = is_listed(world, &url);
        let is_right = if deleted.is_some() {
            !there
        } else {
            !refused || there
        };
        let wrong = format!(
            "the webhook {url} was deleted: {}; it is listed: {there}",
            deleted.is_some()
        );
        // However it was, there must not be more and more of them.
        if there {
            insist(
                world,
                &Request::new("DELETE", path).by(&world.bearer()),
                204,
            );
        }
        if is_right { Vec::new() } else { vec![wrong] }
    })
}

fn token<'a>(world: &'a World, moment: &Moment<'_>) -> Afterwards<'a> {
    let request = |path: &str, pairs: &[(&str, &str)]| {
        Request::new("POST", path).by(&Node::client()).form(pairs)
    };
    moment.during(|| {
        let ask_for_one = request("/oauth/token", &[("grant_type", "client_credentials")]);
        let Some(answer) = ask(world, "ask for a token", &[], None, ask_for_one) else {
            return;
        };
        let token = text(&answer.json()["access_token"]);
        let revoke = request("/oauth/revoke", &[("token", &token)]);
        if ask(world, "revoke a token", &[], None, revoke).is_some() {
            world.promise(Promise::Revoked(token));
        }
    });
    nothing()
}
