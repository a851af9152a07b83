//! Parts of speech in context, by rules written for the style of captions: "dog running", "man jumps".

use super::closed::Class;
use super::lemma::Form;
use super::lexicon::{Lexicon, Thing};
use super::options::{Before, Options, Speech};
use super::token::Token;

struct Reader<'a> {
    tokens: &'a [Token],
    options: Vec<Options>,
    speech: Vec<Speech>,
    /// The clause already has its verb.
    verb_seen: bool,
}

/// Decides the part of speech of every token.
///
/// `compounds` holds the base form of each token that is part of a known compound; such a token is a noun.
pub(crate) fn parts(
    lexicon: &Lexicon,
    tokens: &[Token],
    compounds: &[Option<String>],
) -> Vec<Speech> {
    let options = tokens
        .iter()
        .zip(compounds)
        .map(|(token, compound)| match compound {
            Some(lemma) => Options::of_compound(lexicon, lemma, *lemma != token.word),
            None => Options::of(lexicon, &token.word),
        })
        .collect();
    let mut reader = Reader {
        tokens,
        options,
        speech: Vec::with_capacity(tokens.len()),
        verb_seen: false,
    };
    for (at, token) in tokens.iter().enumerate() {
        let speech = reader.decide(at);
        match &speech {
            // "A boy wearing a helmet" still waits for its verb.
            Speech::Verb { .. }
                if !matches!(reader.options[at].form(), Some(Form::Ing | Form::Past)) =>
            {
                reader.verb_seen = true;
            }
            Speech::Closed(Class::Auxiliary) => reader.verb_seen = true,
            Speech::Closed(Class::Relative | Class::Mark) => reader.verb_seen = false,
            Speech::Closed(Class::Conjunction) if token.word != "and" => reader.verb_seen = false,
            _ => {}
        }
        reader.speech.push(speech);
    }
    reader.speech
}

