//! What each message changes. Pure: effects are returned, not carried out.

use super::app::{App, Body};
use super::keys::{self, Action, Go, KEYS};
use super::message::{Answer, Effect, Msg, Question};

/// Takes a message in.
pub(super) fn update(app: &mut App, message: Msg) -> Vec<Effect> {
    match message {
        Msg::Started => ask(app),
        Msg::Key(event) => match keys::action(event) {
            Some(action) => act(app, action),
            None => vec![],
        },
        Msg::Paste(text) => {
            let changed = app.line.insert(&text);
            ask_if(app, changed)
        }
        Msg::Resize(size) => {
            app.size = size;
            scroll(app);
            vec![]
        }
        Msg::Read { seq, reading } => {
            // Answers to what is no longer asked are of no use to anybody.
            if seq == app.asked {
                app.reading = Some(reading);
            }
            vec![]
        }
        Msg::Answered { seq, answer } => {
            if seq == app.asked {
                show(app, answer);
            }
            vec![]
        }
        Msg::Lost(reason) => vec![Effect::Abort(reason)],
    }
}

fn act(app: &mut App, action: Action) -> Vec<Effect> {
    match action {
        Action::Type(c) => {
            let changed = app.line.insert(c.encode_utf8(&mut [0; 4]));
            ask_if(app, changed)
        }
        Action::Edit(edit) => {
            let changed = app.line.edit(edit);
            ask_if(app, changed)
        }
        Action::Go(go) => {
            travel(app, go);
            vec![]
        }
        Action::Choose => choose(app),
        Action::ToggleDetail => {
            app.detail = Some(!app.is_detailed());
            scroll(app);
            vec![]
        }
        Action::ToggleHelp => {
            app.help = match app.help {
                Some(_) => None,
                None => Some(0),
            };
            vec![]
        }
        Action::Back if app.help.is_some() => {
            app.help = None;
            vec![]
        }
        Action::Back | Action::Quit => vec![Effect::Quit],
    }
}

fn ask_if(app: &mut App, changed: bool) -> Vec<Effect> {
    if changed { ask(app) } else { vec![] }
}

fn ask(app: &mut App) -> Vec<Effect> {
    app.asked += 1;
    // Who types wants to see results.
    app.help = None;
    if app.line.is_blank() {
        app.reading = None;
    }
    vec![Effect::Ask(Question {
        seq: app.asked,
        text: app.line.text().to_owned(),
    })]
}

fn show(app: &mut App, answer: Result<Answer, String>) {
    app.answered = app.asked;
    app.body = match answer {
        Ok(Answer::Overview { images }) => Body::Overview { images },
        Ok(Answer::Found { pictures, took }) => Body::Found { pictures, took },
        Err(reason) => Body::Failed(reason),
    };
    app.selected = 0;
    app.top = 0;
}

/// Takes the picture under the cursor; not while a search runs, because then the list answers what was asked before and
/// the cursor may be on anything.
fn choose(app: &mut App) -> Vec<Effect> {
    if app.is_waiting() || app.help.is_some() {
        return vec![];
    }
    let path = app.picture().and_then(|picture| picture.paths.first());
    let Some(path) = path.cloned() else {
        return vec![];
    };
    app.chosen.push(path);
    vec![Effect::Quit]
}

fn travel(app: &mut App, go: Go) {
    let areas = app.areas();
    match app.help {
        Some(top) => {
            let page = usize::from(areas.body.height).max(1);
            let last = KEYS.len().saturating_sub(page);
            app.help = Some(step(top, go, page, last));
        }
        None => {
            let last = app.pictures().len().saturating_sub(1);
            app.selected = step(app.selected, go, areas.page(), last);
            scroll(app);
        }
    }
}

fn step(at: usize, go: Go, page: usize, last: usize) -> usize {
    let to = match go {
        Go::Up => at.saturating_sub(1),
        Go::Down => at + 1,
        Go::PageUp => at.saturating_sub(page),
        Go::PageDown => at + page,
        Go::First => 0,
        Go::Last => last,
    };
    to.min(last)
}

