use crossterm::event::KeyModifiers;
use ratatui::layout::Size;

use super::*;
use crate::tui::app::{Start, Text};
use crate::tui::fixtures::{
    answer, begun, draw_all, drawn, facets, found, matched, none, pictures, reading, six, started,
};
use crate::tui::script::{asked, press, rest};

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
fn a_page_that_is_pasted_is_one_question() {
    let mut app = started("", 40, 12);
    let page = "a dog on the beach\n".repeat(600);
    let effects = update(&mut app, Msg::Paste(page));
    assert_eq!(effects.len(), 1);
    assert_eq!(app.line.text().len(), 600 * 19);
}

#[test]
fn a_query_to_start_with_is_asked_at_once() {
    let start = Start {
        query: "a\tdog".to_owned(),
        ..Start::default()
    };
    let mut app = App::new(start, None, Size::new(80, 24));
    assert_eq!(asked(&update(&mut app, Msg::Started)), [(1, "a dog")]);
    assert!(app.is_waiting());
}

#[test]
fn stale_answers_are_dropped_and_errors_leave_what_was_found() {
    let mut app = found(80, 24);
    press(&mut app, "s");
    let seq = app.asked - 1;
    for stale in [
        Msg::Answered {
            seq,
            matched: false,
            answer: Err("stale".to_owned()),
        },
        Msg::Read {
            seq,
            reading: Default::default(),
        },
        Msg::Counted {
            seq,
            facets: vec![],
        },
    ] {
        update(&mut app, stale);
    }
    assert_eq!((&app.reading, &app.facets), (&Some(reading()), &facets()));
    assert!(app.is_waiting() && app.pictures().len() == 6);
    answer(&mut app, Err("no index".to_owned()));
    assert_eq!(app.trouble.as_deref(), Some("no index"));
    assert!(!app.is_waiting() && app.pictures().len() == 6);
    let mut empty = started("dog", 80, 24);
    answer(&mut empty, Err("no index".to_owned()));
    assert_eq!(empty.body, Body::Failed("no index".to_owned()));
}

#[test]
fn matching_reorders_around_the_cursor() {
    let mut app = found(40, 8);
    press(&mut app, "Down Down Down");
    assert_eq!((app.selected, app.top), (3, 2));
    let under = app.picture().unwrap().id;
    let mut better = six();
    better.pictures.rotate_right(2);
    matched(&mut app, better);
    assert_eq!(app.picture().unwrap().id, under);
    assert_eq!((app.selected, app.top), (5, 4));
    let rises: Vec<_> = app.pictures().iter().map(|picture| picture.rise).collect();
    assert_eq!(rises, [4, 4, -2, -2, -2, -2]);
}

#[test]
fn a_facet_is_added_excluded_and_taken_back_with_one_key() {
    let mut app = found(80, 24);
    press(&mut app, "C-t Right");
    let text = "puppy on the beach serendipity";
    for (key, suffix) in [
        ("+", " tag:beach"),
        ("-", " -tag:beach"),
        ("-", ""),
        ("Enter", " tag:beach"),
    ] {
        let expected = format!("{text}{suffix}");
        let effects = press(&mut app, key);
        assert_eq!(asked(&effects), [(app.asked, &*expected)]);
        let (seq, facets) = (app.asked, facets());
        update(&mut app, Msg::Counted { seq, facets });
    }
    press(&mut app, "Right Right Right Right Esc");
    assert_eq!((app.facet, app.focus), (3, Focus::Query));
    assert_eq!(asked(&press(&mut app, "-")).len(), 1, "typed");
}

#[test]
fn a_folder_is_indexed_from_within_and_searches_go_on() {
    let mut app = found(80, 24);
    press(&mut app, "Down");
    let under = app.picture().unwrap().id;
    assert_eq!(press(&mut app, "M-i ~/Photos Esc"), []);
    assert!(app.prompt.is_none());
    let folder = "/home/ann/Photos".into();
    assert_eq!(
        press(&mut app, "M-i ~/Photox Backspace s Enter"),
        [Effect::Index(folder)]
    );
    let step = |app: &mut App, step| update(app, Msg::Indexing(step));
    step(&mut app, Indexing::Running("indexing 3 of 9".to_owned()));
    assert_eq!(asked(&step(&mut app, Indexing::Published)).len(), 1);
    answer(&mut app, Ok(six()));
    assert_eq!(app.picture().unwrap().id, under);
    assert_eq!(press(&mut app, "M-i"), [Effect::StopIndexing]);
    assert_eq!(
        asked(&step(&mut app, Indexing::Over("added 9".to_owned()))).len(),
        1
    );
    assert_eq!(
        (&app.indexing, app.notice.as_deref()),
        (&None, Some("added 9"))
    );
}

#[test]
fn what_is_nearest_is_told_until_there_is_an_answer() {
    let mut app = started("a unicorn", 80, 24);
    answer(&mut app, Ok(none()));
    let near = |seq| Msg::Near {
        seq,
        nearest: facets(),
    };
    update(&mut app, near(0));
    assert_eq!(app.nearest, []);
    let newest = near(app.asked);
    update(&mut app, newest);
    assert_eq!(app.nearest, facets());
    press(&mut app, "s");
    answer(&mut app, Ok(six()));
    assert_eq!(app.nearest, []);
}

