//! Text as files have it, in one line.

/// Text in one line of single blanks and at most so many characters, without what padding and broken writers leave in it; `None`
/// where nothing is left.
pub(super) fn one_line(text: &str, longest: usize) -> Option<String> {
    // What turns the direction of writing would turn it for whatever is shown behind.
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_waste = |c: char| {
        c.is_whitespace() || c.is_control() || turns(c) || c == char::REPLACEMENT_CHARACTER
    };
    let mut line = String::new();
    let mut room = longest;
    // Word by word, so that an endless text costs no more than what is kept of it.
    for word in text.split(is_waste).filter(|word| !word.is_empty()) {
        let blank = usize::from(!line.is_empty());
        if room <= blank {
            break;
        }
        if blank > 0 {
            line.push(' ');
        }
        let before = line.len();
        line.extend(word.chars().take(room - blank));
        room -= blank + line[before..].chars().count();
    }
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_goes_and_what_is_too_long_is_cut() {
        for (text, longest, expected) in [
            (" a\n\tb\0\u{fffd} c ", 9, Some("a b c")),
            ("ab cd", 5, Some("ab cd")),
            ("ab cd", 4, Some("ab c")),
            ("ab cd", 3, Some("ab")),
            ("\u{df}\u{df}\u{df}", 2, Some("\u{df}\u{df}")),
            ("a", 0, None),
            ("\u{202e}evil\u{202c}", 9, Some("evil")),
            (" \0\u{85} ", 9, None),
        ] {
            assert_eq!(one_line(text, longest).as_deref(), expected, "{text:?}");
        }
    }
}
