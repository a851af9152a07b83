//! `imgsearch similar`: from a picture to pictures like it.

use std::path::PathBuf;

use anyhow::Result;
use imgsearch::Image;

use super::args::at_least_one;
use super::exit::Exit;
use super::hits::{self, Form};
use super::output::Output;
use super::settings::Settings;

/// Find pictures that look like one
///
/// The picture need not be indexed; if it is, it is left out of its own results.
#[derive(Debug, clap::Args)]
pub(crate) struct SimilarArgs {
    /// The picture
    file: PathBuf,
    /// Most results
    #[arg(short = 'n', long, value_name = "N", default_value = "20", value_parser = at_least_one)]
    limit: usize,
    #[command(flatten)]
    form: Form,
}

/// Searches and writes what was found.
pub(crate) fn run(args: &SimilarArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let engine = settings.engine()?;
    let found = engine.similar_to(Image::Path(&args.file), args.limit)?;
    hits::write(&found, 0, args.form, output)
}
