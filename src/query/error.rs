//! Why a query cannot be answered.

use crate::media::Format;

/// Why a query cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// Neither words nor tags.
    #[error("the query is empty; type a few words, or name a tag that must be there")]
    Empty,
    /// Only words such as "the" and "of".
    #[error(
        "{text:?} names nothing that a picture could show; add a word for a thing, a place, a look or an action"
    )]
    OnlyStopWords {
        /// What was typed.
        text: String,
    },
    /// Words in a script that no model here reads.
    #[error(
        "{text:?} is in a script that the model does not read: it knows English words; translate the query, or give a picture with like:FILE"
    )]
    Script {
        /// What was typed.
        text: String,
    },
    /// A required or excluded tag that the model does not know.
    #[error("no tag is called {tag:?}; {}", suggestion(near))]
    UnknownTag {
        /// What was asked for.
        tag: String,
        /// Tags with similar names.
        near: Vec<String>,
    },
    /// A word that several tags of different names go by, where one is to be meant.
    #[error("{tag:?} may mean {}; name one of them", means.join(" or "))]
    AmbiguousTag {
        /// What was typed.
        tag: String,
        /// The names of the tags.
        means: Vec<String>,
    },
    /// The same tag required and excluded.
    #[error(
        "the tag {tag:?} is both required and excluded, so no picture can match; remove one of the two"
    )]
    Contradiction {
        /// The tag.
        tag: String,
    },
    /// More text than anybody types.
    #[error("the query is {bytes} bytes long, the most is {most}; shorten it")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// An operator that cannot be meant.
    #[error("{reason} (at byte {at} of the query; `imgsearch help query` explains the operators)")]
    Syntax {
        /// Where it stands, in bytes from the beginning.
        at: usize,
        /// What is wrong with it and how it is mended.
        reason: String,
    },
    /// After one day and before it.
    #[error("no picture was taken after that day and before it; move one of the two days")]
    NoTime,
    /// A format that no picture of an index has.
    #[error("no picture has the format {format:?}; the formats are {}", formats())]
    UnknownFormat {
        /// What was asked for.
        format: String,
    },
    /// A threshold that no probability can be compared with.
    #[error("the threshold must be from 0 up to 1, and it is {threshold}")]
    Threshold {
        /// What was asked for.
        threshold: String,
    },
    /// A least score that is no probability.
    #[error("the least score is a probability, from 0 to 1, and it is {least}")]
    MinScore {
        /// What was asked for.
        least: String,
    },
    /// Nothing is asked for.
    #[error("the number of results must be at least 1")]
    NoLimit,
}

fn formats() -> String {
    Format::ALL
        .map(|format| format.name().to_lowercase())
        .join(", ")
}

fn suggestion(near: &[String]) -> String {
    if near.is_empty() {
        "the tag list of the model names all there are".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    }
}
