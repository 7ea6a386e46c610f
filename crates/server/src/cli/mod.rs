//! The command line.

mod bootstrap;
mod client;
mod dev;
mod doctor;
mod environment;
mod export;
mod feed;
mod flags;
mod generate;
mod health;
mod import;
mod key;
mod master_key;
mod migrate;
pub(crate) mod output;
mod progress;
mod secret;
mod system_account;
mod tenant;
mod webhook;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::{
    bootstrap::Bootstrap,
    client::ClientCommand,
    dev::DevCommand,
    doctor::Doctor,
    environment::EnvironmentCommand,
    export::Export,
    feed::FeedCommand,
    generate::{Completions, Manual},
    health::Health,
    import::Import,
    key::KeyCommand,
    master_key::MasterKeyCommand,
    migrate::MigrateCommand,
    system_account::SystemAccountCommand,
    tenant::TenantCommand,
    webhook::WebhookCommand,
};
use crate::{
    config::Settings,
    failure::Failure,
    serve,
    startup::{self, Prepared},
    telemetry,
};

pub use self::flags::SettingFlags;

/// The self-hosted control plane for tenants.
#[derive(Debug, Parser)]
#[command(name = "tenantry", version, about, before_help = FIRST, after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    settings: SettingFlags,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Stands before everything else in the short help and in the long one.
const FIRST: &str = "\
The first three commands:
  tenantry serve                      everything in ./tenantry-data, made on the first start
  tenantry tenant create my-tenant    a tenant, with the credentials of its client
  tenantry client create --name ci    credentials for the management API";

const EXAMPLES: &str = "\
Examples:
  tenantry --listen 0.0.0.0:8080 --public-url https://tenants.example.com
  tenantry --config /etc/tenantry.toml migrate status
  tenantry environment create --name Sydney --domain syd.example.com --region AU01
  tenantry client create --name ci --scope tenants:read --output json
  tenantry key rotate
  tenantry doctor                                  is everything as it should be?
  tenantry feed tail --after 42 --output json

Every setting can also stand in an environment variable (shown in brackets) and, under
its name without TENANTRY_ and in lower case, in the settings file. A flag wins over a
variable, and that over the file. `tenantry --help` shows all settings.

Exit status: 0 done, 1 refused or failed, 2 a setting or the usage is wrong, or the database
can't be used.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (also without any command): migrate, fill an empty database, listen
    Serve,
    /// Make an empty database ready as the first start does, without a server
    Bootstrap(Bootstrap),
    /// Bring the database's schema up to date, or show how far it is
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Make and list environments, and choose the default one
    #[command(subcommand)]
    Environment(EnvironmentCommand),
    /// Make, list, show, suspend and delete tenants
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Make, list, rotate, disable and delete clients of the management API
    #[command(subcommand)]
    Client(ClientCommand),
    /// Make, list and delete accounts of the system API, and change their passwords
    #[command(subcommand)]
    SystemAccount(SystemAccountCommand),
    /// Rotate, list and retire the keys that sign tokens
    #[command(subcommand)]
    Key(KeyCommand),
    /// Rotate the key that everything secret in the database is sealed under
    #[command(subcommand)]
    MasterKey(MasterKeyCommand),
    /// List webhooks, and check deliveries that were captured
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// Show changes of tenants, clients and environments as they are committed
    #[command(subcommand)]
    Feed(FeedCommand),
    /// Write everything in the database to a file, for another database or for safekeeping
    Export(Export),
    /// Fill an empty database with what was exported from another one
    Import(Import),
    /// Say whether a server could work with these settings, and what to do if not
    Doctor(Doctor),
    /// Ask a server on this machine whether it is alive, or ready
    Health(Health),
    /// Print a script that completes this command line in a shell
    Completions(Completions),
    /// Print the manual page, or write those of all commands
    Man(Manual),
    /// For developers of Tenantry
    #[command(subcommand, hide = true)]
    Dev(DevCommand),
}

