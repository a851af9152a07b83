//! Scripts of keys, to try an app with.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::{App, Start};
use super::message::{Effect, Msg, Question};
use super::update::update;

/// Presses keys: `C-x` with control, `M-x` with alt, names in full, everything else letter by letter.
pub(super) fn press(app: &mut App, script: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for word in script.split(' ') {
        let (modifiers, rest) = match word.split_at_checked(2) {
            Some(("C-", rest)) => (KeyModifiers::CONTROL, rest),
            Some(("M-", rest)) => (KeyModifiers::ALT, rest),
            _ => (KeyModifiers::NONE, word),
        };
        let named = match rest {
            "Enter" => Some(KeyCode::Enter),
            "Esc" => Some(KeyCode::Esc),
            "Tab" => Some(KeyCode::Tab),
            "F1" => Some(KeyCode::F(1)),
            "Up" => Some(KeyCode::Up),
            "Down" => Some(KeyCode::Down),
            "Left" => Some(KeyCode::Left),
            "Right" => Some(KeyCode::Right),
            "PgUp" => Some(KeyCode::PageUp),
            "PgDn" => Some(KeyCode::PageDown),
            "Backspace" => Some(KeyCode::Backspace),
            "Space" => Some(KeyCode::Char(' ')),
            "Home" => Some(KeyCode::Home),
            "End" => Some(KeyCode::End),
            _ => None,
        };
        let codes = match named {
            Some(code) => vec![code],
            None => rest.chars().map(KeyCode::Char).collect(),
        };
        for code in codes {
            effects.extend(update(app, Msg::Key(KeyEvent::new(code, modifiers))));
        }
    }
    effects
}

/// The questions among some effects; descriptions and drawings follow whatever the cursor is on.
pub(super) fn asked(effects: &[Effect]) -> Vec<(u64, &str)> {
    let question = |effect| match effect {
        &Effect::Ask(Question { seq, ref text, .. }) => Some((seq, text.as_str())),
        Effect::Describe(_) | Effect::Paint(_) | Effect::Remember(_) => None,
        other => panic!("{other:?}"),
    };
    effects.iter().filter_map(question).collect()
}

/// All but what follows whatever the cursor is on.
pub(super) fn rest(effects: Vec<Effect>) -> Vec<Effect> {
    let is_rest = |effect: &Effect| !matches!(effect, Effect::Describe(_) | Effect::Paint(_));
    effects.into_iter().filter(is_rest).collect()
}

/// Has paths printed in the end.
pub(super) fn prints(app: &mut App) {
    app.start = Start {
        prints: true,
        ..app.start.clone()
    };
}
