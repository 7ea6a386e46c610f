//! `cargo xtask migrate`: the migrations that are embedded in the server, on the
//! database that the server's settings name.

use clap::{Args, Subcommand};
use tenantry::{
    config::{Flags, Settings, table::Key},
    startup,
};
use tenantry_storage::Database;

use crate::{Failure, output};

/// What to do with the migrations.
#[derive(Subcommand)]
pub(crate) enum Migrate {
    /// Apply all that are missing
    Run(Where),
    /// Take back the last one, and with it the data that it made room for
    Revert(Where),
    /// Take back the last one and apply it again, to try both directions
    Redo(Where),
    /// Show which there are, and which are applied
    Status(Where),
    /// Fail if any is missing, if the database has one that is not known here, or if its counts
    /// of tenants are wrong
    Check(Where),
}

/// Which database.
#[derive(Args)]
pub(crate) struct Where {
    /// The database; without it, the one that a server started here would use
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

impl Migrate {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Run(place) => apply(&place.open()?)?,
            Self::Revert(place) => take_back(&place.open()?)?,
            Self::Redo(place) => {
                let database = place.open()?;
                take_back(&database)?;
                apply(&database)?;
            }
            Self::Check(place) => {
                let database = place.open()?;
                database.check_schema().map_err(|error| failed(&error))?;
                output::say("the schema is up to date");
                let wrong = database.miscounted().map_err(|error| failed(&error))?;
                if wrong > 0 {
                    return Err(Failure::new(format!(
                        "{wrong} counts of tenants are wrong: `tenantry migrate recount` mends them"
                    )));
                }
                output::say("the tenants are counted right");
            }
            Self::Status(place) => {
                for migration in place.open()?.migrations().map_err(|error| failed(&error))? {
                    let state = if migration.applied {
                        "applied"
                    } else {
                        "missing"
                    };
                    output::say(&format!("{state}  {}", migration.name));
                }
            }
        }
        Ok(())
    }
}

fn apply(database: &Database) -> Result<(), Failure> {
    let applied = database.migrate().map_err(|error| failed(&error))?;
    if applied.is_empty() {
        output::say("the schema is up to date");
    }
    for name in applied {
        output::say(&format!("applied  {name}"));
    }
    Ok(())
}

fn take_back(database: &Database) -> Result<(), Failure> {
    match database.revert().map_err(|error| failed(&error))? {
        Some(name) => output::say(&format!("reverted {name}")),
        None => output::say("no migration is applied"),
    }
    Ok(())
}

impl Where {
    fn open(self) -> Result<Database, Failure> {
        let mut flags = Flags::default();
        if let Some(url) = self.database_url {
            flags.values.insert(Key::DatabaseUrl, url);
        }
        let settings = Settings::load(&flags).map_err(tenantry::failure::Failure::from);
        settings
            .and_then(|settings| startup::open_database(&settings))
            .map_err(|failure| Failure {
                message: failure.to_string(),
                status: failure.status(),
            })
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Failure {
    let failure = tenantry::failure::Failure::database(error);
    Failure {
        message: failure.to_string(),
        status: failure.status(),
    }
}
