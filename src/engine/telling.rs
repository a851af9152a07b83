//! What an explanation says, in sentences: the same wherever it is read.

use std::fmt::{self, Display, Formatter};

use super::explaining::{Unmet, Verdict};
use crate::query::{Explanation, TagSource};

impl Display for Verdict {
    /// A line for the place, one for each thing that is not met, and one for each part of the score.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let score = self.why.score;
        match (self.rank, self.indexed) {
            (Some(rank), _) => write!(f, "place {rank}, score {score:.3}")?,
            (None, false) => write!(f, "not indexed; its score would be {score:.3}")?,
            (None, true) if self.unmet.is_empty() => write!(
                f,
                "not among the pictures that a search looks at; its score is {score:.3}"
            )?,
            (None, true) => write!(f, "not in the answer; its score is {score:.3}")?,
        }
        for unmet in &self.unmet {
            write!(f, "\n  {unmet}")?;
        }
        for line in parts(&self.why) {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

impl Display for Unmet {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing {
                tags,
                confidence,
                needed,
                source,
            } => match (tags.join(" or "), told(*source)) {
                (tags, None) => write!(
                    f,
                    "required and not recognised: {tags} ({confidence:.2}, more than {needed:.2} is needed)"
                ),
                (tags, Some(told)) => write!(f, "required: {tags} ({told})"),
            },
            Self::Excluded {
                tag,
                confidence,
                source,
            } => match told(*source) {
                None => write!(f, "excluded and recognised: {tag} ({confidence:.2})"),
                Some(told) => write!(f, "excluded: {tag} ({told})"),
            },
            Self::Unsure => f.write_str(
                "the answer is empty: nothing here shows surely enough what is asked for",
            ),
            Self::Fact { asked, found } if found.is_empty() => {
                write!(f, "asked for: {asked}; it has none")
            }
            Self::Fact { asked, found } => {
                write!(f, "asked for: {asked}; it has {}", found.join(", "))
            }
        }
    }
}

/// Who says so, where it is not the model.
fn told(source: TagSource) -> Option<&'static str> {
    match source {
        TagSource::Model => None,
        TagSource::Keyword => Some("a keyword in the file"),
        TagSource::Added => Some("you tagged it so"),
        TagSource::Removed => Some("you took the tag away"),
    }
}

/// The parts of a score, a line each.
fn parts(why: &Explanation) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(itc) = why.itc {
        lines.push(format!("{:+.3}  similarity (ITC) {itc:.2}", why.itc_weight));
    }
    for tag in &why.tags {
        let query = match tag.query == tag.tag {
            true => String::new(),
            false => format!(" for {:?}", tag.query),
        };
        let certainty = match (told(tag.source), tag.recognized) {
            (None, true) => format!("probability {:.2}", tag.confidence),
            (None, false) => format!("probability {:.2}, not recognised", tag.confidence),
            (Some(told), _) => told.to_owned(),
        };
        let (weight, name) = (tag.weight, &tag.tag);
        lines.push(format!("{weight:+.3}  tag {name}{query}, {certainty}"));
    }
    if let Some(itm) = why.itm {
        lines.push(format!(
            "{:+.3}  match (ITM) with probability {itm:.2}",
            why.itm_weight
        ));
    }
    if !why.unresolved.is_empty() {
        let words = why.unresolved.join(", ");
        lines.push(format!(
            "no tag stands for {words}; only the similarity answers"
        ));
    }
    if let Some(probability) = why.probability {
        lines.push(format!(
            "it answers the query with probability {probability:.2}"
        ));
    }
    lines
}