/// Keeps the cursor on the screen, and the screen full.
fn scroll(app: &mut App) {
    let page = app.areas().page();
    let below = (app.selected + 1).saturating_sub(page);
    let full = app.pictures().len().saturating_sub(page);
    app.top = app.top.clamp(below, app.selected).min(full.max(below));
    if let Some(top) = app.help {
        let page = usize::from(app.areas().body.height).max(1);
        app.help = Some(top.min(KEYS.len().saturating_sub(page)));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use ratatui::layout::Size;

    use super::*;
    use crate::tui::fixtures::{answer, found, pictures, reading, started};

    /// Presses keys: `C-x` with control, names in full, everything else letter by letter.
    fn press(app: &mut App, script: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        for word in script.split(' ') {
            let named = match word {
                "Enter" => Some(KeyCode::Enter),
                "Esc" => Some(KeyCode::Esc),
                "Tab" => Some(KeyCode::Tab),
                "F1" => Some(KeyCode::F(1)),
                "Up" => Some(KeyCode::Up),
                "Down" => Some(KeyCode::Down),
                "Left" => Some(KeyCode::Left),
                "PgUp" => Some(KeyCode::PageUp),
                "PgDn" => Some(KeyCode::PageDown),
                "Backspace" => Some(KeyCode::Backspace),
                "Space" => Some(KeyCode::Char(' ')),
                "C-Home" => Some(KeyCode::Home),
                "C-End" => Some(KeyCode::End),
                _ => None,
            };
            let control = word.strip_prefix("C-");
            let modifiers = match control {
                Some(_) => KeyModifiers::CONTROL,
                None => KeyModifiers::NONE,
            };
            let codes = match named {
                Some(code) => vec![code],
                None => control.unwrap_or(word).chars().map(KeyCode::Char).collect(),
            };
            for code in codes {
                effects.extend(update(app, Msg::Key(KeyEvent::new(code, modifiers))));
            }
        }
        effects
    }

    fn asked(effects: &[Effect]) -> Vec<(u64, &str)> {
        let question = |effect| match effect {
            &Effect::Ask(Question { seq, ref text }) => (seq, text.as_str()),
            other => panic!("{other:?}"),
        };
        effects.iter().map(question).collect()
    }

    #[test]
    fn every_change_of_the_text_asks_and_nothing_else_does() {
        let mut app = started("", 80, 24);
        assert_eq!(
            asked(&press(&mut app, "do Left C-a C-e")),
            [(2, "d"), (3, "do")]
        );
        assert_eq!(
            asked(&press(&mut app, "Backspace Backspace Backspace")),
            [(4, "d"), (5, "")]
        );
        let pasted = update(&mut app, Msg::Paste("a dog\n".to_owned()));
        assert_eq!(asked(&pasted), [(6, "a dog ")]);
        assert_eq!(update(&mut app, Msg::Paste("\u{7}".to_owned())), []);
        assert_eq!(press(&mut app, "Up Down PgDn Tab Enter F1 Esc"), []);
    }

    #[test]
    fn a_query_to_start_with_is_asked_at_once() {
        let mut app = App::new("a\tdog", Size::new(80, 24), false);
        assert_eq!(asked(&update(&mut app, Msg::Started)), [(1, "a dog")]);
        assert!(app.is_waiting());
    }

    #[test]
    fn stale_answers_are_dropped() {
        let mut app = found(80, 24);
        press(&mut app, "s");
        let newest = app.asked;
        let stale = Msg::Answered {
            seq: newest - 1,
            answer: Err("stale".to_owned()),
        };
        update(&mut app, stale);
        update(
            &mut app,
            Msg::Read {
                seq: newest - 1,
                reading: Default::default(),
            },
        );
        assert_eq!(app.reading, Some(reading()));
        assert!(app.is_waiting() && app.pictures().len() == 6);
        answer(&mut app, Err("no index".to_owned()));
        assert_eq!(app.body, Body::Failed("no index".to_owned()));
        assert!(!app.is_waiting() && app.pictures().is_empty());
    }

    #[test]
    fn enter_takes_the_picture_under_the_cursor() {
        let mut app = found(80, 24);
        assert_eq!(press(&mut app, "Down Down Enter"), [Effect::Quit]);
        assert_eq!(app.chosen, pictures()[2].paths);
    }

    #[test]
    fn enter_waits_for_the_answer_to_what_was_typed() {
        let mut app = found(80, 24);
        let effects = press(&mut app, "x Enter");
        assert_eq!(asked(&effects).len(), 1);
        assert!(app.chosen.is_empty());
        let nothing = Answer::Found {
            pictures: vec![],
            took: Duration::ZERO,
        };
        answer(&mut app, Ok(nothing));
        assert_eq!(press(&mut app, "Enter"), []);
        assert!(app.chosen.is_empty());
    }

    #[test]
    fn the_cursor_stays_on_the_list_and_the_list_around_the_cursor() {
        // Pages of two.
        let mut app = found(40, 8);
        assert_eq!(app.areas().page(), 2);
        let mut at = |script| {
            press(&mut app, script);
            (app.selected, app.top)
        };
        assert_eq!(at("Up"), (0, 0));
        assert_eq!(at("Down"), (1, 0));
        assert_eq!(at("Down"), (2, 1));
        assert_eq!(at("PgDn"), (4, 3));
        assert_eq!(at("PgDn Down"), (5, 4));
        assert_eq!(at("Up"), (4, 4));
        assert_eq!(at("C-Home"), (0, 0));
        assert_eq!(at("C-End"), (5, 4));
        update(&mut app, Msg::Resize(Size::new(40, 40)));
        assert_eq!((app.selected, app.top), (5, 0));
        update(&mut app, Msg::Resize(Size::new(9, 1)));
        assert_eq!((app.selected, app.top), (5, 5));
    }

    #[test]
    fn a_new_answer_starts_at_the_best() {
        let mut app = found(40, 8);
        press(&mut app, "C-End s");
        answer(
            &mut app,
            Ok(Answer::Found {
                pictures: pictures(),
                took: Duration::ZERO,
            }),
        );
        assert_eq!((app.selected, app.top), (0, 0));
    }

    #[test]
    fn details_follow_the_width_until_somebody_decides() {
        let mut app = found(80, 24);
        assert!(app.is_detailed());
        update(&mut app, Msg::Resize(Size::new(40, 12)));
        assert!(!app.is_detailed());
        press(&mut app, "Tab");
        assert!(app.is_detailed());
        update(&mut app, Msg::Resize(Size::new(120, 40)));
        press(&mut app, "Tab");
        assert!(!app.is_detailed());
    }

    #[test]
    fn escape_closes_the_help_first_and_typing_closes_it_too() {
        let mut app = found(40, 12);
        assert_eq!(press(&mut app, "F1 Down PgDn"), []);
        assert_eq!((app.help, app.selected), (Some(9), 0));
        assert_eq!(press(&mut app, "C-End Esc"), []);
        assert_eq!(app.help, None);
        press(&mut app, "F1 x");
        assert_eq!(app.help, None);
        assert_eq!(press(&mut app, "Esc"), [Effect::Quit]);
        assert_eq!(press(&mut app, "F1 C-c"), [Effect::Quit]);
        assert!(app.chosen.is_empty());
    }

    #[test]
    fn a_lost_keyboard_ends_the_session_with_a_reason() {
        let mut app = started("", 80, 24);
        let effects = update(&mut app, Msg::Lost("gone".to_owned()));
        assert_eq!(effects, [Effect::Abort("gone".to_owned())]);
    }
}
