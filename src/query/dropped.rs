//! Words of captions that became no tag, and why.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::mine::MinedTag;

/// Why a word is no tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Too few pictures speak of it.
    Rare,
    /// It is on the list of words that are no tags.
    Listed,
    /// It names nothing that a picture shows: idea, Tuesday.
    Unseen,
    /// It only told things apart: the kitchen of a kitchen chair.
    Attributive,
    /// It is a single letter, or has characters that no name has.
    Illegible,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rare => "too rare",
            Self::Listed => "stop list",
            Self::Unseen => "nothing to see",
            Self::Attributive => "only before nouns",
            Self::Illegible => "no word",
        })
    }
}

/// A word of captions that became no tag.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DroppedWord {
    /// Its base form.
    pub word: String,
    /// Why it was left out.
    pub reason: Reason,
    /// Pictures with a caption that has it.
    pub pictures: usize,
}

/// What is left when the tags are taken. A word that became a tag in another part of speech was not dropped, and one that
/// was refused for several reasons is named with the most frequent.
pub(crate) fn dropped(
    tags: &[MinedTag],
    rare: Vec<MinedTag>,
    refused: HashMap<(String, Reason), usize>,
) -> Vec<DroppedWord> {
    let refused = refused
        .into_iter()
        .map(|((word, reason), pictures)| DroppedWord {
            word,
            reason,
            pictures,
        });
    let rare = rare.into_iter().map(|tag| DroppedWord {
        word: tag.name,
        reason: Reason::Rare,
        pictures: tag.pictures,
    });
    let mut dropped: Vec<DroppedWord> = refused.chain(rare).collect();
    dropped.sort_by(|a, b| {
        let order = b.pictures.cmp(&a.pictures);
        order.then_with(|| (&a.word, a.reason).cmp(&(&b.word, b.reason)))
    });
    let mut known: HashSet<&str> = HashSet::new();
    for tag in tags {
        known.insert(&tag.name);
        known.extend(tag.words.iter().map(|(word, _)| word.as_str()));
    }
    let mut seen: HashSet<String> = HashSet::new();
    dropped.retain(|dropped| {
        !known.contains(dropped.word.as_str()) && seen.insert(dropped.word.clone())
    });
    dropped
}
