//! `imgsearch export` and `imgsearch import`: the catalogue as JSON lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use indicatif::HumanCount;

use super::exit::Exit;
use super::interrupt::Interrupt;
use super::output::{Output, harmless};
use super::progress::Bar;
use super::settings::Settings;

/// Write the catalogue as JSON lines
///
/// Everything that it took time to find out: files, tags, embeddings. `imgsearch import` reads it, on this machine or another.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {}

/// Read a catalogue that `imgsearch export` wrote
///
/// Its pictures are stored beside those that are indexed already, and none of them is opened. Files that are elsewhere on this
/// machine are recognised by their bytes when their folders are indexed.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// The export; `-` reads it from stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Writes the catalogue.
pub(crate) fn export(_: &ExportArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let engine = settings.engine()?;
    let export = engine.export()?;
    let mut bar = Bar::new(settings, Interrupt::listen()?);
    for (done, line) in export.lines().enumerate() {
        output.line(format_args!("{}", line?))?;
        if bar.count("exporting", done, export.images()).is_break() {
            return Ok(Exit::Interrupted);
        }
    }
    Ok(match export.images() {
        0 => Exit::Nothing,
        _ => Exit::Found,
    })
}

/// Stores what was exported.
pub(crate) fn import(args: &ImportArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let lines: Box<dyn BufRead> = if args.file.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        let file =
            File::open(&args.file).map_err(|error| anyhow!("{}: {error}", harmless(&args.file)))?;
        Box::new(BufReader::new(file))
    };
    let engine = settings.engine()?;
    let mut bar = Bar::new(settings, Interrupt::listen()?);
    let done = engine.import(lines, |done, total| bar.count("importing", done, total));
    drop(bar);
    let done = done?;
    let images = HumanCount(done.images as u64);
    let told = match done.cancelled {
        true => format!("stopped; imported {images}, which is kept"),
        false => format!("imported {images}"),
    };
    output.notice(format_args!("{told}"));
    Ok(match done.cancelled {
        true => Exit::Interrupted,
        false => Exit::Found,
    })
}
