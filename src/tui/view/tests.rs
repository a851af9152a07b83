use std::fmt::Write;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;
use ratatui::style::{Color, Modifier};

use super::*;
use crate::tui::app::Focus;
use crate::tui::fixtures::{self, answer, found, matched, none, six, started};
use crate::tui::keys::{Binding, KEYS};
use crate::tui::line::Line;
use crate::tui::message::{Indexing, Msg};
use crate::tui::prompt::{Asks, Prompt};
use crate::tui::shelf::Made;
use crate::tui::update::update;

fn drawn(app: &App) -> Terminal<TestBackend> {
    let backend = TestBackend::new(app.size.width, app.size.height);
    let mut terminal = Terminal::new(backend).unwrap();
    terminal.draw(|frame| view(app, frame)).unwrap();
    terminal
}

/// A screen at every size that is promised, in a file for each.
fn snapshots(name: &str, app: impl Fn(u16, u16) -> App) {
    for (width, height) in [(40, 12), (80, 24), (160, 50)] {
        let app = app(width, height);
        let terminal = drawn(&app);
        let mut shown = String::new();
        // Where a picture is, the letter of its colour.
        for (at, cell) in terminal.backend().buffer().content().iter().enumerate() {
            if at > 0 && at % usize::from(width) == 0 {
                shown.push('\n');
            }
            match cell.bg {
                Color::Rgb(red, _, _) => shown.push(char::from(b'A' + red / 40)),
                _ => write!(shown, "{}", cell.symbol()).unwrap(),
            }
        }
        let trimmed: Vec<_> = shown.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), trimmed.join("\n"));
    }
}

#[test]
fn results_as_a_list_of_text() {
    snapshots("list", found);
}

#[test]
fn results_as_a_grid_of_pictures() {
    snapshots("grid", fixtures::drawn);
}

#[test]
fn results_as_a_list_with_pictures() {
    snapshots("list_with_pictures", |width, height| {
        let mut app = fixtures::drawn(width, height);
        app.grid = Some(false);
        fixtures::draw_all(&mut app);
        let late = app.spots()[2];
        let made = Made::Failed("the file is empty".to_owned());
        let epoch = app.ordered.epoch;
        update(
            &mut app,
            Msg::Painted {
                epoch,
                spot: late,
                made,
            },
        );
        app
    });
}

#[test]
fn details() {
    snapshots("details", |width, height| {
        let mut app = fixtures::drawn(width, height);
        app.detail = Some(true);
        app.selected = 0;
        fixtures::draw_all(&mut app);
        app
    });
}

#[test]
fn marks_order_and_facets_in_use() {
    snapshots("marked", |width, height| {
        let mut app = found(width, height);
        app.line.set("a puppy tag:beach");
        app.focus = Focus::Facets;
        app.facet = 2;
        app.sort = imgsearch::Sort::Date;
        app.stacked = true;
        app.marks = vec![app.pictures()[0].subject(), app.pictures()[2].subject()];
        let mut better = six();
        better.pictures.rotate_left(1);
        better.pictures[0].stack = vec!["/photos/rex.png".into()];
        better.pictures[0].why.itm = Some(0.8);
        matched(&mut app, better);
        app
    });
}

#[test]
fn the_newest_pictures() {
    snapshots("newest", |width, height| {
        let mut app = started("", width, height);
        answer(&mut app, Ok(six()));
        update(&mut app, Msg::Holds(12_345));
        app
    });
}

#[test]
fn an_empty_index() {
    snapshots("empty", |width, height| {
        let mut app = started("", width, height);
        answer(&mut app, Ok(none()));
        update(&mut app, Msg::Holds(0));
        app
    });
}

#[test]
fn nothing_that_matches_and_what_is_nearest() {
    snapshots("nearest", |width, height| {
        let mut app = started("a unicorn", width, height);
        answer(&mut app, Ok(none()));
        let (seq, mut nearest) = (app.asked, fixtures::facets());
        nearest.truncate(3);
        update(&mut app, Msg::Near { seq, nearest });
        app
    });
}

#[test]
fn a_tag_is_corrected() {
    snapshots("correcting", |width, height| {
        let mut app = found(width, height);
        let asks = Asks::Tags(vec![app.pictures()[0].subject()]);
        let line = Line::new("-dog +hot dog");
        app.prompt = Some(Prompt { asks, line });
        app
    });
}

#[test]
fn an_error_and_an_error_while_there_are_results() {
    let reason = "there is no index in /home/me/pic\u{7}tures; `imgsearch index FOLDER` makes one";
    snapshots("error", |width, height| {
        let mut app = started("dog", width, height);
        answer(&mut app, Err(reason.to_owned()));
        app
    });
    snapshots("error_beside_results", |width, height| {
        let mut app = found(width, height);
        answer(&mut app, Err(reason.to_owned()));
        app
    });
}

#[test]
fn indexing_from_within() {
    snapshots("indexing", |width, height| {
        let mut app = found(width, height);
        let (asks, line) = (Asks::Folder, Line::new("~/Photos"));
        app.prompt = Some(Prompt { asks, line });
        let told = Indexing::Running("indexing 1,234 of 5,678".to_owned());
        update(&mut app, Msg::Indexing(told));
        app
    });
}

#[test]
fn an_explanation() {
    snapshots("explanation", |width, height| {
        let mut app = found(width, height);
        let lines = ["place 1, score 1.170", "  +0.670  similarity (ITC) 0.31"];
        update(&mut app, Msg::Explained(lines.map(str::to_owned).to_vec()));
        app
    });
}

#[test]
fn the_help_fits_the_narrowest_screen() {
    let column = |binding: &Binding| binding.label.len();
    let lead = KEYS.iter().map(column).max().unwrap() + 2;
    for binding in KEYS {
        assert!(lead + binding.help.len() <= 50, "{}", binding.help);
    }
    snapshots("help", |width, height| {
        let mut app = found(width, height);
        let text = Over::Help;
        app.overlay = Some(Overlay { text, top: 2 });
        app
    });
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
    app.overlay = Some(Overlay {
        text: Over::Help,
        top: 0,
    });
    assert!(!coloured(&app));
    app.start.colour = true;
    assert!(coloured(&app));
}

#[test]
fn no_size_and_no_screen_make_it_fall_over() {
    let mut failed = started("dog", 80, 24);
    let reason = "a sentence that is longer than the screen is wide";
    answer(&mut failed, Err(reason.to_owned()));
    let apps = [
        started("dog", 80, 24),
        failed,
        found(80, 24),
        fixtures::drawn(80, 24),
    ];
    let help = Overlay {
        text: Over::Help,
        top: 0,
    };
    for mut app in apps {
        for (width, height) in [(1, 1), (2, 3), (7, 5), (20, 2), (71, 9), (72, 1), (300, 90)] {
            for detail in [false, true] {
                for (overlay, grid) in [(None, true), (Some(&help), true), (None, false)] {
                    app.detail = Some(detail);
                    app.grid = Some(grid);
                    app.overlay = overlay.cloned();
                    update(&mut app, Msg::Resize(Size { width, height }));
                    if app.draws {
                        fixtures::draw_all(&mut app);
                    }
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
