//! A client that waits for an answer as long as a patient one would, and no longer.

use std::{
    io::{BufRead, BufReader},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use ureq::{config::ConfigBuilder, typestate::AgentScope};

/// After this time without an answer a request counts as hanging. The server promises
/// one within five seconds; the rest is for a machine that is busy with other things.
const HANGS: Duration = Duration::from_secs(8);

/// Sends requests to one server.
#[derive(Clone, Debug)]
pub struct Http {
    agent: ureq::Agent,
    base: String,
}

/// What a request is authenticated by.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Nothing.
    None,
    /// An access token.
    Bearer(String),
    /// A name and a password.
    Basic(String, String),
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// All headers.
    pub headers: Box<ureq::http::HeaderMap>,
    /// The body as text.
    pub text: String,
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// The connection could not be made, or ended too early.
    Lost(String),
    /// It did not come in time.
    Hangs,
}

/// A request being built.
#[derive(Clone, Debug)]
pub struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Request {
    /// A request for a path, with its query.
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            // Also for families that would rather answer in another one.
            headers: vec![("Accept", "application/json, */*;q=0.1".to_owned())],
            body: Vec::new(),
        }
    }

    /// The same with nothing said about what is accepted.
    pub fn bare(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            headers: Vec::new(),
            ..Self::new(method, path)
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Authenticates it.
    #[must_use]
    pub fn by(self, credential: &Credential) -> Self {
        match credential {
            Credential::None => self,
            Credential::Bearer(token) => self.header("Authorization", format!("Bearer {token}")),
            Credential::Basic(user, password) => {
                let pair = STANDARD.encode(format!("{user}:{password}"));
                self.header("Authorization", format!("Basic {pair}"))
            }
        }
    }

    /// Gives it a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.json_text(body.to_string())
    }

    /// Gives it a body that is said to be JSON.
    #[must_use]
    pub fn json_text(mut self, body: String) -> Self {
        self.body = body.into_bytes();
        self.header("Content-Type", "application/json")
    }

    /// Gives it a form as its body.
    #[must_use]
    pub fn form(mut self, pairs: &[(&str, &str)]) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        self.body = form.extend_pairs(pairs).finish().into_bytes();
        self.header("Content-Type", "application/x-www-form-urlencoded")
    }
}

impl Http {
    /// For the server at that URL, without a slash at its end.
    pub fn new(base: String) -> Self {
        let agent = config().timeout_global(Some(HANGS)).build().into();
        Self { agent, base }
    }

    /// Sends a request and reads its answer.
    pub fn send(&self, request: &Request) -> Result<Answer, NoAnswer> {
        let mut builder = ureq::http::Request::builder()
            .method(request.method)
            .uri(format!("{}{}", self.base, request.path));
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let has_body = matches!(request.method, "POST" | "PUT" | "PATCH");
        let sent = if has_body {
            let request = builder.body(request.body.clone()).map_err(lost)?;
            self.agent.run(request)
        } else {
            let request = builder.body(()).map_err(lost)?;
            self.agent.run(request)
        };
        let (parts, mut body) = sent.map_err(no_answer)?.into_parts();
        let retry_after = parts.headers.get("retry-after");
        Ok(Answer {
            status: parts.status.as_u16(),
            retry_after: retry_after
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            text: body.read_to_string().map_err(no_answer)?,
            headers: Box::new(parts.headers),
        })
    }
}

impl Http {
    /// Sends a request for an answer that does not end; gives its body, to be read as it comes.
    pub fn stream(&self, request: &Request) -> Result<impl BufRead + use<>, NoAnswer> {
        let mut builder = ureq::http::Request::builder()
            .method(request.method)
            .uri(format!("{}{}", self.base, request.path));
        for (name, value) in &request.headers {
            // Whatever is accepted elsewhere, a stream is.
            if *name != "Accept" {
                builder = builder.header(*name, value);
            }
        }
        let agent: ureq::Agent = config()
            .timeout_recv_response(Some(HANGS))
            .timeout_recv_body(None)
            .build()
            .into();
        let sent = agent.run(builder.body(()).map_err(lost)?);
        let answer = sent.map_err(no_answer)?;
        if answer.status() != 200 {
            return Err(lost(answer.status()));
        }
        Ok(BufReader::new(answer.into_body().into_reader()))
    }
}

impl Answer {
    /// The value of a header, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// Whether it says that a change may have happened or not.
    pub fn leaves_open(&self) -> bool {
        self.status == 503 && self.text.contains("happened or not")
    }
}

fn config() -> ConfigBuilder<AgentScope> {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .max_redirects(0)
        // A connection that the server has closed meanwhile must not look like a request that
        // it has lost.
        .max_idle_connections(0)
        .proxy(None)
}

fn lost(error: impl std::fmt::Display) -> NoAnswer {
    NoAnswer::Lost(error.to_string())
}

fn no_answer(error: ureq::Error) -> NoAnswer {
    match error {
        ureq::Error::Timeout(_) => NoAnswer::Hangs,
        other => lost(other),
    }
}
