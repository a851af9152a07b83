//! `imgsearch eval`: how well pictures are found and tags recognised, measured on captioned pictures.

use std::fmt::Display;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Subcommand, ValueEnum};
use imgsearch::corpus::{CaptionedPicture, Split, read_corpus};
use imgsearch::eval::{EvalError, retrieval, tagging};
use imgsearch::open_model;
use serde::Serialize;

use super::args::at_least_one;
use super::exit::Exit;
use super::interrupt::Interrupt;
use super::output::{Output, harmless};
use super::parsing::{self, ParsingArgs};
use super::progress::Bar;
use super::settings::Settings;

/// Measure a model on captioned pictures, or the parser on sentences
#[derive(Debug, clap::Args)]
pub(crate) struct EvalArgs {
    #[command(subcommand)]
    command: Measured,
}

#[derive(Debug, Subcommand)]
enum Measured {
    #[command(flatten)]
    Model(EvalCommand),
    Parsing(ParsingArgs),
}

#[derive(Debug, Subcommand)]
enum EvalCommand {
    /// How often a caption finds its picture, and a picture its captions
    Retrieval(DataArgs),
    /// How well the tags agree with those that captions and labels name
    Tagging {
        #[command(flatten)]
        data: DataArgs,
        /// Leave out tags that fewer pictures show
        #[arg(long, value_name = "N", default_value = "1", value_parser = at_least_one)]
        min_pictures: usize,
    },
}

#[derive(Debug, clap::Args)]
struct DataArgs {
    /// Captioned pictures, a JSON object a line
    #[arg(value_name = "DATA.jsonl")]
    data: PathBuf,
    /// Which of them [default: val, or all where none is marked so]
    #[arg(long, value_enum)]
    split: Option<Part>,
    /// Write a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Part {
    Val,
    Train,
    All,
}

/// Measures and writes what was measured.
pub(crate) fn run(args: &EvalArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    match &args.command {
        Measured::Model(command) => model(command, settings, output),
        Measured::Parsing(args) => parsing::run(args, output),
    }
}

fn model(command: &EvalCommand, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let (EvalCommand::Retrieval(data) | EvalCommand::Tagging { data, .. }) = command;
    let pictures = pictures(data)?;
    let config = settings.config()?;
    let model = open_model(config.model(), config.settings().device)?;
    let mut bar = Bar::new(settings, Interrupt::listen()?);
    let total = pictures.len();
    let progress = |done| bar.count("encoding pictures", done, total);
    match command {
        EvalCommand::Retrieval(_) => {
            let fusion = config.settings().search.fusion;
            let report = retrieval(model.as_ref(), &pictures, fusion, progress);
            drop(bar);
            write(report, data.json, output)
        }
        EvalCommand::Tagging { min_pictures, .. } => {
            let report = tagging(model.as_ref(), &pictures, *min_pictures, progress);
            drop(bar);
            write(report, data.json, output)
        }
    }
}

fn pictures(args: &DataArgs) -> Result<Vec<CaptionedPicture>> {
    let mut pictures = read_corpus(&args.data)?;
    let marked = pictures.iter().any(|picture| picture.split == Split::Val);
    let wanted = match args.split {
        Some(Part::Val) => Some(Split::Val),
        Some(Part::Train) => Some(Split::Train),
        None if marked => Some(Split::Val),
        Some(Part::All) | None => None,
    };
    if let Some(wanted) = wanted {
        pictures.retain(|picture| picture.split == wanted);
    }
    if pictures.is_empty() {
        bail!(
            "no picture of {} is in that split; take another one with --split",
            harmless(&args.data)
        );
    }
    Ok(pictures)
}

fn write<R: Display + Serialize>(
    report: Result<R, EvalError>,
    json: bool,
    output: &mut Output,
) -> Result<Exit> {
    match report {
        Ok(report) if json => output.json(&report)?,
        Ok(report) => output.write(report.to_string())?,
        Err(EvalError::Cancelled) => {
            output.notice(format_args!("stopped; nothing was measured"));
            return Ok(Exit::Interrupted);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Exit::Found)
}
