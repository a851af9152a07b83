//! `imgsearch tui`, and `imgsearch` alone: the terminal interface.

use anyhow::{Result, bail};

use super::exit::Exit;
use super::output::Output;
use super::settings::Settings;
use crate::tui;

/// Open the terminal interface (also without any command)
#[derive(Debug, Default, clap::Args)]
pub(crate) struct TuiArgs {
    /// What to search for first
    #[arg(value_name = "QUERY")]
    words: Vec<String>,
}

/// Opens the terminal interface; the pictures that were chosen in it are printed when it closes.
pub(crate) fn run(args: &TuiArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    if !settings.screen.present {
        bail!(
            "the terminal interface needs a terminal; use `imgsearch search WORDS` in a script, or see `imgsearch --help`"
        );
    }
    let query = (!args.words.is_empty()).then(|| args.words.join(" "));
    let outcome = tui::run(settings.engine()?, query, settings.screen.colour)?;
    for path in &outcome.chosen {
        let path = output.shown(path);
        output.write(path)?;
        output.write("\n")?;
    }
    Ok(Exit::Found)
}
