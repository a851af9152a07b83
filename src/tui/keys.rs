//! The one table of keys: what they do, and what the help says of them.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::line::Edit;

/// What a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Types a character.
    Type(char),
    /// Edits the query line.
    Edit(Edit),
    /// Moves through the results, or through the help when that is open.
    Go(Go),
    /// Takes the picture under the cursor and leaves.
    Choose,
    /// Shows or hides the details.
    ToggleDetail,
    /// Shows or hides the help.
    ToggleHelp,
    /// Closes what is open, else leaves.
    Back,
    /// Leaves.
    Quit,
}

/// A way through a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Go {
    /// One up.
    Up,
    /// One down.
    Down,
    /// A screen up.
    PageUp,
    /// A screen down.
    PageDown,
    /// To the first.
    First,
    /// To the last.
    Last,
}

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
        Action::Choose,
        "Enter",
        "print path and leave",
    )
    .brief("choose"),
    key(
        &[(KeyCode::Tab, NONE)],
        Action::ToggleDetail,
        "Tab",
        "show or hide details",
    )
    .brief("details"),
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
        "close help, or leave",
    )
    .brief("leave"),
    key(
        &[(KeyCode::Char('c'), CTRL)],
        Action::Quit,
        "Ctrl-C",
        "leave",
    ),
    key(
        &[(KeyCode::Up, NONE)],
        Action::Go(Go::Up),
        "Up",
        "previous picture",
    ),
    key(
        &[(KeyCode::Down, NONE)],
        Action::Go(Go::Down),
        "Down",
        "next picture",
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
        &[(KeyCode::Left, NONE), (KeyCode::Char('b'), CTRL)],
        Action::Edit(Edit::Left),
        "Left Ctrl-B",
        "a character back",
    ),
    key(
        &[(KeyCode::Right, NONE), (KeyCode::Char('f'), CTRL)],
        Action::Edit(Edit::Right),
        "Right Ctrl-F",
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
            for key in binding.keys {
                assert!(seen.insert(*key), "{key:?} is bound twice");
            }
        }
    }

    #[test]
    fn characters_are_typed_whatever_the_shift_keys_say() {
        let event = |c, modifiers| action(KeyEvent::new(KeyCode::Char(c), modifiers));
        assert_eq!(event('a', NONE), Some(Action::Type('a')));
        assert_eq!(event('A', KeyModifiers::SHIFT), Some(Action::Type('A')));
        assert_eq!(event('@', CTRL | ALT), Some(Action::Type('@')));
        assert_eq!(event('C', CTRL), Some(Action::Quit));
        assert_eq!(event('x', ALT), None);
    }
}
