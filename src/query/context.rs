//! What the neighbours of a word say of its part of speech.

use super::closed::Class;
use super::lemma::Form;
use super::lexicon::Thing;
use super::options::{Before, Options, Speech};
use super::token::Token;

/// How far back a rule looks, in tokens: no clause that anyone writes is longer, and endless text stays linear.
const REACH: usize = 64;

/// The parts of speech of a text, decided up to some token, and what its neighbours say of the next one.
pub(super) struct Reader<'a> {
    pub(super) tokens: &'a [Token],
    pub(super) options: Vec<Options>,
    pub(super) speech: Vec<Speech>,
    /// The clause already has its verb.
    pub(super) verb_seen: bool,
    /// In a relative clause that has no verb yet: whether the clause around it has one.
    pub(super) around: Option<bool>,
    /// A relative clause has ended, and the clause around it waits for its verb.
    pub(super) after_relative: bool,
    /// The sentence already has a verb, in whatever clause.
    pub(super) sentence_verb: bool,
}

impl Reader<'_> {
    /// Takes note of a finite verb. That of a relative clause ends the clause as far as verbs go: "a man who sings dances".
    pub(super) fn finite(&mut self) {
        let around = self.around.take();
        self.after_relative = around == Some(false);
        self.verb_seen = around.unwrap_or(true);
        self.sentence_verb = true;
    }

    pub(super) fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.word.as_str())
    }

    pub(super) fn word_before(&self, at: usize, steps: usize) -> &str {
        at.checked_sub(steps).map_or("", |at| self.word(at))
    }

    /// What was decided before a token, as far back as rules look.
    fn behind(&self, at: usize) -> &[Speech] {
        &self.speech[at.saturating_sub(REACH)..at]
    }

    pub(super) fn before(&self, at: usize) -> Before {
        // "not wearing a hat" is read as "wearing a hat".
        let at = match self.word_before(at, 1) {
            "not" | "never" => at - 1,
            _ => at,
        };
        if self.word_before(at, 1) == "other" && self.word_before(at, 2) == "each" {
            return Before::Subject;
        }
        Before::of(at.checked_sub(1).map(|at| &self.speech[at]))
    }

    /// Whether an object or a particle stands here, and no property: "gets a haircut", "gets off", not "gets wet".
    pub(super) fn object(&self, at: usize) -> bool {
        let class = matches!(
            self.class(at),
            Some(Class::Determiner | Class::Preposition | Class::Number | Class::Pronoun)
        );
        let options = self.options.get(at);
        class
            || self.nounish(at)
                && options
                    .is_some_and(|options| options.adjective.is_none() && options.verb.is_none())
    }

    pub(super) fn nounish(&self, at: usize) -> bool {
        self.options.get(at).is_some_and(Options::nounish)
    }

    pub(super) fn class(&self, at: usize) -> Option<Class> {
        self.options.get(at).and_then(|options| options.class)
    }

    /// Whether what follows is what follows a verb: an object with its article, a preposition, nothing.
    pub(super) fn verb_frame(&self, at: usize) -> bool {
        match self.class(at) {
            // "barks as a car comes"
            Some(Class::Conjunction) => matches!(self.word(at), "as" | "when" | "while"),
            Some(class) => !matches!(class, Class::Auxiliary | Class::Relative | Class::Mark),
            None => self
                .options
                .get(at)
                .is_none_or(|next| next.adverb || next.form() == Some(Form::Ing) && !next.solid),
        }
    }

    /// Whether the noun before a token could act: a person, an animal, or unknown.
    pub(super) fn actor(&self, at: usize) -> bool {
        at.checked_sub(1)
            .and_then(|at| self.options[at].thing)
            .is_none_or(|thing| matches!(thing, Thing::Person | Thing::Animal | Thing::Group))
    }

    /// Whether a determiner stands before the adverb before a token: "a brightly coloured kite".
    pub(super) fn opened(&self, at: usize) -> bool {
        let earlier = at.checked_sub(2).map(|at| &self.speech[at]);
        matches!(
            earlier,
            None | Some(
                Speech::Closed(Class::Determiner | Class::Number | Class::Preposition)
                    | Speech::Adjective { .. }
            )
        )
    }

    /// Whether the noun phrase before a token is about one thing by its article.
    pub(super) fn one(&self, at: usize) -> bool {
        let inside =
            |speech: &&Speech| matches!(speech, Speech::Noun { .. } | Speech::Adjective { .. });
        let words = self.behind(at).iter().rev().take_while(inside).count();
        matches!(
            self.word_before(at, words + 1),
            "a" | "an" | "one" | "another" | "each" | "every"
        )
    }

    /// Whether the clause has named someone who can act.
    pub(super) fn clause_actor(&self, at: usize) -> bool {
        let behind = self.behind(at);
        behind
            .iter()
            .zip(&self.options[at - behind.len()..])
            .rev()
            .take_while(|(speech, _)| {
                !matches!(speech, Speech::Closed(Class::Mark | Class::Relative))
            })
            .any(|(speech, options)| {
                matches!(speech, Speech::Noun { .. })
                    && matches!(
                        options.thing,
                        Some(Thing::Person | Thing::Animal | Thing::Group)
                    )
            })
    }

    /// Whether "in" and colours stand before a token: what someone wears, if no noun follows.
    pub(super) fn dressed(&self, at: usize) -> bool {
        let worn = |at: &usize| self.options[*at].colour || self.word(*at) == "and";
        let count = (0..at).rev().take(REACH).take_while(worn).count();
        count > 0 && self.word_before(at, count + 1) == "in"
    }

    pub(super) fn opened_phrase(&self, at: usize) -> bool {
        matches!(self.before(at), Before::Adverb) && self.opened(at) && at > 1
    }

    /// Whether the sentence begins with a plural, or with several things.
    pub(super) fn many(&self, at: usize) -> bool {
        let ends = |(speech, token): (&Speech, &Token)| {
            *speech == Speech::Closed(Class::Relative)
                || matches!(token.word.as_str(), "." | "!" | "?")
        };
        let behind = self.behind(at);
        let before = behind.iter().zip(&self.tokens[at - behind.len()..]);
        let start = before.clone().rposition(ends).map_or(0, |at| at + 1);
        let mut clause = before.skip(start);
        let first = clause.find_map(|(speech, _)| match speech {
            Speech::Noun { plural, .. } => Some(*plural),
            _ => None,
        });
        first.is_some_and(|plural| plural || clause.any(|(_, token)| token.word == "and"))
    }

    /// Whether the noun before a token is the object of a verb that takes another one: "watches a dog swim".
    pub(super) fn perceived(&self, at: usize) -> bool {
        let inside = |speech: &&Speech| {
            matches!(
                speech,
                Speech::Noun { .. } | Speech::Adjective { .. } | Speech::Closed(Class::Determiner)
            )
        };
        let verb = self.behind(at).iter().rev().find(|speech| !inside(speech));
        let Some(Speech::Verb { lemma }) = verb else {
            return false;
        };
        matches!(
            lemma.as_str(),
            "watch" | "see" | "let" | "help" | "make" | "hear"
        )
    }

    /// Whether the noun before a token ends a plural subject: "a boy and a girl play".
    pub(super) fn joined(&self, at: usize) -> bool {
        let inside = |speech: &Speech| {
            matches!(
                speech,
                Speech::Adjective { .. }
                    | Speech::Noun { .. }
                    | Speech::Closed(Class::Determiner | Class::Number)
            )
        };
        let behind = self.behind(at);
        let Some(and) = behind.iter().rposition(|speech| !inside(speech)) else {
            return false;
        };
        // Not "a blue and a green slide".
        let noun = and > 0 && matches!(behind[and - 1], Speech::Noun { .. });
        behind[and] == Speech::Closed(Class::Conjunction) && (noun || self.actor(at))
    }

    pub(super) fn third_follows(&self, at: usize) -> bool {
        self.options
            .get(at + 1)
            .is_some_and(|next| next.form() == Some(Form::Third))
    }

    /// Whether a word such as "jumps" after a singular noun is that noun's verb.
    pub(super) fn acts_alone(&self, at: usize) -> bool {
        // "a ship sails": no plural stands after "a".
        let person = self.options[at].thing == Some(Thing::Person);
        if !person && self.one(at) && (self.verb_frame(at + 1) || self.actor(at)) {
            return true;
        }
        let frame = self.verb_frame(at + 1);
        // "hands out presents"
        let object = self.class(at + 1) == Some(Class::Determiner)
            || matches!(self.word(at + 1), "out" | "away");
        match self.options[at].mostly_verb {
            true => frame || self.actor(at) || self.clause_actor(at),
            false => {
                frame && (self.actor(at) || self.after_relative) || object && self.clause_actor(at)
            }
        }
    }

    /// Whether a plural subject further back still waits for a verb: "two men in a red car wait at a light".
    pub(super) fn acts_after_all(&self, at: usize) -> bool {
        let object = self.class(at + 1) == Some(Class::Determiner);
        let place = self.class(at + 1) == Some(Class::Preposition);
        !self.verb_seen
            && self.many(at)
            && (self.options[at].plain_verb && (object || place)
                || object && !self.options[at].solid)
    }
}
