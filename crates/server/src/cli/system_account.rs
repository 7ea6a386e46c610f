//! `tenantry system-account`.

use std::io::{self, BufRead};

use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tenantry_auth::hashing::MAX_PRESENTED_LENGTH;
use tenantry_domain::{
    account::{SystemAccount, Username},
    port::{Snapshot, Store, StoreError, UnitOfWork, read, write},
    usecase::accounts::{self, AccountError},
};

use super::{
    output::{OutputArgs, columns},
    secret::SecretArgs,
};
use crate::{bootstrap::generate_password, config::Settings, failure::Failure, world::World};

/// What can be done with system accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum SystemAccountCommand {
    /// Make an account; its password is generated unless it comes on standard input
    #[command(after_help = "\
Examples:
  tenantry system-account create backup
  tenantry system-account create backup --secret-file backup.json
  tenantry system-account create backup --password-stdin <password.txt")]
    Create(WithPassword),
    /// List all accounts
    List(#[command(flatten)] OutputArgs),
    /// Give an account another password; the old one is good for nothing at once
    Password(WithPassword),
    /// Delete an account
    Delete {
        /// The name it signs in with
        #[arg(value_name = "NAME", value_parser = Username::parse)]
        username: Username,
        /// Even if it is the last one, without which nobody can use the system API
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// Names an account that gets a password.
#[derive(Debug, Args)]
pub(crate) struct WithPassword {
    /// The name it signs in with
    #[arg(value_name = "NAME", value_parser = Username::parse)]
    username: Username,
    /// Take the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    secret: SecretArgs,
}

/// The shortest password that is taken, in characters: below that no hash helps much.
const MIN_PASSWORD_LENGTH: usize = 8;

impl SystemAccountCommand {
    /// Does it.
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let prepared = super::prepare(settings)?;
        let store: &dyn Store = &*prepared.database;
        let world = &prepared.world;
        match self {
            Self::Create(with) => with.run(store, world, "Made", |unit, username, hash| {
                let now = world.clock.now();
                accounts::create(unit, username.clone(), hash, now, &*world.entropy)
            }),
            Self::Password(with) => {
                with.run(store, world, "New password for", |unit, username, hash| {
                    accounts::set_password(unit, username, &hash)
                })
            }
            Self::List(output) => {
                let all = |unit: &mut dyn Snapshot| unit.accounts().all();
                let accounts =
                    read(store, all).map_err(|error: StoreError| Failure::of_store(&error))?;
                let shown: Vec<_> = accounts.iter().map(Shown::from).collect();
                output.show(&shown, |accounts| to_table(accounts))
            }
            Self::Delete {
                username,
                force,
                output,
            } => {
                let deleted = write(store, |unit| accounts::delete(unit, &username, force))
                    .map_err(|error| refused(&error))?;
                output.show(&Shown::from(&deleted), |account| {
                    format!("Deleted: {}", account.username)
                })
            }
        }
    }
}

impl WithPassword {
    fn run(
        self,
        store: &dyn Store,
        world: &World,
        what: &str,
        change: impl Fn(
            &mut dyn UnitOfWork,
            &Username,
            tenantry_domain::client::SecretHash,
        ) -> Result<SystemAccount, AccountError>,
    ) -> Result<(), Failure> {
        let given = self
            .password_stdin
            .then(|| read_password(&mut io::stdin().lock()))
            .transpose()?;
        let generated = given.is_none().then(|| generate_password(&*world.entropy));
        let password = given.or_else(|| generated.clone());
        let password = password.unwrap_or_default();
        // Hashed before the unit of work begins: others wait for that.
        let hash = world.hasher.hash_password(password.expose_secret());
        let made = Made {
            username: self.username.as_str(),
            password: generated.as_ref().map(ExposeSecret::expose_secret),
        };
        let mut delivery = self.secret.prepare(&made, &*world.entropy)?;
        write(store, |unit| change(unit, &self.username, hash).map(|_| ())).map_err(|error| {
            if let AccountError::Store(error) = &error {
                delivery.counts_if_unknown(error);
            }
            refused(&error)
        })?;
        delivery.finish(&made, |made| made.to_text(what))
    }
}

fn refused(error: &AccountError) -> Failure {
    match error {
        AccountError::Store(error) => Failure::of_store(error),
        AccountError::Last => Failure::command(
            "it is the last account, without which nobody can use the system API; --force deletes it",
        ),
        other => Failure::command(&other.to_string()),
    }
}

/// Reads one line; a password has no line end in it.
fn read_password(from: &mut dyn BufRead) -> Result<SecretString, Failure> {
    let mut line = String::new();
    from.read_line(&mut line)
        .map_err(|error| Failure::command(&format!("no password could be read: {error}")))?;
    let password = SecretString::from(line.trim_end_matches(['\r', '\n']));
    drop(SecretString::from(line));
    let text = password.expose_secret();
    let is_long_enough = text.chars().count() >= MIN_PASSWORD_LENGTH;
    if !is_long_enough || text.len() > MAX_PRESENTED_LENGTH || text.chars().any(char::is_control) {
        return Err(Failure::command(&format!(
            "the password must have {MIN_PASSWORD_LENGTH} characters to {MAX_PRESENTED_LENGTH} \
             bytes, none of them a control character"
        )));
    }
    Ok(password)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made<'a> {
    username: &'a str,
    /// The password, if it was generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
}

impl Made<'_> {
    fn to_text(&self, what: &str) -> String {
        match self.password {
            None => format!("{what}: {}", self.username),
            Some(password) => format!(
                "{what}: {}\npassword  {password}\n\nThe password is not shown again.",
                self.username
            ),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    username: String,
    created_at: String,
}

impl From<&SystemAccount> for Shown {
    fn from(account: &SystemAccount) -> Self {
        Self {
            id: account.id.to_string(),
            username: account.username.to_string(),
            created_at: account.created_at.to_rfc3339_millis(),
        }
    }
}

fn to_table(accounts: &[Shown]) -> String {
    let row = |account: &Shown| {
        vec![
            account.username.clone(),
            account.created_at.clone(),
            account.id.clone(),
        ]
    };
    let rows: Vec<_> = accounts.iter().map(row).collect();
    columns(&["USERNAME", "MADE", "ID"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line_of_some_length() {
        let read = |text: &str| read_password(&mut text.as_bytes());
        for (text, password) in [
            ("correct horse\n", "correct horse"),
            ("correct horse", "correct horse"),
            ("correct horse\r\nmore", "correct horse"),
            (" spaced  \n", " spaced  "),
            ("éééééééé\n", "éééééééé"),
        ] {
            assert_eq!(read(text).unwrap().expose_secret(), password);
        }
        let long = "x".repeat(MAX_PRESENTED_LENGTH + 1);
        for bad in ["", "\n", "short\n", "with\ttab and more\n", &long] {
            let failure = read(bad).unwrap_err();
            assert_eq!(failure.status(), 1, "{bad:?}");
            assert!(bad.trim().is_empty() || !failure.to_string().contains(bad.trim()));
        }
    }
}
