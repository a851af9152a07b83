//! Text on a grid of cells: made safe, measured, cut to fit.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

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

/// A path that was typed, in which `~` stands for the home folder as in a shell.
pub(super) fn at_home(typed: &str, home: Option<&Path>) -> PathBuf {
    let below = typed.strip_prefix('~');
    match (below, home) {
        (Some(""), Some(home)) => home.to_owned(),
        (Some(below), Some(home)) if below.starts_with(std::path::is_separator) => {
            home.join(below.trim_start_matches(std::path::is_separator))
        }
        _ => typed.into(),
    }
}

/// Text that was typed or pasted, as one line.
pub(super) fn typed(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !is_unsafe(*c))
        .collect()
}

/// What a person takes for one character each. The text must be one that was made safe.
pub(super) fn graphemes(text: &str) -> Vec<&str> {
    debug_assert!(!text.contains(char::is_control), "{text:?}");
    // ratatui cuts text as it will draw it, so the cursor and the screen cannot disagree.
    let span = Span::raw(text);
    let mut at = 0;
    span.styled_graphemes(Style::new())
        .filter_map(|grapheme| {
            let from = at;
            at += grapheme.symbol.len();
            text.get(from..at)
        })
        .collect()
}

/// Cells that a text takes.
pub(super) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// The end of a text that fits, behind an ellipsis if that is not all.
pub(super) fn keep_end(text: &str, cells: usize) -> Cow<'_, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let Some(room) = cells.checked_sub(1) else {
        return Cow::Borrowed("");
    };
    let pieces = graphemes(text);
    let kept = fitting(pieces.iter().rev().copied(), room);
    Cow::Owned(format!("…{}", &text[text.len() - kept..]))
}

/// The beginning of a text that fits, before an ellipsis if that is not all.
pub(super) fn keep_start(text: &str, cells: usize) -> Cow<'_, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let Some(room) = cells.checked_sub(1) else {
        return Cow::Borrowed("");
    };
    let kept = fitting(graphemes(text).into_iter(), room);
    Cow::Owned(format!("{}…", &text[..kept]))
}

/// Bytes of the pieces that fit.
pub(super) fn fitting<'a>(pieces: impl Iterator<Item = &'a str>, cells: usize) -> usize {
    let mut used = 0;
    let mut bytes = 0;
    for piece in pieces {
        used += width(piece);
        if used > cells {
            break;
        }
        bytes += piece.len();
    }
    bytes
}

/// A number with its thousands set apart.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_shown() {
        assert_eq!(
            shown("a\x1b[2Jb\n\u{202e}gpj"),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}gpj"
        );
        assert_eq!(shown("Übung 犬 👨‍👩‍👧.jpg"), "Übung 犬 👨‍👩‍👧.jpg");
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_are_shown_as_far_as_they_are() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(OsStr::from_bytes(b"/p/\xff\x07.jpg"));
        assert_eq!(shown_path(path), "/p/\u{fffd}\u{fffd}.jpg");
    }

    #[test]
    fn a_tilde_stands_for_the_home_folder() {
        let at = |typed| at_home(typed, Some(Path::new("/home/ann")));
        assert_eq!(at("~/Photos"), Path::new("/home/ann/Photos"));
        assert_eq!(at("~"), Path::new("/home/ann"));
        assert_eq!(at("~bob/x"), Path::new("~bob/x"));
        assert_eq!(at_home("~/x", None), Path::new("~/x"));
    }

    #[test]
    fn pasted_lines_become_one() {
        assert_eq!(
            typed("a dog\r\non\ta\u{7}\x1b beach\u{202e}\n"),
            "a dog on a beach "
        );
    }

    #[test]
    fn cut_text_fits_and_keeps_wide_characters_whole() {
        assert_eq!(keep_end("/photos/beach.jpg", 10), "…beach.jpg");
        assert_eq!(keep_start("/photos/beach.jpg", 10), "/photos/b…");
        assert_eq!(keep_end("犬犬犬", 4), "…犬");
        assert_eq!(keep_end("short", 5), "short");
        assert_eq!(
            (keep_end("long", 0), keep_start("long", 1)),
            ("".into(), "…".into())
        );
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
