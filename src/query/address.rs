//! The words of a query that are said to the program: "show me", "I want to see".

use super::closed::{self, Class};
use super::token::Token;

/// Openings, longest first where one begins another.
const OPENINGS: &str = "\
    i_would_like_to_see i'd_like_to_see i_want_to_see i_want_to_find i_am_looking_for
    i'm_looking_for can_you_show_me can_you_find could_you_find could_you_show_me
    please_show_me please_find show_me show_us find_me find give_me get_me search_for
    look_for looking_for i_want i_need";

/// Openings that are meant so only before an article, a pronoun or a word for pictures: a "show horse" is a horse.
const CAREFUL: &str = "\
    display get list show";

/// How many tokens at the beginning are said to the program. At least one is left.
pub(crate) fn length(tokens: &[Token]) -> usize {
    let begins = |opening: &&str| {
        opening.split('_').count() < tokens.len()
            && opening
                .split('_')
                .zip(tokens)
                .all(|(word, token)| word == token.word)
    };
    if let Some(opening) = OPENINGS.split_ascii_whitespace().find(begins) {
        return opening.split('_').count();
    }
    let named = tokens.get(1).is_some_and(|token| {
        matches!(token.class, Some(Class::Determiner | Class::Pronoun))
            || matches!(
                token.word.as_str(),
                "pictures" | "photos" | "images" | "photographs"
            )
    });
    let careful = tokens
        .first()
        .is_some_and(|token| closed::contains(CAREFUL, &token.word));
    usize::from(careful && named)
}

#[cfg(test)]
mod tests {
    use super::super::token::tokens;
    use super::*;

    #[test]
    fn only_what_is_said_to_the_program_is_passed_over() {
        let of = |text| length(&tokens(text));
        assert_eq!(of("show me dogs"), 2);
        assert_eq!(of("I want to see the sea"), 4);
        assert_eq!(of("show all dogs"), 1);
        assert_eq!(of("find pictures of a cat"), 1);
        for text in ["show jumping", "find", "a man shows me a fish", "", "list"] {
            assert_eq!(of(text), 0, "{text}");
        }
    }
}
