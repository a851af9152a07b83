//! `imgsearch eval parsing`: how well sentences are parsed, measured on what a person finds in them.

use std::path::PathBuf;

use anyhow::Result;
use imgsearch::eval::{parsing, read_examples};
use imgsearch::query::Parser;

use super::exit::Exit;
use super::output::Output;

/// How well sentences are parsed, against what a person finds in them
///
/// A line of the file is a sentence and its heads, modifiers, actions and relations, parted by tabs; a list is base forms
/// parted by commas. Lines that begin with `#` are passed over.
#[derive(Debug, clap::Args)]
pub(crate) struct ParsingArgs {
    /// Sentences with what a person finds in them
    #[arg(value_name = "EXAMPLES.tsv")]
    examples: PathBuf,
    /// Show the sentences that were read otherwise: what is missing (-), what should not be there (+)
    #[arg(long, conflicts_with = "json")]
    misread: bool,
    /// Write a JSON object, misread sentences included
    #[arg(long)]
    json: bool,
}

/// Measures and writes what was measured.
pub(crate) fn run(args: &ParsingArgs, output: &mut Output) -> Result<Exit> {
    let report = parsing(&Parser::english(), &read_examples(&args.examples)?);
    if args.json {
        output.json(&report)?;
        return Ok(Exit::Found);
    }
    output.write(report.to_string())?;
    for sentence in report.misread.iter().filter(|_| args.misread) {
        output.write(format!("\n{sentence}"))?;
    }
    Ok(Exit::Found)
}
