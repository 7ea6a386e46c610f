//! Contract §1: the process, its settings, its first start, its end.

mod bootstrap;
mod commands;
mod environments_file;
mod health;
mod logs;
mod refusals;
mod settings;
mod shutdown;

use serde_json::{Value, json};

use crate::harness::Server;

/// Seconds that a token lives: what makes a setting's value visible from outside.
fn token_ttl(server: &Server) -> Value {
    let account = server.credentials();
    server
        .post("/oauth/token")
        .json(&json!({
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "grant_type": "client_credentials",
        }))
        .send()
        .expect_status(200)
        .json()["expires_in"]
        .clone()
}

/// The environments as a client with all scopes sees them.
fn environments(server: &Server) -> Vec<Value> {
    server
        .get("/v1/environments")
        .bearer(&server.token())
        .send()
        .expect_status(200)
        .json()["data"]
        .as_array()
        .unwrap()
        .clone()
}
