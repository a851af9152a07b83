//! Results of `search` and `similar`: aligned text, JSON lines or bare paths.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::Result;
use imgsearch::query::TagSource;
use imgsearch::{Explanation, Facet, Hit};
use serde::Serialize;

use super::exit::Exit;
use super::output::{Output, Style};

/// How results are written.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Form {
    /// Write one JSON object a line
    #[arg(long, conflicts_with_all = ["paths_only", "null"])]
    json: bool,
    /// Write paths and nothing else
    #[arg(long)]
    paths_only: bool,
    /// Write paths and nothing else, each ended by a NUL byte (for xargs -0)
    #[arg(short = '0', long)]
    null: bool,
}

/// A hit as a JSON object.
#[derive(Serialize)]
struct Line<'a> {
    rank: usize,
    path: Cow<'a, str>,
    id: String,
    score: f32,
    date: Option<&'a str>,
    why: &'a Explanation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    copies: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stack: Vec<Cow<'a, str>>,
}

/// Writes hits, best first; the first of them has `before` others before it.
pub(crate) fn write(hits: &[Hit], before: usize, form: Form, output: &mut Output) -> Result<Exit> {
    let width = (before + hits.len()).to_string().len();
    for (rank, hit) in (before + 1..).zip(hits) {
        let Some((path, copies)) = hit.paths.split_first() else {
            continue;
        };
        if form.json {
            output.json(&line(rank, hit, path, copies))?;
        } else if form.null {
            output.write(path.as_os_str().as_encoded_bytes())?;
            output.write("\0")?;
        } else if form.paths_only {
            let path = output.shown(path);
            output.write(path)?;
            output.write("\n")?;
        } else {
            text(rank, width, hit, path, copies, output)?;
        }
    }
    Ok(match hits {
        [] => Exit::Nothing,
        _ => Exit::Found,
    })
}

/// Facets that are written.
const FACETS: usize = 20;

/// Writes the most frequent tags of an answer: one line, or one JSON object.
pub(crate) fn write_facets(facets: &[Facet], form: Form, output: &mut Output) -> Result<()> {
    let facets = &facets[..facets.len().min(FACETS)];
    if form.json {
        return output.json(&Facets { facets });
    }
    let told = facets
        .iter()
        .map(|facet| format!("{} {}", facet.tag, facet.images));
    output.styled(Style::Dim, told.collect::<Vec<_>>().join(", "))?;
    output.write("\n")
}

#[derive(Serialize)]
struct Facets<'a> {
    facets: &'a [Facet],
}

fn line<'a>(rank: usize, hit: &'a Hit, path: &'a Path, copies: &'a [PathBuf]) -> Line<'a> {
    Line {
        rank,
        path: path.to_string_lossy(),
        id: hit.id.to_string(),
        score: hit.score,
        date: hit.captured.as_deref(),
        why: &hit.why,
        copies: copies.iter().map(|copy| copy.to_string_lossy()).collect(),
        stack: hit
            .stack
            .iter()
            .map(|path| path.to_string_lossy())
            .collect(),
    }
}

fn text(
    rank: usize,
    width: usize,
    hit: &Hit,
    path: &Path,
    copies: &[PathBuf],
    output: &mut Output,
) -> Result<()> {
    output.styled(Style::Dim, format!("{rank:>width$}"))?;
    output.write(format!("  {:.3}  ", hit.score))?;
    let path = output.shown(path);
    output.styled(Style::Bold, path)?;
    if !copies.is_empty() {
        let copies = match copies.len() {
            1 => " (and 1 copy)".to_owned(),
            many => format!(" (and {many} copies)"),
        };
        output.styled(Style::Dim, copies)?;
    }
    if !hit.stack.is_empty() {
        output.styled(
            Style::Dim,
            format!(" (and {} of the same shot)", hit.stack.len()),
        )?;
    }
    let tags: Vec<String> = hit
        .why
        .recognized()
        .iter()
        .map(|tag| match tag.source {
            TagSource::Model => tag.tag.clone(),
            source => format!("{} ({source})", tag.tag),
        })
        .collect();
    if !tags.is_empty() {
        output.write("  ")?;
        output.styled(Style::Green, format!("[{}]", tags.join(", ")))?;
    }
    output.write("\n")
}
