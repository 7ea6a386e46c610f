//! Tenants that chance has picked, and what else requests are made of.

use std::io;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::Value;

use super::{
    super::{
        connection::Connection,
        server::{PASSWORD, Server},
    },
    site::{CLIENT, SECRET},
};
use crate::Failure;

/// How many places in the list are picked, and how many tenants at each.
const PLACES: u64 = 2_000;
const AT_EACH: u64 = 10;

/// What is known of the tenants on a server.
pub(crate) struct Sample {
    /// `Bearer …`, of a client that may do everything.
    pub(crate) bearer: String,
    pub(crate) environment: String,
    pub(crate) ids: Vec<String>,
    pub(crate) hosts: Vec<String>,
    /// Where pages of a hundred begin: a time of creation and an id.
    pub(crate) starts: Vec<(String, String)>,
    /// How many tenants there are.
    pub(crate) tenants: u64,
}

/// `Basic …`, of the system account.
pub(crate) fn basic() -> String {
    format!("Basic {}", STANDARD.encode(format!("system:{PASSWORD}")))
}

/// The body that asks for a token.
pub(crate) fn token_form() -> String {
    format!("grant_type=client_credentials&client_id={CLIENT}&client_secret={SECRET}")
}

/// The cursor that stands for a place.
pub(crate) fn cursor(created_at: &str, id: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("createdAt={created_at}&id={id}"))
}

/// The algorithm that a token says it was signed with.
pub(crate) fn algorithm(token: &str) -> Option<String> {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    header["alg"].as_str().map(str::to_owned)
}

/// Asks for a token.
pub(crate) fn token(server: &Server) -> Result<String, Failure> {
    let body = token_form();
    let request = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let failed = |error: io::Error| Failure::new(format!("no token: {error}"));
    let mut connection = Connection::open(server.address).map_err(failed)?;
    connection.expect(200, request.as_bytes()).map_err(failed)?;
    let answer: Value = serde_json::from_slice(&connection.body).unwrap_or_default();
    text(&answer["access_token"])
}

fn text(value: &Value) -> Result<String, Failure> {
    let text = value.as_str().map(str::to_owned);
    text.ok_or_else(|| Failure::new(format!("{value} is not a text")))
}

/// Asks, and reads the answer as JSON.
struct Asker(Connection);

impl Asker {
    fn get(&mut self, path: &str, credential: &str) -> Result<Value, Failure> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\
             Authorization: {credential}\r\n\r\n"
        );
        let failed = |error: &dyn std::fmt::Display| Failure::new(format!("{path}: {error}"));
        self.0
            .expect(200, request.as_bytes())
            .map_err(|error| failed(&error))?;
        serde_json::from_slice(&self.0.body).map_err(|error| failed(&error))
    }
}

impl Sample {
    /// Picks tenants of a server that has so many at least.
    pub(crate) fn take(server: &Server, tenants: u64) -> Result<Self, Failure> {
        let connection = Connection::open(server.address)
            .map_err(|error| Failure::new(format!("{}: {error}", server.address)))?;
        let mut asker = Asker(connection);
        let bearer = format!("Bearer {}", token(server)?);
        let environments = asker.get("/v1/environments", &bearer)?;
        let mut sample = Self {
            environment: text(&environments["data"][0]["id"])?,
            ids: Vec::new(),
            hosts: Vec::new(),
            starts: Vec::new(),
            tenants,
            bearer,
        };
        // Always the same chance, so that runs are alike.
        let mut chance = fastrand::Rng::with_seed(8);
        // Behind each start there is a whole page.
        let last = (tenants.saturating_sub(200) / AT_EACH).max(1);
        for place in 0..PLACES {
            let page = chance.u64(1..=last);
            let path = format!("/system/tenants?limit={AT_EACH}&page={page}");
            let records = asker.get(&path, &basic())?;
            for record in records.as_array().into_iter().flatten() {
                sample.ids.push(text(&record["uuid"])?);
            }
            let (created_at, id) = (text(&records[0]["createdAt"])?, text(&records[0]["uuid"])?);
            if place % 4 == 0 {
                let cursor = cursor(&created_at, &id);
                let path = format!("/v1/tenants?limit=20&cursor={cursor}");
                let page = asker.get(&path, &sample.bearer)?;
                for tenant in page["data"].as_array().into_iter().flatten() {
                    sample.hosts.push(text(&tenant["subdomain"])?);
                }
            }
            sample.starts.push((created_at, id));
        }
        Ok(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_its_algorithm() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"at+jwt","alg":"ES256"}"#);
        assert_eq!(
            algorithm(&format!("{header}.e30.x")).as_deref(),
            Some("ES256")
        );
        assert_eq!(algorithm("x"), None);
    }

    #[test]
    fn a_cursor_is_that_of_the_wire() {
        let decoded = URL_SAFE_NO_PAD.decode(cursor("2026-01-01T00:00:00Z", "a-b"));
        assert_eq!(
            decoded.as_deref(),
            Ok(&b"createdAt=2026-01-01T00:00:00Z&id=a-b"[..])
        );
    }
}