/// Does what the command line says. All there is to tell about a failure is one line
/// on standard error and the exit status.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // It fails only where nobody would read it.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::note(&format!("tenantry: {failure}"));
            ExitCode::from(failure.status())
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let command = cli.command.unwrap_or(Command::Serve);
    // What depends on no setting is to be had without any.
    match &command {
        Command::Completions(completions) => return completions.run(&mut Cli::command()),
        Command::Man(manual) => return manual.run(Cli::command()),
        _ => {}
    }
    let settings = Settings::load(&cli.settings.into());
    if let (Command::Doctor(doctor), Err(error)) = (&command, &settings) {
        doctor.tell_of_settings(error)?;
    }
    let settings = settings?;
    // A command speaks for itself; a server has nothing but its log, of which actix's
    // part would tell everything a second time.
    let filter = match command {
        Command::Serve => "info,actix_server=warn",
        _ => "warn",
    };
    telemetry::start(&settings.log, filter);
    // It tells of them itself.
    if !matches!(command, Command::Doctor(_)) {
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
    }
    match command {
        Command::Serve => serve::run(settings),
        Command::Bootstrap(command) => command.run(&settings),
        Command::Migrate(command) => command.run(&settings),
        Command::Environment(command) => command.run(&settings),
        Command::Tenant(command) => command.run(&settings),
        Command::Client(command) => command.run(&settings),
        Command::SystemAccount(command) => command.run(&settings),
        Command::Key(command) => command.run(&settings),
        Command::MasterKey(command) => command.run(&settings),
        Command::Webhook(command) => command.run(&settings),
        Command::Feed(command) => command.run(&settings),
        Command::Export(command) => command.run(&settings),
        Command::Import(command) => command.run(&settings),
        Command::Doctor(command) => command.run(&settings),
        Command::Health(command) => command.run(&settings),
        // They are done by now.
        Command::Completions(_) | Command::Man(_) => Ok(()),
        Command::Dev(command) => command.run(&settings),
    }
}

/// Gets the database ready as a server would, and tells what that has changed.
fn prepare(settings: &Settings) -> Result<Prepared, Failure> {
    let prepared = startup::prepare(settings)?;
    for name in &prepared.applied {
        output::note(&format!("migration applied: {name}"));
    }
    if let Some(first_start) = &prepared.first_start {
        output::note(&first_start.to_string());
    }
    Ok(prepared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_command_is_serve_and_settings_stand_on_either_side() {
        let parse = |args: &[&str]| Cli::try_parse_from([&["tenantry"], args].concat());
        assert!(parse(&[]).unwrap().command.is_none());
        for args in [
            &["--listen", "1.2.3.4:5", "serve"],
            &["serve", "--listen", "1.2.3.4:5"],
        ] {
            let flags = crate::config::Flags::from(parse(args).unwrap().settings);
            let values: Vec<_> = flags.values.values().collect();
            assert_eq!(values, ["1.2.3.4:5"], "{args:?}");
        }
    }

    #[test]
    fn a_key_may_have_a_name_that_looks_like_a_flag() {
        let kid = "-5iBK7c3UB6bvUOk0R_YkbMr3RdoRDBqpaKx9AAMxP4";
        for args in [
            ["tenantry", "key", "retire", kid, "--output=json"],
            ["tenantry", "key", "retire", "--output=json", kid],
        ] {
            let parsed = Cli::try_parse_from(args).unwrap();
            assert!(format!("{parsed:?}").contains(kid), "{parsed:?}");
        }
    }

    #[test]
    fn no_secret_has_a_flag() {
        for secret in [
            "--master-key",
            "--bootstrap-client-secret",
            "--system-password",
        ] {
            let result = Cli::try_parse_from(["tenantry", secret, "x"]);
            assert_eq!(result.unwrap_err().exit_code(), 2, "{secret}");
        }
    }

    #[test]
    fn both_helps_begin_with_the_first_commands() {
        let mut command = Cli::command();
        for help in [command.render_help(), command.render_long_help()] {
            assert!(help.to_string().starts_with(FIRST), "{help}");
        }
    }

    #[test]
    fn the_help_names_every_setting() {
        let help = Cli::command().render_long_help().to_string();
        for setting in &crate::config::table::TABLE {
            assert!(help.contains(&setting.variable()), "{}", setting.name);
        }
    }
}
