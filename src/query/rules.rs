//! How tags are named and sorted: merged synonyms, kinds, words that are no tags. A table written by hand.

use std::collections::{HashMap, HashSet};

use super::parse::Role;
use crate::vocabulary::TagKind;

const TABLE: &str = include_str!("../../data/tag_rules.tsv");
const LABELS: &str = include_str!("../../data/label_names.tsv");

/// The rules for tags, read from the built-in tables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    same: HashMap<&'static str, &'static str>,
    verbs: HashMap<&'static str, &'static str>,
    kinds: HashMap<&'static str, Vec<TagKind>>,
    dropped: HashSet<&'static str>,
    no_verbs: HashSet<&'static str>,
    no_nouns: HashSet<&'static str>,
    above: HashMap<&'static str, Vec<&'static str>>,
    except: HashSet<(&'static str, &'static str)>,
    useful: HashSet<&'static str>,
    labels: HashMap<&'static str, &'static str>,
}

impl Rules {
    /// Reads the built-in tables.
    pub(crate) fn english() -> Self {
        let mut rules = Self::default();
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let mut columns = line.split('\t');
            let (Some(rule), Some(target), Some(words)) =
                (columns.next(), columns.next(), columns.next())
            else {
                continue;
            };
            for word in words.split(',') {
                match rule {
                    "same" => _ = rules.same.insert(word, target),
                    "verb" => _ = rules.verbs.insert(word, target),
                    "kind" => rules.kinds.entry(word).or_default().extend(kind(target)),
                    "drop" => _ = rules.dropped.insert(word),
                    "noverb" => _ = rules.no_verbs.insert(word),
                    "nonoun" => _ = rules.no_nouns.insert(word),
                    "above" => rules.above.entry(word).or_default().push(target),
                    "except" => _ = rules.except.insert((word, target)),
                    "useful" => _ = rules.useful.insert(word),
                    _ => {}
                }
            }
        }
        rules.labels = LABELS
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .collect();
        rules
    }

    /// The name a word goes by: `guy` is `man`.
    pub(crate) fn name<'a>(&self, word: &'a str) -> &'a str
    where
        'static: 'a,
    {
        self.same.get(word).copied().unwrap_or(word)
    }

    /// The name of what a verb does: to `skateboard` is `skateboarding`, the thing is a `skateboard`.
    pub(crate) fn verb_name<'a>(&self, verb: &'a str) -> &'a str
    where
        'static: 'a,
    {
        self.verbs
            .get(verb)
            .copied()
            .unwrap_or_else(|| self.name(verb))
    }

    /// The kinds a word may have, by hand; the first is the preferred one.
    pub(crate) fn kinds(&self, word: &str) -> &[TagKind] {
        self.kinds.get(word).map_or(&[], Vec::as_slice)
    }

    /// Whether a word is no tag, in whatever part of speech.
    pub(crate) fn is_dropped(&self, word: &str) -> bool {
        self.dropped.contains(word)
    }

    /// Whether a word used in this role is no tag: "to man a stall" is not about a man.
    pub(crate) fn is_dropped_as(&self, word: &str, role: Role) -> bool {
        match role {
            Role::Verb => self.no_verbs.contains(word),
            Role::Head | Role::Noun => self.no_nouns.contains(word),
            Role::Adjective | Role::Preposition => false,
        }
    }

    /// What a tag implies, by hand.
    pub(crate) fn above(&self, tag: &str) -> &[&'static str] {
        self.above.get(tag).map_or(&[], Vec::as_slice)
    }

    /// Whether a tag does not imply another, whatever the lexicon says.
    pub(crate) fn is_excepted(&self, tag: &str, parent: &str) -> bool {
        self.except.contains(&(tag, parent))
    }

    /// Whether a kind of things is worth being a tag.
    pub(crate) fn is_useful(&self, tag: &str) -> bool {
        self.useful.contains(tag)
    }

    /// The tag for a label of a public data set: `common sorrel horse` is `horse`.
    pub(crate) fn label(&self, label: &str) -> Option<&'static str> {
        self.labels.get(label).copied()
    }

    /// Every merged word with its tag.
    pub(crate) fn synonyms(&self) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
        self.same.iter().map(|(&word, &tag)| (word, tag))
    }
}

fn kind(name: &str) -> Option<TagKind> {
    Some(match name {
        "object" => TagKind::Object,
        "scene" => TagKind::Scene,
        "attribute" => TagKind::Attribute,
        "action" => TagKind::Action,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let rules = Rules::english();
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            assert_eq!(line.split('\t').count(), 3, "{line}");
        }
        for (word, tag) in rules.synonyms() {
            assert_eq!(rules.name(tag), tag, "{word} → {tag} must end there");
        }
        assert_eq!(rules.name("guy"), "man");
        assert!(rules.above("puppy").contains(&"dog"));
    }
}
