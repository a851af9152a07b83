//! The one table of keys: what they do, and what the help says of them.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::{Action, Go};
use super::line::Edit;

/// A row of the table.
pub(super) struct Binding {
    keys: &'static [(KeyCode, KeyModifiers)],
    action: Action,
    /// The keys as they are printed on a keyboard.
    pub(super) label: &'static str,
    /// What they do, for the help.
    pub(super) help: &'static str,
    /// What they do in one word, if they are important enough for the bottom line.
    pub(super) brief: Option<&'static str>,
}

const NONE: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;
const ALT: KeyModifiers = KeyModifiers::ALT;

const fn key(
    keys: &'static [(KeyCode, KeyModifiers)],
    action: Action,
    label: &'static str,
    help: &'static str,
) -> Binding {
    Binding {
        keys,
        action,
        label,
        help,
        brief: None,
    }
}

impl Binding {
    const fn brief(mut self, word: &'static str) -> Self {
        self.brief = Some(word);
        self
    }
}

/// Every key but those that type; in the order of the help.
pub(super) const KEYS: &[Binding] = &[
    key(
        &[(KeyCode::Enter, NONE)],
        Action::Enter,
        "Enter",
        "open (in a pipe: print, leave)",
    )
    .brief("open"),
    key(
        &[(KeyCode::Tab, NONE)],
        Action::ToggleDetail,
        "Tab",
        "show or hide details",
    )
    .brief("details"),
    key(
        &[
            (KeyCode::Char(' '), CTRL),
            (KeyCode::Insert, NONE),
            (KeyCode::Char('m'), ALT),
        ],
        Action::Mark,
        "Ctrl-Space Alt-M",
        "mark, to be printed",
    )
    .brief("mark"),
    key(
        &[(KeyCode::Char('t'), CTRL)],
        Action::Facets,
        "Ctrl-T",
        "to the tags found, and back",
    )
    .brief("tags"),
    key(
        &[],
        Action::None,
        "+ - Enter",
        "on a tag: add, exclude, add",
    ),
    key(
        &[(KeyCode::F(1), NONE), (KeyCode::Char('?'), ALT)],
        Action::ToggleHelp,
        "F1 Alt-?",
        "show or hide this help",
    )
    .brief("help"),
    key(
        &[(KeyCode::Esc, NONE)],
        Action::Back,
        "Esc",
        "close, or leave and print marks",
    )
    .brief("leave"),
    key(
        &[(KeyCode::Char('c'), CTRL)],
        Action::Quit,
        "Ctrl-C",
        "leave, print nothing",
    ),
    key(&[(KeyCode::Up, NONE)], Action::Go(Go::Up), "Up", "up"),
    key(
        &[(KeyCode::Down, NONE)],
        Action::Go(Go::Down),
        "Down",
        "down, into the results",
    ),
    key(
        &[(KeyCode::PageUp, NONE)],
        Action::Go(Go::PageUp),
        "PgUp",
        "a screen up",
    ),
    key(
        &[(KeyCode::PageDown, NONE)],
        Action::Go(Go::PageDown),
        "PgDn",
        "a screen down",
    ),
    key(
        &[(KeyCode::Home, CTRL), (KeyCode::Char('<'), ALT)],
        Action::Go(Go::First),
        "Ctrl-Home Alt-<",
        "first picture",
    ),
    key(
        &[(KeyCode::End, CTRL), (KeyCode::Char('>'), ALT)],
        Action::Go(Go::Last),
        "Ctrl-End Alt->",
        "last picture",
    ),
    key(
        &[(KeyCode::Char('o'), CTRL)],
        Action::Open,
        "Ctrl-O",
        "open the picture",
    ),
    key(
        &[(KeyCode::Char('o'), ALT)],
        Action::Reveal,
        "Alt-O",
        "show it in its folder",
    ),
    key(
        &[(KeyCode::Char('y'), CTRL)],
        Action::Copy,
        "Ctrl-Y",
        "copy its path",
    ),
    key(
        &[(KeyCode::Char('y'), ALT)],
        Action::CopyPicture,
        "Alt-Y",
        "copy the picture",
    ),
    key(
        &[(KeyCode::Char('t'), ALT)],
        Action::Correct,
        "Alt-T",
        "correct tags, also of all marked",
    ),
    key(
        &[(KeyCode::Char('s'), CTRL)],
        Action::Similar,
        "Ctrl-S",
        "pictures like this one",
    )
    .brief("similar"),
    key(
        &[(KeyCode::Char('x'), CTRL)],
        Action::Explain,
        "Ctrl-X",
        "say why it is here",
    ),
    key(
        &[(KeyCode::Char('g'), CTRL)],
        Action::Grid,
        "Ctrl-G",
        "grid or list",
    ),
    key(
        &[(KeyCode::Char('s'), ALT)],
        Action::Sort,
        "Alt-S",
        "best first, by date, by path",
    ),
    key(
        &[(KeyCode::Char('d'), ALT)],
        Action::Stack,
        "Alt-D",
        "one picture of each shot",
    ),
    key(
        &[(KeyCode::Char('p'), CTRL)],
        Action::Older,
        "Ctrl-P",
        "the query before",
    ),
    key(
        &[(KeyCode::Char('n'), CTRL)],
        Action::Newer,
        "Ctrl-N",
        "the query after",
    ),
    key(
        &[(KeyCode::Char('i'), ALT)],
        Action::Index,
        "Alt-I",
        "index a folder, or stop it",
    ),
    key(
        &[(KeyCode::Char('l'), CTRL), (KeyCode::F(5), NONE)],
        Action::Refresh,
        "Ctrl-L F5",
        "draw and search again",
    ),
    key(
        &[(KeyCode::Char('z'), CTRL)],
        Action::Suspend,
        "Ctrl-Z",
        "stop; fg goes on",
    ),
    key(
        &[(KeyCode::Left, NONE)],
        Action::Left,
        "Left",
        "character or picture back",
    ),
    key(
        &[(KeyCode::Right, NONE)],
        Action::Right,
        "Right",
        "character or picture on",
    ),
    key(
        &[(KeyCode::Char('b'), CTRL)],
        Action::Edit(Edit::Left),
        "Ctrl-B",
        "a character back",
    ),
    key(
        &[(KeyCode::Char('f'), CTRL)],
        Action::Edit(Edit::Right),
        "Ctrl-F",
        "a character on",
    ),
    key(
        &[
            (KeyCode::Left, CTRL),
            (KeyCode::Left, ALT),
            (KeyCode::Char('b'), ALT),
        ],
        Action::Edit(Edit::WordLeft),
        "Ctrl-Left Alt-B",
        "a word back",
    ),
    key(
        &[
            (KeyCode::Right, CTRL),
            (KeyCode::Right, ALT),
            (KeyCode::Char('f'), ALT),
        ],
        Action::Edit(Edit::WordRight),
        "Ctrl-Right Alt-F",
        "a word on",
    ),
    key(
        &[(KeyCode::Home, NONE), (KeyCode::Char('a'), CTRL)],
        Action::Edit(Edit::Start),
        "Home Ctrl-A",
        "start of the line",
    ),
    key(
        &[(KeyCode::End, NONE), (KeyCode::Char('e'), CTRL)],
        Action::Edit(Edit::End),
        "End Ctrl-E",
        "end of the line",
    ),
    // Some terminals send Ctrl-H for the backspace key.
    key(
        &[(KeyCode::Backspace, NONE), (KeyCode::Char('h'), CTRL)],
        Action::Edit(Edit::Backspace),
        "Backspace",
        "erase character before",
    ),
    key(
        &[(KeyCode::Delete, NONE), (KeyCode::Char('d'), CTRL)],
        Action::Edit(Edit::Delete),
        "Delete Ctrl-D",
        "erase character under",
    ),
    key(
        &[
            (KeyCode::Char('w'), CTRL),
            (KeyCode::Backspace, ALT),
            (KeyCode::Backspace, CTRL),
        ],
        Action::Edit(Edit::EraseWord),
        "Ctrl-W",
        "erase the word before",
    ),
    key(
        &[(KeyCode::Char('u'), CTRL)],
        Action::Edit(Edit::EraseBefore),
        "Ctrl-U",
        "erase to the start",
    ),
    key(
        &[(KeyCode::Char('k'), CTRL)],
        Action::Edit(Edit::EraseAfter),
        "Ctrl-K",
        "erase to the end",
    ),
];

