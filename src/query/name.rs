//! Names by their capitals: "Golden Gate Bridge", "Statue of Liberty".

use super::closed;
use super::lemma;
use super::lexicon::{Lexicon, Thing};
use super::token::Token;

/// Makes one token of every name.
pub(crate) fn join(lexicon: &Lexicon, text: &str, tokens: Vec<Token>) -> Vec<Token> {
    if !has_plain_words(text, &tokens) {
        return tokens;
    }
    let mut joined = Vec::with_capacity(tokens.len());
    let mut rest = &tokens[..];
    while !rest.is_empty() {
        let count = length(lexicon, text, rest).max(1);
        joined.extend(Token::of(&rest[..count]));
        rest = &rest[count..];
    }
    joined
}

/// How many tokens from the first on are one name: two or more words with capitals, perhaps with "of" between them.
fn length(lexicon: &Lexicon, text: &str, tokens: &[Token]) -> usize {
    let is_capital = |token: &Token| {
        let mut letters = text[token.span.clone()].chars();
        letters.next().is_some_and(char::is_uppercase)
            && letters.any(char::is_lowercase)
            && token.class.is_none()
    };
    let mut length = 0;
    while let Some(token) = tokens.get(length) {
        let joins =
            token.word == "of" && length > 0 && tokens.get(length + 1).is_some_and(is_capital);
        if !is_capital(token) && !joins {
            break;
        }
        length += 1;
    }
    // "African American", "Middle Eastern": what describes is no name of a thing.
    let last = tokens[..length].last();
    let describes = last.is_some_and(|token| {
        lexicon
            .get(&token.word)
            .is_some_and(|entry| entry.is_adjective())
    });
    // "Brown Dog" is a dog; "Golden Gate Bridge" is a name, and so is "White House".
    let common = length == 2
        && closed::is_plain_adjective(&tokens[0].word)
        && lemma::noun(lexicon, &tokens[1].word).is_some_and(|(noun, _)| {
            lexicon.get(&noun).and_then(|entry| entry.thing()) != Some(Thing::Place)
        });
    if length < 2 || describes || common {
        0
    } else {
        length
    }
}

/// Whether capitals mean something in a text: titles have them everywhere.
fn has_plain_words(text: &str, tokens: &[Token]) -> bool {
    tokens.iter().any(|token| {
        token.class.is_none()
            && text[token.span.clone()].chars().all(|c| !c.is_uppercase())
            && token.word.chars().any(char::is_alphabetic)
    })
}

#[cfg(test)]
mod tests {
    use crate::query::{Lexicon, Parser};

    fn heads(text: &str) -> Vec<String> {
        let heads = Parser::new(Lexicon::english()).parse(text).heads;
        heads.into_iter().map(|phrase| phrase.lemma).collect()
    }

    #[test]
    fn capitals_make_a_name_unless_they_are_everywhere() {
        assert_eq!(
            heads("a bus near Tower Bridge in fog"),
            ["bus", "tower bridge", "fog"]
        );
        assert_eq!(
            heads("Statue of Liberty seen from a boat"),
            ["statue of liberty", "boat"]
        );
        assert_eq!(heads("An African American man in a hat"), ["man", "hat"]);
        assert_eq!(heads("a Brown Dog on a couch"), ["dog", "couch"]);
        assert_eq!(heads("A Brown Dog On A Couch"), ["dog", "couch"]);
        assert_eq!(heads("A BROWN DOG on a couch"), ["dog", "couch"]);
    }
}
