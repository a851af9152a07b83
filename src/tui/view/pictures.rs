//! A picture where there is one, and something in its place where there is none.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Wrap};

use crate::tui::app::App;
use crate::tui::shelf::{Made, Spot};
use crate::tui::text;
use crate::tui::theme::Theme;

pub(super) fn draw(app: &App, spot: Spot, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    if area.is_empty() {
        return;
    }
    match app.shelf.get(&spot) {
        Some(Made::Drawn(drawing)) => drawing.render(area, frame.buffer_mut()),
        Some(Made::Failed(reason)) => {
            let reason = text::shown(reason).into_owned();
            let lines = vec![
                Line::styled("no picture", theme.error),
                Line::styled(reason, theme.quiet),
            ];
            frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }), area);
        }
        None => {
            let middle = Rect {
                y: area.y + area.height / 2,
                height: 1,
                ..area
            };
            frame.render_widget(Line::styled("…", theme.quiet).centered(), middle);
        }
    }
}
