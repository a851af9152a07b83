//! `imgsearch match`: how well sentences go with a picture.

use std::borrow::Cow;
use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use imgsearch::{Image, MatchStart};
use serde::Serialize;

use super::exit::Exit;
use super::output::Output;
use super::settings::Settings;

/// Tell how well sentences go with a picture
///
/// A line for each sentence: the probability that it belongs to the picture (image-text matching, ITM), where the model has
/// such a head, and the cosine of the two embeddings (image-text contrastive, ITC).
#[derive(Debug, clap::Args)]
pub(crate) struct MatchArgs {
    /// The picture, which need not be indexed
    file: PathBuf,
    /// Sentences; put each in quotes
    #[arg(required = true, value_name = "SENTENCE")]
    sentences: Vec<String>,
    /// What a sentence begins with where it is matched with the picture: [ENC] as in training, [CLS] as in Hugging Face's port
    #[arg(long, value_enum, value_name = "TOKEN", default_value = "enc")]
    itm_token: Token,
    /// Write one JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Token {
    Enc,
    Cls,
}

#[derive(Serialize)]
struct Line<'a> {
    path: Cow<'a, str>,
    sentence: &'a str,
    itc: f32,
    itm: Option<f32>,
}

/// Writes how well each sentence goes with the picture, in the order of the sentences.
pub(crate) fn run(args: &MatchArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let engine = settings.engine()?;
    let sentences: Vec<&str> = args.sentences.iter().map(String::as_str).collect();
    let start = match args.itm_token {
        Token::Enc => MatchStart::Enc,
        Token::Cls => MatchStart::Cls,
    };
    let found = engine.match_sentences(Image::Path(&args.file), &sentences, start)?;
    if found.iter().any(|found| found.itm.is_none()) {
        output.notice(format_args!(
            "this model has no head for image-text matching, so only the similarity (ITC) is told; BLIP has one: \
             imgsearch model pull blip-itm-base-coco, or imgsearch model import FILE --kind blip-itm"
        ));
    }
    for (&sentence, found) in sentences.iter().zip(found) {
        if args.json {
            output.json(&Line {
                path: args.file.to_string_lossy(),
                sentence,
                itc: found.itc,
                itm: found.itm,
            })?;
            continue;
        }
        let itc = found.itc;
        match found.itm {
            Some(itm) => output.line(format_args!("ITM {itm:.3}  ITC {itc:.3}  {sentence}"))?,
            None => output.line(format_args!("ITC {itc:.3}  {sentence}"))?,
        }
    }
    Ok(Exit::Found)
}
