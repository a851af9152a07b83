//! `imgsearch train`: tags mined from captions, and models trained on them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::{Subcommand, ValueEnum};
use imgsearch::corpus::{Split, read_corpus};
use imgsearch::models::train::{self, Start, TrainError, TrainRun, TrainSettings};
use imgsearch::query::{Lexicon, MineOptions, Parser, assemble, mine};
use imgsearch::{ModelSource, Precision};

use super::exit::Exit;
use super::interrupt::Interrupt;
use super::mining;
use super::output::{Output, harmless};
use super::progress::Bar;
use super::settings::Settings;
use super::training::Summary;

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
    /// `--config` names a training file, which can say everything that is typed here and more; what is typed wins. `train
    /// settings` prints one with every setting at its default. A run that was stopped, by Ctrl-C or otherwise, goes on where it
    /// was when the same command is given again: `train resume` is another name for `train run`.
    #[command(visible_alias = "resume")]
    Run(RunArgs),
    /// Print a training file with every setting at its default, commented
    Settings,
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
    /// Captioned or labelled pictures, a JSON object a line; may be given several times
    #[arg(long, value_name = "DATA.jsonl")]
    data: Vec<PathBuf>,
    /// Where features, checkpoints, curves and the bundle go [default: runs/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The model whose backbones and shape are taken [default: the built-in one]
    #[arg(long, value_name = "NAME|DIR")]
    base: Option<PathBuf>,
    /// What the heads start from [default: scratch]
    #[arg(long, value_enum, value_name = "WHAT")]
    start: Option<From>,
    /// Tags to train, as `train tags` writes them [default: those of the base]
    #[arg(long, value_name = "FILE")]
    tags: Option<PathBuf>,
    /// Name of the new model [default: tag2text-mini]
    #[arg(long)]
    name: Option<String>,
}

/// What heads start from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum From {
    /// Random weights
    Scratch,
    /// The heads of the base, which are trained further
    Base,
}

/// Mines or trains.
pub(crate) fn run(args: &TrainArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    match &args.command {
        TrainCommand::Tags(args) => tags(args, output),
        TrainCommand::Run(args) => heads(args, settings, output),
        TrainCommand::Settings => {
            output.write(TrainSettings::EXAMPLE)?;
            Ok(Exit::Found)
        }
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
    let training = training(args, settings)?;
    let base = training.base.as_deref();
    let run = TrainRun {
        base: base.map_or(Ok(ModelSource::Builtin), |base| settings.named_model(base))?,
        settings: training,
    };
    let folder = run.settings.folder();
    output.detail(format_args!("training in {}", harmless(&folder)));
    let mut bar = Bar::new(settings, Interrupt::listen()?);
    let mut summary = Summary::default();
    let outcome = train::train(&run, |progress| {
        summary.note(progress);
        bar.train(progress)
    });
    drop(bar);
    match outcome {
        Ok(bundle) => {
            let model = harmless(&bundle);
            output.notice(format_args!(
                "{summary}\ncurves are in {}; to use the model: --model {model}, or imgsearch model import {model}",
                harmless(&folder)
            ));
            let bundle = output.shown(&bundle);
            output.write(bundle)?;
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

/// The training file, with what was typed put over it.
fn training(args: &RunArgs, settings: &Settings) -> Result<TrainSettings> {
    let mut training = match settings.named_config() {
        Some(file) => TrainSettings::read(file)?,
        None => TrainSettings::default(),
    };
    if !args.data.is_empty() {
        training.data.clone_from(&args.data);
    }
    training.out = args.out.clone().or(training.out);
    training.base = args.base.clone().or(training.base);
    training.tags = args.tags.clone().or(training.tags);
    training.name = args.name.clone().unwrap_or(training.name);
    training.device = settings.device.unwrap_or(training.device);
    match args.start {
        Some(From::Scratch) => training.start = Start::Scratch,
        Some(From::Base) => training.start = Start::Base,
        None => {}
    }
    if training.data.is_empty() {
        bail!(
            "nothing to learn from; name captioned pictures with --data, or with `data` in the training file"
        );
    }
    Ok(training)
}
