//! The flags of the settings, made of the table of settings.

use clap::{Arg, ArgMatches, Args, FromArgMatches};

use crate::config::{
    Flags,
    table::{CONFIG_VARIABLE, Key, Setting, TABLE},
};

/// The settings that stand on the command line.
#[derive(Clone, Debug, Default)]
pub struct SettingFlags(Flags);

impl From<SettingFlags> for Flags {
    fn from(flags: SettingFlags) -> Self {
        flags.0
    }
}

const CONFIG: &str = "config";
const HEADING: &str = "Settings";

/// What `-h` shows; `--help` shows them all.
const COMMON: [Key; 4] = [Key::Listen, Key::PublicUrl, Key::DataDir, Key::DatabaseUrl];

impl Args for SettingFlags {
    fn augment_args(command: clap::Command) -> clap::Command {
        let config = Arg::new(CONFIG)
            .long(CONFIG)
            .value_name("FILE")
            .value_parser(clap::value_parser!(std::path::PathBuf))
            .help(format!(
                "A settings file in TOML [env: {CONFIG_VARIABLE}] [default: tenantry.toml, if there]"
            ))
            .help_heading(HEADING)
            .global(true);
        let command = command.arg(config).after_long_help(secrets_help());
        TABLE
            .iter()
            .fold(command, |command, setting| match setting.flag {
                Some(flag) => command.arg(arg(setting, flag)),
                None => command,
            })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |setting: &Setting| {
            setting.flag?;
            let value = matches.get_one::<String>(setting.name)?;
            Some((setting.key, value.clone()))
        };
        Ok(Self(Flags {
            config: matches.get_one(CONFIG).cloned(),
            values: TABLE.iter().filter_map(given).collect(),
        }))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn arg(setting: &'static Setting, flag: &'static str) -> Arg {
    Arg::new(setting.name)
        .long(flag)
        .value_name(setting.value_name)
        .help(help(setting))
        .help_heading(HEADING)
        .hide_short_help(!COMMON.contains(&setting.key))
        .global(true)
}

fn help(setting: &Setting) -> String {
    let text = format!("{} [env: {}]", setting.help, setting.variable());
    match setting.default {
        Some(default) => format!("{text} [default: {default}]"),
        None => text,
    }
}

fn secrets_help() -> String {
    let lines = TABLE.iter().filter(|setting| setting.flag.is_none());
    let lines: Vec<_> = lines
        .map(|setting| format!("  {:<35} {}", setting.variable(), setting.help))
        .collect();
    format!(
        "Settings that are secrets and therefore have no flag, since everybody on a machine \
         can see its command lines:\n{}",
        lines.join("\n")
    )
}
