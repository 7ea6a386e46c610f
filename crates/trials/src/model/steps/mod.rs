//! Requests at random, each with the answer that the model gives to it.

mod clients;
mod environments;
mod management;
mod system;

use std::fmt;

use serde_json::{Value, json};

use super::{collection::Collection, pattern::ANY, state::State};

/// What to ask of a server, and what it has to answer.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// What it is about, for people.
    pub(crate) what: &'static str,
    pub(crate) ask: Ask,
    pub(crate) expect: Expect,
}

/// A request; symbols stand in it for what each server calls differently.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) by: By,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
    pub(crate) form: Vec<(&'static str, String)>,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum By {
    /// With a token of the management client.
    Management,
    /// As the system account.
    Account,
    /// As the management client itself.
    Operator,
    /// As a tenant's client with a secret.
    Client(String, String),
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Expect {
    pub(crate) status: u16,
    /// Headers that must be there.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

/// The body of an answer.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Empty,
    Like(Value),
    /// What depends on a server's own clock, too.
    Collection(Collection),
}

/// One kind of step: none where there is nothing to take it with.
pub(crate) type Kind = fn(&mut State, &mut fastrand::Rng) -> Option<Step>;

/// All kinds; one that stands here twice is taken twice as often.
pub(crate) const KINDS: &[Kind] = &[
    management::create,
    management::create,
    management::create_refused,
    management::list,
    management::list,
    management::list,
    management::read,
    management::read,
    management::patch,
    management::patch,
    management::patch,
    management::patch_refused,
    management::delete,
    management::resolve,
    management::missing,
    clients::create,
    clients::list,
    clients::patch,
    clients::delete,
    clients::rotate,
    clients::secrets,
    clients::retire,
    clients::token,
    clients::token,
    clients::introspect,
    environments::create,
    environments::create_refused,
    environments::list,
    environments::patch,
    environments::delete,
    system::create,
    system::create,
    system::create_refused,
    system::list,
    system::list,
    system::list,
    system::read,
    system::put,
    system::put,
    system::put,
    system::put_refused,
    system::delete,
    system::missing,
];

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ask {
            method,
            path,
            headers,
            body,
            ..
        } = &self.ask;
        let body = body.as_ref().map(Value::to_string).unwrap_or_default();
        write!(f, "{}: {method} {path} {headers:?} {body}", self.what)
    }
}

impl Ask {
    fn new(by: By, method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            by,
            headers: Vec::new(),
            body: None,
            form: Vec::new(),
        }
    }

    fn management(method: &'static str, path: impl Into<String>) -> Self {
        Self::new(By::Management, method, path)
    }

    fn system(method: &'static str, path: impl Into<String>) -> Self {
        Self::new(By::Account, method, path).header("Accept", "application/json")
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.form.push((name, value.into()));
        self
    }

    /// The step of asking so.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "it ends functions that may find nothing to take a step with"
    )]
    fn expect(self, what: &'static str, expect: Expect) -> Option<Step> {
        Some(Step {
            what,
            ask: self,
            expect,
        })
    }
}

impl Expect {
    fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Like(body),
        }
    }

    fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Empty,
        }
    }

    /// An error of the management API; `params` are what its details name.
    fn error(status: u16, kind: &str, code: &str, params: &[&str]) -> Self {
        let details: Vec<_> = params
            .iter()
            .map(|param| json!({"value": ANY, "msg": ANY, "param": param, "location": ANY}))
            .collect();
        Self::json(
            status,
            json!({"code": code, "type": kind, "message": ANY, "details": details}),
        )
    }

    fn invalid(params: &[&str]) -> Self {
        Self::error(400, "BadRequest", "validation_error", params)
    }

    fn not_found(code: &str) -> Self {
        Self::error(404, "NotFound", code, &[])
    }

    fn precondition_failed() -> Self {
        Self::error(412, "PreconditionFailed", "precondition_failed", &[])
    }

    /// An error of the system API.
    fn problem(status: u16, detail: &str) -> Self {
        Self::json(
            status,
            json!({
                "type": "https://tools.ietf.org/html/rfc2616#section-10",
                "title": "An error occurred",
                "detail": detail,
            }),
        )
    }

    /// A refusal of the system API to take these members.
    fn violations(all: &[(&str, &str)]) -> Self {
        let line = |(path, message): &(&str, &str)| format!("{path}: {message}");
        let detail: Vec<_> = all.iter().map(line).collect();
        let mut problem = Self::problem(400, &detail.join("\n"));
        if let Body::Like(body) = &mut problem.body {
            let violation =
                |(path, message): &(&str, &str)| json!({"propertyPath": path, "message": message});
            body["violations"] = all.iter().map(violation).collect();
        }
        problem
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A JSON object of few members, at most three deep.
fn any_object(rng: &mut fastrand::Rng, depth: u8) -> Value {
    let mut object = json!({});
    for _ in 0..rng.u8(..4) {
        let name = rng.choice(["a", "b", "c", "ü", "a.b", ""]).unwrap_or("a");
        object[name] = any_value(rng, depth);
    }
    object
}

fn any_value(rng: &mut fastrand::Rng, depth: u8) -> Value {
    match rng.u8(..if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 => json!(rng.i64(..)),
        // Exactly what it is written as.
        3 => json!(f64::from(rng.i16(..)) / 8.0),
        4 => json!(rng.choice([
            "",
            "text",
            "ä\u{301}😀",
            "'; DROP TABLE tenants; --",
            "\\\""
        ])),
        5 => json!(["", 1, null, {"deep": [[]]}]),
        _ => any_object(rng, depth - 1),
    }
}

/// The names that tenants and clients may have, so that some begin alike.
fn any_name(rng: &mut fastrand::Rng) -> &'static str {
    const NAMES: [&str; 7] = [
        "Acme",
        "ACME Ltd.",
        "acme%_",
        "Ärger & Söhne",
        "ärgerlich",
        "O'Neill \\ \"Sons\"",
        "株式会社",
    ];
    rng.choice(NAMES).unwrap_or("Acme")
}

/// Anything of a list.
fn any<'a, T>(all: &'a [T], rng: &mut fastrand::Rng) -> Option<&'a T> {
    // Mostly among the newest, so that things have a long history.
    let last = all.len().min(if rng.u8(..3) == 0 { usize::MAX } else { 4 });
    (last > 0).then(|| &all[all.len() - 1 - rng.usize(..last)])
}

/// An id that nothing has.
fn unknown_id(rng: &mut fastrand::Rng) -> String {
    let id = format!("{:032x}", rng.u128(..));
    [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-")
}
