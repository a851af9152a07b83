//! Text on a grid of cells: made safe, measured, cut to fit.

use std::borrow::Cow;
use std::path::Path;

use ratatui::style::Style;
use ratatui::text::Span;

/// Characters that could move the cursor, hide text or turn its direction around. File names may hold any of them.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text that others wrote, with a mark in place of each character that is not safe to show.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    if text.contains(is_unsafe) {
        Cow::Owned(text.replace(is_unsafe, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A path to look at; the bytes stay as they are for whoever opens it.
pub(super) fn shown_path(path: &Path) -> String {
    shown(&path.to_string_lossy()).into_owned()
}

/// Text that was typed or pasted, as one line.
pub(super) fn typed(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !is_unsafe(*c))
        .collect()
}

/// What a person takes for one character each.
pub(super) fn graphemes(text: &str) -> impl Iterator<Item = &str> {
    Characters { rest: text }
}

struct Characters<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Characters<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let ahead = first_grapheme(self.rest)?;
        let (first, rest) = self.rest.split_at(ahead);
        self.rest = rest;
        Some(first)
    }
}
