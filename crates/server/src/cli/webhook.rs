//! `tenantry webhook`.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde::Serialize;
use tenantry_auth::webhook::{
    ID_HEADER, SIGNATURE_HEADER, SignedHeaders, TIMESTAMP_HEADER, verify,
};
use tenantry_domain::{
    clock::Timestamp,
    error::Error,
    page::{Limit, PageRequest},
    port::read,
    usecase::webhooks,
    view::WebhookView,
    webhook::{Webhook, WebhookSecret},
};

use super::output::{OutputArgs, columns};
use crate::{config::Settings, failure::Failure, world::World};

/// What can be done with webhooks.
#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// List all webhooks, oldest first
    List(#[command(flatten)] OutputArgs),
    /// Check a delivery that was captured, as its receiver should
    #[command(after_help = "\
The body has to be what was received, byte for byte. The headers are lines of the form
`name: value`, in any letter case; other headers, and lines that are none, don't matter.

Examples:
  tenantry webhook verify --secret-file secret.txt --headers-file head.txt --body-file body.json
  printf %s \"$SECRET\" | tenantry webhook verify --headers-file head.txt --body-file body.json --any-age

Exit status: 0 the delivery is genuine, 1 it is not, and standard error says why.")]
    Verify(Verify),
}

/// Asks for a check.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The file with the webhook's secret, `whsec_…`; without it, it is read from standard input
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The secret itself; everybody on this machine can see it there
    #[arg(long, value_name = "SECRET", conflicts_with = "secret_file")]
    secret: Option<String>,
    /// The file with the headers that were received
    #[arg(long, value_name = "FILE")]
    headers_file: PathBuf,
    /// The file with the body that was received
    #[arg(long, value_name = "FILE")]
    body_file: PathBuf,
    /// How many seconds ago, or in the future, it may have been signed
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    tolerance: u32,
    /// Don't mind when it was signed
    #[arg(long, conflicts_with = "tolerance")]
    any_age: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified<'a> {
    id: &'a str,
    signed_at: Option<String>,
}

impl WebhookCommand {
    /// Does it.
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        match self {
            Self::List(output) => list(settings, output),
            Self::Verify(command) => command.run(),
        }
    }
}

fn list(settings: &Settings, output: OutputArgs) -> Result<(), Failure> {
    let prepared = super::prepare(settings)?;
    let all = read(&*prepared.database, |unit| {
        let access = tenantry_domain::environment::EnvironmentAccess::All;
        let mut all: Vec<Webhook> = Vec::new();
        let mut request = PageRequest {
            limit: Limit::MAX,
            after: None,
        };
        loop {
            let page = webhooks::list(unit, &access, request)?;
            if page.items.is_empty() {
                return Ok(all);
            }
            all.extend(page.items);
            request.after = page.next;
        }
    })
    .map_err(|error: Error| Failure::of_use_case(&error))?;
    let shown: Vec<_> = all.iter().map(WebhookView::from).collect();
    output.show(&shown, |_| {
        let rows: Vec<_> = all.iter().map(row).collect();
        columns(&["ID", "STATE", "TYPES", "ENVIRONMENTS", "URL"], &rows)
    })
}

fn row(webhook: &Webhook) -> Vec<String> {
    let count = |number: Option<usize>| number.map_or("all".to_owned(), |n| n.to_string());
    let filter = &webhook.filter;
    vec![
        webhook.id.to_string(),
        webhook.state.as_str().to_owned(),
        count(filter.types.as_ref().map(|types| types.iter().count())),
        count(filter.environment_ids.as_ref().map(|ids| ids.ids().len())),
        webhook.url.as_str().to_owned(),
    ]
}

impl Verify {
    fn run(self) -> Result<(), Failure> {
        let secret = self.secret()?;
        let head = read_file(&self.headers_file)?;
        let head = String::from_utf8_lossy(&head);
        let body = read_file(&self.body_file)?;
        let headers = SignedHeaders {
            id: header(&head, ID_HEADER)?,
            timestamp: header(&head, TIMESTAMP_HEADER)?,
            signature: header(&head, SIGNATURE_HEADER)?,
        };
        let now = World::real().clock.now().unix_seconds();
        let tolerance = (!self.any_age).then_some(self.tolerance);
        verify(&secret, headers, &body, now, tolerance)
            .map_err(|fault| Failure::command(&format!("the delivery is not genuine: {fault}")))?;
        let signed_at: Option<i64> = headers.timestamp.parse().ok();
        let signed_at = signed_at
            .and_then(|seconds| Timestamp::from_unix_micros(seconds.checked_mul(1_000_000)?));
        let verified = Verified {
            id: headers.id,
            signed_at: signed_at.map(Timestamp::to_rfc3339),
        };
        self.output.show(&verified, |verified| {
            let at = verified.signed_at.as_deref().unwrap_or("an unknown time");
            format!(
                "The delivery {} is genuine; it was signed at {at}.",
                verified.id
            )
        })
    }

    fn secret(&self) -> Result<WebhookSecret, Failure> {
        let (text, place) = match (&self.secret, &self.secret_file) {
            (Some(secret), _) => (secret.clone(), "the secret".to_owned()),
            (None, Some(path)) => {
                let bytes = read_file(path)?;
                let text = String::from_utf8_lossy(&bytes).into_owned();
                (text, path.display().to_string())
            }
            (None, None) => {
                let mut text = String::new();
                let unread = |error: io::Error| {
                    Failure::command(&format!("standard input can't be read: {error}"))
                };
                io::stdin().read_to_string(&mut text).map_err(unread)?;
                (text, "standard input".to_owned())
            }
        };
        WebhookSecret::parse(text.trim())
            .map_err(|problem| Failure::command(&format!("{place}: the secret {problem}")))
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path)
        .map_err(|error| Failure::command(&format!("{} can't be read: {error}", path.display())))
}

/// The value of a header that must be there once.
fn header<'a>(head: &'a str, name: &str) -> Result<&'a str, Failure> {
    let mut values = head.lines().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    });
    let refused = |what: &str| {
        Failure::command(&format!(
            "the delivery is not genuine: the header {name} {what}"
        ))
    };
    let first = values.next().ok_or_else(|| refused("is not there"))?;
    match values.next() {
        None => Ok(first),
        Some(_) => Err(refused("is there more than once")),
    }
}
