//! `tenantry completions` and `tenantry man`: what a packager puts beside the program. Neither
//! reads any setting.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::failure::Failure;

/// Prints a script that completes this command line.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenantry completions bash > /etc/bash_completion.d/tenantry
  tenantry completions zsh > /usr/local/share/zsh/site-functions/_tenantry
  tenantry completions fish > ~/.config/fish/completions/tenantry.fish")]
pub(crate) struct Completions {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Does it.
    pub(crate) fn run(&self, command: &mut Command) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "tenantry", &mut script);
        print(&script)
    }
}

/// Prints the manual page, or writes one for each command.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenantry man | man -l -
  tenantry man --dir /usr/local/share/man/man1")]
pub(crate) struct Manual {
    /// Write a page for each command to this directory: tenantry.1, tenantry-serve.1, …
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Manual {
    /// Does it.
    pub(crate) fn run(&self, command: Command) -> Result<(), Failure> {
        let Some(dir) = &self.dir else {
            let mut page = Vec::new();
            Man::new(command)
                .render(&mut page)
                .map_err(|error| unprinted(&error))?;
            return print(&page);
        };
        let unwritten = |error: io::Error| {
            Failure::command(&format!("{} can't be written: {error}", dir.display()))
        };
        fs::create_dir_all(dir).map_err(unwritten)?;
        clap_mangen::generate_to(command, dir).map_err(unwritten)
    }
}

fn print(text: &[u8]) -> Result<(), Failure> {
    let mut to = io::stdout().lock();
    to.write_all(text)
        .and_then(|()| to.flush())
        .map_err(|error| unprinted(&error))
}

fn unprinted(error: &io::Error) -> Failure {
    Failure::command(&format!("it could not be printed: {error}"))
}
