//! What is wrong with a setting, in one line.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::table::{Key, Setting};

/// A setting that can't be used. It names the setting, where its value came from and
/// what would be right, and never shows a secret.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct SettingError(String);

impl SettingError {
    /// A fault of the value of a setting. `problem` goes on from the setting's name;
    /// `value` is shown where the setting allows that.
    pub fn of(key: Key, origin: &Origin, problem: impl fmt::Display, value: Option<&str>) -> Self {
        let setting = Setting::of(key);
        let origin = origin.describe(setting);
        let shown = value
            .filter(|_| setting.is_shown)
            .map_or_else(String::new, |value| format!("; it is {}", excerpt(value)));
        Self::one_line(&format!(
            "{} ({origin}) {problem}{shown}",
            setting.variable()
        ))
    }

    /// A fault of the settings file as a whole.
    pub fn of_file(path: &Path, problem: impl fmt::Display) -> Self {
        Self::one_line(&format!("settings file {}: {problem}", path.display()))
    }

    /// A fault that is told wholly by its text.
    pub fn one_line(text: &str) -> Self {
        Self(text.lines().map(str::trim).collect::<Vec<_>>().join(" "))
    }
}

/// The beginning of a value in quotes, with its line ends escaped.
fn excerpt(value: &str) -> String {
    let start: String = value.chars().take(80).collect();
    let rest = if start.len() < value.len() { "…" } else { "" };
    format!("{start:?}{rest}")
}

/// Where the value of a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// The environment.
    Environment,
    /// The settings file.
    File(PathBuf),
    /// Nowhere: it is the default.
    Default,
}

impl Origin {
    fn describe(&self, setting: &Setting) -> String {
        match self {
            Self::Flag => format!("given as --{}", setting.flag.unwrap_or(setting.name)),
            Self::Environment => "from the environment".to_owned(),
            Self::File(path) => format!("`{}` in {}", setting.name, path.display()),
            Self::Default => "by default".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_that_names_setting_and_origin() {
        let error = SettingError::of(
            Key::Listen,
            &Origin::Environment,
            "must be an address",
            Some("a\nb"),
        );
        assert_eq!(
            error.to_string(),
            r#"TENANTRY_LISTEN (from the environment) must be an address; it is "a\nb""#
        );
        let file = Origin::File("t.toml".into());
        let error = SettingError::of(Key::TokenTtl, &file, "must be a number", Some("x"));
        assert_eq!(
            error.to_string(),
            r#"TENANTRY_TOKEN_TTL (`token_ttl` in t.toml) must be a number; it is "x""#
        );
        let error = SettingError::of(Key::Listen, &Origin::Flag, "must be an address", None);
        assert!(error.to_string().contains("given as --listen"), "{error}");
    }

    #[test]
    fn a_secret_is_never_shown() {
        for key in [
            Key::MasterKey,
            Key::BootstrapClientSecret,
            Key::SystemPassword,
            Key::DatabaseUrl,
        ] {
            let error = SettingError::of(key, &Origin::Environment, "is wrong", Some("hunter2"));
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
