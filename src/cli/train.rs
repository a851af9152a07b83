//! `imgsearch train`: tags mined from captions, and models trained on them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Subcommand;
use imgsearch::corpus::{Split, read_corpus};
use imgsearch::models::train::{self, TrainError, TrainRun, TrainSettings};
use imgsearch::query::{Lexicon, MineOptions, Parser, assemble, mine};
use imgsearch::{ModelSource, Precision};

use super::exit::Exit;
use super::interrupt::Interrupt;
use super::mining;
use super::output::{Output, harmless};
use super::progress::Bar;
use super::settings::Settings;

/// Train a model on captioned pictures
#[derive(Debug, clap::Args)]
pub(crate) struct TrainArgs {
    #[command(subcommand)]
    command: TrainCommand,
}

#[derive(Debug, Subcommand)]
enum TrainCommand {
    /// Find the tags that captions speak of, and write them as a tag list
    ///
    /// Captions are parsed into heads, modifiers and verbs, which become tags for objects and scenes, attributes and
    /// actions where enough pictures have them. Known classes and labels are added. What became of the words is said
    /// on stderr.
    Tags(TagsArgs),
    /// Train the heads of a model and write it as a bundle; its folder is printed
    ///
    /// A run that was stopped, by Ctrl-C or otherwise, goes on where it was when the same command is given again:
    /// `train resume` is another name for `train run`. `--config` names a file with the settings of the training.
    #[command(visible_alias = "resume")]
    Run(RunArgs),
}

#[derive(Debug, clap::Args)]
struct TagsArgs {
    /// Captioned pictures, a JSON object a line; those of the train split are read
    data: PathBuf,
    /// Where the tag list goes [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where a table of all words goes: rank, what became of the word, pictures, words that were merged into it
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// Captioned pictures, a JSON object a line
    #[arg(long, value_name = "DATA.jsonl")]
    data: PathBuf,
    /// Where features, checkpoints, curves and the bundle go [default: runs/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The model whose backbones and shape are taken [default: the built-in one]
    #[arg(long, value_name = "NAME|DIR")]
    base: Option<PathBuf>,
    /// Tags to train, as `train tags` writes them [default: those of the base]
    #[arg(long, value_name = "FILE")]
    tags: Option<PathBuf>,
    /// Name of the new model
    #[arg(long, default_value = "tag2text-mini")]
    name: String,
}

/// Mines or trains.
pub(crate) fn run(args: &TrainArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    match &args.command {
        TrainCommand::Tags(args) => tags(args, output),
        TrainCommand::Run(args) => heads(args, settings, output),
    }
}

fn tags(args: &TagsArgs, output: &mut Output) -> Result<Exit> {
    let corpus = read_corpus(&args.data)?;
    let described = corpus
        .iter()
        .filter(|picture| picture.split == Split::Train && !picture.captions.is_empty())
        .map(|picture| &picture.captions);
    let lexicon = Lexicon::english();
    let mined = mine(&Parser::english(), described, &MineOptions::default());
    let (vocabulary, sources) = assemble(&lexicon, &mined)?;
    let list = vocabulary.to_json_lines();
    match &args.out {
        Some(file) => write_file(file, &list)?,
        None => output.write(list)?,
    }
    if let Some(file) = &args.report {
        write_file(file, &mining::table(&mined))?;
    }
    output.notice(format_args!(
        "{}",
        mining::summary(&mined, sources, vocabulary.len())
    ));
    Ok(Exit::Found)
}

fn write_file(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).map_err(|error| anyhow!("cannot write {}: {error}", harmless(file)))
}

fn heads(args: &RunArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    if settings.precision == Some(Precision::F16) {
        bail!("training computes in f32; leave --precision f16 away");
    }
    let run = TrainRun {
        corpus: args.data.clone(),
        out: args
            .out
            .clone()
            .unwrap_or_else(|| PathBuf::from("runs").join(&args.name)),
        base: args
            .base
            .as_deref()
            .map_or(Ok(ModelSource::Builtin), |base| settings.named_model(base))?,
        tags: args
            .tags
            .as_ref()
            .map(|file| {
                fs::read_to_string(file)
                    .map_err(|error| anyhow!("cannot read the tags {}: {error}", harmless(file)))
            })
            .transpose()?,
        name: args.name.clone(),
        device: settings.device.unwrap_or_default(),
        settings: training(settings)?,
    };
    output.detail(format_args!("training in {}", harmless(&run.out)));
    let mut bar = Bar::new(settings, Interrupt::listen()?);
    let outcome = train::train(&run, |progress| bar.train(progress));
    drop(bar);
    match outcome {
        Ok(folder) => {
            let folder = output.shown(&folder);
            output.write(folder)?;
            output.write("\n")?;
            Ok(Exit::Found)
        }
        Err(stopped @ TrainError::Cancelled) => {
            output.notice(format_args!("{stopped}"));
            Ok(Exit::Interrupted)
        }
        Err(error) => Err(error.into()),
    }
}

fn training(settings: &Settings) -> Result<TrainSettings> {
    let Some((path, text)) = settings.named_file()? else {
        return Ok(TrainSettings::default());
    };
    toml::from_str(&text).map_err(|error| anyhow!("{}: {error}", path.display()))
}
