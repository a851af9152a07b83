//! Parts of speech in context, by rules written for the style of captions: "dog running", "man jumps".

mod verb_forms;

use super::closed::Class;
use super::context::Reader;
use super::lemma::Form;
use super::lexicon::{Lexicon, Thing};
use super::options::{Before, Options, Speech};
use super::token::Token;

/// Decides the part of speech of every token.
///
/// `compounds` holds the base form of each token that is part of a known compound; such a token is a noun.
pub(crate) fn parts(
    lexicon: &Lexicon,
    tokens: &[Token],
    compounds: &[Option<String>],
) -> Vec<Speech> {
    let options = tokens.iter().zip(compounds).enumerate();
    let options = options
        .map(|(at, (token, compound))| match compound {
            Some(lemma) => Options::of_compound(lexicon, lemma, *lemma != token.word),
            // Not those on a nose.
            None if token.word == "glasses" && is_of(tokens.get(at + 1)) => {
                Options::of_compound(lexicon, "glass", true)
            }
            None => Options::of(lexicon, token),
        })
        .collect();
    let mut reader = Reader {
        tokens,
        options,
        speech: Vec::with_capacity(tokens.len()),
        verb_seen: false,
        around: None,
        after_relative: false,
        sentence_verb: false,
    };
    for (at, token) in tokens.iter().enumerate() {
        let speech = reader.decide(at);
        match &speech {
            // "A boy wearing a helmet" still waits for its verb.
            Speech::Verb { .. }
                if !matches!(reader.options[at].form(), Some(Form::Ing | Form::Past)) =>
            {
                reader.finite();
            }
            Speech::Closed(Class::Auxiliary) => reader.finite(),
            Speech::Closed(Class::Relative) => {
                reader.around = Some(reader.verb_seen);
                reader.verb_seen = false;
            }
            Speech::Closed(Class::Mark) => {
                reader.verb_seen = false;
                reader.after_relative = false;
                reader.sentence_verb &= !matches!(token.word.as_str(), "." | "!" | "?");
            }
            Speech::Closed(Class::Conjunction) if token.word != "and" => reader.verb_seen = false,
            _ => {}
        }
        reader.speech.push(speech);
    }
    reader.speech
}

fn is_of(token: Option<&Token>) -> bool {
    token.is_some_and(|token| token.word == "of")
}

impl Reader<'_> {
    fn decide(&self, at: usize) -> Speech {
        let (word, options) = (self.tokens[at].word.as_str(), &self.options[at]);
        let before = self.before(at);
        if let Some(class) = options.class {
            return self.closed(at, class);
        }
        // "a man on the left shakes hands"
        let side = matches!(word, "left" | "right") && self.word_before(at, 1) == "the";
        if side && matches!(self.word_before(at, 2), "on" | "to" | "at" | "from") {
            return options.as_noun(word);
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
            "getting" | "gets" | "get" if self.object(at + 1) => Speech::Verb {
                lemma: "get".to_owned(),
            },
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
            Before::Auxiliary => {
                let copula = !matches!(self.word_before(at, 1), "has" | "have" | "had" | "having");
                options.mostly_adjective
                    || options.noun.is_none()
                    || copula
                        && self
                            .options
                            .get(at + 1)
                            .is_none_or(|next| next.noun.is_none())
            }
            // "half full of water"
            _ if self.word(at + 1) == "of"
                && options.mostly_adjective
                && !matches!(self.word_before(at, 1), "the" | "a" | "an") =>
            {
                true
            }
            // "asian girl", but "a mechanic repairs"
            _ if self.nounish(at + 1) => {
                options.mostly_adjective || !thing && !self.third_follows(at)
            }
            Before::Phrase | Before::Start if listing => options.mostly_adjective,
            // "a large collapsing wave"
            Before::Phrase
                if options.mostly_adjective
                    && self.options.get(at + 1).and_then(Options::form) == Some(Form::Ing)
                    && self.nounish(at + 2) =>
            {
                true
            }
            // "with its mouth open"
            Before::Singular | Before::Plural | Before::Verb => {
                options.mostly_adjective || self.tokens[at].word == "open"
            }
            _ => options.mostly_adjective && options.noun.is_none(),
        }
    }

    fn plain(&self, at: usize, before: Before) -> Speech {
        let (word, options) = (self.tokens[at].word.as_str(), &self.options[at]);
        // "mice nibble on cheese": what stands where a verb is missing is one.
        let missing = before == Before::Plural && !self.verb_seen && self.actor(at);
        let third = options.unlisted
            && word.ends_with('s')
            && before == Before::Singular
            && !self.verb_seen
            && self.one(at)
            && self.verb_frame(at + 1);
        if options.unlisted
            && missing
            && self.class(at + 1).is_some()
            && self.verb_frame(at + 1)
            && !word.ends_with('s')
            || third
        {
            return options.as_verb(word);
        }
        // "stands tall": how it is done, not what it is like.
        if options.adverb
            && options.adjective.is_some()
            && before == Before::Verb
            && !self.nounish(at + 1)
        {
            return Speech::Adverb;
        }
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
