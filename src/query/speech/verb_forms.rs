//! Words that are forms of a verb, and may be nouns or adjectives all the same: "a dog running", "running water".

use crate::query::closed::Class;
use crate::query::context::Reader;
use crate::query::options::{Before, Speech};

impl Reader<'_> {
    pub(super) fn ing(&self, at: usize, before: Before) -> Speech {
        let (word, options) = (self.tokens[at].word.as_str(), &self.options[at]);
        let noun_follows = self.nounish(at + 1);
        let adjective = options.adjective.is_some() && noun_follows;
        match before {
            // "a woman in blue posing for a picture"
            Before::Phrase if self.dressed(at) && !noun_follows && !options.solid => {
                options.as_verb(word)
            }
            // "two girls, one running"
            Before::Phrase
                if !noun_follows
                    && matches!(self.word_before(at, 1), "one" | "another" | "both" | "some") =>
            {
                options.as_verb(word)
            }
            Before::Phrase if options.solid => options.as_noun(word),
            Before::Phrase if noun_follows => Speech::Adjective {
                lemma: word.to_owned(),
            },
            Before::Phrase if options.noun.is_some() => options.as_noun(word),
            Before::Preposition | Before::Verb if options.solid => options.as_noun(word),
            Before::Singular | Before::Plural if options.solid && !self.actor(at) => {
                options.as_noun(word)
            }
            Before::And if options.solid && self.class(at + 1) != Some(Class::Determiner) => {
                options.as_noun(word)
            }
            Before::Start if options.solid => options.as_noun(word),
            Before::Preposition if adjective => options.as_adjective(word),
            // "a piece of spinning paper"
            Before::Preposition if noun_follows && self.word_before(at, 1) == "of" => {
                Speech::Adjective {
                    lemma: word.to_owned(),
                }
            }
            _ => options.as_verb(word),
        }
    }

    pub(super) fn past(&self, at: usize, before: Before) -> Speech {
        let (word, options) = (self.tokens[at].word.as_str(), &self.options[at]);
        let noun_follows = self.nounish(at + 1);
        let adjective = || {
            let lemma = options.adjective.clone().unwrap_or_else(|| word.to_owned());
            Speech::Adjective { lemma }
        };
        // "left", "ground", "rose", "saw": the noun or adjective is a word of its own.
        let own_noun = options.noun.is_some() && !options.mostly_adjective;
        match before {
            Before::Phrase if noun_follows => adjective(),
            Before::Phrase | Before::Preposition if own_noun => options.as_noun(word),
            Before::Phrase | Before::Preposition if noun_follows || options.adjective.is_some() => {
                adjective()
            }
            Before::Auxiliary
                if options.mostly_adjective
                    && !matches!(self.class(at + 1), Some(Class::Preposition | Class::To))
                    // "painted yellow"
                    && !self.options.get(at + 1).is_some_and(|next| next.colour) =>
            {
                adjective()
            }
            Before::Start if options.mostly_adjective => adjective(),
            Before::Start | Before::And if noun_follows => adjective(),
            Before::Adverb if noun_follows && self.opened(at) => adjective(),
            // "a snow covered hill", but "a man covered in snow".
            Before::Singular if noun_follows && !self.actor(at) => adjective(),
            _ => options.as_verb(word),
        }
    }

    pub(super) fn third(&self, at: usize, before: Before) -> Speech {
        let (word, options) = (self.tokens[at].word.as_str(), &self.options[at]);
        if options.noun.is_none() {
            return options.as_verb(word);
        }
        let acts = match before {
            Before::Singular => !self.verb_seen && self.acts_alone(at),
            // "a flock of birds flies"
            Before::Plural => {
                !self.verb_seen
                    && options.mostly_verb
                    && (self.verb_frame(at + 1) || self.clause_actor(at) && !self.many(at))
            }
            Before::Subject | Before::Adverb => !self.opened_phrase(at),
            // "another holds her breath", "a man in red kicks the ball"
            Before::Phrase => {
                let object = self.class(at + 1) == Some(Class::Determiner);
                let verb = options.mostly_verb && !options.clothing && self.verb_frame(at + 1);
                matches!(self.word_before(at, 1), "another" | "each")
                    || (object || verb) && self.dressed(at)
            }
            // "a dog with its ears up runs on grass"
            Before::Preposition => {
                matches!(self.word_before(at, 1), "up" | "down" | "out" | "off")
                    && at > 1
                    && matches!(self.speech[at - 2], Speech::Noun { .. })
                    && !self.verb_seen
                    && options.mostly_verb
                    && self.verb_frame(at + 1)
            }
            // "poses and smiles"
            Before::And
                if options.mostly_verb
                    && at > 1
                    && matches!(self.speech[at - 2], Speech::Verb { .. }) =>
            {
                true
            }
            Before::And => options.mostly_verb && self.verb_seen && self.verb_frame(at + 1),
            // "a boat, full of water, drifts on a lake"
            Before::Start => {
                at > 0
                    && self.word_before(at, 1) == ","
                    && !self.sentence_verb
                    && options.mostly_verb
                    && self.verb_frame(at + 1)
            }
            _ => false,
        };
        if acts {
            options.as_verb(word)
        } else {
            options.as_noun(word)
        }
    }

    pub(super) fn base(&self, at: usize, before: Before) -> Speech {
        let (word, options) = (self.tokens[at].word.as_str(), &self.options[at]);
        let noun_follows = self.nounish(at + 1);
        if options.noun.is_none() && options.adjective.is_none() {
            return options.as_verb(word);
        }
        if options.adjective.is_some() && self.adjective_wins(at, before) {
            return options.as_adjective(word);
        }
        let acts = match before {
            Before::To => {
                options.mostly_verb
                    || options.noun.is_none()
                    || self.class(at + 1) == Some(Class::Determiner)
            }
            Before::Plural | Before::Subject => {
                !self.verb_seen
                    && (options.mostly_verb && !options.mostly_adjective || self.verb_frame(at + 1))
            }
            Before::Singular => {
                !self.verb_seen
                    && self.joined(at)
                    && (options.mostly_verb || self.verb_frame(at + 1))
                    || options.mostly_verb && self.actor(at) && self.perceived(at)
                    || self.acts_after_all(at)
            }
            Before::Phrase => self.dressed(at) && self.acts_after_all(at),
            // "two dogs, one of them grey, play on the grass"
            Before::Start => {
                self.word_before(at, 1) == ","
                    && !self.sentence_verb
                    && self.many(at)
                    && options.mostly_verb
                    && at + 1 < self.tokens.len()
                    && self.verb_frame(at + 1)
            }
            Before::Adverb => {
                at > 1
                    && matches!(self.before(at - 1), Before::Plural | Before::Subject)
                    && !self.verb_seen
                    && (options.mostly_verb || self.verb_frame(at + 1))
            }
            Before::And => options.mostly_verb && self.verb_seen && self.verb_frame(at + 1),
            Before::Auxiliary => options.mostly_verb && !noun_follows && options.noun.is_none(),
            _ => false,
        };
        match (acts, &options.noun) {
            (true, _) | (false, None) if options.adjective.is_none() || acts => {
                options.as_verb(word)
            }
            (_, Some(_)) => options.as_noun(word),
            _ => options.as_adjective(word),
        }
    }
}
