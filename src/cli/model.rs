//! `imgsearch model`: the models that are installed.

mod import;
#[cfg(feature = "pull")]
mod pull;

use anyhow::Result;
use clap::Subcommand;
use imgsearch::store::{ModelInfo, ModelStore};
use indicatif::HumanBytes;
use serde::Serialize;

use super::exit::Exit;
use super::output::{Output, Style, harmless};
use super::settings::Settings;

/// Install, show, choose, join and remove models
#[derive(Debug, clap::Args)]
pub(crate) struct ModelArgs {
    #[command(subcommand)]
    command: ModelCommand,
}

#[derive(Debug, Subcommand)]
enum ModelCommand {
    /// Make a model of a checkpoint that others published, or take one that was trained here; its name is printed
    ///
    /// PyTorch's `.pth` and `.bin` and safetensors files are read, with the names of the official code and of Hugging Face.
    /// Nothing in them is executed. What does not fit is named and nothing is installed. `--config` names a file with
    /// the shapes of the networks, as JSON; without it they are those that the kind was published with.
    Import(import::ImportArgs),
    /// Download a model that others published and import it; its name is printed
    #[cfg(feature = "pull")]
    Pull(pull::PullArgs),
    /// Show the models that can be used; a star marks the one that is used where none is named
    List {
        /// Write one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show what a model is
    Info(InfoArgs),
    /// Choose the model to use where none is named
    Use {
        /// Its name
        name: String,
    },
    /// Remove a model
    Remove {
        /// Its name
        name: String,
    },
    /// Make one model of the tags and captions of one and the similarity and matching of another
    ///
    /// Pictures are decoded once for both. Tag2Text and RAM recognise tags and do not compare pictures with sentences, which an
    /// index needs: `--aligner tag2text-mini` makes them searchable, BLIP as aligner does it better.
    Compose {
        /// Name of the new model
        name: String,
        /// The model that recognises tags and writes captions
        #[arg(long, value_name = "NAME")]
        tagger: String,
        /// The model that compares pictures with sentences
        #[arg(long, value_name = "NAME")]
        aligner: String,
    },
}

#[derive(Debug, clap::Args)]
struct InfoArgs {
    /// Its name [default: the one that is used where none is named]
    name: Option<String>,
    /// Read all of its files and compare them with the checksums
    #[arg(long)]
    verify: bool,
    /// Write a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    info: &'a ModelInfo,
    default: bool,
}

/// Does what was asked and writes what came of it.
pub(crate) fn run(args: &ModelArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let store = settings.store()?;
    match &args.command {
        ModelCommand::Import(args) => {
            installed(&args.install(store, settings.named_config())?, output)?
        }
        #[cfg(feature = "pull")]
        ModelCommand::Pull(args) => return pull::run(args, store, settings, output),
        ModelCommand::List { json } => list(store, *json, output)?,
        ModelCommand::Info(args) => info(store, args, output)?,
        ModelCommand::Use { name } => {
            store.set_default(name)?;
            output.notice(format_args!(
                "{name} is used from now on where no --model is named; an index belongs to the model that made it"
            ));
        }
        ModelCommand::Remove { name } => {
            store.remove(name)?;
            output.notice(format_args!("{name} is removed"));
        }
        ModelCommand::Compose {
            name,
            tagger,
            aligner,
        } => installed(&store.compose(name, tagger, aligner)?, output)?,
    }
    Ok(Exit::Found)
}

/// Prints the name of a new model, and says how to use it.
fn installed(model: &ModelInfo, output: &mut Output) -> Result<()> {
    let name = &model.name;
    output.notice(format_args!(
        "{name}: {}; to use it: --model {name}, or imgsearch model use {name}",
        abilities(model)
    ));
    output.line(format_args!("{name}"))
}

fn list(store: &ModelStore, json: bool, output: &mut Output) -> Result<()> {
    let default = store.default_name()?;
    let models = store.list()?;
    let width = models.iter().map(|model| model.name.len()).max();
    for model in &models {
        let default = model.name == default;
        if json {
            output.json(&Line {
                info: model,
                default,
            })?;
            continue;
        }
        output.write(if default { "* " } else { "  " })?;
        output.styled(Style::Bold, &model.name)?;
        let gap = width.unwrap_or_default() - model.name.len();
        let size = HumanBytes(model.bytes).to_string();
        output.line(format_args!(
            "{:gap$}  {size:>10}  {}",
            "",
            abilities(model)
        ))?;
    }
    Ok(())
}

fn info(store: &ModelStore, args: &InfoArgs, output: &mut Output) -> Result<()> {
    let default = store.default_name()?;
    let name = args.name.as_ref().unwrap_or(&default);
    let model = store.info(name)?;
    if args.verify {
        store.source(name)?.verify()?;
        output.notice(format_args!(
            "every file is as it was when the model was made"
        ));
    }
    if args.json {
        return output.json(&Line {
            info: &model,
            default: *name == default,
        });
    }
    output.line(format_args!("name     {}", model.name))?;
    output.line(format_args!("kind     {}", model.kind))?;
    output.line(format_args!("does     {}", abilities(&model)))?;
    for (role, part) in ["tagger", "aligner"].iter().zip(&model.parts) {
        output.line(format_args!("{role:<8} {} ({})", part.name, part.kind))?;
    }
    output.line(format_args!("id       {}", model.id))?;
    if let Some(dtype) = model.dtype {
        output.line(format_args!("weights  {dtype}"))?;
    }
    output.line(format_args!("size     {}", HumanBytes(model.bytes)))?;
    match &model.folder {
        Some(folder) => output.line(format_args!("folder   {}", harmless(folder))),
        None => output.line(format_args!("folder   inside the program")),
    }
}

fn abilities(model: &ModelInfo) -> String {
    let all = [
        (model.tags, "tags"),
        (model.captions, "captions"),
        (model.similarity, "similarity"),
        (model.matching, "matching"),
    ];
    let has = all.iter().filter(|(has, _)| *has).map(|(_, what)| *what);
    has.collect::<Vec<_>>().join(", ")
}
