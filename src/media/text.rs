//! Text as files have it, in one line.

/// Text in one line of single blanks and at most so many characters, without what padding and broken writers leave in it; `None`
/// where nothing is left.
pub(super) fn one_line(text: &str, longest: usize) -> Option<String> {
    let is_waste = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
    let clean = text.replace(is_waste, " ");
    let words: Vec<&str> = clean.split_whitespace().collect();
    let line: String = words.join(" ").chars().take(longest).collect();
    let line = line.trim_end();
    (!line.is_empty()).then(|| line.to_owned())
}
