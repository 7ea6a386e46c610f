//! What is to be reached, and whether it is.

use super::{
    super::Kind,
    contest::{Contest, Who},
    operations::Operation,
    report::Report,
    stats::real,
};

/// The same operation, asked for by one caller after the other: each commit is its own.
pub(crate) const ONE_CALLER: &str = "the server, one caller";

/// The first page, which deeper ones are compared with.
pub(crate) const FIRST_PAGE: &str = "the server, page 1";

/// One target.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) what: String,
    pub(crate) bound: Bound,
    pub(crate) unit: &'static str,
    pub(crate) reached: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    Least(f64),
    Most(f64),
}

impl Target {
    pub(crate) fn is_met(&self) -> bool {
        match self.bound {
            Bound::Least(least) => self.reached >= least,
            Bound::Most(most) => self.reached <= most,
        }
    }
}

/// A rate of the server against another side's.
struct Rate {
    operation: Operation,
    against: Who,
    least: f64,
    on: &'static [Kind],
}

const BOTH: &[Kind] = &[Kind::Sqlite, Kind::Postgres];
const SQLITE: &[Kind] = &[Kind::Sqlite];
const POSTGRES: &[Kind] = &[Kind::Postgres];

const RATES: [Rate; 9] = [
    rate(Operation::Tenant, Who::Bytes, 0.5, SQLITE),
    rate(Operation::Record, Who::Bytes, 0.5, SQLITE),
    rate(Operation::Tenant, Who::Thin, 0.9, POSTGRES),
    rate(Operation::Record, Who::Thin, 0.9, POSTGRES),
    rate(Operation::Page, Who::Bytes, 0.3, SQLITE),
    rate(Operation::Page, Who::Thin, 2.0, SQLITE),
    rate(Operation::Token, Who::Sign, 0.9, BOTH),
    rate(Operation::Create, Who::Thin, 0.6, BOTH),
    rate(Operation::Create, Who::Other(ONE_CALLER), 2.0, SQLITE),
];

const fn rate(operation: Operation, against: Who, least: f64, on: &'static [Kind]) -> Rate {
    Rate {
        operation,
        against,
        least,
        on,
    }
}

/// All that apply to what was measured.
pub(crate) fn all(report: &Report<'_>) -> Vec<Target> {
    let mut targets = rates(report);
    targets.extend(depths(report));
    for (name, found) in report.paced {
        targets.push(Target {
            what: format!("{name}: p99 by p50 at half of the saturation rate"),
            bound: Bound::Most(5.0),
            unit: "×",
            reached: found.p99 / found.p50,
        });
    }
    let figures = &report.figures;
    let small = |what: &str, most, unit, reached| Target {
        what: what.to_owned(),
        bound: Bound::Most(most),
        unit,
        reached,
    };
    let mib = |bytes: u64| real(bytes) / f64::from(1 << 20);
    targets.push(small(
        "anonymous memory after all of it",
        64.0,
        " MiB",
        mib(figures.anonymous_kib * 1024),
    ));
    targets.push(small(
        "from start to ready",
        200.0,
        " ms",
        figures.starts.median * 1e3,
    ));
    targets.push(small(
        "release binary",
        30.0,
        " MiB",
        mib(figures.program_bytes),
    ));
    targets
}

fn rates(report: &Report<'_>) -> Vec<Target> {
    let mut targets = Vec::new();
    for rate in RATES.iter().filter(|rate| rate.on.contains(&report.kind)) {
        let name = rate.operation.name();
        let contest = report.contests.iter().find(|contest| contest.name == name);
        let Some((contest, other)) =
            contest.and_then(|contest| Some((contest, contest.side(rate.against)?)))
        else {
            continue;
        };
        targets.push(Target {
            what: format!("{name}: rate by that of: {}", rate.against.name()),
            bound: Bound::Least(rate.least),
            unit: "×",
            reached: contest.ratio(other, |round| round.rate).median,
        });
    }
    targets
}

/// Deep pages by their cost in CPU time, which is steadier than rates.
fn depths(report: &Report<'_>) -> Vec<Target> {
    let most = if report.tenants > 1_000_000 { 2.5 } else { 2.0 };
    let deep = [Operation::MiddleRecords, Operation::LastRecords].map(Operation::name);
    let contests = report.contests.iter();
    contests
        .filter(|contest| deep.contains(&contest.name.as_str()))
        .filter_map(|contest| {
            Some(Target {
                what: format!("{}: time of page 1", contest.name),
                bound: Bound::Most(most),
                unit: "×",
                reached: slower(contest)?,
            })
        })
        .collect()
}

fn slower(contest: &Contest<'_>) -> Option<f64> {
    let first = contest.side(Who::Other(FIRST_PAGE))?;
    Some(1.0 / contest.ratio(first, |round| round.rate).median)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_met_or_not() {
        let target = |bound, reached| Target {
            what: String::new(),
            bound,
            unit: "",
            reached,
        };
        assert!(target(Bound::Least(0.5), 0.5).is_met());
        assert!(!target(Bound::Least(0.5), 0.49).is_met());
        assert!(target(Bound::Most(5.0), 4.0).is_met());
        assert!(!target(Bound::Most(5.0), f64::NAN).is_met());
        assert!(!target(Bound::Least(0.5), f64::NAN).is_met());
    }
}
