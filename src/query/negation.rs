//! How far a negation reaches: "a man without a hat" is no picture of a hat.

use super::closed::Class;
use super::options::Speech;
use super::token::Token;

/// Reads a sentence word by word and knows whether what is said there is said to be absent.
///
/// A negation reaches over its verb and the first phrase after it, and on over "or", "nor", "of" and an "and" without an article.
#[derive(Debug, Default)]
pub(crate) struct Negation {
    reaches: bool,
    /// A verb was denied: the place where it does not happen is there all the same.
    verb: bool,
    /// A phrase was denied, so that anything but its continuation ends the reach.
    phrase: bool,
}

impl Negation {
    /// Whether a phrase that ends here is said to be absent.
    pub(crate) fn phrase(&mut self) -> bool {
        self.phrase = self.reaches;
        self.reaches
    }

    /// Whether a verb here is said not to happen.
    pub(crate) fn verb(&mut self) -> bool {
        self.reaches &= !self.phrase;
        self.verb = self.reaches;
        self.reaches
    }

    /// Goes past a word that is neither verb, noun nor adjective; `next` is the word after it.
    pub(crate) fn pass(&mut self, token: &Token, speech: &Speech, next: Option<&Token>) {
        let word = token.word.as_str();
        if is_negation(word, speech) {
            *self = Self {
                reaches: true,
                ..Self::default()
            };
            return;
        }
        let named = self.phrase;
        let ends = match speech {
            Speech::Closed(Class::Preposition) if word == "of" => false,
            Speech::Closed(Class::Preposition) => named || self.verb,
            Speech::Closed(Class::Auxiliary | Class::To) => named,
            Speech::Closed(Class::Mark | Class::Relative) => true,
            Speech::Closed(Class::Conjunction) => match word {
                "or" => false,
                "and" => next.is_none_or(|next| {
                    matches!(
                        next.class,
                        Some(Class::Determiner | Class::Number | Class::Pronoun)
                    )
                }),
                _ => true,
            },
            _ => false,
        };
        self.reaches &= !ends;
    }
}

fn is_negation(word: &str, speech: &Speech) -> bool {
    matches!(speech, Speech::Closed(Class::Negation))
        || matches!(word, "without" | "nor")
        || word.ends_with("n't")
}

#[cfg(test)]
mod tests {
    use crate::query::{Lexicon, Parsed, Parser};

    fn absent(text: &str) -> Vec<String> {
        let Parsed { absent, .. } = Parser::new(Lexicon::english()).parse(text);
        absent.into_iter().map(|phrase| phrase.lemma).collect()
    }

    #[test]
    fn what_a_text_denies_is_absent() {
        assert_eq!(absent("a man without a hat runs on a beach"), ["hat"]);
        assert_eq!(absent("a street with no cars or people"), ["car", "person"]);
        assert_eq!(
            absent("a girl not wearing a red helmet rides a horse"),
            ["wear", "red", "helmet"]
        );
        assert_eq!(absent("the shop isn't open"), ["open"]);
        assert_eq!(
            absent("a room with neither chairs nor tables"),
            ["chair", "table"]
        );
    }

    #[test]
    fn the_rest_is_not() {
        assert_eq!(absent("a boy without shoes and a girl in boots"), ["shoe"]);
        assert_eq!(absent("two dogs not running on the sand"), ["run"]);
        assert_eq!(absent("no people, a lake, a boat"), ["person"]);
        assert!(absent("a knot in a rope").is_empty());
    }
}
