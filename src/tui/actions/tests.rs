use imgsearch::TagEdit;

use super::*;
use crate::tui::fixtures::{answer, found, none, pictures, six, started};
use crate::tui::message::{Msg, Subject};
use crate::tui::script::{asked, press, prints, rest};
use crate::tui::update::update;

#[test]
fn enter_opens_and_where_paths_are_printed_it_takes_and_leaves() {
    let mut app = found(80, 24);
    let query = app.line.text().to_owned();
    let path = pictures()[2].paths[0].clone();
    let opened = rest(press(&mut app, "Down Down Enter"));
    let remembered = Effect::Remember(query);
    assert_eq!(opened, [Effect::Open(path.clone()), remembered]);
    prints(&mut app);
    assert_eq!(press(&mut app, "Enter"), [Effect::Quit]);
    assert_eq!(app.chosen, [path]);
}

#[test]
fn marks_are_printed_in_their_order_and_not_by_those_who_give_up() {
    let mut app = found(80, 24);
    prints(&mut app);
    press(
        &mut app,
        "Down C-Space C-Space Up Up Up M-m C-Home C-Space M-m C-Home C-Space",
    );
    let names: Vec<_> = app.marks.iter().map(|mark| mark.path.clone()).collect();
    let all = pictures();
    assert_eq!(names, [&*all[2].paths[0], &*all[0].paths[0]]);
    assert_eq!(press(&mut app, "C-c"), [Effect::Quit]);
    assert!(app.chosen.is_empty());
    assert_eq!(rest(press(&mut app, "Enter")), [Effect::Quit]);
    assert_eq!(app.chosen, names);
    app.start.prints = false;
    app.chosen.clear();
    press(&mut app, "Esc");
    assert!(app.chosen.is_empty());
}

#[test]
fn nothing_is_done_with_a_picture_while_the_answer_is_to_something_else() {
    let mut app = found(80, 24);
    for keys in ["x Enter", "C-o", "M-o", "C-y", "C-s", "C-x", "C-Space"] {
        let effects = press(&mut app, keys);
        assert!(asked(&effects).len() <= 1, "{keys}");
    }
    assert!(app.marks.is_empty());
    answer(&mut app, Ok(none()));
    assert_eq!(press(&mut app, "Enter C-Space"), []);
}

#[test]
fn the_actions_name_the_picture_under_the_cursor() {
    let mut app = found(80, 24);
    app.history.add("puppy on the beach serendipity");
    let picture = pictures()[1].clone();
    press(&mut app, "Down");
    let path = picture.paths[0].clone();
    let text = path.to_str().unwrap().to_owned();
    assert_eq!(rest(press(&mut app, "M-o")), [Effect::Reveal(path.clone())]);
    assert_eq!(rest(press(&mut app, "C-y")), [Effect::Copy(text.clone())]);
    let subject = Subject {
        id: picture.id,
        path,
    };
    let explained = Effect::Explain(question(&app), subject);
    assert_eq!(rest(press(&mut app, "C-x")), [explained]);
    update(&mut app, Msg::Explained(vec!["place 2".to_owned()]));
    assert_eq!(press(&mut app, "C-y Esc"), []);
    let like = format!("like:\"{text}\"");
    assert_eq!(asked(&press(&mut app, "C-s")), [(2, &*like)]);
    answer(&mut app, Ok(six()));
    press(&mut app, "Down Down Down C-s");
    assert_eq!(app.line.text(), like);
    assert!(app.notice.as_deref().unwrap().contains("cannot stand"));
}

#[test]
fn order_and_stacking_ask_again_and_leave_the_cursor_on_its_picture() {
    let mut app = found(80, 24);
    press(&mut app, "Down Down");
    let under = app.picture().unwrap().id;
    for (keys, sort, stacked) in [
        ("M-s", imgsearch::Sort::Date, false),
        ("M-d", imgsearch::Sort::Date, true),
        ("M-s", imgsearch::Sort::Path, true),
        ("M-s M-d", imgsearch::Sort::Relevance, false),
    ] {
        press(&mut app, keys);
        let asked = question(&app);
        assert_eq!((asked.sort, asked.stacked), (sort, stacked));
        let mut other = six();
        other.pictures.reverse();
        answer(&mut app, Ok(other));
        assert_eq!(app.picture().unwrap().id, under);
    }
}

#[test]
fn former_queries_come_back() {
    let mut app = started("d", 80, 24);
    let script = ["C-p", "C-p", "C-p", "C-n", "C-n", "C-n"];
    let lines: Vec<_> = script
        .map(|keys| {
            press(&mut app, keys);
            app.line.text().to_owned()
        })
        .into();
    assert_eq!(lines, ["a boat", "a cat", "a cat", "a boat", "d", "d"]);
}

#[test]
fn tags_are_corrected_of_one_picture_or_of_all_that_are_marked() {
    let mut app = found(80, 24);
    let subject = |app: &App, at: usize| app.pictures()[at].subject();
    assert_eq!(rest(press(&mut app, "Down M-t -dog Esc M-t Enter")), []);
    assert!(app.prompt.is_none());
    let corrected = Effect::Correct(
        vec![subject(&app, 1)],
        vec![TagEdit::remove("dog"), TagEdit::add("hot dog")],
    );
    let keys = "M-t -dox Backspace g Space +hot Space dog Enter";
    assert_eq!(rest(press(&mut app, keys)), [corrected]);
    let id = app.pictures()[1].id;
    app.notes.of(id).is_whole = true;
    let told = Msg::Corrected("1 picture changed".to_owned());
    let effects = update(&mut app, told);
    let about = subject(&app, 1);
    assert!(matches!(&effects[..], [Effect::Ask(_), Effect::Describe(what)] if *what == about));
    assert_eq!(app.notice.as_deref(), Some("1 picture changed"));
    answer(&mut app, Ok(six()));
    assert_eq!(app.picture().unwrap().id, id);
    let marked = vec![subject(&app, 1), subject(&app, 2)];
    press(&mut app, "C-Space C-Space");
    assert_eq!(
        rest(press(&mut app, "M-t =dog Enter")),
        [Effect::Correct(marked, vec![TagEdit::retract("dog")])]
    );
}

#[test]
fn a_picture_is_copied_where_the_terminal_can() {
    let mut app = found(80, 24);
    assert_eq!(rest(press(&mut app, "Down M-y")), []);
    assert!(
        app.notice
            .as_deref()
            .unwrap()
            .contains("cannot copy pictures")
    );
    app.copies = true;
    let subject = app.pictures()[1].subject();
    let effects = rest(press(&mut app, "M-y"));
    assert!(
        effects.contains(&Effect::CopyPicture(subject)),
        "{effects:?}"
    );
    assert_eq!(app.notice, None);
    let encoded = update(&mut app, Msg::Encoded(vec![1, 2]));
    assert_eq!(encoded, [Effect::Clip(vec![1, 2])]);
    assert!(app.notice.as_deref().unwrap().contains("handed"));
}
