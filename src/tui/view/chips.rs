//! Tags side by side, each with its confidence, and with who says so where it is not the model.

use imgsearch::Explanation;
use imgsearch::query::TagSource;
use ratatui::text::{Line, Span};

use crate::tui::notes::Chip;
use crate::tui::text;
use crate::tui::theme::Theme;

/// What marks a tag that answers the query, where there are no colours.
const MATCHED: &str = "*";

/// Lines of chips that are no wider than there is room.
pub(super) fn lines<'a>(
    chips: &[Chip],
    why: &Explanation,
    theme: &Theme,
    room: usize,
) -> Vec<Line<'a>> {
    let mut lines = vec![Line::default()];
    for chip in chips {
        let is_matched = why
            .tags
            .iter()
            .any(|tag| tag.recognized && tag.tag == chip.tag);
        let (mark, style) = match is_matched {
            true => (MATCHED, theme.matched.patch(theme.strong)),
            false => ("", theme.quiet),
        };
        let mut label = format!("{mark}{}", text::shown(&chip.tag));
        if let Some(confidence) = chip.confidence {
            label += &format!(" {:.0}", confidence * 100.0);
        }
        if chip.source != TagSource::Model {
            label += &format!(" ({})", chip.source);
        }
        let used = lines.last().map_or(0, Line::width);
        let gap = if used == 0 { 0 } else { 2 };
        if used > 0 && used + gap + text::width(&label) > room {
            lines.push(Line::default());
        }
        if let Some(line) = lines.last_mut() {
            if line.width() > 0 {
                line.push_span(Span::raw("  "));
            }
            line.push_span(Span::styled(label, style));
        }
    }
    lines
}
