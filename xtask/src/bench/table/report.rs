//! What was found, as Markdown.

use std::{fmt::Write as _, fs, time::Duration};

use super::{
    super::Kind,
    contest::Contest,
    operations::CONNECTIONS,
    paced::Latencies,
    stats::{Spread, real},
    targets::{self, Bound},
};

/// All of it.
pub(crate) struct Report<'a> {
    pub(crate) kind: Kind,
    pub(crate) tenants: u64,
    pub(crate) command: String,
    pub(crate) contests: &'a [Contest<'a>],
    pub(crate) elliptic: Option<&'a Contest<'a>>,
    pub(crate) paced: &'a [(String, Latencies)],
    pub(crate) figures: Figures,
}

/// What belongs to no operation.
pub(crate) struct Figures {
    pub(crate) seeding: Duration,
    pub(crate) first_start: Duration,
    /// Seconds.
    pub(crate) starts: Spread,
    pub(crate) anonymous_kib: u64,
    pub(crate) bytes_on_disk: u64,
    pub(crate) program_bytes: u64,
}

/// Texts can always be written to.
macro_rules! line {
    ($text:expr, $($arguments:tt)*) => {
        let _ = writeln!($text, $($arguments)*);
    };
}

impl Report<'_> {
    pub(crate) fn to_markdown(&self) -> String {
        let mut text = String::new();
        let kind = match self.kind {
            Kind::Sqlite => "SQLite",
            Kind::Postgres => "PostgreSQL",
        };
        line!(text, "# {kind}, {} tenants\n", grouped(real(self.tenants)));
        line!(text, "{}: `{}`.\n", machine(), self.command);
        self.targets(&mut text);
        self.operations(&mut text);
        self.half(&mut text);
        self.rest(&mut text);
        text
    }

    fn targets(&self, text: &mut String) {
        line!(
            text,
            "## Targets\n\n| what | target | reached | |\n|---|---|---|---|"
        );
        for target in targets::all(self) {
            let (word, bound) = match target.bound {
                Bound::Least(bound) => ("≥", bound),
                Bound::Most(bound) => ("≤", bound),
            };
            let verdict = if target.is_met() {
                "met"
            } else {
                "**not met**"
            };
            let unit = target.unit;
            let decimals = if unit == "×" { 2 } else { 0 };
            let reached = target.reached;
            line!(
                text,
                "| {} | {word} {bound}{unit} | {reached:.decimals$}{unit} | {verdict} |",
                target.what
            );
        }
    }

    fn operations(&self, text: &mut String) {
        line!(
            text,
            "\n## Operations\n\n{CONNECTIONS} connections. Medians of the turns, in brackets the least and the \
             most; the ratios are the server's by the other's, turn by turn. CPU is that of the process \
             that answers{}.\n",
            match self.kind {
                Kind::Sqlite => ", which is the database's too",
                Kind::Postgres => ", without the database's",
            }
        );
        line!(
            text,
            "| operation | answered by | requests/s | p50 µs | p99 µs | CPU µs a request | rate, ratio | CPU, ratio |\n\
             |---|---|---|---|---|---|---|---|"
        );
        for contest in self.contests.iter().chain(self.elliptic) {
            for (place, side) in contest.sides.iter().enumerate() {
                let rate = side.median(|round| round.rate);
                let (name, ratios) = if place == 0 {
                    (format!("`{}`", contest.name), "| |".to_owned())
                } else {
                    let rate = contest.ratio(side, |round| round.rate);
                    let cpu = contest.ratio(side, |round| round.cpu);
                    (String::new(), format!("{} | {} |", ratio(rate), ratio(cpu)))
                };
                line!(
                    text,
                    "| {name} | {} | {} ({}–{}) | {:.0} | {:.0} | {:.1} | {ratios}",
                    side.who.name(),
                    grouped(rate.median),
                    grouped(rate.least),
                    grouped(rate.most),
                    side.median(|round| round.p50).median,
                    side.median(|round| round.p99).median,
                    side.median(|round| round.cpu).median,
                );
            }
        }
    }

    fn half(&self, text: &mut String) {
        line!(
            text,
            "\n## At half of the saturation rate\n\n| operation | requests/s | p50 µs | p99 µs | p99 by p50 |\n|---|---|---|---|---|"
        );
        for (name, found) in self.paced {
            line!(
                text,
                "| `{name}` | {} | {:.0} | {:.0} | {:.1} |",
                grouped(found.rate),
                found.p50,
                found.p99,
                found.p99 / found.p50
            );
        }
    }

    fn rest(&self, text: &mut String) {
        let figures = &self.figures;
        let mib = |bytes: u64| real(bytes) / f64::from(1 << 20);
        let starts = figures.starts;
        line!(text, "\n## The rest\n\n| | |\n|---|---|");
        line!(
            text,
            "| seeding | {:.1} s, {} tenants/s |",
            figures.seeding.as_secs_f64(),
            grouped(real(self.tenants) / figures.seeding.as_secs_f64())
        );
        line!(
            text,
            "| first start, on an empty database, to ready | {:.0} ms |",
            figures.first_start.as_secs_f64() * 1e3
        );
        line!(
            text,
            "| start to ready | {:.0} ms ({:.0}–{:.0}) |",
            starts.median * 1e3,
            starts.least * 1e3,
            starts.most * 1e3
        );
        line!(
            text,
            "| anonymous memory after all of it | {:.1} MiB |",
            mib(figures.anonymous_kib * 1024)
        );
        line!(
            text,
            "| database on disk after all of it | {:.0} MiB |",
            mib(figures.bytes_on_disk)
        );
        line!(
            text,
            "| release binary | {:.1} MiB |",
            mib(figures.program_bytes)
        );
    }
}

