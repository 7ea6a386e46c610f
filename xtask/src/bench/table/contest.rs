//! One operation, done by the server and by what it is compared with, in turns.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use serde_json::Value;

use super::{
    super::{connection::Connection, server::Server},
    process,
    stats::Spread,
    wrk::{self, Load},
};
use crate::{Failure, output};

/// Set by an interrupt.
pub(crate) static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Fails once the benchmark is to end; all that it has started ends with what this unwinds.
pub(crate) fn go_on() -> Result<(), Failure> {
    if INTERRUPTED.load(Ordering::Relaxed) {
        return Err(Failure::new("interrupted"));
    }
    Ok(())
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The server.
    Server,
    /// The server, in another way, which is compared with the first.
    Other(&'static str),
    /// A bare handler with the same bytes.
    Bytes,
    /// The thinnest client of the same database.
    Thin,
    /// The same, which commits each create alone.
    Alone,
    /// A bare handler that does nothing but sign.
    Sign,
}

impl Who {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Server => "the server",
            Self::Other(name) => name,
            Self::Bytes => "bare handler, same bytes",
            Self::Thin => "thinnest client",
            Self::Alone => "thinnest client, one create a commit",
            Self::Sign => "bare handler that signs",
        }
    }
}

/// What one round has found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Round {
    pub(crate) rate: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Microseconds of the answering process for a request.
    pub(crate) cpu: f64,
}

/// Someone who answers, and what was found.
pub(crate) struct Side<'a> {
    pub(crate) who: Who,
    pub(crate) server: &'a Server,
    pub(crate) load: Load,
    /// The status of a right answer.
    pub(crate) status: u16,
    file: PathBuf,
    pub(crate) rounds: Vec<Round>,
}

/// Sides of one operation; the first is the server.
pub(crate) struct Contest<'a> {
    pub(crate) name: String,
    pub(crate) sides: Vec<Side<'a>>,
}

/// How long each has to show what it can.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) rounds: usize,
    pub(crate) seconds: u64,
}

impl<'a> Side<'a> {
    pub(crate) fn new(
        directory: &Path,
        who: Who,
        server: &'a Server,
        status: u16,
        load: Load,
    ) -> Result<Self, Failure> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let file = directory.join(format!("load-{number}"));
        load.write(&file)?;
        Ok(Self {
            who,
            server,
            load,
            status,
            file,
            rounds: Vec::new(),
        })
    }

    fn run(&self, seconds: u64) -> Result<Round, Failure> {
        go_on()?;
        let before = process::cpu(self.server.process());
        let connections = self.load.connections;
        // Another one in each run: what is made must not be there yet.
        let seed = fastrand::u32(..);
        let found = wrk::run(&self.file, self.server.address, connections, seconds, seed);
        go_on()?;
        let found = found?;
        let cpu = process::cpu(self.server.process()).saturating_sub(before);
        let name = self.who.name();
        if found.errors > 0.0 {
            let (errors, requests) = (found.errors, found.requests);
            return Err(Failure::new(format!(
                "{name}: {errors} of {requests} requests have failed: this would measure errors"
            )));
        }
        Ok(Round {
            rate: found.requests / found.seconds,
            p50: found.p50,
            p99: found.p99,
            cpu: cpu.as_secs_f64() * 1e6 / found.requests.max(1.0),
        })
    }

    /// One answer, which must be right.
    fn answer(&self, place: usize) -> Result<Connection, Failure> {
        let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", self.who.name()));
        let mut connection = Connection::open(self.server.address).map_err(failed)?;
        let unique = format!("{:016x}", fastrand::u64(..));
        let request = self.load.request(place, &unique);
        connection.expect(self.status, &request).map_err(failed)?;
        Ok(connection)
    }

    /// The medians.
    pub(crate) fn median(&self, of: impl Fn(&Round) -> f64) -> Spread {
        Spread::of(self.rounds.iter().map(of))
    }
}

