//! Words of a text with the bytes they came from.

use std::ops::Range;

use super::closed::{self, Class};

/// One word or mark of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// In lower case, with plain apostrophes.
    pub(crate) word: String,
    /// Where it stands in the text.
    pub(crate) span: Range<usize>,
    /// Its class, if it is a function word.
    pub(crate) class: Option<Class>,
}

impl Token {
    fn new(word: String, span: Range<usize>) -> Self {
        let class = closed::class(&word);
        Self { word, span, class }
    }

    /// One token of several, if there are any.
    pub(crate) fn of(tokens: &[Token]) -> Option<Self> {
        let words: Vec<&str> = tokens.iter().map(|token| token.word.as_str()).collect();
        let span = tokens.first()?.span.start..tokens.last()?.span.end;
        Some(Self::new(words.join(" "), span))
    }
}

/// Whether blanks part the words of a preposition or conjunction, and not those of a name.
pub(crate) fn is_fixed(word: &str) -> bool {
    FIXED
        .split_ascii_whitespace()
        .any(|fixed| fixed.split('_').eq(word.split(' ')))
}

/// Prepositions of several words, longest first where one begins another.
const FIXED: &str = "\
    in_the_middle_of on_the_side_of at_the_edge_of on_the_edge_of in_front_of on_top_of
    in_between next_to out_of close_to inside_of outside_of on_to in_to off_of away_from
    because_of as_well_as such_as in_order_to along_side";

/// Splits a text into words; marks of punctuation are tokens too, blanks are not.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let mut letters = text.char_indices().peekable();
    while let Some((start, c)) = letters.next() {
        if c.is_whitespace() || c.is_control() {
            continue;
        }
        let mut end = start + c.len_utf8();
        if c.is_alphanumeric() {
            while let Some(&(at, c)) = letters.peek() {
                let inner =
                    matches!(c, '\'' | '’' | '-') && follows_letter(text, at + c.len_utf8());
                // "man's" is a word and a mark of possession, "t-shirt" is one word.
                let possessive = matches!(c, '\'' | '’') && possessive(&text[at + c.len_utf8()..]);
                if !(c.is_alphanumeric() || inner && !possessive) {
                    break;
                }
                end = at + c.len_utf8();
                letters.next();
            }
        } else if matches!(c, '\'' | '’')
            && possessive(&text[end..])
            && found.last().is_some_and(|t| t.span.end == start)
        {
            letters.next();
            end += 1;
        }
        let word = text[start..end].to_lowercase().replace('’', "'");
        found.push(Token::new(word, start..end));
    }
    join_fixed(found)
}

fn follows_letter(text: &str, at: usize) -> bool {
    text[at..].chars().next().is_some_and(char::is_alphanumeric)
}

fn possessive(rest: &str) -> bool {
    let mut letters = rest.chars();
    matches!(letters.next(), Some('s' | 'S')) && !letters.next().is_some_and(char::is_alphanumeric)
}

fn join_fixed(tokens: Vec<Token>) -> Vec<Token> {
    let mut joined = Vec::with_capacity(tokens.len());
    let mut rest = &tokens[..];
    while let Some((first, tail)) = rest.split_first() {
        let fixed = FIXED.split_ascii_whitespace().find_map(|fixed| {
            let count = fixed.split('_').count();
            let here = rest.len() >= count
                && fixed
                    .split('_')
                    .zip(rest)
                    .all(|(word, token)| word == token.word);
            here.then_some(count)
        });
        match fixed {
            Some(count) => {
                joined.extend(Token::of(&rest[..count]));
                rest = &rest[count..];
            }
            None => {
                joined.push(first.clone());
                rest = tail;
            }
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        tokens(text).into_iter().map(|token| token.word).collect()
    }

    #[test]
    fn words_keep_their_bytes() {
        let text = "A man’s T-shirt, été!";
        for token in tokens(text) {
            let shown = text[token.span.clone()].to_lowercase().replace('’', "'");
            assert_eq!(shown, token.word);
        }
        assert_eq!(words(text), ["a", "man", "'s", "t-shirt", ",", "été", "!"]);
    }

    #[test]
    fn fixed_prepositions_are_one_word() {
        assert_eq!(
            words("dog in front of a house"),
            ["dog", "in front of", "a", "house"]
        );
        assert_eq!(words("next to"), ["next to"]);
        assert_eq!(words("in front"), ["in", "front"]);
    }

    #[test]
    fn nothing_makes_nothing() {
        assert!(tokens(" \t\n").is_empty());
        assert_eq!(words("--"), ["-", "-"]);
    }
}
