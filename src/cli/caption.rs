//! `imgsearch caption`: a sentence about each picture.

use std::borrow::Cow;
use std::path::PathBuf;

use anyhow::Result;
use imgsearch::{CaptionOptions, Image, Sampling};
use serde::Serialize;

use super::args::at_least_one;
use super::exit::Exit;
use super::output::{self, Output, Style};
use super::settings::Settings;

/// Describe pictures in a sentence
///
/// The sentence is written from the tags that are recognised in a picture, or from those that are given. Needs a model that
/// writes captions, such as Tag2Text. A line for each picture, which need not be indexed.
#[derive(Debug, clap::Args)]
pub(crate) struct CaptionArgs {
    /// Pictures
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the sentence is to speak of, instead of the recognised tags
    #[arg(long, value_name = "TAG,TAG", value_delimiter = ',')]
    tags: Option<Vec<String>>,
    /// Sentences that beam search keeps beside each other; 1 takes the likeliest word each time
    #[arg(long, value_name = "N", default_value = "3", value_parser = at_least_one)]
    beams: usize,
    /// Tokens after which a sentence is cut, the four of the prompt included
    #[arg(long, value_name = "N", default_value = "50", value_parser = at_least_one)]
    max_length: usize,
    /// Tokens before which a sentence does not end, the four of the prompt included
    #[arg(long, value_name = "N", default_value = "10")]
    min_length: usize,
    /// Hold back words that are there already: 1 not at all [default: 1, with --sample 1.1]
    #[arg(long, value_name = "FACTOR")]
    repetition_penalty: Option<f32>,
    /// Draw words by chance (nucleus sampling) instead of looking for the likeliest sentence
    #[arg(long, conflicts_with = "beams")]
    sample: bool,
    #[command(flatten)]
    drawing: Drawing,
    /// Write one JSON object a line
    #[arg(long)]
    json: bool,
}

/// How words are drawn.
#[derive(Debug, clap::Args)]
struct Drawing {
    /// Draw from the likeliest words that together have this probability
    #[arg(long, value_name = "P", default_value = "0.9", requires = "sample")]
    top_p: f32,
    /// Draw from so many of the likeliest words
    #[arg(long, value_name = "N", default_value = "50", requires = "sample", value_parser = at_least_one)]
    top_k: usize,
    /// Above 1 the unlikely is drawn more often
    #[arg(long, value_name = "T", default_value = "1", requires = "sample")]
    temperature: f32,
    /// The same seed draws the same sentence
    #[arg(long, value_name = "N", default_value = "0", requires = "sample")]
    seed: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    path: Cow<'a, str>,
    caption: &'a str,
    tags: &'a [String],
}

impl CaptionArgs {
    fn options(&self) -> CaptionOptions {
        let mut options = CaptionOptions::default();
        if self.sample {
            options = CaptionOptions::sampled(self.drawing.seed);
            options.sampling = Some(Sampling {
                top_p: self.drawing.top_p,
                top_k: self.drawing.top_k,
                temperature: self.drawing.temperature,
                seed: self.drawing.seed,
            });
        }
        options.beams = self.beams;
        options.max_length = self.max_length;
        options.min_length = self.min_length;
        if let Some(penalty) = self.repetition_penalty {
            options.repetition_penalty = penalty;
        }
        options
    }

    /// The tags that were given, without blanks around them.
    fn given(&self) -> Option<Vec<String>> {
        let tags = self.tags.as_ref()?.iter();
        let tags = tags.map(|tag| tag.trim().to_owned());
        Some(tags.filter(|tag| !tag.is_empty()).collect())
    }
}

/// Writes a caption of each file.
pub(crate) fn run(args: &CaptionArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let engine = settings.engine()?;
    let (options, given) = (args.options(), args.given());
    let mut exit = Exit::Found;
    for file in &args.files {
        let caption = match engine.caption(Image::Path(file), given.as_deref(), &options) {
            Ok(caption) => caption,
            // One bad file among many; whatever else is wrong concerns them all.
            Err(error @ imgsearch::Error::Image { .. }) => {
                output::error(format_args!("{error}"));
                exit = Exit::Failed;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if args.json {
            output.json(&Line {
                path: file.to_string_lossy(),
                caption: &caption.text,
                tags: &caption.tags,
            })?;
        } else {
            let path = output.shown(file);
            output.styled(Style::Bold, path)?;
            output.line(format_args!(": {}", caption.text))?;
        }
        output.flush()?;
    }
    Ok(exit)
}
