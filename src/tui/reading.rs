//! How the words of the query were understood.

use imgsearch::Vocabulary;
use imgsearch::query::{How, Prepared};

/// Tags that are named for one word; a wide word stands for hundreds.
const NAMED: usize = 3;

/// What the query line stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// Words that stand for tags.
    pub(super) words: Vec<Word>,
    /// Words that no tag stands for.
    pub(super) unresolved: Vec<String>,
}

/// A word of the query with its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// As it was typed.
    pub(super) text: String,
    /// The best tags.
    pub(super) tags: Vec<String>,
    /// Tags beyond those.
    pub(super) more: usize,
    /// How the word came to stand for them.
    pub(super) how: How,
}

impl Reading {
    pub(super) fn new(prepared: &Prepared, vocabulary: &Vocabulary) -> Self {
        let words = prepared.resolution.concepts.iter().filter_map(|concept| {
            let names = concept.tags.iter().take(NAMED);
            let tags: Vec<_> = names
                .filter_map(|candidate| vocabulary.get(candidate.tag))
                .map(|tag| tag.name.clone())
                .collect();
            Some(Word {
                text: concept.text.clone(),
                more: concept.tags.len() - tags.len(),
                tags,
                how: concept.tags.first()?.how,
            })
        });
        Self {
            words: words.collect(),
            unresolved: prepared.resolution.unresolved.clone(),
        }
    }
}

impl Word {
    /// Whether the word is itself the tag, so that naming both says nothing.
    pub(super) fn is_plain(&self) -> bool {
        self.how == How::Exact && self.more == 0 && self.tags.len() == 1
    }

    /// The way from the word to the tags, where it is not plain to see.
    pub(super) fn note(&self) -> Option<&'static str> {
        match self.how {
            How::Synonym => Some("synonym"),
            How::Narrower => Some("kinds of it"),
            How::Broader => Some("wider"),
            How::Part => Some("a part"),
            How::Spelling => Some("spelling"),
            _ => None,
        }
    }
}
