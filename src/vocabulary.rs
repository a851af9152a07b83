//! The closed set of tags that a model recognises.

use std::collections::HashMap;
use std::fmt;

use imgsearch_index::TagId;
use serde::{Deserialize, Serialize};

/// What a tag says of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TagKind {
    /// Something in it: dog, alarm clock.
    Object,
    /// Where it is: beach, kitchen.
    Scene,
    /// What something is like: red, wooden.
    Attribute,
    /// What happens: run, soccer.
    Action,
}

impl fmt::Display for TagKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "object",
            Self::Scene => "scene",
            Self::Attribute => "attribute",
            Self::Action => "action",
        })
    }
}

/// One tag of a vocabulary.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// Its number, the same as its place in the vocabulary.
    pub id: TagId,
    /// Its name, as the model's list of tags has it; no identity, because lists repeat names.
    pub name: String,
    /// What it says of a picture.
    pub kind: TagKind,
    /// A picture has the tag when its probability is above this.
    pub threshold: f32,
    /// Other words for the same.
    pub synonyms: Vec<String>,
    /// Names of tags that hold wherever this one holds, nearest first: `beagle` has `dog` and `animal`.
    pub parents: Vec<String>,
}

impl Tag {
    /// Whether a word, in lower case, is its name.
    pub(crate) fn is_called(&self, word: &str) -> bool {
        self.name.to_lowercase() == word
    }
}

/// Why a vocabulary cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VocabularyError {
    /// A line is not a tag.
    #[error(
        "line {line} of the tag list is no tag ({source}); each line must be an object with \"tag\", \"kind\" and \"threshold\""
    )]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What the JSON reader says.
        source: serde_json::Error,
    },
    /// A tag without a usable name.
    #[error(
        "tag {id} has the name {name:?}; a name must not be empty and must have no blanks at its ends"
    )]
    Name {
        /// The tag's number.
        id: u32,
        /// The name it has.
        name: String,
    },
    /// A threshold that no probability can be compared with.
    #[error("the threshold {threshold} of tag {name:?} is not between 0 and 1")]
    Threshold {
        /// The tag's name.
        name: String,
        /// Its threshold.
        threshold: f32,
    },
}

/// A tag as one line of a tag list; the line's number is the id.
#[derive(Serialize, Deserialize)]
struct Line {
    tag: String,
    kind: TagKind,
    threshold: f32,
    #[serde(default)]
    synonyms: Vec<String>,
    #[serde(default)]
    parents: Vec<String>,
}

/// The tags a model recognises, by number and by word.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    tags: Vec<Tag>,
    words: HashMap<String, Vec<TagId>>,
}

impl Vocabulary {
    /// Makes a vocabulary; every tag takes its place in the list as its id.
    pub fn new(tags: Vec<Tag>) -> Result<Self, VocabularyError> {
        let mut vocabulary = Self {
            tags,
            words: HashMap::new(),
        };
        for (id, tag) in (0..).zip(&mut vocabulary.tags) {
            tag.id = TagId(id);
            if tag.name.is_empty() || tag.name.trim() != tag.name {
                return Err(VocabularyError::Name {
                    id,
                    name: tag.name.clone(),
                });
            }
            if !(0.0..=1.0).contains(&tag.threshold) {
                return Err(VocabularyError::Threshold {
                    name: tag.name.clone(),
                    threshold: tag.threshold,
                });
            }
            vocabulary
                .words
                .entry(tag.name.to_lowercase())
                .or_default()
                .push(tag.id);
        }
        // A name always wins over another tag's synonym.
        for tag in &vocabulary.tags {
            for synonym in &tag.synonyms {
                let ids = vocabulary.words.entry(synonym.clone()).or_default();
                let named = ids
                    .iter()
                    .any(|id| vocabulary.tags[id.0 as usize].is_called(synonym));
                if !named && !ids.contains(&tag.id) {
                    ids.push(tag.id);
                }
            }
        }
        Ok(vocabulary)
    }

