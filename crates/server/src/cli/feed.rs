//! `tenantry feed`.

use std::{
    io::{self, ErrorKind},
    time::Duration,
};

use clap::{Args, Subcommand};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tenantry_domain::{
    change::ChangeType,
    environment::EnvironmentAccess,
    error::Error,
    feed::{Change, ChangePage, Sequence, StoredChange, Subject},
    page::Limit,
    port::read,
    usecase::feed,
};
use tenantry_storage::{CommitWatch, Database};
use tokio::{runtime, time::sleep};

use super::output::{self, Form};
use crate::{
    config::Settings,
    failure::{Failure, with_causes},
    shutdown::Signals,
};

/// How often it looks for new changes.
const PERIOD: Duration = Duration::from_millis(250);

/// How long it waits where the database has gone away.
const RETRY: Duration = Duration::from_secs(1);

/// What can be done with the feed of changes.
#[derive(Debug, Subcommand)]
pub(crate) enum FeedCommand {
    /// Show changes of tenants, clients and environments as they are committed
    #[command(after_help = "\
Examples:
  tenantry feed tail                               the last ten, and then what comes
  tenantry feed tail --after 42 --output json      all behind number 42, a JSON object a line
  tenantry feed tail --after 0 --no-follow --types tenant.created tenant.deleted
  tenantry feed tail --types client --last 0

It reads the database itself and sees all changes. It ends with Ctrl-C, or when nobody reads
what it writes. Whoever takes up its output later goes on behind the last number that it wrote.")]
    Tail(Tail),
}

/// What is to be shown.
#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// Begin behind the change of this number; 0 is the beginning
    #[arg(long, value_name = "N", value_parser = Sequence::parse, conflicts_with = "last")]
    after: Option<Sequence>,
    /// Begin with so many changes before the end
    #[arg(long, value_name = "N", default_value_t = 10)]
    last: u16,
    /// Wait for what is to come; this is the default
    #[arg(long, overrides_with = "no_follow")]
    follow: bool,
    /// End with the last change that there is
    #[arg(long)]
    no_follow: bool,
    /// Only of these types, such as tenant.created; `tenant`, `client`, `environment` and
    /// `webhook` stand for all of theirs
    #[arg(long, value_name = "TYPE", num_args = 1.., value_delimiter = ',', value_parser = wanted)]
    types: Vec<String>,
    /// How a change is shown; json is a JSON object a line, as the management API has it
    #[arg(long, value_enum, default_value_t = Form::Table, value_name = "FORM")]
    output: Form,
}

fn wanted(text: &str) -> Result<String, String> {
    let is_thing = ["tenant", "client", "environment", "webhook"].contains(&text);
    if is_thing || text.parse::<ChangeType>().is_ok() {
        return Ok(text.to_owned());
    }
    let all: Vec<_> = ChangeType::ALL.iter().map(|kind| kind.as_str()).collect();
    Err(format!("no type of change; there are {}", all.join(", ")))
}

impl FeedCommand {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let Self::Tail(tail) = self;
        let prepared = super::prepare(settings)?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::command(&error.to_string()))?;
        runtime.block_on(async {
            let mut signals =
                Signals::catch().map_err(|error| Failure::command(&error.to_string()))?;
            tokio::select! {
                biased;
                _ = signals.next() => Ok(()),
                ended = tail.show(&prepared.database) => ended,
            }
        })
    }
}

/// Why nothing more is shown.
enum End {
    /// Nobody reads it any more, or all was shown.
    Done,
    /// It can't go on.
    Failed(Failure),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe {
            return Self::Done;
        }
        Self::Failed(Failure::command(&format!(
            "the changes can't be shown: {error}"
        )))
    }
}

impl Tail {
    async fn show(&self, database: &Database) -> Result<(), Failure> {
        match self.follow(database).await {
            End::Done => Ok(()),
            End::Failed(failure) => Err(failure),
        }
    }

    async fn follow(&self, database: &Database) -> End {
        let begin = match self.after {
            Some(after) => Ok(after),
            None => read(database, |unit| feed::latest(unit)).map(|end| end.back(self.last)),
        };
        let mut place = match begin {
            Ok(begin) => begin,
            Err(error) => return End::Failed(Failure::of_use_case(&error)),
        };
        let mut watch = None;
        let mut is_away = false;
        loop {
            match page(database, place) {
                Ok(page) => {
                    is_away = false;
                    place = page.next;
                    if let Err(end) = self.write(page.changes) {
                        return end;
                    }
                    if !page.is_end {
                        // So that a signal is heard in the middle of much.
                        tokio::task::yield_now().await;
                        continue;
                    }
                }
                Err(error) if self.no_follow => return End::Failed(Failure::of_use_case(&error)),
                Err(error) => {
                    if !is_away {
                        output::note(&format!("tenantry: waiting: {}", with_causes(&error)));
                    }
                    is_away = true;
                    sleep(RETRY).await;
                    continue;
                }
            }
            if self.no_follow {
                return End::Done;
            }
            if wait(database, &mut watch).await == Waited::InVain {
                return End::Done;
            }
        }
    }