fn ratio(spread: Spread) -> String {
    let Spread {
        median,
        least,
        most,
    } = spread;
    format!("**{median:.2}** ({least:.2}–{most:.2})")
}

/// A whole number with its thousands apart.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What it ran on, without names.
pub(crate) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let cpus = read("/proc/cpuinfo");
    let memory = read("/proc/meminfo");
    let gib = value(&memory, "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
        .map_or(0.0, |kib| kib / f64::from(1 << 20));
    let load = read("/proc/loadavg");
    format!(
        "{cores} cores ({}), {gib:.0} GiB, Linux {}, load of the last minute at the end {}",
        value(&cpus, "model name").unwrap_or("of an unknown kind"),
        read("/proc/sys/kernel/osrelease")
            .split('-')
            .next()
            .unwrap_or_default()
            .trim(),
        load.split(' ').next().unwrap_or_default()
    )
}

/// What stands behind a name and a colon.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (known, value) = line.split_once(':')?;
        (known.trim() == name).then_some(value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_can_be_read() {
        assert_eq!(grouped(0.4), "0");
        assert_eq!(grouped(999.0), "999");
        assert_eq!(grouped(1_234_567.8), "1,234,568");
        let spread = Spread::of([0.5, 0.524, 0.6]);
        assert_eq!(ratio(spread), "**0.52** (0.50–0.60)");
    }

    #[test]
    fn a_value_stands_behind_its_name() {
        let text = "model\t\t: 17\nmodel name\t: A CPU\n";
        assert_eq!(value(text, "model name"), Some("A CPU"));
        assert_eq!(value(text, "cores"), None);
    }

    #[test]
    fn a_report_without_operations_has_its_other_figures() {
        let report = Report {
            kind: Kind::Sqlite,
            tenants: 20_000,
            command: "cargo xtask bench all".to_owned(),
            contests: &[],
            elliptic: None,
            paced: &[(
                "GET /x".to_owned(),
                Latencies {
                    p50: 100.0,
                    p99: 700.0,
                    rate: 5_000.0,
                },
            )],
            figures: Figures {
                seeding: Duration::from_secs(2),
                first_start: Duration::from_millis(300),
                starts: Spread::of([0.021, 0.020, 0.030]),
                anonymous_kib: 70 * 1024,
                bytes_on_disk: 20 << 20,
                program_bytes: 19 << 20,
            },
        };
        let text = report.to_markdown();
        for line in [
            "# SQLite, 20,000 tenants",
            "| GET /x: p99 by p50 at half of the saturation rate | ≤ 5× | 7.00× | **not met** |",
            "| anonymous memory after all of it | ≤ 64 MiB | 70 MiB | **not met** |",
            "| from start to ready | ≤ 200 ms | 21 ms | met |",
            "| seeding | 2.0 s, 10,000 tenants/s |",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
    }
}
