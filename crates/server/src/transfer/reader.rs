//! Reads an export, and believes nothing of it.

use std::io::{self, BufRead, Read};

use tenantry_auth::checksum::Checksum;
use tenantry_storage::transfer::Record;
use thiserror::Error;

use super::{Counts, FORMAT, FORMAT_VERSION, Frame, TRAILER, Trailer};

/// No line is longer: the longest has a tenant's data, of 256 KiB at the most.
const LONGEST_LINE: usize = 4 << 20;

/// What is wrong with a file, and where.
#[derive(Debug, Error)]
#[error("line {line}: {problem}")]
pub(crate) struct Fault {
    line: u64,
    problem: String,
}

/// An export that is being read.
pub(crate) struct Reader<R> {
    from: R,
    line: Vec<u8>,
    /// The number of the line that was read last, from 1.
    number: u64,
    bytes: u64,
    checksum: Checksum,
    counts: Counts,
}

impl<R: BufRead> Reader<R> {
    /// Begins to read one, which must be of a database with that schema.
    pub(crate) fn begin(from: R, schema: &str) -> Result<Self, Fault> {
        let mut reader = Self {
            from,
            line: Vec::new(),
            number: 0,
            bytes: 0,
            checksum: Checksum::new(),
            counts: Counts::new(),
        };
        if !reader.read_line()? {
            reader.number = 1;
            return Err(reader.fault("the file is empty"));
        }
        let Ok(Frame::Header(header)) = serde_json::from_slice(&reader.line) else {
            return Err(reader.fault("this is no export of Tenantry"));
        };
        if header.format != FORMAT || header.format_version != FORMAT_VERSION {
            let (format, version) = (&header.format, header.format_version);
            let problem = format!(
                "the form is {format} {version}, and this program reads {FORMAT} {FORMAT_VERSION}"
            );
            return Err(reader.fault(&problem));
        }
        if header.schema != schema {
            let (theirs, program) = (&header.schema, &header.program);
            let problem = format!(
                "the export is of schema {theirs}, and this program has {schema}: import it with the \
                 version that has made it ({program}), and upgrade then"
            );
            return Err(reader.fault(&problem));
        }
        reader.checksum.update(&reader.line);
        Ok(reader)
    }

    /// The next record, checked; `None` when all of it was read, and as it was written.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, Fault> {
        if !self.read_line()? {
            self.number += 1;
            let problem = "the file ends here without a trailer: it was cut short";
            return Err(self.fault(problem));
        }
        if self.line.starts_with(TRAILER) {
            self.end()?;
            return Ok(None);
        }
        let record: Record =
            serde_json::from_slice(&self.line).map_err(|error| self.unreadable(&error))?;
        record
            .check()
            .map_err(|error| self.fault(&error.to_string()))?;
        self.checksum.update(&self.line);
        let kind = record.kind().as_str();
        match self.counts.get_mut(kind) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert(kind.to_owned(), 1);
            }
        }
        Ok(Some(record))
    }

    /// How many records of each kind have come.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many bytes were read.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A fault in the line that was read last.
    pub(crate) fn fault(&self, problem: &str) -> Fault {
        Fault {
            line: self.number,
            problem: problem.to_owned(),
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        let trailer = match serde_json::from_slice(&self.line) {
            Ok(Frame::Trailer(trailer)) => trailer,
            Ok(Frame::Header(_)) => return Err(self.fault("a header stands here")),
            Err(error) => return Err(self.unreadable(&error)),
        };
        let Trailer { records, sha256 } = trailer;
        if records != self.counts {
            return Err(self.fault("there are more or fewer records than the trailer says"));
        }
        if sha256 != self.checksum.to_hex() {
            let problem = "the checksum is wrong: something was changed since it was written";
            return Err(self.fault(problem));
        }
        if self.read_line()? {
            return Err(self.fault("something stands behind the trailer"));
        }
        Ok(())
    }

    /// Reads a line with its end; `false` where there is none.
    fn read_line(&mut self) -> Result<bool, Fault> {
        self.line.clear();
        let limit = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
        let read = Read::by_ref(&mut self.from)
            .take(limit)
            .read_until(b'\n', &mut self.line)
            .map_err(|error: io::Error| Fault {
                line: self.number + 1,
                problem: format!("it can't be read: {error}"),
            })?;
        if read == 0 {
            return Ok(false);
        }
        self.number += 1;
        self.bytes += u64::try_from(read).unwrap_or(u64::MAX);
        if read == LONGEST_LINE && !self.line.ends_with(b"\n") {
            return Err(self.fault("it is longer than any line of an export"));
        }
        Ok(true)
    }

    /// The text of JSON's errors begins with what is wrong, and ends with where in this line; none
    /// of it is a value.
    fn unreadable(&self, error: &serde_json::Error) -> Fault {
        if !self.line.ends_with(b"\n") {
            return self.fault("it ends in the middle: the file was cut short");
        }
        let column = error.column();
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or_default();
        let problem = match error.classify() {
            serde_json::error::Category::Data => format!("no record that is known: {what}"),
            _ => format!("no JSON, from its character {column} on"),
        };
        self.fault(&problem)
    }
}
