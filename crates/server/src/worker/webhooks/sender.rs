//! Sends one delivery by HTTP.

use std::{error::Error, io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use reqwest::{
    Certificate, Client, ClientBuilder, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
    redirect::Policy,
};
use tenantry_auth::webhook::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};
use tenantry_domain::{
    clock::Clock,
    feed::CloudEvent,
    id::DeliveryId,
    usecase::deliveries::Sent,
    webhook::{TargetPolicy, WebhookSecret, WebhookUrl},
};
use tenantry_http::Names;
use tokio::time::timeout;

use crate::{
    config::{WebhookSettings, table::Key},
    failure::Failure,
    traces::{DeliverySpan, Traces},
};

/// How long a connection may take to come about, its encryption included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How many names may be looked up at the same time: all that webhooks can have, which are
/// [as many](tenantry_domain::usecase::webhooks::MOST) as there are webhooks.
const MOST_NAMES: usize = 1024;

/// How much of an answer is read, in bytes, so that its connection can be used again. What it
/// says does not matter.
const MOST_READ: usize = 16 * 1024;

/// How long it is read for at the most.
const READ_TIMEOUT: Duration = Duration::from_millis(250);

/// How many connections to one receiver are kept, and for how long: there is never more than
/// one delivery to a webhook under way.
const IDLE_CONNECTIONS: usize = 1;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends deliveries. It follows no redirect, uses no proxy, and connects to no address that
/// deliveries may not go to.
pub(crate) struct Sender {
    client: Client,
    policy: TargetPolicy,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    traces: Option<Arc<Traces>>,
}

impl Sender {
    pub(crate) fn new(settings: &WebhookSettings, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let own = match &settings.ca_file {
            Some(path) => read_certificates(path)?,
            None => Vec::new(),
        };
        let names = Names::new(MOST_NAMES);
        let build = || builder(settings, names.clone());
        let client = build().tls_certs_merge(own.clone()).build();
        // A machine may have no certificates of its own, as small containers do.
        let client = client.or_else(|error| {
            tracing::warn!(
                cause = reason(&error),
                "this machine's certificates can't be used; webhooks are trusted by {} alone",
                Key::WebhookCaFile.variable()
            );
            build().tls_certs_only(own).build()
        });
        let unusable = |error: reqwest::Error| Failure::command(&reason(&error));
        Ok(Self {
            client: client.map_err(unusable)?,
            policy: settings.targets,
            timeout: settings.timeout,
            clock,
            traces: None,
        })
    }

    /// Makes a span of each attempt, and tells the receiver of it.
    pub(crate) fn traced(self, traces: Option<Arc<Traces>>) -> Self {
        Self { traces, ..self }
    }

    /// Sends a change to a URL, and waits for the answer's head.
    pub(crate) async fn send(
        &self,
        url: &WebhookUrl,
        id: DeliveryId,
        secrets: &[WebhookSecret],
        body: String,
    ) -> Sent {
        // Addresses in the URL itself are never looked up, so they are judged here.
        if let Err(fault) = url.check(self.policy) {
            return Sent::Unanswered(format!("the URL {fault}"));
        }
        let Some(mut headers) = self.headers(id, secrets, &body) else {
            return Sent::Unanswered("the delivery could not be signed".to_owned());
        };
        let span = self.traces.as_ref();
        let span = span.map(|traces| traces.begin_delivery(url, id));
        let parent = span.as_ref().and_then(DeliverySpan::traceparent);
        if let Some(parent) = parent.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert("traceparent", parent);
        }
        let sent = self.post(url, headers, body).await;
        if let Some(span) = span {
            span.end(&sent);
        }
        sent
    }

    async fn post(&self, url: &WebhookUrl, headers: HeaderMap, body: String) -> Sent {
        let request = self
            .client
            .post(url.as_url().clone())
            .headers(headers)
            .timeout(self.timeout)
            .body(body);
        match request.send().await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                drain(answer).await;
                Sent::Answered(status)
            }
            Err(error) => Sent::Unanswered(reason(&error)),
        }
    }

    fn headers(&self, id: DeliveryId, secrets: &[WebhookSecret], body: &str) -> Option<HeaderMap> {
        let id = id.to_string();
        let timestamp = self.clock.now().unix_seconds();
        let signature = sign(secrets, &id, timestamp, body.as_bytes());
        let value = |text: &str| HeaderValue::from_str(text).ok();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, value(CloudEvent::<()>::MEDIA_TYPE)?);
        headers.insert(ID_HEADER, value(&id)?);
        headers.insert(TIMESTAMP_HEADER, value(&timestamp.to_string())?);
        headers.insert(SIGNATURE_HEADER, value(&signature)?);
        Some(headers)
    }
}

fn builder(settings: &WebhookSettings, names: Names) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("tenantry/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .no_proxy()
        .https_only(!settings.targets.allow_private)
        .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout))
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .dns_resolver(Guard {
            names,
            policy: settings.targets,
        })
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let refused = |problem: &dyn std::fmt::Display| {
        let problem = format!("{} {problem}", path.display());
        Failure::setting(Key::WebhookCaFile, &problem)
    };
    let text = std::fs::read(path).map_err(|error| refused(&format!("can't be read: {error}")))?;
    match Certificate::from_pem_bundle(&text) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(refused(&"holds no certificate in PEM form")),
        Err(_) => Err(refused(
            &"holds something else than certificates in PEM form",
        )),
    }
}

/// Reads the beginning of an answer. Whether it comes to its end makes no difference.
async fn drain(mut answer: Response) {
    let read = async {
        let mut left = MOST_READ;
        while let Ok(Some(chunk)) = answer.chunk().await {
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    let _ = timeout(READ_TIMEOUT, read).await;
}

/// What went wrong, without the URL, which stands beside it wherever it is shown: the innermost
/// cause, which is the one that tells most.
fn reason(error: &reqwest::Error) -> String {
    let mut innermost: &dyn Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    innermost.to_string()
}

/// Looks names up, and hands out only addresses that deliveries may go to: what a name meant
/// when the webhook was made says nothing of what it means now.
#[derive(Clone, Debug)]
struct Guard {
    names: Names,
    policy: TargetPolicy,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { names, policy } = self.clone();
        Box::pin(async move {
            let found = names.look_up(name.as_str()).await?;
            let permitted: Vec<_> = found
                .iter()
                .filter(|&&address| policy.permits(address))
                // The port is the URL's.
                .map(|&address| SocketAddr::new(address, 0))
                .collect();
            if permitted.is_empty() {
                let problem = "the name leads to a private or other special address";
                return Err(io::Error::other(problem).into());
            }
            let addresses: Addrs = Box::new(permitted.into_iter());
            Ok(addresses)
        })
    }
}
