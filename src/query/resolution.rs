//! What the words of a query stand for, as a value.

use std::collections::HashMap;
use std::ops::Range;

use imgsearch_index::TagId;
use serde::{Deserialize, Serialize};

/// How a query word came to stand for a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum How {
    /// The word is the tag's name.
    Exact,
    /// Another form of the tag's name: plural, inflected verb.
    Form,
    /// The word is a synonym of the tag.
    Synonym,
    /// The tag is a kind of what was asked for: `animal` finds `dog`.
    Narrower,
    /// What was asked for is no tag, the tag is a kind above it: `terrapin` finds `turtle`.
    Broader,
    /// Only part of a compound is a tag.
    Part,
    /// The word was misspelt by one letter.
    Spelling,
}

impl How {
    /// How much a match of this sort counts.
    pub fn weight(self) -> f32 {
        match self {
            Self::Exact | Self::Form => 1.0,
            Self::Synonym => 0.95,
            Self::Narrower => 0.9,
            Self::Spelling => 0.8,
            Self::Broader => 0.6,
            Self::Part => 0.5,
        }
    }
}

/// A tag that a concept of the query may be found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The tag.
    pub tag: TagId,
    /// How the words came to stand for it.
    pub how: How,
}

/// One thing a query asks for, with the tags that answer it; a picture needs only one of them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Concept {
    /// The words, as they were typed.
    pub text: String,
    /// Their bytes in the query.
    pub span: Range<usize>,
    /// Tags that answer it, best first; none where only a keyword does.
    pub tags: Vec<Candidate>,
    /// A keyword that the words are, which pictures have and no tag is called.
    pub keyword: Option<String>,
    /// How many times as much as another it counts.
    pub weight: f32,
}

/// What a query asks for.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Resolution {
    /// Words that stand for tags, in the order of the query; each tag's first mention only.
    pub concepts: Vec<Concept>,
    /// Content words that no tag stands for.
    pub unresolved: Vec<String>,
    /// Words for what the query says is not there: "without a hat". They stand for no tag.
    pub absent: Vec<String>,
    /// Whether the query is a row of words, with none of what makes words a sentence: articles, prepositions, pronouns, auxiliaries.
    pub keywords: bool,
}

impl Resolution {
    /// Whether matching the whole sentence with a picture can tell more than its tags and the similarity: when it is one, and names
    /// more than one thing. Of a single name, as in "a photo of a dog", the tagger knows more than the matcher.
    pub fn relates(&self) -> bool {
        !self.keywords && self.concepts.len() + self.unresolved.len() > 1
    }

    /// Every tag with the weight of its best reading, for a search by tags.
    pub fn weighted_tags(&self) -> Vec<(TagId, f32)> {
        let mut weights: HashMap<TagId, f32> = HashMap::new();
        for concept in &self.concepts {
            for candidate in &concept.tags {
                let weight = weights.entry(candidate.tag).or_default();
                *weight = weight.max(concept.weight * candidate.how.weight());
            }
        }
        let mut weights: Vec<_> = weights.into_iter().collect();
        weights.sort_unstable_by_key(|(tag, _)| *tag);
        weights
    }
}
