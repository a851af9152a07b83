//! How the words of the query were understood.

use std::collections::HashSet;

use imgsearch::Vocabulary;
use imgsearch::query::{How, Prepared};

/// Tags that are named for one word; a wide word stands for hundreds.
const NAMED: usize = 3;

/// What the query line stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// Words that stand for tags or keywords.
    pub(super) words: Vec<Word>,
    /// Words that no tag stands for.
    pub(super) unresolved: Vec<String>,
}

/// A word of the query with its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// As it was typed.
    pub(super) text: String,
    /// The best tags, then the keyword that it is.
    pub(super) tags: Vec<String>,
    /// Tags beyond those.
    pub(super) more: usize,
    /// How the word came to stand for the tags, if it does.
    pub(super) how: Option<How>,
}

impl Reading {
    pub(super) fn new(prepared: &Prepared, vocabulary: &Vocabulary) -> Self {
        let words = prepared.resolution.concepts.iter().map(|concept| {
            // An orange and the colour orange are two tags; their name says all there is to say.
            let mut seen = HashSet::new();
            let named = concept
                .tags
                .iter()
                .filter_map(|candidate| vocabulary.get(candidate.tag));
            let mut names = named
                .map(|tag| tag.name.as_str())
                .filter(|name| seen.insert(*name));
            let mut tags: Vec<_> = names.by_ref().take(NAMED).map(str::to_owned).collect();
            let more = names.count();
            let keyword = concept.keyword.iter();
            tags.extend(keyword.map(|keyword| format!("{keyword} (keyword)")));
            Word {
                text: concept.text.clone(),
                tags,
                more,
                how: concept.tags.first().map(|tag| tag.how),
            }
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
        self.how == Some(How::Exact) && self.more == 0 && self.tags.len() == 1
    }

    /// The way from the word to the tags, where it is not plain to see.
    pub(super) fn note(&self) -> Option<&'static str> {
        match self.how? {
            How::Synonym => Some("synonym"),
            How::Narrower => Some("kinds of it"),
            How::Broader => Some("wider"),
            How::Part => Some("a part"),
            How::Spelling => Some("spelling"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use imgsearch::Query;
    use imgsearch::query::Resolver;

    use super::*;

    const TAGS: &str = r#"{"tag":"animal","kind":"object","threshold":0.5,"synonyms":[],"parents":[]}
{"tag":"dog","kind":"object","threshold":0.5,"synonyms":["hound"],"parents":["animal"]}
{"tag":"cat","kind":"object","threshold":0.5,"synonyms":[],"parents":["animal"]}
{"tag":"horse","kind":"object","threshold":0.5,"synonyms":[],"parents":["animal"]}
{"tag":"orange","kind":"object","threshold":0.5,"synonyms":[],"parents":[]}
{"tag":"orange","kind":"attribute","threshold":0.5,"synonyms":[],"parents":[]}
"#;

    fn read(text: &str) -> Reading {
        let vocabulary = Vocabulary::from_json_lines(TAGS).unwrap();
        let prepared = Query::new(text).prepare(&Resolver::new(&vocabulary));
        Reading::new(&prepared.unwrap(), &vocabulary)
    }

    #[test]
    fn words_come_with_their_tags_and_the_way_to_them() {
        let reading = read("Hounds and an orange serendipity");
        let told: Vec<_> = reading
            .words
            .iter()
            .map(|word| (&*word.text, &word.tags[..]))
            .collect();
        assert_eq!(
            told,
            [
                ("Hounds", &["dog".to_owned()][..]),
                ("orange", &["orange".to_owned()][..])
            ]
        );
        assert_eq!(reading.words[0].note(), Some("synonym"));
        assert!(reading.words[1].is_plain() && !reading.words[0].is_plain());
        assert_eq!(reading.unresolved, ["serendipity"]);
    }

    #[test]
    fn keywords_stand_behind_the_tags() {
        let vocabulary = Vocabulary::from_json_lines(TAGS).unwrap();
        let prepared = Query::new("a dog").prepare(&Resolver::new(&vocabulary));
        let mut prepared = prepared.unwrap();
        let words = |prepared: &Prepared| Reading::new(prepared, &vocabulary).words;
        prepared.resolution.concepts[0].keyword = Some("Dog".to_owned());
        let dog = &words(&prepared)[0];
        assert_eq!(dog.tags, ["dog", "Dog (keyword)"]);
        assert!(!dog.is_plain());
        prepared.resolution.concepts[0].tags.clear();
        let only = &words(&prepared)[0];
        assert_eq!(only.tags, ["Dog (keyword)"]);
        assert!(!only.is_plain() && only.note().is_none());
    }

    #[test]
    fn a_wide_word_names_a_few_tags_and_counts_the_rest() {
        let animal = &read("an animal").words[0];
        assert_eq!((animal.tags.len(), animal.more), (3, 1));
        assert_eq!(animal.tags[0], "animal");
    }
}
