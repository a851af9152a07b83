//! Everything a word could be, before its neighbours have been asked.

use super::closed::{self, Class};
use super::lemma::{self, Form};
use super::lexicon::{Lexicon, Thing};

/// The part of speech of one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Speech {
    Closed(Class),
    Noun { lemma: String, plural: bool },
    Adjective { lemma: String },
    Verb { lemma: String },
    Adverb,
}

/// What stands before a token, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    Start,
    /// A determiner, number or adjective: a noun must follow.
    Phrase,
    Singular,
    Plural,
    Verb,
    Auxiliary,
    Preposition,
    To,
    And,
    Subject,
    Adverb,
}

impl Before {
    /// What a token with this part of speech, or the beginning of the text, is to the next one.
    pub(crate) fn of(speech: Option<&Speech>) -> Self {
        match speech {
            None | Some(Speech::Closed(Class::Mark)) => Before::Start,
            Some(Speech::Closed(class)) => match class {
                Class::Determiner | Class::Number | Class::Negation => Before::Phrase,
                Class::Preposition => Before::Preposition,
                Class::To => Before::To,
                Class::Conjunction => Before::And,
                Class::Pronoun | Class::Relative => Before::Subject,
                Class::Auxiliary => Before::Auxiliary,
                Class::Adverb => Before::Adverb,
                Class::Mark => Before::Start,
            },
            Some(Speech::Adjective { .. }) => Before::Phrase,
            Some(Speech::Noun { plural: true, .. }) => Before::Plural,
            Some(Speech::Noun { .. }) => Before::Singular,
            Some(Speech::Verb { .. }) => Before::Verb,
            Some(Speech::Adverb) => Before::Adverb,
        }
    }
}

/// Endings of adjectives that no lexicon lists.
const ADJECTIVE_ENDINGS: &str = "\
    ed less able ible ful ous ish ese";

/// Verbs that WordNet's sources use more as nouns, and captions more as verbs.
const CAPTION_VERBS: &str = "\
    ride run jump walk race stand watch hold play swim look swing throw pull kick smile pose
    leap sit talk dance carry hit climb catch show surf skateboard fight hug laugh stare ski
    snowboard wrestle splash slide rest perform grind hang lean drink hike skate dive fly
    push sleep read eat wait wave chase bark kiss paddle crawl bounce balance";

/// Everything a token could be, before its neighbours have been asked.
pub(crate) struct Options {
    pub(crate) class: Option<Class>,
    pub(crate) noun: Option<(String, bool)>,
    pub(crate) verb: Option<(String, Form)>,
    pub(crate) adjective: Option<String>,
    pub(crate) adverb: bool,
    pub(crate) mostly_verb: bool,
    pub(crate) mostly_adjective: bool,
    /// The word as it stands names something one can see: "building", "clothing".
    pub(crate) solid: bool,
    pub(crate) thing: Option<Thing>,
    pub(crate) colour: bool,
}

impl Options {
    pub(crate) fn of(lexicon: &Lexicon, word: &str) -> Self {
        let class = closed::class(word);
        let row = lexicon.get(word);
        let mut noun = lemma::noun(lexicon, word);
        let verb = lemma::verb(lexicon, word);
        let listed = verb
            .as_ref()
            .is_some_and(|(lemma, _)| closed::contains(CAPTION_VERBS, lemma));
        // WordNet has "eats" as a noun of its own.
        if listed
            && noun
                .as_ref()
                .is_some_and(|(lemma, _)| lemma == word && word.ends_with('s'))
        {
            noun = None;
        }
        let colour = closed::is_colour(word);
        let mut adjective =
            lemma::adjective(lexicon, word).or_else(|| colour.then(|| word.to_owned()));
        let mut adverb = row.is_some_and(|row| row.is_adverb()) || adverb_of(lexicon, word);
        if noun.is_none() && verb.is_none() && adjective.is_none() && !adverb {
            // A word nobody listed: its ending tells.
            if word.contains('-')
                || ADJECTIVE_ENDINGS
                    .split_ascii_whitespace()
                    .any(|ending| word.ends_with(ending))
            {
                adjective = Some(word.to_owned());
            } else if word.ends_with("ly") {
                adverb = true;
            }
            let singular = lemma::plain_singular(word);
            noun = Some((singular.to_owned(), singular.len() < word.len()));
        }
        let base = noun.as_ref().and_then(|(lemma, _)| lexicon.get(lemma));
        let thing = base.and_then(|row| row.thing());
        let solid = row.is_some_and(|row| row.is_noun())
            && matches!(
                thing,
                Some(
                    Thing::Object
                        | Thing::Place
                        | Thing::Natural
                        | Thing::Plant
                        | Thing::Food
                        | Thing::Animal
                        | Thing::Person
                        | Thing::Body
                )
            );
        let verb_row = verb.as_ref().and_then(|(lemma, _)| lexicon.get(lemma));
        Self {
            class,
            mostly_verb: verb_row.is_some_and(|row| {
                row.mostly_verb() || closed::contains(CAPTION_VERBS, row.word())
            }),
            mostly_adjective: row.is_some_and(|row| row.mostly_adjective()),
            noun,
            verb,
            adjective,
            adverb,
            solid,
            thing,
            colour,
        }
    }

    /// A word inside a compound is a noun whatever else it could be.
    pub(crate) fn of_compound(lexicon: &Lexicon, lemma: &str, plural: bool) -> Self {
        Self {
            class: None,
            noun: Some((lemma.to_owned(), plural)),
            verb: None,
            adjective: None,
            adverb: false,
            mostly_verb: false,
            mostly_adjective: false,
            solid: true,
            thing: lexicon.get(lemma).and_then(|row| row.thing()),
            colour: false,
        }
    }

    pub(crate) fn form(&self) -> Option<Form> {
        self.verb.as_ref().map(|(_, form)| *form)
    }

    /// Could continue a noun phrase.
    pub(crate) fn nounish(&self) -> bool {
        self.class.is_none()
            && (self.noun.is_some() && (self.solid || self.form() != Some(Form::Ing))
                || self.adjective.is_some()
                || self.colour)
    }

    pub(crate) fn as_noun(&self, word: &str) -> Speech {
        let (lemma, plural) = self
            .noun
            .clone()
            .unwrap_or_else(|| (word.to_owned(), false));
        Speech::Noun { lemma, plural }
    }

    pub(crate) fn as_verb(&self, word: &str) -> Speech {
        Speech::Verb {
            lemma: self
                .verb
                .as_ref()
                .map_or_else(|| word.to_owned(), |(lemma, _)| lemma.clone()),
        }
    }

    pub(crate) fn as_adjective(&self, word: &str) -> Speech {
        Speech::Adjective {
            lemma: self.adjective.clone().unwrap_or_else(|| word.to_owned()),
        }
    }
}

fn adverb_of(lexicon: &Lexicon, word: &str) -> bool {
    word.strip_suffix("ly").is_some_and(|stem| {
        let stem = stem
            .strip_suffix('i')
            .map_or_else(|| stem.to_owned(), |stem| format!("{stem}y"));
        lexicon.get(&stem).is_some_and(|row| row.is_adjective())
    })
}
