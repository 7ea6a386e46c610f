//! Brings spans to a collector, by the HTTP client that is here already.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response, ResponseBodyTooLarge};
use reqwest::{Client, redirect::Policy};
use tokio::runtime::Handle;

/// How long the collector may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of an answer is read, in bytes.
const MOST_READ: usize = 64 * 1024;

/// Sends what it is given on the runtime of the server, whichever thread asks for it. Says once
/// that the collector can't be reached, and once that it can again.
#[derive(Debug)]
pub(super) struct Courier {
    client: Client,
    runtime: Handle,
    is_failing: Arc<AtomicBool>,
}

type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl Courier {
    /// To be called within a runtime.
    pub(super) fn new() -> reqwest::Result<Self> {
        let client = Client::builder()
            .user_agent(concat!("tenantry/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self {
            client,
            runtime: Handle::current(),
            is_failing: Arc::default(),
        })
    }

    fn note(&self, problem: Option<&str>) {
        let was_failing = self.is_failing.swap(problem.is_some(), Ordering::Relaxed);
        match problem {
            Some(cause) if !was_failing => {
                tracing::warn!(cause, "traces can't be exported; told once, until they can");
            }
            None if was_failing => tracing::info!("traces are exported again"),
            _ => {}
        }
    }
}

impl HttpClient for Courier {
    fn send_bytes<'courier, 'sending>(&'courier self, request: Request<Bytes>) -> Sending<'sending>
    where
        'courier: 'sending,
        Self: 'sending,
    {
        let sent = self.runtime.spawn(send(self.client.clone(), request));
        Box::pin(async move {
            let answer = sent.await.map_err(HttpError::from).and_then(|sent| sent);
            match &answer {
                Ok(answer) if answer.status().is_success() => self.note(None),
                Ok(answer) => self.note(Some(answer.status().as_str())),
                Err(error) => self.note(Some(&innermost(&**error))),
            }
            answer
        })
    }
}

async fn send(client: Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let mut answer = client.execute(request.try_into()?).await?;
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.clone_from(answer.headers());
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MOST_READ {
            return Err(ResponseBodyTooLarge::new().into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(response.body(body.into())?)
}

/// The cause that tells most, without the URL.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
