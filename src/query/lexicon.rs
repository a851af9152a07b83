//! What kind of word a word is: a table of everyday English made from WordNet.

use super::sorted;

/// Rows sorted by their first column, so that a look-up is a binary search in the text itself and
/// opening the lexicon costs nothing.
const TABLE: &str = include_str!("../../data/lexicon.txt");

/// The kind of thing that a noun names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Thing {
    /// A human being, or a role: girl, surfer.
    Person,
    /// Any other animal.
    Animal,
    /// Something to eat or drink.
    Food,
    /// A plant.
    Plant,
    /// Something made.
    Object,
    /// Somewhere to be: a landscape, a room, a building.
    Place,
    /// A part of a body.
    Body,
    /// A natural thing or phenomenon: rock, rain.
    Natural,
    /// A substance: water, wood.
    Substance,
    /// A group: crowd, team.
    Group,
    /// An activity or event: soccer, wedding.
    Activity,
    /// Anything that no photograph shows.
    Abstract,
}

/// What the lexicon knows of one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    word: &'a str,
    parts: &'a str,
    thing: &'a str,
}

impl<'a> Entry<'a> {
    /// The word itself; a compound has blanks.
    pub fn word(&self) -> &'a str {
        self.word
    }

    /// Whether the word can be a noun.
    pub fn is_noun(&self) -> bool {
        self.parts.contains('n')
    }

    /// Whether the word is the base form of a verb.
    pub fn is_verb(&self) -> bool {
        self.parts.contains('v')
    }

    /// Whether the word can be an adjective.
    pub fn is_adjective(&self) -> bool {
        self.parts.contains('a')
    }

    /// Whether the word can be an adverb.
    pub fn is_adverb(&self) -> bool {
        self.parts.contains('r')
    }

    /// Whether the word is a verb more often than a noun.
    pub fn mostly_verb(&self) -> bool {
        match (self.parts.find('v'), self.parts.find('n')) {
            (Some(verb), Some(noun)) => verb < noun,
            (verb, _) => verb.is_some(),
        }
    }

    /// Whether the word is an adjective more often than anything else.
    pub fn mostly_adjective(&self) -> bool {
        self.parts.starts_with('a')
    }

    /// The kind of thing, for a noun.
    pub fn thing(&self) -> Option<Thing> {
        Some(match self.thing.chars().next()? {
            'P' => Thing::Person,
            'A' => Thing::Animal,
            'F' => Thing::Food,
            'L' => Thing::Plant,
            'O' => Thing::Object,
            'S' => Thing::Place,
            'B' => Thing::Body,
            'N' => Thing::Natural,
            'U' => Thing::Substance,
            'G' => Thing::Group,
            'T' => Thing::Activity,
            _ => Thing::Abstract,
        })
    }

    /// The nearest everyday words for what this is a kind of: `beagle` is a `hound`.
    pub fn parents(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.thing
            .get(2..)
            .unwrap_or_default()
            .split(',')
            .filter(|parent| !parent.is_empty())
    }
}

/// Everyday English words with their parts of speech and what they are a kind of.
#[derive(Debug, Clone, Copy)]
pub struct Lexicon {
    table: &'static str,
}

impl Lexicon {
    /// The built-in English lexicon.
    pub fn english() -> Self {
        Self { table: TABLE }
    }

    /// Looks up a word or compound, in lower case and in its base form.
    pub fn get(&self, word: &str) -> Option<Entry<'static>> {
        let key = |row: &'static str| row.split('\t').next().unwrap_or_default();
        let row = sorted::find(self.table, word, |byte| byte == b'\n', key)?;
        let mut columns = row.split('\t');
        let mut next = || columns.next().unwrap_or_default();
        Some(Entry {
            word: next(),
            parts: next(),
            thing: next(),
        })
    }

    /// Everything that a noun is a kind of, nearest first: `beagle` → `hound`, `dog`, `mammal`, `animal`.
    pub fn ancestors(&self, noun: &str) -> Vec<&'static str> {
        let mut found: Vec<&'static str> = Vec::new();
        let mut next = 0;
        let mut above: Vec<&'static str> = self
            .get(noun)
            .map(|entry| entry.parents().collect())
            .unwrap_or_default();
        loop {
            for parent in above {
                if parent != noun && !found.contains(&parent) {
                    found.push(parent);
                }
            }
            let Some(&parent) = found.get(next) else {
                return found;
            };
            above = self
                .get(parent)
                .map(|entry| entry.parents().collect())
                .unwrap_or_default();
            next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found() {
        let lexicon = Lexicon::english();
        let mut last = "";
        for row in TABLE.lines() {
            let word = row.split('\t').next().unwrap();
            assert!(last < word, "{last} must stand before {word}");
            assert_eq!(lexicon.get(word).map(|entry| entry.word()), Some(word));
            last = word;
        }
    }

    #[test]
    fn absent_words_are_absent() {
        let lexicon = Lexicon::english();
        for word in ["", "zzzz", "do", "\u{0}", "ça", "dog\tn"] {
            assert!(
                lexicon.get(word).is_none_or(|entry| entry.word() == word),
                "{word}"
            );
        }
        assert_eq!(lexicon.get("xyzzy"), None);
    }

    #[test]
    fn ancestors_go_up_to_the_top_without_turning_in_circles() {
        let lexicon = Lexicon::english();
        assert_eq!(
            lexicon.ancestors("beagle"),
            ["hound", "dog", "mammal", "animal"]
        );
        assert!(lexicon.ancestors("alarm clock").contains(&"clock"));
        assert!(lexicon.ancestors("xyzzy").is_empty());
    }

    #[test]
    fn things_are_what_a_photograph_shows() {
        let thing = |word| Lexicon::english().get(word).and_then(|entry| entry.thing());
        assert_eq!(thing("girl"), Some(Thing::Person));
        assert_eq!(thing("turtle"), Some(Thing::Animal));
        assert_eq!(thing("kitchen"), Some(Thing::Place));
        assert_eq!(thing("soccer"), Some(Thing::Activity));
        assert_eq!(thing("quickly"), None);
    }
}