impl Reader<'_> {
    fn before(&self, at: usize) -> Before {
        Before::of(at.checked_sub(1).map(|at| &self.speech[at]))
    }

    fn nounish(&self, at: usize) -> bool {
        self.options.get(at).is_some_and(Options::nounish)
    }

    fn class(&self, at: usize) -> Option<Class> {
        self.options.get(at).and_then(|options| options.class)
    }

    /// Whether what follows is what follows a verb: an object with its article, a preposition, nothing.
    fn verb_frame(&self, at: usize) -> bool {
        match self.class(at) {
            Some(class) => !matches!(
                class,
                Class::Auxiliary | Class::Conjunction | Class::Relative | Class::Mark
            ),
            None => self
                .options
                .get(at)
                .is_none_or(|next| next.adverb || next.form() == Some(Form::Ing) && !next.solid),
        }
    }

    /// Whether the noun before a token could act: a person, an animal, or unknown.
    fn actor(&self, at: usize) -> bool {
        at.checked_sub(1)
            .and_then(|at| self.options[at].thing)
            .is_none_or(|thing| matches!(thing, Thing::Person | Thing::Animal | Thing::Group))
    }

    fn decide(&self, at: usize) -> Speech {
        let (word, options) = (self.tokens[at].word.as_str(), &self.options[at]);
        let before = self.before(at);
        if let Some(class) = options.class {
            return self.closed(at, class);
        }
        if options.colour && self.colour_modifies(at, before) {
            return Speech::Adjective {
                lemma: word.to_owned(),
            };
        }
        match options.form() {
            Some(Form::Ing) => self.ing(at, before),
            Some(Form::Past) => self.past(at, before),
            Some(Form::Third) => self.third(at, before),
            Some(Form::Base) => self.base(at, before),
            None => self.plain(at, before),
        }
    }

    fn closed(&self, at: usize, class: Class) -> Speech {
        // "that boy" but "a boy that"; "one dog" but "one of"; "the inside": the class is near enough.
        let word = self.tokens[at].word.as_str();
        let noun_follows = self.nounish(at + 1);
        match word {
            "that"
                if !matches!(self.before(at), Before::Singular | Before::Plural)
                    && noun_follows =>
            {
                Speech::Closed(Class::Determiner)
            }
            "getting" | "gets" | "get" | "having" | "doing" | "does" | "do" if !noun_follows => {
                Speech::Closed(Class::Auxiliary)
            }
            "her" if !noun_follows => Speech::Closed(Class::Pronoun),
            _ => Speech::Closed(class),
        }
    }

    fn colour_modifies(&self, at: usize, before: Before) -> bool {
        let after = |step: usize| self.options.get(at + step);
        let listed = matches!(self.class(at + 1), Some(Class::Conjunction | Class::Mark))
            && after(2).is_some_and(|next| {
                next.colour || next.nounish() && self.options[at].mostly_adjective
            });
        listed
            || self.nounish(at + 1)
            || self
                .options
                .get(at + 1)
                .is_some_and(|next| next.form() == Some(Form::Past) && next.class.is_none())
            || matches!(
                before,
                Before::Auxiliary | Before::Preposition | Before::And | Before::Verb
            )
            || self.options[at].mostly_adjective
    }

    fn ing(&self, at: usize, before: Before) -> Speech {
        let (word, options) = (self.tokens[at].word.as_str(), &self.options[at]);
        let noun_follows = self.nounish(at + 1);
        let adjective = options.adjective.is_some() && noun_follows;
        match before {
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
            _ => options.as_verb(word),
        }
    }

    fn past(&self, at: usize, before: Before) -> Speech {
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
                    && !matches!(self.class(at + 1), Some(Class::Preposition | Class::To)) =>
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

    /// Whether a determiner stands before the adverb before a token: "a brightly coloured kite".
    fn opened(&self, at: usize) -> bool {
        let earlier = at.checked_sub(2).map(|at| &self.speech[at]);
        matches!(
            earlier,
            None | Some(
                Speech::Closed(Class::Determiner | Class::Number | Class::Preposition)
                    | Speech::Adjective { .. }
            )
        )
    }

    fn third(&self, at: usize, before: Before) -> Speech {
        let (word, options) = (self.tokens[at].word.as_str(), &self.options[at]);
        if options.noun.is_none() {
            return options.as_verb(word);
        }
        let acts = match before {
            Before::Singular => !self.verb_seen && self.acts_alone(at),
            // "a flock of birds flies"
            Before::Plural => !self.verb_seen && options.mostly_verb && self.verb_frame(at + 1),
            Before::Subject | Before::Adverb => !self.opened_phrase(at),
            Before::And => options.mostly_verb && self.verb_seen && self.verb_frame(at + 1),
            _ => false,
        };
        if acts {
            options.as_verb(word)
        } else {
            options.as_noun(word)
        }
    }

    /// Whether a word such as "jumps" after a singular noun is that noun's verb.
    fn acts_alone(&self, at: usize) -> bool {
        let frame = self.verb_frame(at + 1);
        let object = self.class(at + 1) == Some(Class::Determiner);
        match self.options[at].mostly_verb {
            true => frame || self.actor(at) || self.clause_actor(at),
            false => frame && self.actor(at) || object && self.clause_actor(at),
        }
    }

    /// Whether the clause has named someone who can act.
    fn clause_actor(&self, at: usize) -> bool {
        self.speech
            .iter()
            .zip(&self.options)
            .take(at)
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

    fn opened_phrase(&self, at: usize) -> bool {
        matches!(self.before(at), Before::Adverb) && self.opened(at) && at > 1
    }

    fn base(&self, at: usize, before: Before) -> Speech {
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

    /// Whether the noun before a token ends a plural subject: "a boy and a girl play".
    fn joined(&self, at: usize) -> bool {
        let mut earlier = self.speech[..at - 1].iter().rev();
        earlier
            .find(|speech| {
                !matches!(
                    speech,
                    Speech::Adjective { .. }
                        | Speech::Closed(Class::Determiner)
                        | Speech::Noun { .. }
                )
            })
            .is_some_and(|speech| *speech == Speech::Closed(Class::Conjunction))
    }

    fn adjective_wins(&self, at: usize, before: Before) -> bool {
        let options = &self.options[at];
        if options.noun.is_none() && options.verb.is_none() {
            return true;
        }
        let thing = matches!(
            options.thing,
            Some(Thing::Object | Thing::Place | Thing::Food | Thing::Animal | Thing::Plant)
        );
        let listing = matches!(self.class(at + 1), Some(Class::Conjunction | Class::Mark))
            && self.nounish(at + 2);
        match before {
            Before::Auxiliary => options.mostly_adjective || options.noun.is_none(),
            // "asian girl", but "a mechanic repairs"
            _ if self.nounish(at + 1) => {
                options.mostly_adjective || !thing && !self.third_follows(at)
            }
            Before::Phrase | Before::Start if listing => options.mostly_adjective,
            // "with its mouth open"
            Before::Singular | Before::Plural | Before::Verb => {
                options.mostly_adjective || self.tokens[at].word == "open"
            }
            _ => options.mostly_adjective && options.noun.is_none(),
        }
    }

    fn third_follows(&self, at: usize) -> bool {
        self.options
            .get(at + 1)
            .is_some_and(|next| next.form() == Some(Form::Third))
    }

    fn plain(&self, at: usize, before: Before) -> Speech {
        let (word, options) = (self.tokens[at].word.as_str(), &self.options[at]);
        if options.adjective.is_some() && self.adjective_wins(at, before) {
            return options.as_adjective(word);
        }
        match &options.noun {
            Some(_)
                if !options.adverb
                    || options.solid
                    || matches!(before, Before::Phrase | Before::Preposition) =>
            {
                options.as_noun(word)
            }
            _ if options.adverb => Speech::Adverb,
            _ if options.adjective.is_some() => options.as_adjective(word),
            _ => options.as_noun(word),
        }
    }
}
