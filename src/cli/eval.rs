//! `imgsearch eval`: how well pictures are found, tagged and described, measured on captioned pictures.

use std::fmt::Display;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Subcommand, ValueEnum};
use imgsearch::corpus::{CaptionedPicture, Split, read_corpus};
use imgsearch::eval::{
    EvalError, EvalProgress, RetrievalOptions, ablation, captioning, fit_calibration, fit_fusion,
    retrieval, tagging,
};
use imgsearch::{CaptionOptions, open_model};
use serde::Serialize;

use super::args::at_least_one;
use super::exit::Exit;
use super::interrupt::Interrupt;
use super::output::{Output, harmless};
use super::parsing::{self, ParsingArgs};
use super::progress::Bar;
use super::settings::Settings;

/// Measure a model on captioned pictures, or the parser on sentences
///
/// Every figure of a model comes with the interval in which it lies for 95 of 100 resamples of the pictures.
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
    Retrieval(RetrievalArgs),
    /// How well the tags agree with those that captions and labels name
    Tagging(TaggingArgs),
    /// How near the captions that the model writes come to those in the data (BLEU-4, CIDEr-D)
    ///
    /// Words are compared in lower case and without punctuation. Both figures are printed times 100, as papers do; with --json
    /// they are in the units of COCO's code, BLEU-4 from 0 to 1 and CIDEr-D from 0 to 10.
    Caption(CaptionArgs),
    /// What each leg of a search and each combination of them finds, of whole captions and of keywords
    Ablation(AblationArgs),
    /// The parameters of the fusion that find most, as a part of the configuration file
    ///
    /// Whole captions and their keywords are searched with, and the mean reciprocal rank of their pictures is made as large as it gets
    /// from the parameters in use on. Take pictures for this that no network was trained on, and measure on yet others: `train
    /// run` lists what it held out in `held-out.jsonl`.
    Fusion(FusionArgs),
    /// When an answer is empty and how probable its pictures are, as a part of the configuration file
    ///
    /// Every thing that the model can name is searched for: what no caption mentions, and no tag of a picture names, should come back
    /// empty; what two captions of a picture or a tag of it do should not. The floor is set so that 95 % of the latter keep their
    /// answers. Says what the parameters in use do
    /// beside what those do that it finds, so it is the measure, too, on pictures that nothing was fitted to.
    Calibration(FusionArgs),
}

#[derive(Debug, clap::Args)]
struct FusionArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Candidates of each query that are matched (ITM) to fit the weight of that, with models that can; 0 for none
    #[arg(long, value_name = "K", default_value = "64")]
    rerank: usize,
}

#[derive(Debug, clap::Args)]
struct RetrievalArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Candidates of each query that are ranked again by image-text matching (ITM), with models that can; 0 for none
    ///
    /// Each costs a pass of the text encoder, so with a full-size model and many captions this takes most of the time.
    #[arg(long, value_name = "K", default_value = "64")]
    rerank: usize,
    /// Search with 2 to 4 content words of each caption instead of all of it
    #[arg(long)]
    keywords: bool,
    /// Clean captions as BLIP's evaluation does (lower case, no marks but commas, 30 words), to compare with its figures
    #[arg(long)]
    clean: bool,
}

#[derive(Debug, clap::Args)]
struct AblationArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Candidates of each query that are matched (ITM), with models that can; 0 for none
    #[arg(long, value_name = "K", default_value = "64")]
    rerank: usize,
    /// Draw the recall of each combination as SVG
    #[cfg(feature = "plot")]
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct TaggingArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Leave out tags that fewer pictures show
    #[arg(long, value_name = "N", default_value = "1", value_parser = at_least_one)]
    min_pictures: usize,
    /// Draw precision against recall as SVG
    #[cfg(feature = "plot")]
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct CaptionArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Sentences that beam search keeps beside each other; 1 takes the likeliest word each time
    #[arg(long, value_name = "N", default_value = "3", value_parser = at_least_one)]
    beams: usize,
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

impl EvalCommand {
    fn data(&self) -> &DataArgs {
        match self {
            Self::Retrieval(args) => &args.data,
            Self::Tagging(args) => &args.data,
            Self::Caption(args) => &args.data,
            Self::Ablation(args) => &args.data,
            Self::Fusion(args) | Self::Calibration(args) => &args.data,
        }
    }
}

/// Measures and writes what was measured.
pub(crate) fn run(args: &EvalArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    match &args.command {
        Measured::Model(command) => model(command, settings, output),
        Measured::Parsing(args) => parsing::run(args, output),
    }
}

fn model(command: &EvalCommand, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let data = command.data();
    let pictures = pictures(data)?;
    let config = settings.config()?;
    let model = open_model(config.model(), config.settings().compute())?;
    let model = model.as_ref();
    let mut bar = Bar::new(settings, Interrupt::listen()?);
    let progress = |EvalProgress {
                        what, done, total, ..
                    }| bar.count(what, done, total);
    match command {
        EvalCommand::Retrieval(args) => {
            let mut options = RetrievalOptions::default();
            options.fusion = config.settings().search.fusion;
            options.rerank = args.rerank;
            options.keywords = args.keywords;
            options.clean = args.clean;
            let report = retrieval(model, &pictures, &options, progress);
            drop(bar);
            write(report, data.json, output)
        }
        EvalCommand::Tagging(args) => {
            let report = tagging(model, &pictures, args.min_pictures, progress);
            drop(bar);
            #[cfg(feature = "plot")]
            if let (Ok(report), Some(path)) = (&report, &args.plot) {
                report.plot(path)?;
            }
            write(report, data.json, output)
        }
        EvalCommand::Caption(args) => {
            let options = CaptionOptions {
                beams: args.beams,
                ..CaptionOptions::default()
            };
            let report = captioning(model, &pictures, &options, progress);
            drop(bar);
            write(report, data.json, output)
        }
        EvalCommand::Ablation(args) => {
            let fusion = config.settings().search.fusion;
            let report = ablation(model, &pictures, fusion, args.rerank, progress);
            drop(bar);
            #[cfg(feature = "plot")]
            if let (Ok(report), Some(path)) = (&report, &args.plot) {
                report.plot(path)?;
            }
            write(report, data.json, output)
        }
        EvalCommand::Fusion(args) => {
            let start = config.settings().search.fusion;
            let fit = fit_fusion(model, &pictures, start, args.rerank, progress);
            drop(bar);
            write(fit, data.json, output)
        }
        EvalCommand::Calibration(args) => {
            let search = &config.settings().search;
            let depths = (search.candidates, args.rerank);
            let (start, fusion) = (search.calibration, search.fusion);
            let fit = fit_calibration(model, &pictures, start, fusion, depths, progress);
            drop(bar);
            write(fit, data.json, output)
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
