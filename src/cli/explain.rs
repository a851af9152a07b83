//! `imgsearch explain`: why a picture stands where it stands, or is not found.

use std::path::PathBuf;

use anyhow::Result;
use imgsearch::query::TagSource;
use imgsearch::{Explanation, Image, Unmet, Verdict};

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
        for line in lines(&verdict) {
            output.line(format_args!("{line}"))?;
        }
    }
    Ok(match verdict.rank {
        Some(_) => Exit::Found,
        None => Exit::Nothing,
    })
}

fn lines(verdict: &Verdict) -> Vec<String> {
    let mut lines = vec![match (verdict.rank, verdict.indexed) {
        (Some(rank), _) => format!("place {rank}, score {:.3}", verdict.why.score),
        (None, false) => format!("not indexed; its score would be {:.3}", verdict.why.score),
        (None, true) if verdict.unmet.is_empty() => format!(
            "not among the pictures that a search looks at; its score is {:.3}",
            verdict.why.score
        ),
        (None, true) => format!("not in the answer; its score is {:.3}", verdict.why.score),
    }];
    lines.extend(verdict.unmet.iter().map(|unmet| match unmet {
        Unmet::Missing {
            tags,
            confidence,
            needed,
            source,
        } => match told(*source) {
            "" => format!(
                "  required and not recognised: {} ({confidence:.2}, more than {needed:.2} is needed)",
                tags.join(" or ")
            ),
            told => format!("  required: {} ({told})", tags.join(" or ")),
        },
        Unmet::Excluded {
            tag,
            confidence,
            source,
        } => match told(*source) {
            "" => format!("  excluded and recognised: {tag} ({confidence:.2})"),
            told => format!("  excluded: {tag} ({told})"),
        },
        Unmet::Unsure => {
            "  the answer is empty: nothing here shows surely enough what is asked for (--min-score 0 answers all the same)"
                .to_owned()
        }
        _ => "  its date, keywords, camera, path or format are not what is asked for".to_owned(),
    }));
    lines.extend(parts(&verdict.why));
    if let Some(probability) = verdict.why.probability {
        lines.push(format!(
            "  it answers the query with probability {probability:.2}"
        ));
    }
    lines
}

/// Who says so, where it is not the model.
fn told(source: TagSource) -> &'static str {
    match source {
        TagSource::Added => "you tagged it so",
        TagSource::Removed => "you took the tag away",
        TagSource::Keyword => "a keyword in the file",
        _ => "",
    }
}

/// The parts of a score, a line each.
fn parts(why: &Explanation) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(itc) = why.itc {
        lines.push(format!(
            "  {:+.3}  similarity (ITC) {itc:.2}",
            why.itc_weight
        ));
    }
    for tag in &why.tags {
        let query = match tag.query == tag.tag {
            true => String::new(),
            false => format!(" for {:?}", tag.query),
        };
        let certainty = match (told(tag.source), tag.recognized) {
            ("", true) => format!("probability {:.2}", tag.confidence),
            ("", false) => format!("probability {:.2}, not recognised", tag.confidence),
            (told, _) => told.to_owned(),
        };
        lines.push(format!(
            "  {:+.3}  tag {}{query}, {certainty}",
            tag.weight, tag.tag
        ));
    }
    if let Some(itm) = why.itm {
        lines.push(format!(
            "  {:+.3}  match (ITM) with probability {itm:.2}",
            why.itm_weight
        ));
    }
    if !why.unresolved.is_empty() {
        let words = why.unresolved.join(", ");
        lines.push(format!(
            "  no tag stands for {words}; only the similarity answers"
        ));
    }
    lines
}
