//! The change feed as its readers see it: every committed change of a tenant, client or
//! environment, in order.
//!
//! [`change`](crate::change) is how changes get into the store; here is what comes out: a
//! [`Change`] for readers in this program's own language, its JSON for all others, and the
//! same as a [`CloudEvent`].
//!
//! # What readers can rely on
//!
//! A reader that is built with this crate today can read the feed of any later server whose
//! management API is `/v1`. The form that is described here is [`FORMAT_VERSION`] 1; another
//! one would be another API, under another path, beside this one.
//!
//! **What never changes.** A member that a change has keeps its name, the kind of its JSON
//! value and its meaning, and is there in every change of its kind. A type's word keeps its
//! meaning, and so does the first part of it, before the dot, which says what kind of thing
//! the [subject](Change::subject) is. Sequence numbers are whole numbers above 0 that rise by
//! one from change to change.
//!
//! **What may be added.** Types of change, kinds of subject, kinds of actor, words of a
//! status, and members of every object. A reader passes over what it does not know, or hands
//! it on: what this crate does not know is kept in `others`, in [`Kind::Other`] and in
//! [`Subject::Other`], and is written again as it was read.
//!
//! # Example
//!
//! ```
//! use tenantry_domain::{change::ChangeType, feed::{Change, Kind, Subject}};
//!
//! # let line = include_str!("../tests/feed/v1/tenant.created.json");
//! let change: Change = serde_json::from_str(line)?;
//! match (&change.kind, &change.subject) {
//!     (Kind::Known(ChangeType::TenantDeleted), Subject::Tenant(gone)) => println!("- {}", gone.id),
//!     (_, Subject::Tenant(tenant)) => println!("+ {} is {}", tenant.id, tenant.subdomain),
//!     _ => {} // Whatever else there is and will be.
//! }
//! # Ok::<(), serde_json::Error>(())
//! ```

mod cloud_event;
mod subject;
#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, value::RawValue};
use thiserror::Error;

pub use self::{
    cloud_event::CloudEvent,
    subject::{
        ClientSubject, EnvironmentSubject, RegionSubject, Subject, TenantSubject, WebhookSubject,
    },
};
use crate::{
    change::{Actor, ChangeType, NewChange},
    clock::Timestamp,
    id::{EnvironmentId, TenantId, WebhookId},
    version::Version,
};

/// The version of the form that changes have: what the module's documentation promises
/// holds as long as it stays the same.
pub const FORMAT_VERSION: u32 = 1;

/// Members that this program does not know, as they were read.
pub type Others = Map<String, Value>;

/// The place of a change in the order of all changes: from 1 on without a gap, in the order
/// of commits. 0 is the place before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(i64);

/// A text that is no [`Sequence`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be a whole number from 0 to 9223372036854775807")]
pub struct InvalidSequence;

impl Sequence {
    /// Before the first change.
    pub const START: Self = Self(0);

    /// Takes a number that a store has given out; below 0 there is none.
    pub const fn new(number: i64) -> Result<Self, InvalidSequence> {
        if number < 0 {
            return Err(InvalidSequence);
        }
        Ok(Self(number))
    }

    /// Parses ASCII digits; no sign, no space.
    pub fn parse(text: &str) -> Result<Self, InvalidSequence> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidSequence);
        }
        text.parse().map(Self).map_err(|_| InvalidSequence)
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The place that lies so many behind, 0 at the least.
    #[must_use]
    pub const fn back(self, by: u16) -> Self {
        let place = self.0 - by as i64;
        Self(if place < 0 { 0 } else { place })
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Sequence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for Sequence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(i64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Where a reader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Behind that place.
    After(Sequence),
    /// At the end of the feed, wherever that is.
    Latest,
}

/// A text that is no [`Begin`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be `latest` or a whole number from 0 to 9223372036854775807")]
pub struct InvalidBegin;

impl Begin {
    /// Reads `latest`, or the digits of a [`Sequence`].
    pub fn parse(text: &str) -> Result<Self, InvalidBegin> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        Sequence::parse(text)
            .map(Self::After)
            .map_err(|_| InvalidBegin)
    }
}

