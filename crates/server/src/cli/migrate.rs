//! `tenantry migrate`.

use clap::Subcommand;
use serde::Serialize;
use tenantry_storage::MigrationStatus;

use super::output::OutputArgs;
use crate::{config::Settings, failure::Failure, startup};

/// What can be done with the schema.
#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Apply what is missing; a server does that when it starts
    Run(#[command(flatten)] OutputArgs),
    /// Show which migrations there are, and which are applied
    Status(#[command(flatten)] OutputArgs),
    /// Count the tenants anew, after their table was changed behind the program's back
    Recount(#[command(flatten)] OutputArgs),
}

impl MigrateCommand {
    /// Does it.
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let database = startup::open_database(settings)?;
        match self {
            Self::Run(output) => {
                let applied = database
                    .migrate()
                    .map_err(|error| Failure::database(&error))?;
                output.show(&Applied { applied }, show_applied)
            }
            Self::Status(output) => {
                let migrations = database
                    .migrations()
                    .map_err(|error| Failure::database(&error))?;
                let views: Vec<_> = migrations.iter().map(MigrationView::from).collect();
                output.show(&views, |views| show_status(views))
            }
            Self::Recount(output) => {
                let wrong = database
                    .recount()
                    .map_err(|error| Failure::database(&error))?;
                output.show(&Recounted { wrong }, show_recounted)
            }
        }
    }
}

#[derive(Serialize)]
struct Applied {
    applied: Vec<String>,
}

#[derive(Serialize)]
struct MigrationView<'a> {
    name: &'a str,
    applied: bool,
}

impl<'a> From<&'a MigrationStatus> for MigrationView<'a> {
    fn from(status: &'a MigrationStatus) -> Self {
        Self {
            name: &status.name,
            applied: status.applied,
        }
    }
}

#[derive(Serialize)]
struct Recounted {
    wrong: u64,
}

fn show_recounted(result: &Recounted) -> String {
    match result.wrong {
        0 => "Every count is right.".to_owned(),
        wrong => format!("Counted anew: {wrong} counts were wrong."),
    }
}

fn show_applied(result: &Applied) -> String {
    if result.applied.is_empty() {
        return "The schema is up to date.".to_owned();
    }
    let lines: Vec<_> = result
        .applied
        .iter()
        .map(|name| format!("applied  {name}"))
        .collect();
    lines.join("\n")
}

fn show_status(views: &[MigrationView<'_>]) -> String {
    let line = |view: &MigrationView<'_>| {
        let state = if view.applied { "applied" } else { "missing" };
        format!("{state}  {}", view.name)
    };
    let lines: Vec<_> = views.iter().map(line).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_both_states() {
        let views = [
            MigrationView {
                name: "0001_a",
                applied: true,
            },
            MigrationView {
                name: "0002_b",
                applied: false,
            },
        ];
        assert_eq!(show_status(&views), "applied  0001_a\nmissing  0002_b");
        let json = serde_json::to_string(&views).unwrap();
        assert_eq!(
            json,
            r#"[{"name":"0001_a","applied":true},{"name":"0002_b","applied":false}]"#
        );
        let nothing = Applied { applied: vec![] };
        assert_eq!(show_applied(&nothing), "The schema is up to date.");
        let counted = |wrong| show_recounted(&Recounted { wrong });
        assert_eq!(counted(0), "Every count is right.");
        assert_eq!(counted(3), "Counted anew: 3 counts were wrong.");
    }
}
