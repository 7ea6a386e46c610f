//! A client that adds nothing: no redirects, no `Accept`, no user agent, no
//! connection kept, and a status is a status, never an error.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use ureq::config::AutoHeaderValue;
use ureq::http::HeaderMap;

use super::described;
use super::world::World;

/// A request being built; [`Request::send`] sends it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// Any method, any absolute URL.
    pub(crate) fn new(method: &str, url: String) -> Self {
        Self {
            method: method.to_owned(),
            url,
            headers: Vec::new(),
            body: None,
        }
    }

    /// Adds a header; the same name twice is sent twice.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn basic(self, user: &str, password: &str) -> Self {
        let pair = STANDARD.encode(format!("{user}:{password}"));
        self.header("Authorization", &format!("Basic {pair}"))
    }

    /// `application/json`.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// `application/x-www-form-urlencoded`.
    pub(crate) fn form(self, pairs: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        self.body("application/x-www-form-urlencoded", body)
    }

    /// Any bytes with a content type.
    pub(crate) fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.header("Content-Type", content_type).bytes(body)
    }

    /// Any bytes, and no content type.
    pub(crate) fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends it. In the world of SQLite the answer must be one that the OpenAPI document tells of.
    #[track_caller]
    pub(crate) fn send(self) -> Response {
        let shown = format!("{} {}", self.method, self.url);
        let asked = (crate::WORLD == World::Sqlite).then(|| self.clone());
        let response = self
            .try_send()
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
        if let Some(asked) = asked {
            described::check(&asked, &response);
        }
        response
    }

    pub(super) fn method(&self) -> &str {
        &self.method
    }

    /// The path of its URL as it is sent.
    pub(super) fn path(&self) -> &str {
        let behind_scheme = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let path = behind_scheme
            .find('/')
            .map_or("/", |at| &behind_scheme[at..]);
        path.split(['?', '#']).next().unwrap_or_default()
    }

    /// Its body with its media type, if it has both.
    pub(super) fn sent(&self) -> Option<(&str, &[u8])> {
        let is_type = |name: &str| name.eq_ignore_ascii_case("content-type");
        let (_, media_type) = self.headers.iter().find(|(name, _)| is_type(name))?;
        Some((media_type, self.body.as_deref()?))
    }

    /// For tests in which the server may go away.
    pub(crate) fn try_send(self) -> Result<Response, ureq::Error> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .proxy(None)
            .accept(AutoHeaderValue::None)
            .accept_encoding(AutoHeaderValue::None)
            .user_agent(AutoHeaderValue::None)
            .timeout_global(Some(Duration::from_mins(1)))
            .build()
            .into();
        let mut builder = ureq::http::Request::builder()
            .method(self.method.as_str())
            .uri(&self.url);
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        // Without this, a POST without a body would go out as an empty chunked one.
        let takes_body = matches!(self.method.as_str(), "POST" | "PUT" | "PATCH");
        let answer = match self.body.or_else(|| takes_body.then(Vec::new)) {
            Some(body) => agent.run(builder.body(body).map_err(ureq::Error::Http)?)?,
            None => agent.run(builder.body(()).map_err(ureq::Error::Http)?)?,
        };
        let (parts, mut body) = answer.into_parts();
        let content_type = parts.headers.get("content-type");
        if content_type.is_some_and(|value| value == "text/event-stream") {
            // It has no end to be read to; `EventStream` reads on.
            return Ok(Response {
                status: parts.status.as_u16(),
                headers: parts.headers,
                body: Vec::new(),
            });
        }
        Ok(Response {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.with_config().limit(64 * 1024 * 1024).read_to_vec()?,
        })
    }
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The only value of a header; several are a failure of the test.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.header_all(name);
        assert!(
            values.len() < 2,
            "{name} is there {} times: {values:?}",
            values.len()
        );
        values.first().copied()
    }

    pub(crate) fn header_all(&self, name: &str) -> Vec<&str> {
        self.headers
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the body is UTF-8")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in the body of {self}"))
    }

    /// Fails with the whole answer shown unless the status is this one.
    #[track_caller]
    pub(crate) fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }
}

impl std::fmt::Display for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {:?}\n{}",
            self.status,
            self.headers,
            String::from_utf8_lossy(&self.body)
        )
    }
}