#[test]
fn the_cursor_stays_on_the_list_and_the_list_around_the_cursor() {
    // Pages of two.
    let mut app = found(40, 8);
    assert_eq!(app.areas(app.size).page(), 2);
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
fn arrows_go_through_a_grid_once_they_have_left_the_line() {
    // Two columns, one row.
    let mut app = drawn(40, 12);
    let mut at = |script| {
        press(&mut app, script);
        (app.selected, app.top)
    };
    assert_eq!(at("Right Left"), (0, 0), "in the line");
    assert_eq!(at("Down"), (2, 2));
    assert_eq!(at("Right Right"), (4, 4));
    assert_eq!(at("Down Right"), (5, 4));
    assert_eq!(at("Up Up Left"), (0, 0));
    assert_eq!(app.focus, Focus::Results);
    press(&mut app, "Up");
    assert_eq!(app.focus, Focus::Query);
    press(&mut app, "C-g");
    assert!(!app.is_grid());
}

#[test]
fn a_new_answer_starts_at_the_best() {
    let mut app = found(40, 8);
    press(&mut app, "C-End s");
    answer(&mut app, Ok(six()));
    assert_eq!((app.selected, app.top), (0, 0));
}

#[test]
fn what_the_screen_shows_is_painted_first_and_nothing_is_ordered_twice() {
    let mut app = begun("", true, 40, 12);
    let effects = answer(&mut app, Ok(six()));
    let all = pictures();
    let Some(Effect::Paint(order)) = effects.into_iter().find(|e| matches!(e, Effect::Paint(_)))
    else {
        panic!("nothing was ordered")
    };
    let ids: Vec<_> = order.spots.iter().map(|spot| spot.id).collect();
    assert_eq!(ids, [all[0].id, all[1].id, all[2].id, all[3].id]);
    assert_eq!(press(&mut app, "Right Left"), []);
    draw_all(&mut app);
    assert_eq!(press(&mut app, "F1 F1"), []);
    let effects = press(&mut app, "Down");
    assert!(matches!(&effects[..], [Effect::Paint(order)] if order.spots[0].id == all[4].id));
    let late = order.spots[0];
    let resumed = update(&mut app, Msg::Resumed);
    assert!(matches!(&resumed[..], [Effect::Redraw, Effect::Paint(_)]));
    let made = super::super::shelf::Made::Failed("old".to_owned());
    let (epoch, spot) = (0, late);
    update(&mut app, Msg::Painted { epoch, spot, made });
    assert!(
        app.shelf.get(&late).is_none(),
        "it was made for a screen that is gone"
    );
}

#[test]
fn more_is_asked_about_a_picture_once_and_only_where_it_is_shown() {
    let mut app = found(40, 12);
    assert_eq!(press(&mut app, "Down Up"), []);
    let effects = press(&mut app, "Tab Down Up Up");
    let subjects: Vec<_> = effects
        .iter()
        .map(|effect| match effect {
            Effect::Describe(subject) => subject.id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(subjects, [pictures()[1].id]);
}

#[test]
fn the_mouse_chooses_opens_scrolls_and_takes_facets() {
    let mut app = drawn(80, 24);
    let areas = app.areas(app.size);
    let click = |app: &mut App, kind, area: ratatui::layout::Rect| {
        let (column, row, modifiers) = (area.x, area.y, KeyModifiers::NONE);
        let event = MouseEvent {
            kind,
            column,
            row,
            modifiers,
        };
        rest(update(app, Msg::Mouse(event)))
    };
    let left = MouseEventKind::Down(MouseButton::Left);
    let right = MouseEventKind::Down(MouseButton::Right);
    assert_eq!(click(&mut app, left, areas.slot(3)), []);
    assert_eq!(app.selected, 3);
    let opened = click(&mut app, left, areas.slot(3));
    assert_eq!(opened[0], Effect::Open(pictures()[3].paths[0].clone()));
    click(&mut app, MouseEventKind::ScrollDown, areas.list);
    assert_eq!((app.top, app.selected), (2, 3));
    click(&mut app, MouseEventKind::ScrollUp, areas.list);
    click(&mut app, MouseEventKind::ScrollUp, areas.list);
    assert_eq!((app.top, app.selected), (0, 3));
    let places = facets::places(&app.facets, 0, areas.facets);
    click(&mut app, right, places[1].area);
    assert!(app.line.text().ends_with(" -tag:beach"));
    click(&mut app, left, places[0].area);
    assert!(app.line.text().ends_with(" -tag:beach tag:dog"));
    assert_eq!(click(&mut app, left, areas.status), []);
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
    let help = app.overlay.clone().unwrap();
    assert_eq!((&help.text, help.top, app.selected), (&Text::Help, 9, 0));
    assert_eq!(press(&mut app, "C-End Esc"), []);
    assert_eq!(app.overlay, None);
    press(&mut app, "F1 x");
    assert_eq!(app.overlay, None);
    assert_eq!(press(&mut app, "Esc"), [Effect::Quit]);
    assert_eq!(press(&mut app, "F1 C-c"), [Effect::Quit]);
    assert!(app.chosen.is_empty());
}

#[test]
fn a_storm_of_sizes_leaves_the_cursor_where_it_was() {
    let mut app = drawn(80, 24);
    press(&mut app, "Down Right");
    let under = app.selected;
    for step in 0..500_u16 {
        let (width, height) = (step * 37 % 211, step * 53 % 67);
        update(&mut app, Msg::Resize(Size { width, height }));
        assert_eq!(app.selected, under);
    }
}

#[test]
fn a_lost_keyboard_a_signal_and_a_stop_are_passed_on() {
    let mut app = started("", 80, 24);
    let effects = update(&mut app, Msg::Lost("gone".to_owned()));
    assert_eq!(effects, [Effect::Abort("gone".to_owned())]);
    assert_eq!(update(&mut app, Msg::Terminated(15)), [Effect::End(15)]);
    assert_eq!(press(&mut app, "C-z"), [Effect::Suspend]);
    assert_eq!(update(&mut app, Msg::Resumed), [Effect::Redraw]);
}
