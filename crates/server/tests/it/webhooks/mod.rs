//! Webhooks: how they are made, what their receivers get, and where they may not lead.

mod bounds;
mod delivery;
mod failure;
mod genuine;
mod routes;
mod targets;

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::harness::reference::{environments_file, unique_label};
use crate::harness::{Builder, Receiver, Request, Server};
use crate::support::{poll, text};

/// A server whose webhooks may lead to this machine, and which soon tries again.
pub(crate) fn builder() -> Builder {
    Server::builder()
        .environments_file(&environments_file())
        .env("TENANTRY_WEBHOOK_ALLOW_PRIVATE", "true")
        .env("TENANTRY_WEBHOOK_RETRY_DELAYS", "1")
}

/// One for all tests that only look at an environment of their own.
pub(crate) fn shared() -> &'static Server {
    static SHARED: LazyLock<Server> = LazyLock::new(|| builder().start());
    &SHARED
}

/// A webhook, and the environment of whose tenants it is told.
pub(crate) struct Hook {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) environment: String,
}

/// Makes an environment.
pub(crate) fn environment(server: &Server) -> String {
    let label = unique_label("hooks");
    let body = json!({"name": label, "domain": format!("{label}.example"),
                      "region": {"name": "H", "displayName": "H"}});
    let made = server.post("/v1/environments").bearer(&server.token());
    text(&made.json(&body).send().expect_status(201).json()["id"])
}

impl Hook {
    /// Makes an environment and a webhook of its tenants' creations.
    pub(crate) fn of_creations(server: &Server, receiver: &Receiver) -> Self {
        Self::of(server, receiver, &environment(server))
    }

    /// The same in an environment that is there.
    pub(crate) fn of(server: &Server, receiver: &Receiver, environment: &str) -> Self {
        let body = json!({"url": receiver.url(), "types": ["tenant.created"],
                          "environmentIds": [environment]});
        let made = create(server, &body).send().expect_status(201).json();
        Self {
            id: text(&made["id"]),
            secret: text(&made["secret"]),
            environment: environment.to_owned(),
        }
    }

    pub(crate) fn path(&self) -> String {
        format!("/v1/webhooks/{}", self.id)
    }

    /// Makes so many tenants that it is told of.
    pub(crate) fn cause(&self, server: &Server, number: usize) {
        for _ in 0..number {
            cause(server, &self.environment);
        }
    }

    pub(crate) fn patch(&self, server: &Server, change: &Value) -> Value {
        let patch = server.patch(&self.path()).bearer(&server.token());
        patch.json(change).send().expect_status(200).json()
    }

    pub(crate) fn get(&self, server: &Server) -> Value {
        let get = server.get(&self.path()).bearer(&server.token());
        get.send().expect_status(200).json()
    }

    /// Its deliveries of a status, or all.
    pub(crate) fn deliveries(&self, server: &Server, query: &str) -> Vec<Value> {
        let path = format!("{}/deliveries{query}", self.path());
        let list = server.get(&path).bearer(&server.token()).send();
        let list = list.expect_status(200).json();
        list["data"].as_array().unwrap().clone()
    }

    /// Waits until one of its deliveries is as it should be.
    #[track_caller]
    pub(crate) fn poll(&self, server: &Server, done: impl Fn(&Value) -> bool) -> Value {
        let path = format!("{}/deliveries", self.path());
        let list = server.get(&path).bearer(&server.token());
        let answer = poll(&list, |answer| {
            answer.json()["data"].as_array().unwrap().iter().any(&done)
        });
        let list = answer.json();
        let found = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| done(one));
        found.unwrap().clone()
    }
}

/// `POST /v1/webhooks`.
pub(crate) fn create(server: &Server, body: &Value) -> Request {
    server
        .post("/v1/webhooks")
        .bearer(&server.token())
        .json(body)
}

/// Makes a tenant in an environment.
pub(crate) fn cause(server: &Server, environment: &str) {
    let body = json!({"subdomain": unique_label("told"), "environmentId": environment});
    let made = server.post("/v1/tenants").bearer(&server.token());
    made.json(&body).send().expect_status(201);
}
