//! `imgsearch tags`: what a model recognises in pictures.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::Result;
use imgsearch::{Image, RecognizedTag};
use serde::Serialize;

use super::exit::Exit;
use super::output::{self, Output, Style};
use super::settings::Settings;

/// Show the tags recognised in pictures
///
/// A line for each picture, which need not be indexed. A file that is no picture is named on stderr and the others are
/// shown all the same; the exit code is 2 then.
#[derive(Debug, clap::Args)]
pub(crate) struct TagsArgs {
    /// Pictures
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Show every tag of the model with its probability, not only what is recognised
    #[arg(long)]
    all: bool,
    /// Write one JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    path: Cow<'a, str>,
    tags: &'a [RecognizedTag],
}

/// Writes the tags of each file.
pub(crate) fn run(args: &TagsArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let engine = settings.engine()?;
    let mut exit = Exit::Found;
    for file in &args.files {
        let mut tags = match engine.tags(Image::Path(file)) {
            Ok(tags) => tags,
            // One bad file among many; whatever else is wrong concerns them all.
            Err(error @ imgsearch::Error::Image { .. }) => {
                output::error(format_args!("{error}"));
                exit = Exit::Failed;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        tags.retain(|tag| args.all || tag.recognized);
        if args.json {
            output.json(&Line {
                path: file.to_string_lossy(),
                tags: &tags,
            })?;
        } else {
            tags.sort_by(|a, b| b.score.total_cmp(&a.score));
            text(file, &tags, output)?;
        }
        output.flush()?;
    }
    Ok(exit)
}

/// `path: dog 0.98, beach 0.71`, the most certain first.
fn text(file: &Path, tags: &[RecognizedTag], output: &mut Output) -> Result<()> {
    let path = output.shown(file);
    output.styled(Style::Bold, path)?;
    output.write(":")?;
    for (at, tag) in tags.iter().enumerate() {
        output.write(if at == 0 { " " } else { ", " })?;
        output.write(&tag.tag)?;
        output.styled(Style::Dim, format!(" {:.2}", tag.score))?;
    }
    output.write("\n")
}
