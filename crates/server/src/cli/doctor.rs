//! `tenantry doctor`.

use clap::Args;

use super::output::OutputArgs;
use crate::{
    config::{SettingError, Settings},
    doctor::{self, Finding, Report, State},
    failure::Failure,
};

/// Looks at what a server needs: settings, data directory, disk, database, schema, permissions, clock, keys,
/// address and public URL. It changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Run it with the settings and as the user of the server, beside a running one or before the first start.
Exit status: 0 no problem (there may be warnings), 1 a problem, 2 a setting that can't be read.

Examples:
  tenantry doctor
  sudo -u tenantry tenantry --config /etc/tenantry.toml doctor --output json")]
pub(crate) struct Doctor {
    #[command(flatten)]
    output: OutputArgs,
}

impl Doctor {
    /// Does it.
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let report = doctor::examine(settings);
        self.output.show(&report, to_text)?;
        match report.count(State::Problem) {
            0 => Ok(()),
            1 => Err(Failure::command("1 problem")),
            many => Err(Failure::command(&format!("{many} problems"))),
        }
    }

    /// Shows that nothing could be looked at, since a setting is wrong.
    pub(crate) fn tell_of_settings(&self, error: &SettingError) -> Result<(), Failure> {
        let advice = "correct it; `tenantry --help` shows what may be set";
        let finding = Finding::problem("settings", error.to_string(), advice);
        self.output.show(&Report::of(vec![finding]), to_text)
    }
}

fn to_text(report: &Report) -> String {
    let width = report.checks.iter().map(|one| one.check.len()).max();
    let width = width.unwrap_or(0);
    let mut lines = Vec::new();
    for finding in &report.checks {
        let (state, check, found) = (finding.state, finding.check, &finding.found);
        lines.push(format!("{state:<7}  {check:<width$}  {found}"));
        if let Some(advice) = &finding.advice {
            lines.push(format!("{:<7}  {:<width$}  -> {advice}", "", ""));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_line_and_its_advice_another() {
        let report = Report::of(vec![
            Finding::ok("disk", "9 MiB are free"),
            Finding::problem("public url", "it is wrong", "mend it"),
        ]);
        assert_eq!(
            to_text(&report),
            "ok       disk        9 MiB are free\n\
             problem  public url  it is wrong\n         \
             \x20           -> mend it"
        );
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"state":"problem","checks":[{"check":"disk","state":"ok","found":"9 MiB are free"},{"check":"public url","state":"problem","found":"it is wrong","advice":"mend it"}]}"#
        );
    }
}
