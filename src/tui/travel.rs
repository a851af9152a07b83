//! The ways of the cursor through the results, and of the eye through what lies over them.

use super::action::Go;
use super::app::{App, Text};
use super::keys::KEYS;

/// Takes a step through the results, or through what lies over them.
pub(super) fn travel(app: &mut App, go: Go) {
    let areas = app.areas(app.size);
    let page = usize::from(areas.body.height).max(1);
    if let Some(overlay) = &mut app.overlay {
        let last = lines(&overlay.text).saturating_sub(page);
        overlay.top = step(overlay.top, go, 1, page, last);
        return;
    }
    let last = app.pictures().len().saturating_sub(1);
    app.selected = step(app.selected, go, areas.columns(), areas.page(), last);
    scroll(app);
}

/// Puts the cursor on a picture, or on the last one.
pub(super) fn to(app: &mut App, at: usize) {
    app.selected = at.min(app.pictures().len().saturating_sub(1));
    scroll(app);
}

/// Puts the cursor on a picture of a new answer, with as much above it as before; else on the best one.
pub(super) fn put(app: &mut App, at: Option<usize>) {
    match at {
        Some(at) => {
            let above = app.selected.saturating_sub(app.top);
            app.selected = at;
            app.top = at.saturating_sub(above);
        }
        None => (app.selected, app.top) = (0, 0),
    }
    scroll(app);
}

/// Turns the wheel: results move by rows, and the cursor with them where it would leave the screen.
pub(super) fn wheel(app: &mut App, by: isize) {
    if app.overlay.is_some() {
        return travel(app, if by < 0 { Go::Up } else { Go::Down });
    }
    let areas = app.areas(app.size);
    let (columns, page) = (areas.columns(), areas.page());
    let shift = columns as isize * by;
    let most = app.pictures().len().saturating_sub(page);
    let most = most.div_ceil(columns) * columns;
    app.top = app.top.saturating_add_signed(shift).min(most);
    let last = (app.top + page).min(app.pictures().len()).saturating_sub(1);
    app.selected = app.selected.clamp(app.top.min(last), last);
}

fn step(at: usize, go: Go, row: usize, page: usize, last: usize) -> usize {
    let to = match go {
        Go::Up => at.checked_sub(row).unwrap_or(at),
        Go::Down if at + row > last && at / row == last / row => at,
        Go::Down => at + row,
        Go::PageUp => at.saturating_sub(page),
        Go::PageDown => at + page,
        Go::First => 0,
        Go::Last => last,
    };
    to.min(last)
}

/// Keeps the cursor on the screen, and the screen full.
pub(super) fn scroll(app: &mut App) {
    let areas = app.areas(app.size);
    let (columns, page) = (areas.columns(), areas.page());
    let row = |at: usize| at / columns * columns;
    let (first, last) = (row(app.selected), app.pictures().len());
    // The first row of a page that ends with the row of the cursor, or with the last one.
    let below = (first + columns).saturating_sub(page);
    let full = last.div_ceil(columns) * columns;
    let full = full.saturating_sub(page).max(below);
    app.top = row(app.top).clamp(below.min(first), first).min(full);
    let height = usize::from(areas.body.height).max(1);
    if let Some(overlay) = &mut app.overlay {
        overlay.top = overlay.top.min(lines(&overlay.text).saturating_sub(height));
    }
}

fn lines(text: &Text) -> usize {
    match text {
        Text::Help => KEYS.len(),
        // The heading and a blank.
        Text::Lines(_, lines) => lines.len() + 2,
    }
}
