//! The text parser: a caption or query becomes heads, modifiers and relations (paper, section 3.2).
//!
//! "A red alarm clock is on a wooden desk" has the heads *alarm clock* and *desk*, the modifiers *red* and
//! *wooden*, and the relation *on*. Heads become object and scene tags, modifiers attributes, verbs actions.

use std::collections::HashSet;
use std::ops::Range;

use super::address;
use super::closed::{self, Class};
use super::lemma;
use super::lexicon::{Lexicon, Thing};
use super::name;
use super::reading::Reading;
use super::speech;
use super::token::{self, Token};
use crate::vocabulary::{TagKind, Vocabulary};

/// How a phrase was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// The noun that a noun phrase is about.
    Head,
    /// An adjective or participle.
    Adjective,
    /// A noun before another noun: *brick* in "brick wall".
    Noun,
    /// A verb.
    Verb,
    /// A preposition.
    Preposition,
}

/// One word or compound of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    /// The base form, in lower case.
    pub lemma: String,
    /// As it was written.
    pub text: String,
    /// The bytes of the text it covers.
    pub span: Range<usize>,
    /// How it was used.
    pub role: Role,
}

/// What a text says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Things and places.
    pub heads: Vec<Phrase>,
    /// Properties: adjectives, participles, nouns before nouns.
    pub modifiers: Vec<Phrase>,
    /// Verbs and prepositions.
    pub relations: Vec<Phrase>,
    /// Heads, modifiers and verbs that the text says are not there: "without a hat".
    pub absent: Vec<Phrase>,
}

/// Fewer nouns than this are more likely a compound than keywords.
const ROW: usize = 3;

impl Parsed {
    /// Takes the nouns of keywords in a row for heads, all of them.
    pub(crate) fn separate_row(&mut self) {
        let nouns = |phrases: &[Phrase]| {
            let noun = |phrase: &&Phrase| matches!(phrase.role, Role::Noun | Role::Head);
            phrases.iter().filter(noun).count()
        };
        if nouns(&self.heads) + nouns(&self.modifiers) < ROW {
            return;
        }
        let (nouns, rest) = std::mem::take(&mut self.modifiers)
            .into_iter()
            .partition(|modifier: &Phrase| modifier.role == Role::Noun);
        let nouns: Vec<Phrase> = nouns;
        self.modifiers = rest;
        self.heads.extend(nouns.into_iter().map(|noun| Phrase {
            role: Role::Head,
            ..noun
        }));
        self.heads.sort_by_key(|head| head.span.start);
    }
}

/// A rule-based parser of captions and queries.
#[derive(Debug, Clone)]
pub struct Parser {
    lexicon: Lexicon,
    compounds: HashSet<String>,
}

/// The longest compound looked for, in words.
pub(crate) const LONGEST: usize = 4;

impl Parser {
    /// A parser that knows the compounds of the lexicon.
    pub fn new(lexicon: Lexicon) -> Self {
        Self {
            lexicon,
            compounds: HashSet::new(),
        }
    }

    /// Adds compounds, as base forms joined by blanks; those of a vocabulary, for instance.
    pub fn with_compounds<I: IntoIterator<Item = String>>(mut self, compounds: I) -> Self {
        self.compounds.extend(
            compounds
                .into_iter()
                .filter(|compound| compound.contains(' ')),
        );
        self
    }

    /// Adds the compounds of a vocabulary: names of things and places. "Black and white" is no thing, and a
    /// synonym such as "little girl" would swallow an adjective that is worth a tag.
    pub fn with_vocabulary(self, vocabulary: &Vocabulary) -> Self {
        let things = vocabulary
            .iter()
            .filter(|tag| matches!(tag.kind, TagKind::Object | TagKind::Scene));
        let names = things.flat_map(|tag| {
            let synonyms = tag.synonyms.iter().filter(|synonym| {
                !closed::is_plain_adjective(synonym.split(' ').next().unwrap_or_default())
            });
            std::iter::once(tag.name.to_lowercase()).chain(synonyms.cloned())
        });
        self.with_compounds(names.collect::<Vec<_>>())
    }

    /// The lexicon this parser reads.
    pub fn lexicon(&self) -> &Lexicon {
        &self.lexicon
    }

    /// Parses a caption, a sentence or a few keywords.
    pub fn parse(&self, text: &str) -> Parsed {
        let tokens = name::join(&self.lexicon, text, token::tokens(text));
        let tokens = &tokens[address::length(&tokens)..];
        let speech = speech::parts(&self.lexicon, tokens, &self.compounds_in(tokens));
        Reading::new(self, text).read(tokens, &speech)
    }

    /// The base form of every token that is part of a known compound.
    fn compounds_in(&self, tokens: &[Token]) -> Vec<Option<String>> {
        let singular = |token: &Token| {
            let noun = token
                .class
                .is_none()
                .then(|| lemma::noun(&self.lexicon, &token.word));
            noun.flatten().map(|(lemma, _)| lemma)
        };
        let singulars: Vec<Option<String>> = tokens.iter().map(singular).collect();
        let mut found = vec![None; tokens.len()];
        let mut at = 0;
        while at < tokens.len() {
            let longest = (2..=LONGEST.min(tokens.len() - at))
                .rev()
                .find_map(|count| {
                    let last = singulars[at + count - 1].as_deref();
                    // "a bus stops": no plural stands after "a".
                    let plural = last.is_some_and(|last| last != tokens[at + count - 1].word);
                    if plural && follows_one(&tokens[..at]) {
                        return None;
                    }
                    Some((count, self.last_of_compound(&tokens[at..at + count], last)?))
                });
            let Some((count, last)) = longest else {
                at += 1;
                continue;
            };
            for (place, token) in found[at..].iter_mut().zip(&tokens[at..at + count]) {
                *place = Some(token.word.clone());
            }
            found[at + count - 1] = Some(last);
            at += count;
        }
        found
    }

    /// The base form of the last word, if the words are a known compound.
    fn last_of_compound(&self, tokens: &[Token], singular: Option<&str>) -> Option<String> {
        let (last, first) = tokens.split_last()?;
        // Not all function words: a "trash can" ends with one.
        if matches!(last.class, Some(Class::Mark | Class::Determiner)) {
            return None;
        }
        let mut name = String::new();
        for token in first {
            name.push_str(&token.word);
            name.push(' ');
        }
        let stem = name.len();
        let forms = [
            Some(last.word.as_str()),
            singular.filter(|lemma| *lemma != last.word),
        ];
        let mut forms = forms.into_iter().flatten();
        let form = forms.find(|form| {
            name.truncate(stem);
            name.push_str(form);
            self.is_compound(&name, &first[0].word)
        })?;
        Some(form.to_owned())
    }

    /// Whether a name, which begins with the word `first`, is a compound.
    pub(crate) fn is_compound(&self, name: &str, first: &str) -> bool {
        if self.compounds.contains(name) {
            return true;
        }
        let Some(entry) = self.lexicon.get(name) else {
            return false;
        };
        let plain = closed::is_plain_adjective(first);
        let named = matches!(entry.thing(), Some(Thing::Animal | Thing::Food));
        entry.is_noun() && (!plain || named && first != "little")
    }
}

/// Whether the article before is that of one thing.
fn follows_one(tokens: &[Token]) -> bool {
    let article = tokens.iter().rev().find(|token| token.class.is_some());
    article.is_some_and(|token| {
        matches!(
            token.word.as_str(),
            "a" | "an" | "one" | "another" | "each" | "every"
        )
    })
}
