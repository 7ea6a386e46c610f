//! Writes an export.

use std::io::{self, Write};

use serde::Serialize;
use tenantry_auth::checksum::Checksum;
use tenantry_storage::transfer::Record;

use super::{Counts, FORMAT, FORMAT_VERSION, Frame, Header, Trailer};

/// An export that is being written.
pub(crate) struct Writer<W> {
    to: W,
    checksum: Checksum,
    counts: Counts,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins one, of a database with that schema.
    pub(crate) fn begin(to: W, schema: &str) -> io::Result<Self> {
        let mut writer = Self {
            to,
            checksum: Checksum::new(),
            counts: Counts::new(),
            line: Vec::new(),
        };
        writer.write_line(&Frame::Header(Header {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            schema: schema.to_owned(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
        }))?;
        Ok(writer)
    }

    /// Adds a record.
    pub(crate) fn write(&mut self, record: &Record) -> io::Result<()> {
        self.write_line(record)?;
        let kind = record.kind().as_str();
        match self.counts.get_mut(kind) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert(kind.to_owned(), 1);
            }
        }
        Ok(())
    }

    /// Ends it: only now it is whole.
    pub(crate) fn finish(mut self) -> io::Result<(W, Counts)> {
        self.write_line(&Frame::Trailer(Trailer {
            records: self.counts.clone(),
            sha256: self.checksum.to_hex(),
        }))?;
        self.to.flush()?;
        Ok((self.to, self.counts))
    }

    fn write_line(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.line.push(b'\n');
        self.checksum.update(&self.line);
        self.to.write_all(&self.line)
    }
}