    /// Reads a tag list: one JSON object a line, the line's number being the id.
    pub fn from_json_lines(text: &str) -> Result<Self, VocabularyError> {
        let mut tags = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line: Line =
                serde_json::from_str(line).map_err(|source| VocabularyError::Line {
                    line: at + 1,
                    source,
                })?;
            let Line {
                tag: name,
                kind,
                threshold,
                synonyms,
                parents,
            } = line;
            tags.push(Tag {
                id: TagId(0),
                name,
                kind,
                threshold,
                synonyms,
                parents,
            });
        }
        Self::new(tags)
    }

    /// Writes a tag list that [`Vocabulary::from_json_lines`] reads.
    pub fn to_json_lines(&self) -> String {
        let mut text = String::new();
        for tag in &self.tags {
            let line = Line {
                tag: tag.name.clone(),
                kind: tag.kind,
                threshold: tag.threshold,
                synonyms: tag.synonyms.clone(),
                parents: tag.parents.clone(),
            };
            if let Ok(line) = serde_json::to_string(&line) {
                text.push_str(&line);
                text.push('\n');
            }
        }
        text
    }

    /// How many tags there are.
    pub fn len(&self) -> usize {
        self.tags.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    /// A tag by its number.
    pub fn get(&self, id: TagId) -> Option<&Tag> {
        self.tags.get(usize::try_from(id.0).ok()?)
    }

    /// All tags in the order of their numbers.
    pub fn iter(&self) -> std::slice::Iter<'_, Tag> {
        self.tags.iter()
    }

    /// Tags whose score is above their threshold, the highest score first. `scores` are by number.
    pub fn recognized(&self, scores: &[f32]) -> Vec<TagId> {
        let shown = self.tags.iter().zip(scores);
        let mut shown: Vec<(TagId, f32)> = shown
            .filter(|(tag, score)| **score > tag.threshold)
            .map(|(tag, score)| (tag.id, *score))
            .collect();
        shown.sort_by(|a, b| b.1.total_cmp(&a.1));
        shown.into_iter().map(|(tag, _)| tag).collect()
    }

    /// Tags with this name or synonym, in lower case; more than one where a word has two kinds ("orange") or the list names
    /// two tags alike.
    pub fn find(&self, word: &str) -> &[TagId] {
        self.words.get(word).map_or(&[], Vec::as_slice)
    }

    /// Every name and synonym with its tags, in no order.
    pub fn words(&self) -> impl Iterator<Item = (&str, &[TagId])> {
        self.words
            .iter()
            .map(|(word, ids)| (word.as_str(), ids.as_slice()))
    }

    /// The tags that hold wherever this one holds.
    pub fn parents(&self, id: TagId) -> impl Iterator<Item = TagId> + '_ {
        let parents = self.get(id).map_or(&[][..], |tag| &tag.parents);
        parents.iter().flat_map(move |parent| {
            self.find(parent)
                .iter()
                .copied()
                .filter(move |&id| self.tags[id.0 as usize].is_called(parent))
        })
    }
}

impl<'a> IntoIterator for &'a Vocabulary {
    type Item = &'a Tag;
    type IntoIter = std::slice::Iter<'a, Tag>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(name: &str, synonyms: &[&str], parents: &[&str]) -> Tag {
        let own = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Tag {
            id: TagId(0),
            name: name.to_owned(),
            kind: TagKind::Object,
            threshold: 0.5,
            synonyms: own(synonyms),
            parents: own(parents),
        }
    }

    #[test]
    fn a_list_survives_writing_and_reading() {
        let tags = vec![tag("dog", &["puppy"], &["animal"]), tag("animal", &[], &[])];
        let vocabulary = Vocabulary::new(tags).unwrap();
        let again = Vocabulary::from_json_lines(&vocabulary.to_json_lines()).unwrap();
        assert_eq!(again.tags, vocabulary.tags);
        assert_eq!(again.find("puppy"), [TagId(0)]);
        assert_eq!(again.parents(TagId(0)).collect::<Vec<_>>(), [TagId(1)]);
        assert!(again.find("cat").is_empty());
    }

    #[test]
    fn a_name_wins_over_a_synonym() {
        let tags = vec![tag("couch", &["bench"], &[]), tag("bench", &[], &[])];
        let vocabulary = Vocabulary::new(tags).unwrap();
        assert_eq!(vocabulary.find("bench"), [TagId(1)]);
    }

    #[test]
    fn tags_of_one_name_are_two_tags_and_case_is_kept() {
        let tags = ["train", "Christmas tree", "train"].map(|name| tag(name, &[], &["train"]));
        let vocabulary = Vocabulary::new(tags.to_vec()).unwrap();
        assert_eq!(vocabulary.find("train"), [TagId(0), TagId(2)]);
        assert_eq!(vocabulary.find("christmas tree"), [TagId(1)]);
        assert_eq!(vocabulary.get(TagId(1)).unwrap().name, "Christmas tree");
        let above: Vec<_> = vocabulary.parents(TagId(1)).collect();
        assert_eq!(above, [TagId(0), TagId(2)]);
    }

    #[test]
    fn bad_lists_are_named() {
        assert!(matches!(
            Vocabulary::new(vec![tag(" dog", &[], &[])]),
            Err(VocabularyError::Name { id: 0, .. })
        ));
        let mut odd = tag("dog", &[], &[]);
        odd.threshold = f32::NAN;
        assert!(matches!(
            Vocabulary::new(vec![odd]),
            Err(VocabularyError::Threshold { .. })
        ));
        let error = Vocabulary::from_json_lines("{}\n").unwrap_err();
        assert!(matches!(error, VocabularyError::Line { line: 1, .. }));
    }
}
