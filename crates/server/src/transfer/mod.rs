//! The file of an export: a header, a record a line, and a trailer by which a file that was cut short or
//! damaged is told ([how](../../../../docs/adr/0016-an-export-is-lines.md)).

mod reader;
mod writer;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use self::{reader::Reader, writer::Writer};

/// What the header calls the form.
const FORMAT: &str = "tenantry-export";

/// The version of the form. A program reads the one that it writes.
const FORMAT_VERSION: u32 = 1;

/// How a line begins that is the trailer.
const TRAILER: &[u8] = br#"{"trailer":"#;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    format: String,
    format_version: u32,
    /// The last migration of the database.
    schema: String,
    /// The version of the program, for people.
    program: String,
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Trailer {
    /// How many records there are of each kind.
    records: Counts,
    /// The SHA-256 of all lines before this one, their ends included, in hexadecimal.
    sha256: String,
}

/// How many records there are of each kind.
pub(crate) type Counts = BTreeMap<String, u64>;

/// A line that is no record.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum Frame {
    Header(Header),
    Trailer(Trailer),
}

#[cfg(test)]
mod tests;
