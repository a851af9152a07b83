//! The line that says what is going on.

use imgsearch::Sort;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::tui::app::{App, Body, Focus};
use crate::tui::text::{grouped, keep_start, shown, width};
use crate::tui::theme::Theme;

pub(super) fn line(app: &App, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let (left, right) = said(app);
    // What was found out, or went wrong, matters more than how long it took.
    let room = usize::from(area.width);
    let left = keep_start(&left, room).into_owned();
    let right = match width(&left) + 2 + width(&right) <= room {
        true => right,
        false => String::new(),
    };
    frame.render_widget(Line::styled(left, theme.quiet), area);
    frame.render_widget(Line::styled(right, theme.quiet).right_aligned(), area);
}

fn said(app: &App) -> (String, String) {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    match &app.body {
        _ if app.prompt.is_some() => {
            left.extend(app.prompt.iter().map(|prompt| prompt.help().to_owned()));
        }
        _ if app.overlay.is_some() => left.push("Up and Down scroll, Esc closes".to_owned()),
        _ if app.focus == Focus::Facets => {
            left.push("+ adds a tag, - excludes it, Left and Right choose".to_owned());
        }
        _ if app.notice.is_some() => {
            left.extend(app.notice.as_deref().map(|told| shown(told).into_owned()));
        }
        _ if app.is_waiting() => left.push("searching…".to_owned()),
        Body::Found { pictures, .. } if !pictures.is_empty() => {
            let (at, of) = (grouped(app.selected + 1), grouped(pictures.len()));
            left.push(format!("{at} of {of}"));
            if let (true, Some(holds)) = (app.line.is_blank(), app.holds) {
                left.push(format!("newest of {} pictures", grouped(holds)));
            }
        }
        _ => {}
    }
    if !app.marks.is_empty() {
        left.push(format!("{} marked", grouped(app.marks.len())));
    }
    match app.sort {
        Sort::Date => left.push("by date".to_owned()),
        Sort::Path => left.push("by path".to_owned()),
        _ => {}
    }
    if app.stacked {
        left.push("one of each shot".to_owned());
    }
    if let Some(told) = &app.indexing {
        right.push(told.clone());
    } else if let Body::Found { took, matched, .. } = &app.body
        && !app.is_waiting()
        && app.overlay.is_none()
    {
        let what = if *matched { "matched in " } else { "" };
        right.push(format!("{what}{} ms", took.as_millis()));
    }
    (left.join(" · "), right.join(" · "))
}
