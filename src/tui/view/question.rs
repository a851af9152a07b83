//! The query line, and what its words stand for.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::tui::app::App;
use crate::tui::reading::{Reading, Word};
use crate::tui::text;
use crate::tui::theme::Theme;

const PROMPT: &str = "> ";

pub(super) fn query(app: &App, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let (prompt, line) = match &app.prompt {
        Some(prompt) => (prompt.label(), &prompt.line),
        None => (PROMPT.to_owned(), &app.line),
    };
    let (before, after) = line.split();
    // One cell stays free for the cursor behind the last character.
    let room = usize::from(area.width).saturating_sub(text::width(&prompt) + 1);
    let visible = if text::width(before) <= room {
        before
    } else {
        let pieces = text::graphemes(before);
        let bytes = text::fitting(pieces.into_iter().rev(), room);
        &before[before.len() - bytes..]
    };
    let x = area.x + (text::width(&prompt) + text::width(visible)) as u16;
    let mut spans = vec![Span::styled(prompt, theme.accent), Span::raw(visible)];
    if line.text().is_empty() && app.prompt.is_none() {
        spans.push(Span::styled("search your pictures", theme.quiet));
    }
    spans.push(Span::raw(after));
    frame.render_widget(Line::from(spans), area);
    if x < area.right() && area.height > 0 {
        frame.set_cursor_position(Position { x, y: area.y });
    }
}

pub(super) fn reading(app: &App, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    if let Some(trouble) = &app.trouble {
        let trouble = text::shown(trouble);
        let trouble = text::keep_start(&trouble, area.width.into()).into_owned();
        return frame.render_widget(Line::styled(trouble, theme.error), area);
    }
    let (Some(reading), false) = (&app.reading, area.is_empty()) else {
        return;
    };
    let mut line = Line::from(Span::styled("tags ", theme.quiet));
    for (i, part) in parts(reading, theme).enumerate() {
        // A pasted page has thousands of words.
        if line.width() > usize::from(area.width) {
            break;
        }
        if i > 0 {
            line.push_span(Span::styled(" · ", theme.quiet));
        }
        line.extend(part);
    }
    if line.spans.len() == 1 {
        line.push_span(Span::styled("none; the sentence alone counts", theme.quiet));
    }
    let cut = line.width() > usize::from(area.width);
    frame.render_widget(line, area);
    if let (true, Some(last)) = (cut, area.columns().next_back()) {
        frame.render_widget("…", last);
    }
}

fn parts<'a>(reading: &'a Reading, theme: &'a Theme) -> impl Iterator<Item = Vec<Span<'a>>> {
    let words = reading.words.iter().map(|word| resolved(word, theme));
    let unresolved = reading.unresolved.iter().map(|word| {
        let word = text::shown(word);
        vec![Span::styled(format!("{word} (no tag)"), theme.quiet)]
    });
    words.chain(unresolved)
}

fn resolved<'a>(word: &'a Word, theme: &Theme) -> Vec<Span<'a>> {
    let mut spans = Vec::new();
    if !word.is_plain() {
        spans.push(Span::raw(text::shown(&word.text)));
        spans.push(Span::styled(" → ", theme.quiet));
    }
    let tags = word.tags.join(", ");
    spans.push(Span::styled(text::shown(&tags).into_owned(), theme.matched));
    if word.more > 0 {
        spans.push(Span::styled(
            format!(" +{}", text::grouped(word.more)),
            theme.quiet,
        ));
    }
    if let Some(note) = word.note() {
        spans.push(Span::styled(format!(" ({note})"), theme.quiet));
    }
    spans
}
