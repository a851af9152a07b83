//! `imgsearch completions` and `imgsearch man`: both are made from the arguments themselves.

use anyhow::{Result, bail};
use clap::CommandFactory;
use clap_complete::Shell;

use super::args::{Args, Globals};
use super::exit::Exit;
use super::output::Output;
use super::settings::Settings;

/// Print a completion script for a shell
///
/// bash: imgsearch completions bash > ~/.local/share/bash-completion/completions/imgsearch
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Print the manual page, or that of a command
///
/// To read it: imgsearch man | man -l -
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// The command
    command: Option<String>,
}

/// Writes a completion script.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "imgsearch", &mut script);
    print(&script)
}

/// Writes a manual page.
pub(crate) fn man(args: &ManArgs) -> Result<Exit> {
    let mut whole = Args::command();
    whole.build();
    let command = match &args.command {
        None => whole,
        Some(name) => match whole.find_subcommand(name) {
            Some(command) => command.clone(),
            None => bail!("there is no command {name}; `imgsearch --help` lists them"),
        },
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .source(concat!("imgsearch ", env!("CARGO_PKG_VERSION")))
        .render(&mut page)?;
    print(&page)
}

fn print(bytes: &[u8]) -> Result<Exit> {
    let mut output = Output::new(&Settings::resolve(&Globals::default())?);
    output.write(bytes)?;
    output.flush()?;
    Ok(Exit::Found)
}
