//! Captions to words, as the COCO evaluation compares them.

/// Words in lower case without punctuation.
///
/// This follows the Penn Treebank tokeniser as far as captions need it: marks are dropped, and clitics are words of their own
/// ("dog's" is `dog` and `'s`, "don't" is `do` and `n't`). Hyphens within words stay, and so do points, commas and colons
/// within numbers. Unlike there, abbreviations fall apart at their points.
pub(crate) fn words(text: &str) -> Vec<String> {
    let text: Vec<char> = text
        .to_lowercase()
        .replace('\u{2019}', "'")
        .chars()
        .collect();
    let digit = |at: usize| text.get(at).is_some_and(char::is_ascii_digit);
    let spaced: String = (0..text.len())
        .map(|at| match text[at] {
            c @ ('.' | ',' | ':') if at > 0 && digit(at - 1) && digit(at + 1) => c,
            c @ ('\'' | '-') => c,
            c if c.is_alphanumeric() || is_symbol(c) => c,
            _ => ' ',
        })
        .collect();
    let mut words = Vec::new();
    for word in spaced.split_whitespace() {
        // What is left of quotes and dashes.
        let word = word.trim_matches(['\'', '-']);
        let (stem, clitic) = word.split_at(clitic(word));
        match stem {
            "cannot" => words.extend(["can", "not"].map(str::to_owned)),
            "" => {}
            stem => words.push(stem.to_owned()),
        }
        if !clitic.is_empty() {
            words.push(clitic.to_owned());
        }
    }
    words
}

/// Marks that are words.
fn is_symbol(c: char) -> bool {
    matches!(c, '&' | '$' | '%' | '#' | '@' | '+' | '=' | '/' | '*')
}

/// Byte at which a clitic begins, or the word ends.
fn clitic(word: &str) -> usize {
    ["n't", "'s", "'m", "'d", "'re", "'ve", "'ll"]
        .iter()
        .find_map(|clitic| word.strip_suffix(clitic))
        .filter(|stem| !stem.is_empty())
        .map_or(word.len(), str::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_clitics_are_words() {
        for (text, expected) in [
            ("A man, riding a Wave.", "a man riding a wave"),
            ("the dog's ball isn't red!", "the dog 's ball is n't red"),
            (
                "the dogs' balls; it can't, it cannot",
                "the dogs balls it ca n't it can not",
            ),
            (
                "a t-shirt - \u{201c}black\u{201d} & white",
                "a t-shirt black & white",
            ),
            (
                "'hello' at 10:30 for 1,000 or 2.5 -- ok...",
                "hello at 10:30 for 1,000 or 2.5 ok",
            ),
            ("(a) one,two.three it\u{2019}s", "a one two three it 's"),
            (" ... ' 's - ", "s"),
            ("", ""),
        ] {
            assert_eq!(words(text).join(" "), expected, "{text}");
        }
    }
}
