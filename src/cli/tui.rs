//! `imgsearch tui`, and `imgsearch` alone: the terminal interface.

use anyhow::{Result, bail};

use super::exit::Exit;
use super::output::Output;
use super::settings::Settings;
use crate::tui::{self, Graphics, Options, Start};

/// Open the terminal interface (also without any command)
///
/// Type to search, Down into the results, F1 for all keys. Where paths are printed, Enter takes the picture under the cursor, or all
/// that are marked (Ctrl-Space), and leaves: `imgsearch tui | xargs -d '\n' cp -t picked`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct TuiArgs {
    /// What to search for first
    #[arg(value_name = "QUERY")]
    words: Vec<String>,
    /// Print the paths of the pictures that were chosen or marked; without it when stdout is no terminal
    #[arg(long)]
    print: bool,
    /// Print them, each ended by a NUL byte, for `xargs -0`
    #[arg(short = '0', long)]
    null: bool,
    /// What pictures are made of
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    graphics: Graphics,
}

/// Opens the terminal interface; the pictures that were chosen in it are printed when it closes.
pub(crate) fn run(args: &TuiArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    if !settings.screen.present {
        bail!(
            "the terminal interface needs a terminal; use `imgsearch search WORDS` in a script, or see `imgsearch --help`"
        );
    }
    let prints = args.print || args.null || !settings.to_terminal;
    let start = Start {
        query: args.words.join(" "),
        colour: settings.screen.colour,
        prints,
        home: settings.home.clone(),
        ..Start::default()
    };
    let options = Options {
        graphics: args.graphics,
        history: settings.history.clone(),
    };
    let chosen = tui::run(settings.engine()?, start, options)?;
    for path in &chosen {
        match args.null {
            true => output.write(path.as_os_str().as_encoded_bytes())?,
            false => output.write(output.shown(path))?,
        }
        output.write(if args.null { "\0" } else { "\n" })?;
    }
    Ok(match prints && chosen.is_empty() {
        true => Exit::Nothing,
        false => Exit::Found,
    })
}