impl Default for Begin {
    /// At the beginning of the feed.
    fn default() -> Self {
        Self::After(Sequence::START)
    }
}

/// The type of a change as a reader meets it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One that this program knows.
    Known(ChangeType),
    /// One of a later program.
    Other(String),
}

impl Kind {
    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(kind) => kind.as_str(),
            Self::Other(word) => word,
        }
    }

    /// What kind of thing the subject is: the word's part before the dot.
    pub fn of(&self) -> &str {
        let word = self.as_str();
        word.split_once('.').map_or(word, |(thing, _)| thing)
    }
}

impl From<String> for Kind {
    fn from(word: String) -> Self {
        word.parse().map_or(Self::Other(word), Self::Known)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// Who made a change, as a reader meets it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ChangeActor {
    /// `client` (a management client), `system-account`, `cli` (the command line, or a server
    /// at its first start), or a word of a later program.
    pub kind: String,
    /// The client id or the account's id; none for `cli`.
    pub id: Option<String>,
    /// What else a later program says of it.
    #[serde(flatten)]
    pub others: Others,
}

impl From<&Actor> for ChangeActor {
    fn from(actor: &Actor) -> Self {
        Self {
            kind: actor.kind().to_owned(),
            id: actor.id(),
            others: Others::new(),
        }
    }
}

/// One committed change.
///
/// Its JSON is what `GET /v1/changes` shows. `S` is how the subject is held: read, or as the
/// text that the store keeps ([`StoredChange`]).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change<S = Subject> {
    /// Its place in the order of all changes.
    pub sequence: Sequence,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// When; in JSON in whole milliseconds. It rises with the sequence, in whole milliseconds
    /// it may be the same as the one before.
    #[serde(serialize_with = "subject::millis")]
    pub time: Timestamp,
    /// The tenant that it concerns: the subject, or the one that the subject belongs to.
    pub tenant_id: Option<TenantId>,
    /// The client that it concerns.
    pub client_id: Option<String>,
    /// The environment that it concerns: the subject, or the one that the subject lies in.
    pub environment_id: Option<EnvironmentId>,
    /// The subject's version after the change (before it, for a delete); clients have none.
    #[serde(serialize_with = "subject::version::write")]
    pub version: Option<Version>,
    /// Who made it.
    pub actor: ChangeActor,
    /// In which request; none at the command line.
    pub request_id: Option<String>,
    /// The subject's public representation after the change (before it, for a delete).
    pub subject: S,
    /// The id that the tenant had before, where the change has given it another one; the
    /// member is there only then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_tenant_id: Option<TenantId>,
    /// The webhook that it concerns; the member is there only then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<WebhookId>,
    /// What else a later program says of it.
    #[serde(flatten)]
    pub others: Others,
}

/// A change whose subject is the JSON text that the store keeps: what is handed on needs not
/// be read.
pub type StoredChange = Change<RawSubject>;

/// A subject as JSON text.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct RawSubject(Box<RawValue>);