impl Contest<'_> {
    /// Lets all have their turns; which is first changes. A short turn before warms up.
    pub(crate) fn run(&mut self, rules: Rules) -> Result<(), Failure> {
        output::complain(&format!("  {}", self.name));
        self.check()?;
        for side in &self.sides {
            side.run(1)?;
        }
        let count = self.sides.len();
        for round in 0..rules.rounds {
            for place in 0..count {
                let side = &mut self.sides[(round + place) % count];
                let found = side.run(rules.seconds)?;
                if found.rate <= 0.0 {
                    let problem = "no answer in a whole turn; --seconds makes turns longer";
                    let name = side.who.name();
                    return Err(Failure::new(format!("{name}: {problem}")));
                }
                side.rounds.push(found);
            }
        }
        self.check()
    }

    /// Sees that all of them give right answers.
    fn check(&self) -> Result<(), Failure> {
        let server = &self.sides[0];
        for side in &self.sides {
            for place in [0, 1, 7] {
                let theirs = side.answer(place)?;
                match side.who {
                    Who::Bytes => same_bytes(&server.answer(0)?, &theirs),
                    Who::Thin | Who::Alone if side.load.method == "GET" => {
                        same_tenants(&server.answer(place)?.body, &theirs.body)
                    }
                    _ => not_empty(&theirs.body),
                }
                .map_err(|problem| {
                    let name = &self.name;
                    Failure::new(format!("{name}, {}: {problem}", side.who.name()))
                })?;
            }
        }
        Ok(())
    }

    /// How the server does against another side: the ratio of each round, since both had
    /// their turns near to each other.
    pub(crate) fn ratio(&self, other: &Side<'_>, of: impl Fn(&Round) -> f64) -> Spread {
        let server = &self.sides[0].rounds;
        Spread::of(
            server
                .iter()
                .zip(&other.rounds)
                .map(|(one, other)| of(one) / of(other)),
        )
    }

    pub(crate) fn side(&self, who: Who) -> Option<&Side<'_>> {
        self.sides.iter().find(|side| side.who == who)
    }
}

/// What differs between answers that are the same: when it was, and which request.
const OWN: [&str; 2] = ["date:", "x-request-id:"];

fn headers(head: &str) -> Vec<String> {
    let mut lines: Vec<String> = head
        .lines()
        .map(str::to_lowercase)
        .filter(|line| !OWN.iter().any(|own| line.starts_with(own)))
        .collect();
    lines.sort();
    lines
}

fn same_bytes(one: &Connection, other: &Connection) -> Result<(), String> {
    if headers(&one.head) != headers(&other.head) {
        return Err(format!("other headers:\n{}{}", one.head, other.head));
    }
    if one.body.len() != other.body.len() {
        let lengths = (one.body.len(), other.body.len());
        return Err(format!("a body of another length: {lengths:?}"));
    }
    Ok(())
}

/// Sees that the same tenants are told in the same words; a record of the system API may be
/// told as a tenant.
fn same_tenants(one: &[u8], other: &[u8]) -> Result<(), String> {
    let [one, other] = [one, other].map(serde_json::from_slice::<Value>);
    let (Ok(one), Ok(other)) = (one, other) else {
        return Err("an answer that is not JSON".to_owned());
    };
    let same = match one.get("uuid") {
        Some(id) => Some(id) == other.get("id") && one.get("data") == other.get("data"),
        None => one == other,
    };
    if same {
        Ok(())
    } else {
        let [one, other] = [one, other].map(|value| value.to_string());
        let differ = one
            .bytes()
            .zip(other.bytes())
            .position(|(one, other)| one != other);
        let [one, other] = [one, other].map(|text| excerpt(&text, differ.unwrap_or_default()));
        Err(format!("other content:\n…{one}…\n…{other}…"))
    }
}

/// Some of a text around a place.
fn excerpt(text: &str, place: usize) -> String {
    text.chars()
        .skip(place.saturating_sub(40))
        .take(120)
        .collect()
}

fn not_empty(body: &[u8]) -> Result<(), String> {
    if body.is_empty() {
        return Err("an empty answer".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_are_compared_by_what_they_say() {
        let same = |one: &str, other: &str| same_tenants(one.as_bytes(), other.as_bytes()).is_ok();
        assert!(same(r#"{"id":"a","n":1}"#, r#"{"n":1,"id":"a"}"#));
        assert!(!same(r#"{"id":"a"}"#, r#"{"id":"b"}"#));
        let record = r#"{"id":7,"uuid":"a","data":{"x":1}}"#;
        assert!(same(record, r#"{"id":"a","name":"n","data":{"x":1}}"#));
        assert!(!same(record, r#"{"id":"a","name":"n","data":{}}"#));
        assert!(!same("", "{}"));
    }

    #[test]
    fn what_changes_from_answer_to_answer_is_not_compared() {
        let one = "HTTP/1.1 200 OK\r\nDate: today\r\nX-Request-Id: 1\r\nETag: \"1\"\r\n\r\n";
        let other = "HTTP/1.1 200 OK\r\netag: \"1\"\r\nx-request-id: 2\r\ndate: later\r\n\r\n";
        assert_eq!(headers(one), headers(other));
        assert_ne!(headers(one), headers("HTTP/1.1 200 OK\r\n\r\n"));
    }
}
