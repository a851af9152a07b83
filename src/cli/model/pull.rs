//! `imgsearch model pull`: what is downloaded is shown, and asked for, before it starts.

use std::fs;
use std::io;
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use imgsearch::store::{DownloadError, ModelStore, PublishedModel, PullOptions, StoreError};
use indicatif::HumanBytes;

use super::import::Dtype;
use super::installed;
use crate::cli::exit::Exit;
use crate::cli::interrupt::Interrupt;
use crate::cli::output::{self, Output, Style, harmless};
use crate::cli::progress::Bar;
use crate::cli::settings::Settings;

#[derive(Debug, clap::Args)]
pub(super) struct PullArgs {
    /// The model; without one, those that can be had are listed
    #[arg(value_name = "MODEL")]
    wanted: Option<String>,
    /// Download without asking
    #[arg(short, long)]
    yes: bool,
    /// What to call it [default: the same]
    #[arg(long)]
    name: Option<String>,
    /// How to store the weights
    #[arg(long, value_enum, value_name = "TYPE", default_value_t)]
    dtype: Dtype,
    /// A server with the files of huggingface.co under the same paths [env: HF_ENDPOINT]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// A table of models of one's own, in the form of the program's models/published.json
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
}

/// Lists what there is, or downloads and imports.
pub(super) fn run(
    args: &PullArgs,
    store: &ModelStore,
    settings: &Settings,
    output: &mut Output,
) -> Result<Exit> {
    let models = table(args)?;
    let Some(wanted) = &args.wanted else {
        for model in &models {
            output.styled(Style::Bold, &model.name)?;
            output.line(format_args!("  {}", told(model)))?;
        }
        return Ok(Exit::Found);
    };
    let Some(model) = models.iter().find(|model| model.name == *wanted) else {
        let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
        bail!(
            "no model is called {wanted}; there are {}",
            names.join(", ")
        );
    };
    output.notice(format_args!("{}: {}", model.name, told(model)));
    output.notice(format_args!("from {}", model.weights.address));
    if !args.yes && !agreed(settings)? {
        output.notice(format_args!("nothing was downloaded"));
        return Ok(Exit::Nothing);
    }
    let mut options = PullOptions::default();
    options.name.clone_from(&args.name);
    options.dtype = args.dtype.into();
    options.mirror = args.mirror.clone().or_else(|| settings.mirror());
    options.proxy = settings.proxy();
    let mut bar = Bar::new(settings, Interrupt::listen()?);
    let outcome = store.pull(model, &options, |progress| bar.pull(progress));
    drop(bar);
    match outcome {
        Ok(info) => {
            installed(&info, output)?;
            Ok(Exit::Found)
        }
        Err(StoreError::Download(stopped @ DownloadError::Cancelled)) => {
            output.notice(format_args!("{stopped}"));
            Ok(Exit::Interrupted)
        }
        Err(error) => Err(error.into()),
    }
}

fn table(args: &PullArgs) -> Result<Vec<PublishedModel>> {
    let Some(file) = &args.table else {
        return Ok(PublishedModel::all());
    };
    let text = fs::read_to_string(file)
        .map_err(|error| anyhow!("cannot read the table {}: {error}", harmless(file)))?;
    Ok(PublishedModel::read(&text)?)
}

/// What a model is, what has to be fetched for it, and under which terms.
fn told(model: &PublishedModel) -> String {
    let size = match (model.weights.bytes, model.weights.size()) {
        (Some(bytes), _) => HumanBytes(bytes).to_string(),
        (None, Some(about)) => format!("about {}", HumanBytes(about)),
        (None, None) => "unknown size".to_owned(),
    };
    format!("{}; {size}; licence {}", model.what, model.licence)
}

fn agreed(settings: &Settings) -> Result<bool> {
    if !settings.interactive {
        bail!("nobody is there to be asked; say --yes to download it");
    }
    output::say(format_args!("Download it? [y/N]"));
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| anyhow!("cannot read the answer: {error}"))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
