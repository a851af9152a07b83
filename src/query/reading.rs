//! From words with their parts of speech to heads, modifiers and relations.

use super::closed::{self, Class};
use super::negation::Negation;
use super::options::Speech;
use super::parse::{LONGEST, Parsed, Parser, Phrase, Role};
use super::token::Token;

struct Word<'a> {
    lemma: &'a str,
    token: &'a Token,
    noun: bool,
}

/// A text on its way to what it says.
pub(crate) struct Reading<'a> {
    parser: &'a Parser,
    text: &'a str,
    /// The noun phrase that is being read.
    phrase: Vec<Word<'a>>,
    negation: Negation,
    parsed: Parsed,
}

impl<'a> Reading<'a> {
    /// A reading of which nothing is done.
    pub(crate) fn new(parser: &'a Parser, text: &'a str) -> Self {
        Self {
            parser,
            text,
            phrase: Vec::new(),
            negation: Negation::default(),
            parsed: Parsed::default(),
        }
    }

    /// Reads all tokens of the text.
    pub(crate) fn read(mut self, tokens: &'a [Token], speech: &'a [Speech]) -> Parsed {
        for (at, (token, part)) in tokens.iter().zip(speech).enumerate() {
            match part {
                Speech::Noun { lemma, .. } => self.phrase.push(Word {
                    lemma,
                    token,
                    noun: true,
                }),
                Speech::Adjective { lemma } => {
                    let after_noun = self.phrase.last().is_some_and(|word| word.noun);
                    if after_noun && !starts_phrase(speech.get(at + 1)) {
                        self.close(None);
                    }
                    self.phrase.push(Word {
                        lemma,
                        token,
                        noun: false,
                    });
                }
                Speech::Verb { lemma } => {
                    self.close(None);
                    self.verb(lemma, token);
                }
                Speech::Closed(_) | Speech::Adverb => {
                    let of = token.word == "of";
                    self.close(Some(token));
                    let infinitive = *part == Speech::Closed(Class::To)
                        && matches!(speech.get(at + 1), Some(Speech::Verb { .. }));
                    // "about to jump"
                    let future = token.word == "about"
                        && tokens
                            .get(at + 1)
                            .is_some_and(|next| next.class == Some(Class::To));
                    let related =
                        !future && matches!(part, Speech::Closed(Class::Preposition | Class::To));
                    if related && !of && !infinitive {
                        let phrase =
                            self.named(token.word.clone(), token, token, Role::Preposition);
                        self.parsed.relations.push(phrase);
                    }
                    self.negation.pass(token, part, tokens.get(at + 1));
                }
            }
        }
        self.close(None);
        if is_row(speech) {
            self.parsed.separate_row();
        }
        self.parsed
    }

    fn verb(&mut self, lemma: &str, token: &Token) {
        let verb = self.named(lemma.to_owned(), token, token, Role::Verb);
        match self.negation.verb() {
            true => self.parsed.absent.push(verb),
            false => self.parsed.relations.push(verb),
        }
    }

    /// Ends a noun phrase: its last noun, with the words that make a compound with it, is the head. What stands
    /// before "of" may only frame what follows.
    fn close(&mut self, before: Option<&Token>) {
        let of = before.is_some_and(|token| token.word == "of");
        // "pictures where people dance", "pictures with a dog": those that are looked for.
        let framed = self.parsed == Parsed::default()
            && before.is_some_and(|token| {
                matches!(
                    token.word.as_str(),
                    "where" | "with" | "that" | "which" | "from" | "in"
                )
            });
        let words = std::mem::take(&mut self.phrase);
        if words.is_empty() {
            return;
        }
        let absent = self.negation.phrase();
        let Some(last) = words.iter().rposition(|word| word.noun) else {
            self.modify(&words, absent);
            return;
        };
        let start = self.compound_start(&words[..=last]);
        let lemma = joined(&words[start..=last]);
        let single = start == last;
        let framing = single && (of && closed::is_light(&lemma) || closed::is_empty(&lemma))
            || lemma == "camera" && self.faces_viewer()
            || lemma == "picture" && framed && words.len() == 1;
        self.modify(&words[..start], absent);
        if !framing {
            let head = self.named(lemma, words[start].token, words[last].token, Role::Head);
            match absent {
                true => self.parsed.absent.push(head),
                false => self.parsed.heads.push(head),
            }
        }
        self.modify(&words[last + 1..], absent);
    }

    fn modify(&mut self, words: &[Word<'_>], absent: bool) {
        let mut at = 0;
        while at < words.len() {
            let end = (at + 2..=words.len().min(at + LONGEST))
                .rev()
                .find(|&end| words[end - 1].noun && self.is_compound(&words[at..end]))
                .unwrap_or(at + 1);
            let role = match words[end - 1].noun {
                true => Role::Noun,
                false => Role::Adjective,
            };
            let lemma = joined(&words[at..end]);
            if !(role == Role::Noun && closed::is_empty(&lemma)) {
                let modifier = self.named(lemma, words[at].token, words[end - 1].token, role);
                match absent {
                    true => self.parsed.absent.push(modifier),
                    false => self.parsed.modifiers.push(modifier),
                }
            }
            at = end;
        }
    }

    /// Where the longest compound that ends a phrase begins.
    fn compound_start(&self, words: &[Word<'_>]) -> usize {
        let last = words.len() - 1;
        (words.len().saturating_sub(LONGEST)..last)
            .find(|&start| self.is_compound(&words[start..]))
            .unwrap_or(last)
    }

    fn is_compound(&self, words: &[Word<'_>]) -> bool {
        self.parser.is_compound(&joined(words), words[0].lemma)
    }

    /// "Smiling at the camera": the camera that took the picture is not in it.
    fn faces_viewer(&self) -> bool {
        let before = self.parsed.relations.last();
        matches!(
            before.map(|relation| relation.lemma.as_str()),
            Some("at" | "for" | "to" | "toward" | "towards" | "into" | "face")
        )
    }

    fn named(&self, lemma: String, first: &Token, last: &Token, role: Role) -> Phrase {
        let span = first.span.start..last.span.end;
        Phrase {
            lemma,
            text: self.text[span.clone()].to_owned(),
            span,
            role,
        }
    }
}

/// Whether an adjective before this belongs to a longer noun phrase: "snow covered hill".
fn starts_phrase(next: Option<&Speech>) -> bool {
    matches!(next, Some(Speech::Noun { .. } | Speech::Adjective { .. }))
}

/// Whether a text is keywords in a row, not a phrase: "dog beach sunset".
fn is_row(speech: &[Speech]) -> bool {
    speech
        .iter()
        .all(|part| matches!(part, Speech::Noun { .. } | Speech::Adjective { .. }))
}

fn joined(words: &[Word<'_>]) -> String {
    words
        .iter()
        .map(|word| word.lemma)
        .collect::<Vec<_>>()
        .join(" ")
}