    fn write(&self, changes: Vec<StoredChange>) -> Result<(), End> {
        let is_wanted = |change: &StoredChange| {
            let names = [change.kind.as_str(), change.kind.of()];
            self.types.is_empty() || self.types.iter().any(|kind| names.contains(&kind.as_str()))
        };
        for change in changes.into_iter().filter(is_wanted) {
            let line = match self.output {
                Form::Json => change.to_json(),
                Form::Table => {
                    let sequence = change.sequence;
                    let change = change.read().map_err(|error| {
                        let problem = format!("change {sequence} is not what it should be");
                        End::Failed(Failure::command(&format!("{problem}: {error}")))
                    })?;
                    line(&change)
                }
            };
            output::write_out(&line)?;
        }
        Ok(())
    }
}

fn page(database: &Database, after: Sequence) -> Result<ChangePage, Error> {
    read(database, |unit| {
        feed::read(unit, &EnvironmentAccess::All, after, Limit::default())
    })
}

/// What waiting has come to.
#[derive(PartialEq, Eq)]
enum Waited {
    /// There may be something new.
    News,
    /// Nobody is there any more who would read it.
    InVain,
}

/// Whether whoever reads the standard output through a pipe has gone.
fn is_alone() -> bool {
    let output = io::stdout();
    let mut looked_at = [PollFd::new(&output, PollFlags::empty())];
    let looked = poll(&mut looked_at, Some(&Timespec::default()));
    looked.is_ok() && looked_at[0].revents().contains(PollFlags::ERR)
}

/// Waits until somebody has committed something.
async fn wait(database: &Database, watch: &mut Option<CommitWatch>) -> Waited {
    // The first look always says yes, and so nothing is missed that came before it.
    let Ok(mut looking) = watch.take().map_or_else(|| database.watch(), Ok) else {
        sleep(RETRY).await;
        return Waited::News;
    };
    loop {
        match looking.look() {
            Ok(true) => break,
            Ok(false) if is_alone() => return Waited::InVain,
            Ok(false) => sleep(PERIOD).await,
            // The next reading tells why.
            Err(_) => return Waited::News,
        }
    }
    *watch = Some(looking);
    // Where it always says yes, it must not be asked without end.
    sleep(PERIOD / 10).await;
    Waited::News
}

/// A change in one line for a person.
fn line(change: &Change) -> String {
    let what = match &change.subject {
        Subject::Tenant(tenant) => {
            let before = change.previous_tenant_id;
            let before = before.map_or_else(String::new, |id| format!(", before {id}"));
            format!(
                "{} ({}{before}) {}",
                tenant.subdomain, tenant.id, tenant.status
            )
        }
        Subject::Client(client) => {
            let owner = change.tenant_id;
            let owner = owner.map_or_else(|| "operator".to_owned(), |id| id.to_string());
            format!(
                "{} \"{}\" of {owner} {}",
                client.client_id, client.name, client.status
            )
        }
        Subject::Environment(environment) => {
            format!("{} ({})", environment.domain, environment.id)
        }
        Subject::Webhook(webhook) => {
            let reason = webhook.disabled_reason.as_deref();
            let state = reason.map_or_else(
                || "enabled".to_owned(),
                |reason| format!("disabled ({reason})"),
            );
            format!("{} ({}) {state}", webhook.origin, webhook.id)
        }
        Subject::Other(_) => String::new(),
    };
    let version = change.version;
    let version = version.map_or_else(String::new, |version| format!(" v{version}"));
    let id = change.actor.id.as_deref();
    let id = id.map_or_else(String::new, |id| format!(" {id}"));
    let text = format!(
        "{:>8}  {}  {:<22}  {what}{version}  by {}{id}",
        change.sequence,
        change.time.to_rfc3339_millis(),
        change.kind.as_str(),
        change.actor.kind,
    );
    // A name may hold what moves a terminal's cursor.
    text.replace(char::is_control, "\u{fffd}")
}
