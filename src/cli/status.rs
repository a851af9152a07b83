//! `imgsearch status`: what the index holds.

use std::borrow::Cow;

use anyhow::Result;
use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use super::exit::Exit;
use super::output::{Output, harmless};
use super::settings::Settings;

/// Show what the index holds
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Write a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Status<'a> {
    images: usize,
    model: &'a str,
    generation: u64,
    bytes: u64,
    tags: usize,
    index: Cow<'a, str>,
}

/// Writes what the index holds.
pub(crate) fn run(args: &StatusArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let stats = settings.engine()?.stats()?;
    if args.json {
        output.json(&Status {
            images: stats.images,
            model: &stats.model,
            generation: stats.generation,
            bytes: stats.bytes,
            tags: stats.tags,
            index: settings.index.to_string_lossy(),
        })?;
    } else {
        output.line(format_args!("index       {}", harmless(&settings.index)))?;
        output.line(format_args!(
            "images      {}",
            HumanCount(stats.images as u64)
        ))?;
        output.line(format_args!(
            "tags        {}",
            HumanCount(stats.tags as u64)
        ))?;
        output.line(format_args!("model       {}", stats.model))?;
        output.line(format_args!("generation  {}", stats.generation))?;
        output.line(format_args!("size        {}", HumanBytes(stats.bytes)))?;
    }
    Ok(Exit::Found)
}
