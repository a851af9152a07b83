use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;
use ratatui::style::{Color, Modifier};

use super::*;
use crate::tui::fixtures::{answer, found, started};
use crate::tui::keys::{Binding, KEYS};
use crate::tui::message::{Answer, Msg};
use crate::tui::update::update;

fn drawn(app: &App) -> Terminal<TestBackend> {
    let backend = TestBackend::new(app.size.width, app.size.height);
    let mut terminal = Terminal::new(backend).unwrap();
    terminal.draw(|frame| view(app, frame)).unwrap();
    terminal
}

#[test]
fn results_and_details_at_80_by_24() {
    insta::assert_snapshot!(drawn(&found(80, 24)).backend(), @r#"
    "> puppy on the beach serendipity                                                "
    "tags puppy → dog (synonym) · beach · serendipity (no tag)                       "
    "────────────────────────────────────────────────────────────────────────────────"
    "▸  1   1.17  /photos/2024/beach walk.jpg        │ beach walk.jpg                "
    "             dog, beach                         │ /photos/2024                  "
    "   2   0.93  …r/deep/folder/of/pictures/rex.jpg │                               "
    "             dog                                │ 4000 × 3000, 2024-05-01 12:30 "
    "   3   0.92  /photos/日本/犬.jpg                │ Fuji X100                     " Hidden by multi-width symbols: [(22, " "), (24, " "), (27, " ")]
    "             dog                                │                               "
    "   4   0.69  /photos/evil�[2J��gpj.exe          │  1.17 score, of which         "
    "             beach                              │  0.67 sentence (cosine 0.31)  "
    "   5   0.69  /photos/lake.jpg                   │  0.25 dog 93 %, for puppy     "
    "                                                │  0.25 beach 93 %              "
    "   6   0.69  /photos/town.jpg                   │       no tag for serendipity  "
    "                                                │                               "
    "                                                │                               "
    "                                                │                               "
    "                                                │                               "
    "                                                │                               "
    "                                                │                               "
    "                                                │                               "
    "                                                │                               "
    "1 of 6                                                                     23 ms"
    "Enter choose  Tab details  F1 help  Esc leave                                   "
    "#);
}

#[test]
fn results_at_40_by_12() {
    insta::assert_snapshot!(drawn(&found(40, 12)).backend(), @r#"
    "> puppy on the beach serendipity        "
    "tags puppy → dog (synonym) · beach · se…"
    "▸  1   1.17  /photos/2024/beach walk.jpg"
    "             dog, beach                 "
    "   2   0.93  …folder/of/pictures/rex.jpg"
    "             dog                        "
    "   3   0.92  /photos/日本/犬.jpg        " Hidden by multi-width symbols: [(22, " "), (24, " "), (27, " ")]
    "             dog                        "
    "   4   0.69  /photos/evil�[2J��gpj.exe  "
    "             beach                      "
    "1 of 6                             23 ms"
    "Enter choose  Tab details  F1 help      "
    "#);
}

#[test]
fn details_at_40_by_12() {
    let mut app = found(40, 12);
    app.detail = Some(true);
    insta::assert_snapshot!(drawn(&app).backend(), @r#"
    "> puppy on the beach serendipity        "
    "tags puppy → dog (synonym) · beach · se…"
    " beach walk.jpg                         "
    " /photos/2024                           "
    " 4000 × 3000, 2024-05-01 12:30          "
    " Fuji X100                              "
    "  1.17 score, of which                  "
    "  0.67 sentence (cosine 0.31)           "
    "  0.25 dog 93 %, for puppy              "
    "  0.25 beach 93 %                       "
    "1 of 6                             23 ms"
    "Enter choose  Tab details  F1 help      "
    "#);
}

#[test]
fn results_on_a_wide_screen() {
    let mut app = found(130, 16);
    app.selected = 3;
    insta::assert_snapshot!(drawn(&app).backend(), @r#"
    "> puppy on the beach serendipity                                                                                                  "
    "tags puppy → dog (synonym) · beach · serendipity (no tag)                                                                         "
    "──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────"
    "   1   1.17  /photos/2024/beach walk.jpg                          dog, beach  │ evil�[2J��gpj.exe                                 "
    "   2   0.93  /photos/2024/a/rather/deep/folder/of/pictures/rex.jpg       dog  │ /photos                                           "
    "   3   0.92  /photos/日本/犬.jpg                                         dog  │ 4000 × 3000, 2024-05-01 12:30                     " Hidden by multi-width symbols: [(22, " "), (24, " "), (27, " ")]
    "▸  4   0.69  /photos/evil�[2J��gpj.exe                                 beach  │ Fuji X100                                         "
    "   5   0.69  /photos/lake.jpg                                                 │  0.69 score, of which                             "
    "   6   0.69  /photos/town.jpg                                                 │  0.67 sentence (cosine 0.31)                      "
    "                                                                              │  0.01 dog 4 %, for puppy, not recognised          "
    "                                                                              │  0.25 beach 93 %                                  "
    "                                                                              │       no tag for serendipity                      "
    "                                                                              │                                                   "
    "                                                                              │                                                   "
    "4 of 6                                                                                                                       23 ms"
    "Enter choose  Tab details  F1 help  Esc leave                                                                                     "
    "#);
}

#[test]
fn a_hint_at_80_by_24() {
    let mut app = started("", 80, 24);
    answer(&mut app, Ok(Answer::Overview { images: 12_345 }));
    insta::assert_snapshot!(drawn(&app).backend(), @r#"
    "> search your pictures                                                          "
    "                                                                                "
    "────────────────────────────────────────────────────────────────────────────────"
    "  Type what you are looking for: a few words or a sentence.                     "
    "  For instance: a dog on the beach                                              "
    "                                                                                "
    "                                                                                "
    "                                                                                "
    "                                                                                "
    "                                                                                "
    "                                                                                "
    "                                                                                "
    "                                                                                "
    "                                                                                "
    "                                                                                "
    "                                                                                "
    "                                                                                "
    "                                                                                "
    "                                                                                "
    "                                                                                "
    "                                                                                "
    "                                                                                "
    "12,345 pictures in the index                                                    "
    "Enter choose  Tab details  F1 help  Esc leave                                   "
    "#);
}

#[test]
fn an_empty_index_at_40_by_12() {
    let mut app = started("", 40, 12);
    answer(&mut app, Ok(Answer::Overview { images: 0 }));
    insta::assert_snapshot!(drawn(&app).backend(), @r#"
    "> search your pictures                  "
    "                                        "
    "  The index holds no pictures yet.      "
    "  `imgsearch index FOLDER` adds some.   "
    "                                        "
    "                                        "
    "                                        "
    "                                        "
    "                                        "
    "                                        "
    "0 pictures in the index                 "
    "Enter choose  Tab details  F1 help      "
    "#);
}

#[test]
fn an_error_at_40_by_12() {
    let mut app = started("dog", 40, 12);
    let reason = "there is no index in /home/me/pic\u{7}tures; `imgsearch index FOLDER` makes one";
    answer(&mut app, Err(reason.to_owned()));
    insta::assert_snapshot!(drawn(&app).backend(), @r#"
    "> dog                                   "
    "                                        "
    "  That did not work.                    "
    "  there is no index in                  "
    "  /home/me/pic�tures; `imgsearch index  "
    "  FOLDER` makes one                     "
    "                                        "
    "                                        "
    "                                        "
    "                                        "
    "                                        "
    "Enter choose  Tab details  F1 help      "
    "#);
}

#[test]
fn help_at_40_by_12() {
    let mut app = found(40, 12);
    app.help = Some(2);
    // Every explanation must fit on the narrowest screen.
    let column = |binding: &Binding| binding.label.len();
    let lead = KEYS.iter().map(column).max().unwrap() + 2;
    assert!(KEYS.iter().all(|binding| lead + binding.help.len() <= 40));
    insta::assert_snapshot!(drawn(&app).backend(), @r#"
    "> puppy on the beach serendipity        "
    "tags puppy → dog (synonym) · beach · se…"
    "F1 Alt-?          show or hide this help"
    "Esc               close help, or leave  "
    "Ctrl-C            leave                 "
    "Up                previous picture      "
    "Down              next picture          "
    "PgUp              a screen up           "
    "PgDn              a screen down         "
    "Ctrl-Home Alt-<   first picture         "
    "all keys; Up and Down scroll            "
    "Enter choose  Tab details  F1 help      "
    "#);
}

#[test]
fn help_at_80_by_24() {
    let mut app = found(80, 24);
    app.help = Some(0);
    insta::assert_snapshot!(drawn(&app).backend(), @r#"
    "> puppy on the beach serendipity                                                "
    "tags puppy → dog (synonym) · beach · serendipity (no tag)                       "
    "────────────────────────────────────────────────────────────────────────────────"
    "Enter             print path and leave                                          "
    "Tab               show or hide details                                          "
    "F1 Alt-?          show or hide this help                                        "
    "Esc               close help, or leave                                          "
    "Ctrl-C            leave                                                         "
    "Up                previous picture                                              "
    "Down              next picture                                                  "
    "PgUp              a screen up                                                   "
    "PgDn              a screen down                                                 "
    "Ctrl-Home Alt-<   first picture                                                 "
    "Ctrl-End Alt->    last picture                                                  "
    "Left Ctrl-B       a character back                                              "
    "Right Ctrl-F      a character on                                                "
    "Ctrl-Left Alt-B   a word back                                                   "
    "Ctrl-Right Alt-F  a word on                                                     "
    "Home Ctrl-A       start of the line                                             "
    "End Ctrl-E        end of the line                                               "
    "Backspace         erase character before                                        "
    "Delete Ctrl-D     erase character under                                         "
    "all keys; Up and Down scroll                                                    "
    "Enter choose  Tab details  F1 help  Esc leave                                   "
    "#);
}

#[test]
fn a_long_query_keeps_its_cursor_on_the_screen() {
    let mut app = started(&"犬 dog ".repeat(2_000), 40, 12);
    drawn(&app).backend_mut().assert_cursor_position((39, 0));
    update(&mut app, Msg::Paste("x".to_owned()));
    drawn(&app).backend_mut().assert_cursor_position((39, 0));
}

#[test]
fn without_colours_there_are_none_and_with_them_there_are() {
    let coloured = |app: &App| {
        let terminal = drawn(app);
        let cells = terminal.backend().buffer().content();
        cells
            .iter()
            .any(|cell| (cell.fg, cell.bg) != (Color::Reset, Color::Reset))
    };
    let mut app = found(80, 24);
    assert!(!coloured(&app));
    let terminal = drawn(&app);
    let cells = terminal.backend().buffer().content();
    assert!(
        cells
            .iter()
            .any(|cell| cell.modifier.contains(Modifier::BOLD))
    );
    app.help = Some(0);
    assert!(!coloured(&app));
    app.colour = true;
    assert!(coloured(&app));
}

#[test]
fn no_size_and_no_screen_make_it_fall_over() {
    let mut failed = started("dog", 80, 24);
    answer(
        &mut failed,
        Err("a sentence that is longer than the screen is wide".to_owned()),
    );
    let mut hint = started("", 80, 24);
    answer(&mut hint, Ok(Answer::Overview { images: 1 }));
    for mut app in [started("dog", 80, 24), failed, hint, found(80, 24)] {
        for (width, height) in [(1, 1), (2, 3), (7, 5), (20, 2), (71, 9), (72, 1), (300, 90)] {
            for detail in [false, true] {
                for help in [None, Some(0)] {
                    app.detail = Some(detail);
                    app.help = help;
                    update(&mut app, Msg::Resize(Size { width, height }));
                    drawn(&app);
                    // A frame that is another size than the last message said.
                    app.size = Size::new(80, 24);
                    let backend = TestBackend::new(width, height);
                    let mut terminal = Terminal::new(backend).unwrap();
                    terminal.draw(|frame| view(&app, frame)).unwrap();
                }
            }
        }
    }
}
