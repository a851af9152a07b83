//! `imgsearch explain`: why a picture stands where it stands, or is not found.

use std::path::PathBuf;

use anyhow::Result;
use imgsearch::{Image, Unmet};

use super::exit::Exit;
use super::output::Output;
use super::search;
use super::settings::Settings;

/// Say why a picture answers a query, or what is missing
///
/// Every part of the score is a line; they add up to it. The picture need not be indexed.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// The query, in quotes; `imgsearch help query` lists its operators
    query: String,
    /// The picture
    file: PathBuf,
    /// Write a JSON object
    #[arg(long)]
    json: bool,
}

/// Explains.
pub(crate) fn run(args: &ExplainArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let engine = settings.engine()?;
    let query = search::parse(&args.query)?;
    let verdict = engine.explain(&query, Image::Path(&args.file))?;
    if args.json {
        output.json(&verdict)?;
    } else {
        output.line(format_args!("{verdict}"))?;
        if verdict.unmet.contains(&Unmet::Unsure) {
            output.notice(format_args!("--min-score 0 answers all the same"));
        }
    }
    Ok(match verdict.rank {
        Some(_) => Exit::Found,
        None => Exit::Nothing,
    })
}
