//! `imgsearch tags`: what a model recognises in pictures.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::Result;
use imgsearch::{Annotations, Image, RecognizedTag};
use serde::Serialize;

use super::exit::Exit;
use super::output::{self, Output, Style};
use super::settings::Settings;

/// Show the tags recognised in pictures
///
/// A line for each picture, which need not be indexed, with what `imgsearch tag` said of it and the keywords in its file. A file that is no picture is named on stderr and the others are
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
    #[serde(flatten)]
    said: &'a Annotations,
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
        let said = engine.annotations(Image::Path(file))?;
        tags.retain(|tag| args.all || tag.recognized);
        if args.json {
            output.json(&Line {
                path: file.to_string_lossy(),
                tags: &tags,
                said: &said,
            })?;
        } else {
            tags.sort_by(|a, b| b.score.total_cmp(&a.score));
            text(file, &tags, &said, output)?;
        }
        output.flush()?;
    }
    Ok(exit)
}

/// `path: dog 0.98, snow 0.71 (removed), beach (added)`: what the model recognises, the most certain first, then what else is said.
fn text(
    file: &Path,
    tags: &[RecognizedTag],
    said: &Annotations,
    output: &mut Output,
) -> Result<()> {
    let path = output.shown(file);
    output.styled(Style::Bold, path)?;
    output.write(":")?;
    let mut separator = " ";
    for tag in tags {
        output.write(separator)?;
        output.write(&tag.tag)?;
        let mut note = format!(" {:.2}", tag.score);
        for (_, source) in said.iter().filter(|(word, _)| is_same(word, &tag.tag)) {
            note += &format!(" ({source})");
        }
        output.styled(Style::Dim, note)?;
        separator = ", ";
    }
    let is_shown = |word| tags.iter().any(|tag| is_same(word, &tag.tag));
    for (word, source) in said.iter().filter(|(word, _)| !is_shown(word)) {
        output.write(separator)?;
        output.write(word)?;
        output.styled(Style::Dim, format!(" ({source})"))?;
        separator = ", ";
    }
    output.write("\n")
}

fn is_same(word: &str, tag: &str) -> bool {
    word.to_lowercase() == tag.to_lowercase()
}
