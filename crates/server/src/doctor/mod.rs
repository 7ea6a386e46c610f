//! Whether a server could work with the settings there are: what is looked at, what was found,
//! and what to do about it. Nothing is changed by it.

mod database;
mod files;
mod network;

use std::fmt;

use serde::Serialize;

use crate::{config::Settings, world::World};

/// How a check has come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// As it should be.
    Ok,
    /// A server works, and yet somebody should look.
    Warning,
    /// A server does not work, or not right.
    Problem,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        })
    }
}

/// What one check has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) check: &'static str,
    /// How it has come out.
    pub(crate) state: State,
    /// What was found, in one sentence.
    pub(crate) found: String,
    /// What to do, where there is something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) advice: Option<String>,
}

impl Finding {
    /// All is well.
    pub(crate) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            state: State::Ok,
            found: found.into(),
            advice: None,
        }
    }

    /// Somebody should look.
    pub(crate) fn warning(
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            check,
            state: State::Warning,
            found: found.into(),
            advice: Some(advice.into()),
        }
    }

    /// Somebody has to.
    pub(crate) fn problem(
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Problem,
            ..Self::warning(check, found, advice)
        }
    }
}

/// All findings, in the order in which a server would meet what they are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    /// The worst of them.
    pub(crate) state: State,
    /// Each.
    pub(crate) checks: Vec<Finding>,
}

impl Report {
    /// Of these findings.
    pub(crate) fn of(checks: Vec<Finding>) -> Self {
        let worst = checks.iter().map(|finding| finding.state).max();
        Self {
            state: worst.unwrap_or(State::Ok),
            checks,
        }
    }

    /// How many findings are in that state.
    pub(crate) fn count(&self, state: State) -> usize {
        let in_it = self.checks.iter().filter(|finding| finding.state == state);
        in_it.count()
    }
}

/// Looks at everything.
pub(crate) fn examine(settings: &Settings) -> Report {
    let world = World::real();
    let mut checks = of_settings(settings);
    checks.extend(files::examine(settings));
    checks.extend(database::examine(settings, &world));
    checks.extend(network::examine(settings));
    Report::of(checks)
}

fn of_settings(settings: &Settings) -> Vec<Finding> {
    let warn = |warning: &String| {
        let advice = "correct its name, or take it away";
        Finding::warning("settings", warning, advice)
    };
    if settings.warnings.is_empty() {
        return vec![Finding::ok("settings", "all of them can be used")];
    }
    settings.warnings.iter().map(warn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_as_bad_as_its_worst_finding() {
        let ok = Finding::ok("a", "fine");
        let warning = Finding::warning("b", "odd", "look");
        let problem = Finding::problem("c", "bad", "mend");
        assert_eq!(Report::of(vec![]).state, State::Ok);
        assert_eq!(
            Report::of(vec![warning.clone(), ok.clone()]).state,
            State::Warning
        );
        let all = Report::of(vec![ok, problem, warning]);
        assert_eq!(all.state, State::Problem);
        assert_eq!(all.count(State::Problem), 1);
    }
}
