//! What the server does, against the least that could do the same on this machine.

mod contest;
mod growth;
mod operations;
mod paced;
mod process;
mod report;
mod sample;
mod site;
mod stats;
mod targets;
mod wrk;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;

pub(crate) use self::growth::Growth;
use self::{
    contest::{Contest, INTERRUPTED, Rules, Side, Who, go_on},
    operations::{Operation, bytes, post},
    report::{Figures, Report},
    sample::Sample,
    site::Site,
};
use super::{
    Kind,
    connection::Connection,
    server::{self, Server, run},
};
use crate::{Failure, output};

/// How the table is made.
///
/// Each operation is asked of the server and of what it is compared with, in turns, by the
/// load generator `wrk` (Debian's package of that name) over 16 connections that stay. The
/// baselines answer from one process (`tenantry-baselines`): the same bytes from memory, the same rows by the
/// thinnest client, a signature and nothing else. What counts are ratios; how to read them is told
/// in docs/PERFORMANCE.md.
///
/// Examples:
///   cargo xtask bench all --tenants 20000 --rounds 3 --seconds 1      a first look
///   cargo xtask bench all --only "POST /v1/tenants" --tenants 20000   one operation
///   cargo xtask bench all --database postgres --output bench/postgres.md
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct All {
    /// On which database; PostgreSQL is a server of its own with the settings that it comes with
    #[arg(long, value_enum, default_value_t = Kind::Sqlite)]
    database: Kind,
    /// How many tenants there are
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    tenants: u64,
    /// How many turns each has; medians of them are told
    #[arg(long, value_name = "R", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// How long a turn is, in seconds
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Only operations whose names contain this, such as `oauth` or "GET /v1"; may be given again
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Measure this release build, such as an older one, and build only the baselines
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Write the table to this file, too
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How often the server is started to see how soon it is ready.
const STARTS: usize = 5;

impl All {
    pub(super) fn run(&self) -> Result<(), Failure> {
        wrk::check()?;
        heed_interrupts()?;
        let program = program(self.program.as_deref())?;
        let baselines = server::build_package("tenantry-baselines")?;
        let site = Site::make(&program, self.database)?;
        let first_start = {
            let (server, ready) = site.serve()?;
            server.stop()?;
            ready
        };
        output::complain(&format!("seeding {} tenants", self.tenants));
        let seeding = site.seed(self.tenants)?;
        let starts = Self::starts(&site)?;
        let answers = site.path().join("answers");
        fs::create_dir_all(&answers).map_err(|error| Failure::new(error.to_string()))?;
        let sample = self.prepare(&site, &answers)?;
        let (server, _) = site.serve()?;
        let others = site.baselines(&baselines, &answers)?;
        let mut contests = self.contests(&site, &server, &others, &sample)?;
        let rules = Rules {
            rounds: usize::try_from(self.rounds).unwrap_or(usize::MAX),
            seconds: self.seconds,
        };
        for contest in &mut contests {
            contest.run(rules)?;
        }
        let paced = self.paced(&contests)?;
        let elliptic = self.elliptic(&site, &server, &others, &sample, rules)?;
        let report = Report {
            kind: site.kind(),
            tenants: self.tenants,
            command: self.command(),
            contests: &contests,
            elliptic: elliptic.as_ref(),
            paced: &paced,
            figures: Figures {
                seeding,
                first_start,
                starts: stats::Spread::of(starts.iter().map(Duration::as_secs_f64)),
                anonymous_kib: process::anonymous_kib(server.process()),
                bytes_on_disk: site.bytes_on_disk()?,
                program_bytes: fs::metadata(&program).map_or(0, |data| data.len()),
            },
        };
        let text = report.to_markdown();
        output::say(&text);
        if let Some(file) = &self.output {
            fs::write(file, text)
                .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
        }
        Ok(())
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part))
    }

    /// Starts the server some times on the database as it is.
    fn starts(site: &Site) -> Result<Vec<Duration>, Failure> {
        (0..STARTS)
            .map(|_| {
                go_on()?;
                let (server, ready) = site.serve()?;
                server.stop()?;
                Ok(ready)
            })
            .collect()
    }

    /// Picks tenants, keeps the answers that bare handlers repeat, makes the tenant whose rows are
    /// copied, and copies the database.
    fn prepare(&self, site: &Site, answers: &Path) -> Result<Sample, Failure> {
        let (server, _) = site.serve()?;
        let sample = Sample::take(&server, self.tenants)?;
        let failed = |error: std::io::Error| Failure::new(error.to_string());
        // First, since it is seen in what is answered.
        let mut connection = Connection::open(server.address).map_err(failed)?;
        let request = Operation::Create.load(&sample).request(0, "model");
        connection.expect(201, &request).map_err(failed)?;
        for operation in Operation::READS {
            let mut connection = Connection::open(server.address).map_err(failed)?;
            let request = operation.load(&sample).request(0, "");
            connection.expect(200, &request).map_err(failed)?;
            let mut answer = connection.head.into_bytes();
            answer.extend(connection.body);
            fs::write(answers.join(file_name(operation)), answer).map_err(failed)?;
        }
        server.stop()?;
        site.copy()?;
        Ok(sample)
    }

    fn contests<'a>(
        &self,
        site: &Site,
        server: &'a Server,
        others: &'a Server,
        sample: &Sample,
    ) -> Result<Vec<Contest<'a>>, Failure> {
        let mut contests = Vec::new();
        let new = |who, server, status, load| Side::new(site.path(), who, server, status, load);
        let all = Operation::READS
            .into_iter()
            .chain([Operation::Token, Operation::Create]);
        for operation in all.filter(|operation| self.wants(operation.name())) {
            let load = operation.load(sample);
            let status = operation.status();
            let mut sides = vec![new(Who::Server, server, status, load.clone())?];
            if Operation::READS.contains(&operation) {
                sides.push(new(Who::Bytes, others, 200, bytes(&file_name(operation)))?);
            }
            if let Some(thin) = operation.thin(sample) {
                sides.push(new(Who::Thin, others, status, thin)?);
            }
            match operation {
                Operation::Token => {
                    sides.push(new(Who::Sign, others, 200, post("/sign/RS256"))?);
                }
                Operation::Create => {
                    if self.database == Kind::Sqlite {
                        sides.push(new(Who::Alone, others, status, post("/tenants/alone"))?);
                    }
                    let mut one = load;
                    one.connections = 1;
                    sides.push(new(Who::Other(targets::ONE_CALLER), server, status, one)?);
                }
                Operation::MiddleRecords | Operation::LastRecords => {
                    let first = Operation::FirstRecords.load(sample);
                    sides.push(new(Who::Other(targets::FIRST_PAGE), server, status, first)?);
                }
                _ => {}
            }
            contests.push(Contest {
                name: operation.name().to_owned(),
                sides,
            });
        }
        Ok(contests)
    }

    /// Each operation at half of the rate that it has reached.
    fn paced(&self, contests: &[Contest<'_>]) -> Result<Vec<(String, paced::Latencies)>, Failure> {
        let mut found = Vec::new();
        for contest in contests {
            go_on()?;
            let server = &contest.sides[0];
            let half = server.median(|round| round.rate).median / 2.0;
            let seconds = self.seconds.max(2);
            found.push((contest.name.clone(), paced::run(server, half, seconds)?));
        }
        Ok(found)
    }

    /// Tokens under an ES256 key, for information: it replaces the other key for good.
    fn elliptic<'a>(
        &self,
        site: &Site,
        server: &'a Server,
        others: &'a Server,
        sample: &Sample,
        rules: Rules,
    ) -> Result<Option<Contest<'a>>, Failure> {
        if !self.wants(Operation::Token.name()) {
            return Ok(None);
        }
        let mut rotate = site.command(&["key", "rotate", "--algorithm", "ES256", "--now"]);
        run(rotate.stdout(std::process::Stdio::null()))?;
        let begun = Instant::now();
        while sample::algorithm(&sample::token(server)?).as_deref() != Some("ES256") {
            go_on()?;
            if begun.elapsed() > Duration::from_mins(1) {
                return Err(Failure::new("the server does not sign with its new key"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let new = |who, server, load| Side::new(site.path(), who, server, 200, load);
        let mut contest = Contest {
            name: "POST /oauth/token (ES256)".to_owned(),
            sides: vec![
                new(Who::Server, server, Operation::Token.load(sample))?,
                new(Who::Sign, others, post("/sign/ES256"))?,
            ],
        };
        contest.run(rules)?;
        Ok(Some(contest))
    }

    /// How to do this again.
    fn command(&self) -> String {
        let database = format!("{:?}", self.database).to_lowercase();
        let mut command = format!(
            "cargo xtask bench all --database {database} --tenants {} --rounds {} --seconds {}",
            self.tenants, self.rounds, self.seconds
        );
        for only in &self.only {
            // Texts can always be written to.
            let _ = write!(command, " --only {only:?}");
        }
        command
    }
}

/// The release that is measured: the one that is named, or one that is built now.
fn program(named: Option<&Path>) -> Result<PathBuf, Failure> {
    let program = match named {
        // It is run in another directory.
        Some(named) => fs::canonicalize(named)
            .map_err(|error| Failure::new(format!("{}: {error}", named.display())))?,
        None => server::build()?,
    };
    let bytes = fs::read(&program).map_err(|error| Failure::new(error.to_string()))?;
    if is_debug_build(&bytes) {
        let problem = "a debug build (it has line tables), whose figures would tell nothing; see `cargo build --release`";
        return Err(Failure::new(format!("{}: {problem}", program.display())));
    }
    Ok(program)
}

/// Whether a program has line tables: a release is stripped of them. What is no ELF file passes.
fn is_debug_build(program: &[u8]) -> bool {
    let name = b".debug_line";
    section_names(program)
        .is_some_and(|names| names.windows(name.len()).any(|window| window == name))
}

/// The names of an ELF file's sections, of 64 bits and little-endian (System V ABI, chapter 4).
fn section_names(program: &[u8]) -> Option<&[u8]> {
    let number = |place: usize, bytes: usize| {
        let bytes = program.get(place..place.checked_add(bytes)?)?.iter().rev();
        let number = bytes.fold(0, |number, &byte| number << 8 | u64::from(byte));
        usize::try_from(number).ok()
    };
    program.starts_with(b"\x7fELF\x02\x01").then_some(())?;
    // In the header: where the sections are told, how long each entry is, and which one is of their names.
    let before = number(0x3a, 2)? * number(0x3e, 2)?;
    let entry = number(0x28, 8)?.checked_add(before)?;
    let offset = number(entry.checked_add(0x18)?, 8)?;
    let size = number(entry.checked_add(0x20)?, 8)?;
    program.get(offset..offset.checked_add(size)?)
}

/// From now on an interrupt ends the benchmark by an error, so that all it has started is ended.
fn heed_interrupts() -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(error.to_string());
    for signal in [
        signal_hook::consts::SIGINT,
        signal_hook::consts::SIGTERM,
        signal_hook::consts::SIGHUP,
    ] {
        signal_hook::flag::register(signal, Arc::clone(&INTERRUPTED)).map_err(failed)?;
    }
    Ok(())
}

/// Under which name an operation's answer is kept.
fn file_name(operation: Operation) -> String {
    format!("{operation:?}").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debug_build_is_known() {
        let own = std::env::current_exe().and_then(fs::read);
        assert!(is_debug_build(&own.expect("a test is a program")));
        assert!(!is_debug_build(b"\x7fELF\x02\x01 .debug_line"), "cut short");
        assert!(!is_debug_build(b""));
    }
}
