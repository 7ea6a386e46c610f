//! Changes as events of the `CloudEvents` specification.

use serde::{Deserialize, Serialize};

use super::{Change, Others, Subject, subject};
use crate::clock::Timestamp;

/// A change as an event of `CloudEvents` 1.0; its JSON is the structured form of the JSON event format
/// (media type `application/cloudevents+json`).
///
/// Source and id together name one change, so a receiver that is told of one twice can tell.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(bound(deserialize = "Change<S>: Deserialize<'de>"))]
pub struct CloudEvent<S = Subject> {
    /// `1.0`.
    pub specversion: String,
    /// The change's sequence as a string.
    pub id: String,
    /// The server's public URL.
    pub source: String,
    /// `tenantry.` and the change's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The path of the change's subject at the management API.
    pub subject: String,
    /// When the change was made, in whole milliseconds.
    #[serde(
        serialize_with = "subject::millis",
        deserialize_with = "subject::instant"
    )]
    pub time: Timestamp,
    /// `application/json`.
    pub datacontenttype: String,
    /// The change.
    pub data: Change<S>,
    /// Extension attributes, of which there are none yet.
    #[serde(flatten)]
    pub others: Others,
}

impl<S> CloudEvent<S> {
    /// The media type of one in structured form.
    pub const MEDIA_TYPE: &'static str = "application/cloudevents+json";

    /// Tells of a change of the server whose public URL is `source`.
    pub fn new(change: Change<S>, source: &str) -> Self {
        Self {
            specversion: "1.0".to_owned(),
            id: change.sequence.to_string(),
            source: source.to_owned(),
            kind: format!("tenantry.{}", change.kind),
            subject: change.path(),
            time: change.time,
            datacontenttype: "application/json".to_owned(),
            data: change,
            others: Others::new(),
        }
    }
}

impl<S: Serialize> CloudEvent<S> {
    /// Its JSON.
    pub fn to_json(&self) -> String {
        // It has text for keys and nothing that can't be written as JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}
