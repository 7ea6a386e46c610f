//! Why the program ends before its work is done.

use std::error::Error;

use tenantry_domain::{error::Fault, port::StoreError};
use thiserror::Error;

use crate::config::{
    SettingError,
    table::{Key, Setting},
};

/// Why the program ends, in one line for a person.
#[derive(Debug, Error)]
pub enum Failure {
    /// A setting, or what it points at, can't be used: exit status 2.
    #[error("{0}")]
    Setting(String),
    /// What was asked for could not be done: exit status 1.
    #[error("{0}")]
    Command(String),
}

impl Failure {
    /// What a setting points at can't be used.
    pub fn setting(key: Key, problem: &str) -> Self {
        let variable = Setting::of(key).variable();
        Self::Setting(one_line(&format!("{variable}: {problem}")))
    }

    /// What was asked for could not be done.
    pub fn command(problem: &str) -> Self {
        Self::Command(one_line(problem))
    }

    /// The database can't be used.
    pub fn database(error: &(dyn Error + 'static)) -> Self {
        let problem = format!("the database can't be used: {}", with_causes(error));
        Self::setting(Key::DatabaseUrl, &problem)
    }

    /// A use case was refused, or the database failed while it ran.
    pub fn of_use_case(error: &tenantry_domain::error::Error) -> Self {
        use tenantry_domain::error::Error;
        match error {
            Error::Store(error) => Self::of_store(error),
            Error::Invalid(faults) => {
                let faults: Vec<_> = faults.iter().map(describe).collect();
                Self::command(&faults.join("; "))
            }
            refused => Self::command(&refused.to_string()),
        }
    }

    /// The database failed, or can't be reached.
    pub fn of_store(error: &StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::WrongSchema(_) => Self::database(error),
            other => Self::command(&with_causes(other)),
        }
    }

    /// The exit status of the process.
    pub fn status(&self) -> u8 {
        match self {
            Self::Command(_) => 1,
            Self::Setting(_) => 2,
        }
    }
}

impl From<SettingError> for Failure {
    fn from(error: SettingError) -> Self {
        Self::Setting(error.to_string())
    }
}

/// An error with all that caused it, since an error of this program never repeats its
/// cause in its own text.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A fault together with the offending value, which is never a secret.
fn describe(fault: &Fault) -> String {
    match &fault.value {
        Some(value) => format!("{fault}; it is {value}"),
        None => fault.to_string(),
    }
}

fn one_line(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    lines.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_is_away_is_a_setting_and_a_refusal_is_not() {
        let away = StoreError::Unavailable("no\nroute".to_owned());
        let failure = Failure::of_store(&away);
        assert_eq!(failure.status(), 2);
        assert_eq!(
            failure.to_string(),
            "TENANTRY_DATABASE_URL: the database can't be used: \
             the database is not available: no route"
        );
        let cause = StoreError::Failed("disk I/O error".into());
        let failure = Failure::of_store(&cause);
        assert_eq!(failure.status(), 1);
        assert_eq!(failure.to_string(), "the database refused: disk I/O error");
    }
}