/// What a key stands for, if anything.
pub(super) fn action(event: KeyEvent) -> Option<Action> {
    let modifiers = event.modifiers & (CTRL | ALT);
    // Caps lock must not turn Ctrl-C into another key.
    let code = match event.code {
        KeyCode::Char(c) if !modifiers.is_empty() => KeyCode::Char(c.to_ascii_lowercase()),
        code => code,
    };
    let bound = KEYS
        .iter()
        .find(|binding| binding.keys.contains(&(code, modifiers)));
    match (bound, event.code) {
        (Some(binding), _) => Some(binding.action),
        // AltGr arrives as both on some systems and types characters such as @.
        (None, KeyCode::Char(c)) if modifiers.is_empty() || modifiers == CTRL | ALT => {
            Some(Action::Type(c))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_key_is_bound_twice_and_none_without_help() {
        let mut seen = HashSet::new();
        for binding in KEYS {
            assert!(!binding.label.is_empty() && !binding.help.is_empty());
            assert_eq!(binding.keys.is_empty(), binding.action == Action::None);
            for key in binding.keys {
                assert!(seen.insert(*key), "{key:?} is bound twice");
            }
        }
    }

    #[test]
    fn control_and_space_mark() {
        // Terminals send NUL for Ctrl-Space, which is read as Ctrl and a blank.
        let blank = KeyEvent::new(KeyCode::Char(' '), CTRL);
        assert_eq!(action(blank), Some(Action::Mark));
    }

    #[test]
    fn characters_are_typed_whatever_the_shift_keys_say() {
        let event = |c, modifiers| action(KeyEvent::new(KeyCode::Char(c), modifiers));
        assert_eq!(event('a', NONE), Some(Action::Type('a')));
        assert_eq!(event('A', KeyModifiers::SHIFT), Some(Action::Type('A')));
        assert_eq!(event('@', CTRL | ALT), Some(Action::Type('@')));
        assert_eq!(event('C', CTRL), Some(Action::Quit));
        assert_eq!(event('w', ALT), None);
    }
}
