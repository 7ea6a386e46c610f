//! `tenantry key`.

use clap::{Args, Subcommand};
use serde::Serialize;
use tenantry_auth::keys as pairs;
use tenantry_domain::{
    clock::Timestamp,
    key::{KeyState, Lead, Schedules, SealedKey, SigningAlgorithm},
    port::{Snapshot, Store, StoreError, read, write},
    usecase::keys::{self, RetireError},
};

use super::output::{OutputArgs, columns};
use crate::{
    config::Settings,
    failure::{Failure, with_causes},
    startup::{self, Prepared},
};

/// What can be done with signing keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// List the signing keys, oldest first, and where each of them is on its way
    List(#[command(flatten)] OutputArgs),
    /// Make a new signing key, to take the place of the one that signs
    #[command(after_help = "\
The new key is published at once and signs 320 seconds later, when every cache of the key set
has expired. The old one goes on verifying until its last token has expired. Running servers
need no restart.

Examples:
  tenantry key rotate
  tenantry key rotate --algorithm ES256
  tenantry key rotate --now && tenantry key retire 5Xk0…    after the old key has leaked")]
    Rotate(Rotate),
    /// End a signing key at once, and with it every token that it has signed
    Retire {
        /// Its name, as `key list` shows it
        // Names of older keys may begin with a hyphen.
        #[arg(value_name = "KID", allow_hyphen_values = true)]
        kid: String,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// Asks for a new key.
#[derive(Debug, Args)]
pub(crate) struct Rotate {
    #[arg(long, default_value = "RS256", value_parser = algorithm,
        help = "What it signs with: RS256, ES256 or EdDSA")]
    algorithm: SigningAlgorithm,
    /// Sign with it at once: verifiers that have cached the key set and don't look for a key
    /// that is not in it refuse its tokens for up to 300 seconds
    #[arg(long)]
    now: bool,
    /// Sign with it that many seconds from now, for verifiers that cache for longer
    #[arg(long, value_name = "SECONDS", conflicts_with = "now",
        value_parser = clap::value_parser!(u32).range(0..=31_536_000))]
    after: Option<u32>,
    #[command(flatten)]
    output: OutputArgs,
}

fn algorithm(text: &str) -> Result<SigningAlgorithm, String> {
    text.parse()
        .map_err(|error: tenantry_domain::key::UnknownAlgorithm| error.to_string())
}

impl KeyCommand {
    /// Does it.
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let prepared = super::prepare(settings)?;
        let now = || prepared.world.clock.now();
        let store: &dyn Store = &*prepared.database;
        match self {
            Self::List(output) => {
                let shown = all(store, now())?;
                output.show(&shown, |keys| to_table(keys))
            }
            Self::Rotate(rotate) => {
                let made = rotate.run(&prepared, settings)?;
                let shown = one(store, &made.kid, now())?;
                rotate.output.show(&shown, |key| {
                    format!(
                        "Made: {} ({}, {}, signs from {})",
                        key.kid, key.algorithm, key.state, key.signs_from
                    )
                })
            }
            Self::Retire { kid, output } => {
                write(store, |unit| keys::retire(unit, &kid, now()).map(|_| ()))
                    .map_err(|error| refused(&error))?;
                let shown = one(store, &kid, now())?;
                output.show(&shown, |key| {
                    format!("{} is retired; the tokens it has signed are dead", key.kid)
                })
            }
        }
    }
}

impl Rotate {
    fn run(&self, prepared: &Prepared, settings: &Settings) -> Result<SealedKey, Failure> {
        let store: &dyn Store = &*prepared.database;
        let world = &prepared.world;
        // A key that is sealed under another master key than the rest would keep every
        // server from starting.
        let opened = startup::open_keys(store, &settings.master_key)?;
        let lead = match (self.now, self.after) {
            (true, _) => Lead::None,
            (false, Some(seconds)) => Lead::Seconds(seconds),
            (false, None) => Lead::Usual,
        };
        let key = pairs::generate(
            self.algorithm,
            world.clock.now(),
            settings.token_ttl,
            &*world.entropy,
            &opened.master_key.key,
        )
        .map_err(|error| Failure::command(&with_causes(&error)))?;
        // Making an RSA key takes a while; it is published when it is stored.
        let now = world.clock.now();
        write(store, |unit| keys::rotate(unit, key, lead, now))
            .map_err(|error: StoreError| Failure::of_store(&error))
    }
}

fn refused(error: &RetireError) -> Failure {
    match error {
        RetireError::Missing => Failure::command("there is no such key; see `tenantry key list`"),
        RetireError::Signing => Failure::command(
            "it is the key that signs; put another one in its place with `tenantry key rotate --now`",
        ),
        RetireError::Store(error) => Failure::of_store(error),
    }
}

/// A key as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    kid: String,
    algorithm: &'static str,
    state: &'static str,
    created_at: String,
    signs_from: String,
    /// When it is, or was, believed no more; `None` while another one has yet to take its
    /// place.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

fn shown(keys: &[SealedKey], now: Timestamp) -> Vec<Shown> {
    let schedules = Schedules::of(keys);
    let show = |(place, key): (usize, &SealedKey)| {
        let state = schedules.state(place, now)?;
        let until = match state {
            KeyState::Published { .. } | KeyState::Signing => None,
            KeyState::Verifying { until: end } | KeyState::Dead { since: end } => Some(end),
        };
        Some(Shown {
            kid: key.kid.clone(),
            algorithm: key.algorithm.as_str(),
            state: state.as_str(),
            created_at: key.created_at.to_rfc3339_millis(),
            signs_from: key.signs_from.to_rfc3339_millis(),
            until: until.map(Timestamp::to_rfc3339_millis),
        })
    };
    keys.iter().enumerate().filter_map(show).collect()
}

fn all(store: &dyn Store, now: Timestamp) -> Result<Vec<Shown>, Failure> {
    let stored = read(store, |unit: &mut dyn Snapshot| unit.keys().all());
    let stored = stored.map_err(|error: StoreError| Failure::of_store(&error))?;
    Ok(shown(&stored, now))
}

fn one(store: &dyn Store, kid: &str, now: Timestamp) -> Result<Shown, Failure> {
    let mut keys = all(store, now)?.into_iter();
    keys.find(|key| key.kid == kid)
        .ok_or_else(|| refused(&RetireError::Missing))
}

fn to_table(keys: &[Shown]) -> String {
    let row = |key: &Shown| {
        let until = key.until.clone().unwrap_or_default();
        vec![
            key.kid.clone(),
            key.algorithm.to_owned(),
            key.state.to_owned(),
            key.signs_from.clone(),
            until,
        ]
    };
    let rows: Vec<_> = keys.iter().map(row).collect();
    columns(&["KID", "ALGORITHM", "STATE", "SIGNS FROM", "UNTIL"], &rows)
}
