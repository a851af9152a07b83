//! The text parser: a caption or query becomes heads, modifiers and relations (paper, section 3.2).
//!
//! "A red alarm clock is on a wooden desk" has the heads *alarm clock* and *desk*, the modifiers *red* and
//! *wooden*, and the relation *on*. Heads become object and scene tags, modifiers attributes, verbs actions.

use std::collections::HashSet;
use std::ops::Range;

use super::closed::{self, Class};
use super::lemma;
use super::lexicon::{Lexicon, Thing};
use super::options::Speech;
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
}

/// A rule-based parser of captions and queries.
#[derive(Debug, Clone)]
pub struct Parser {
    lexicon: Lexicon,
    compounds: HashSet<String>,
}

/// The longest compound looked for, in words.
const LONGEST: usize = 4;

struct Word<'a> {
    lemma: &'a str,
    token: &'a Token,
    noun: bool,
}

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
        let tokens = token::tokens(text);
        let speech = speech::parts(&self.lexicon, &tokens, &self.compounds_in(&tokens));
        let mut parsed = Parsed::default();
        let mut phrase: Vec<Word<'_>> = Vec::new();
        for (at, (token, part)) in tokens.iter().zip(&speech).enumerate() {
            match part {
                Speech::Noun { lemma, .. } => phrase.push(Word {
                    lemma,
                    token,
                    noun: true,
                }),
                Speech::Adjective { lemma } => {
                    if phrase.last().is_some_and(|word| word.noun)
                        && !participle_after(&phrase, &speech, at)
                    {
                        self.close(text, &mut phrase, false, &mut parsed);
                    }
                    phrase.push(Word {
                        lemma,
                        token,
                        noun: false,
                    });
                }
                other => {
                    let of = token.word == "of";
                    self.close(text, &mut phrase, of, &mut parsed);
                    match other {
                        Speech::Verb { lemma } => {
                            parsed.relations.push(new_phrase(
                                text,
                                lemma.clone(),
                                token.span.clone(),
                                Role::Verb,
                            ));
                        }
                        Speech::Closed(Class::Preposition | Class::To) if !of => {
                            let infinitive =
                                matches!(speech.get(at + 1), Some(Speech::Verb { .. }));
                            if !infinitive {
                                let phrase = new_phrase(
                                    text,
                                    token.word.clone(),
                                    token.span.clone(),
                                    Role::Preposition,
                                );
                                parsed.relations.push(phrase);
                            }
                        }
                        _ => {}
                    }
                }
            }
        }
        self.close(text, &mut phrase, false, &mut parsed);
        parsed
    }

    /// The base form of every token that is part of a known compound.
    fn compounds_in(&self, tokens: &[Token]) -> Vec<Option<String>> {
        let mut found = vec![None; tokens.len()];
        let mut at = 0;
        while at < tokens.len() {
            let longest = (2..=LONGEST.min(tokens.len() - at))
                .rev()
                .find_map(|count| Some((count, self.last_of_compound(&tokens[at..at + count])?)));
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
    fn last_of_compound(&self, tokens: &[Token]) -> Option<String> {
        let (last, first) = tokens.split_last()?;
        let first: Vec<&str> = first.iter().map(|token| token.word.as_str()).collect();
        let plain = lemma::noun(&self.lexicon, &last.word).map(|(lemma, _)| lemma);
        [Some(last.word.clone()), plain]
            .into_iter()
            .flatten()
            .find(|last| self.is_compound(&format!("{} {last}", first.join(" ")), first[0]))
    }

    /// Ends a noun phrase: its last noun, with the words that make a compound with it, is the head.
    fn close(&self, text: &str, phrase: &mut Vec<Word<'_>>, of: bool, parsed: &mut Parsed) {
        let words = std::mem::take(phrase);
        let Some(last) = words.iter().rposition(|word| word.noun) else {
            self.modify(text, &words, parsed);
            return;
        };
        let start = self.compound_start(&words[..=last]);
        let lemma = joined(&words[start..=last]);
        let single = start == last;
        let framing = single && (of && closed::is_light(&lemma) || closed::is_empty(&lemma))
            || lemma == "camera" && faces_viewer(parsed);
        self.modify(text, &words[..start], parsed);
        if !framing {
            let span = words[start].token.span.start..words[last].token.span.end;
            parsed.heads.push(new_phrase(text, lemma, span, Role::Head));
        }
        self.modify(text, &words[last + 1..], parsed);
    }

    /// Where the longest compound that ends a phrase begins.
    fn compound_start(&self, words: &[Word<'_>]) -> usize {
        let last = words.len() - 1;
        (words.len().saturating_sub(LONGEST)..last)
            .find(|&start| self.is_compound(&joined(&words[start..]), words[start].lemma))
            .unwrap_or(last)
    }

    fn is_compound(&self, name: &str, first: &str) -> bool {
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

    fn modify(&self, text: &str, words: &[Word<'_>], parsed: &mut Parsed) {
        let mut at = 0;
        while at < words.len() {
            let end = (at + 2..=words.len().min(at + LONGEST))
                .rev()
                .find(|&end| {
                    words[end - 1].noun
                        && self.is_compound(&joined(&words[at..end]), words[at].lemma)
                })
                .unwrap_or(at + 1);
            let role = if words[end - 1].noun {
                Role::Noun
            } else {
                Role::Adjective
            };
            let span = words[at].token.span.start..words[end - 1].token.span.end;
            let lemma = joined(&words[at..end]);
            if !(role == Role::Noun && closed::is_empty(&lemma)) {
                parsed.modifiers.push(new_phrase(text, lemma, span, role));
            }
            at = end;
        }
    }
}

/// "Smiling at the camera": the camera that took the picture is not in it.
fn faces_viewer(parsed: &Parsed) -> bool {
    let before = parsed
        .relations
        .last()
        .map(|relation| relation.lemma.as_str());
    matches!(
        before,
        Some("at" | "for" | "to" | "toward" | "towards" | "into" | "face")
    )
}

/// Whether an adjective after a noun belongs to a longer noun phrase: "snow covered hill".
fn participle_after(phrase: &[Word<'_>], speech: &[Speech], at: usize) -> bool {
    !phrase.is_empty()
        && matches!(
            speech.get(at + 1),
            Some(Speech::Noun { .. } | Speech::Adjective { .. })
        )
}

fn joined(words: &[Word<'_>]) -> String {
    words
        .iter()
        .map(|word| word.lemma)
        .collect::<Vec<_>>()
        .join(" ")
}

fn new_phrase(text: &str, lemma: String, span: Range<usize>, role: Role) -> Phrase {
    Phrase {
        lemma,
        text: text[span.clone()].to_owned(),
        span,
        role,
    }
}
