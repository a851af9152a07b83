//! Everything a word could be, before its neighbours have been asked.

use super::closed::{self, Class};
use super::lemma::{self, Form};
use super::lexicon::{Lexicon, Thing};
use super::token::Token;

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

/// Verbs that WordNet's sources use more as nouns, and captions more as verbs; sorted.
const CAPTION_VERBS: &str = "\
    balance bark bounce carry catch chase climb crawl dance dive drink eat fight fly
    grind hang hike hit hold hug jump kick kiss laugh lean leap look paddle perform play
    pose pull push race read rest ride run show sit skate skateboard ski sleep slide
    smile snowboard splash stand stare surf swim swing talk throw wait walk watch wave
    wrestle";

/// Words on `-ing` that name something one can see; the others that the lexicon has as nouns are what somebody does. Sorted.
const SEEN_ING: &str = "\
    awning building carpeting carving ceiling clothing crossing drawing dressing earring fencing
    flooring landing lighting painting railing seating setting siding stuffing";

/// Verbs that are seldom the second half of a compound, as "bus stop" and "boat ride" are. Sorted.
const PLAIN_VERBS: &str = "\
    bark cross fall gaze gather hold lean leap lie look perform play pose pull relax rest run
    sit smile stand stare talk throw toss wait walk watch wrestle";

/// Everything a token could be, before its neighbours have been asked.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) class: Option<Class>,
    pub(crate) noun: Option<(String, bool)>,
    pub(crate) verb: Option<(String, Form)>,
    pub(crate) adjective: Option<String>,
    pub(crate) adverb: bool,
    pub(crate) mostly_verb: bool,
    pub(crate) mostly_adjective: bool,
    /// Something to wear.
    pub(crate) clothing: bool,
    /// A verb that no compound ends with.
    pub(crate) plain_verb: bool,
    /// The word as it stands names something one can see: "building", "clothing".
    pub(crate) solid: bool,
    pub(crate) thing: Option<Thing>,
    pub(crate) colour: bool,
    /// No lexicon has it.
    pub(crate) unlisted: bool,
}

impl Options {
    pub(crate) fn of(lexicon: &Lexicon, token: &Token) -> Self {
        let (word, class) = (token.word.as_str(), token.class);
        if class.is_some() {
            return Self {
                class,
                ..Self::default()
            };
        }
        if word.contains(' ') {
            // A name: "las vegas" has no singular unless the lexicon has one.
            let (lemma, plural) =
                lemma::noun(lexicon, word).unwrap_or_else(|| (word.to_owned(), false));
            return Self::of_compound(lexicon, &lemma, plural);
        }
        let row = lexicon.get(word);
        let mut noun = lemma::noun(lexicon, word);
        let verb = lemma::verb(lexicon, word).filter(|_| !lemma::is_alike(word));
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
        let adjective = lemma::adjective(lexicon, word).or_else(|| colour.then(|| word.to_owned()));
        let adverb = row.is_some_and(|row| row.is_adverb()) || adverb_of(lexicon, word);
        if noun.is_none() && verb.is_none() && adjective.is_none() && !adverb {
            return Self::guessed(lexicon, word);
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
        let ing = verb.as_ref().is_some_and(|(_, form)| *form == Form::Ing);
        let solid = solid && (!ing || closed::contains(SEEN_ING, word));
        let verb_row = verb.as_ref().and_then(|(lemma, _)| lexicon.get(lemma));
        Self {
            class,
            mostly_verb: verb_row.is_some_and(|row| {
                row.mostly_verb() || closed::contains(CAPTION_VERBS, row.word())
            }),
            clothing: base.is_some_and(|row| row.parents().any(is_clothing)),
            plain_verb: verb
                .as_ref()
                .is_some_and(|(lemma, _)| closed::contains(PLAIN_VERBS, lemma)),
            mostly_adjective: row.is_some_and(|row| row.mostly_adjective()),
            noun,
            verb,
            adjective,
            adverb,
            solid,
            thing,
            colour,
            unlisted: false,
        }
    }

    /// What a word could be that nobody listed: its ending tells, and a noun it may always be.
    fn guessed(lexicon: &Lexicon, word: &str) -> Self {
        let singular = lemma::plain_singular(word);
        let mut options = Self {
            noun: Some((singular.to_owned(), singular.len() < word.len())),
            unlisted: true,
            ..Self::default()
        };
        let stem = |ending| {
            word.strip_suffix(ending)
                .filter(|stem: &&str| stem.len() > 3)
        };
        let adjective = if let Some(stem) = stem("ing") {
            options.verb = Some((lemma::plain_verb(lexicon, stem), Form::Ing));
            false
        } else if let Some(stem) = stem("ed").filter(|_| !word.contains('-')) {
            options.verb = Some((lemma::plain_verb(lexicon, stem), Form::Past));
            options.noun = None;
            true
        } else {
            let ends = |ending| word.ends_with(ending);
            options.adverb = ends("ly");
            if options.adverb {
                options.noun = None;
            }
            // "blurry", not "agility".
            let stripy = ends("y") && !ends("ly") && !ends("ity");
            stripy
                || word.contains('-') && !is_plural(lexicon, word)
                || ADJECTIVE_ENDINGS.split_ascii_whitespace().any(ends)
        };
        options.adjective = adjective.then(|| word.to_owned());
        options
    }

    /// A word inside a compound is a noun whatever else it could be.
    pub(crate) fn of_compound(lexicon: &Lexicon, lemma: &str, plural: bool) -> Self {
        Self {
            noun: Some((lemma.to_owned(), plural)),
            solid: true,
            thing: lexicon.get(lemma).and_then(|row| row.thing()),
            ..Self::default()
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
        let verb = self.verb.as_ref().map(|(lemma, _)| lemma);
        // What no lexicon has may be a verb all the same, with the stem that it would have as a noun.
        let noun = self.noun.as_ref().map(|(lemma, _)| lemma);
        let lemma = verb.or(noun).cloned().unwrap_or_else(|| word.to_owned());
        Speech::Verb { lemma }
    }

    pub(crate) fn as_adjective(&self, word: &str) -> Speech {
        Speech::Adjective {
            lemma: self.adjective.clone().unwrap_or_else(|| word.to_owned()),
        }
    }
}

fn is_clothing(kind: &str) -> bool {
    matches!(
        kind,
        "clothing" | "dress" | "footwear" | "shoe" | "hat" | "coat" | "shirt" | "skirt"
    )
}

/// Whether the last part of a word with hyphens is the plural of a noun: "t-shirts".
fn is_plural(lexicon: &Lexicon, word: &str) -> bool {
    let last = word.rsplit('-').next().unwrap_or_default();
    lemma::noun(lexicon, last).is_some_and(|(lemma, plural)| plural && lemma != last)
}

fn adverb_of(lexicon: &Lexicon, word: &str) -> bool {
    word.strip_suffix("ly").is_some_and(|stem| {
        let stem = stem
            .strip_suffix('i')
            .map_or_else(|| stem.to_owned(), |stem| format!("{stem}y"));
        lexicon.get(&stem).is_some_and(|row| row.is_adjective())
    })
}
