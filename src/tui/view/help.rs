//! The keys: the most important ones on the bottom line, all of them in a table.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::tui::keys::{Binding, KEYS};
use crate::tui::text;
use crate::tui::theme::Theme;

pub(super) fn line(theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let mut line = Line::default();
    for binding in KEYS {
        let Some(brief) = binding.brief else {
            continue;
        };
        let gap = if line.spans.is_empty() { "" } else { "  " };
        // The first of several keys is the one that fits on a line.
        let label = binding.label.split(' ').next().unwrap_or_default();
        let spans = [
            Span::raw(gap),
            Span::styled(label, theme.accent),
            Span::styled(format!(" {brief}"), theme.quiet),
        ];
        let width: usize = spans.iter().map(Span::width).sum();
        if line.width() + width > usize::from(area.width) {
            break;
        }
        line.extend(spans);
    }
    frame.render_widget(line, area);
}

pub(super) fn table(top: usize, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let widest = |binding: &Binding| binding.label.len();
    let column = KEYS.iter().map(widest).max().unwrap_or_default();
    for (binding, row) in KEYS.iter().skip(top).zip(area.rows()) {
        let line = Line::from(vec![
            Span::styled(format!("{:column$}  ", binding.label), theme.accent),
            Span::raw(binding.help),
        ]);
        frame.render_widget(line, row);
    }
}

/// Lines with a heading.
pub(super) fn lines(
    heading: &str,
    lines: &[String],
    top: usize,
    theme: &Theme,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let heading = [Line::styled(heading, theme.strong), Line::default()];
    let lines = lines.iter().map(|line| Line::raw(text::shown(line)));
    for (line, row) in heading.into_iter().chain(lines).skip(top).zip(area.rows()) {
        frame.render_widget(line, row);
    }
}