impl RawSubject {
    /// Takes a text, if it is JSON.
    pub fn new(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for RawSubject {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl StoredChange {
    /// A change under the number that the store has given it.
    pub fn new(sequence: Sequence, change: NewChange) -> Result<Self, serde_json::Error> {
        Ok(Self {
            sequence,
            kind: Kind::Known(change.kind),
            time: change.time,
            tenant_id: change.tenant_id,
            client_id: change.client_id.map(|id| id.as_str().to_owned()),
            environment_id: change.environment_id,
            version: change.version,
            actor: ChangeActor::from(&change.actor),
            request_id: change.request_id.map(|id| id.as_str().to_owned()),
            subject: RawSubject::new(change.subject)?,
            previous_tenant_id: change.previous_tenant_id,
            webhook_id: change.webhook_id,
            others: Others::new(),
        })
    }

    /// The same with its subject read.
    pub fn read(self) -> Result<Change, serde_json::Error> {
        let subject = serde_json::from_str(self.subject.as_str())?;
        let subject = Subject::read(&self.kind, subject)?;
        Ok(self.with_subject(subject))
    }
}

impl<S> Change<S> {
    /// The subject's path at the management API. A management client, which that API does not
    /// show, is named in the same way.
    pub fn path(&self) -> String {
        let tenant = self.tenant_id.map(|id| format!("/v1/tenants/{id}"));
        match (self.kind.of(), tenant, &self.client_id) {
            ("client", tenant, Some(client)) => {
                format!("{}/clients/{client}", tenant.as_deref().unwrap_or("/v1"))
            }
            ("webhook", ..) => self
                .webhook_id
                .map_or_else(String::new, |id| format!("/v1/webhooks/{id}")),
            (_, Some(tenant), _) => tenant,
            (_, None, _) => self
                .environment_id
                .map_or_else(String::new, |id| format!("/v1/environments/{id}")),
        }
    }

    /// Its JSON: one line.
    pub fn to_json(&self) -> String
    where
        S: Serialize,
    {
        // It has text for keys and nothing that can't be written as JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn with_subject<T>(self, subject: T) -> Change<T> {
        Change {
            sequence: self.sequence,
            kind: self.kind,
            time: self.time,
            tenant_id: self.tenant_id,
            client_id: self.client_id,
            environment_id: self.environment_id,
            version: self.version,
            actor: self.actor,
            request_id: self.request_id,
            subject,
            previous_tenant_id: self.previous_tenant_id,
            webhook_id: self.webhook_id,
            others: self.others,
        }
    }
}

/// A change before its subject is read, which its type says how to.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unread {
    sequence: Sequence,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(deserialize_with = "subject::instant")]
    time: Timestamp,
    tenant_id: Option<TenantId>,
    client_id: Option<String>,
    environment_id: Option<EnvironmentId>,
    #[serde(default, deserialize_with = "subject::version::read")]
    version: Option<Version>,
    actor: ChangeActor,
    request_id: Option<String>,
    subject: Value,
    previous_tenant_id: Option<TenantId>,
    webhook_id: Option<WebhookId>,
    #[serde(flatten)]
    others: Others,
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let unread = Unread::deserialize(deserializer)?;
        let subject = Subject::read(&unread.kind, unread.subject);
        Ok(Self {
            sequence: unread.sequence,
            kind: unread.kind,
            time: unread.time,
            tenant_id: unread.tenant_id,
            client_id: unread.client_id,
            environment_id: unread.environment_id,
            version: unread.version,
            actor: unread.actor,
            request_id: unread.request_id,
            subject: subject.map_err(serde::de::Error::custom)?,
            previous_tenant_id: unread.previous_tenant_id,
            webhook_id: unread.webhook_id,
            others: unread.others,
        })
    }
}

/// How long a reader waits for the next change, in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wait(u8);

/// A time that nobody waits.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be a whole number of seconds from 0 to 60")]
pub struct InvalidWait;

impl Wait {
    /// Parses ASCII digits: 0 to 60.
    pub fn parse(text: &str) -> Result<Self, InvalidWait> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidWait);
        }
        match text.parse() {
            Ok(seconds @ 0..=60) => Ok(Self(seconds)),
            _ => Err(InvalidWait),
        }
    }

    /// The time itself.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

/// Some changes in a row.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangePage {
    /// Those that the caller may know of, in order.
    pub changes: Vec<StoredChange>,
    /// Where to go on: everything up to there was looked at. It is at least the place that
    /// was asked from.
    pub next: Sequence,
    /// Whether that was the end of the feed. Otherwise there may be more, also where there
    /// are no changes here.
    pub is_end: bool,
}
