//! Everything about the picture under the cursor, and why it stands where it stands.

use std::path::Path;

use imgsearch::query::MatchedTag;
use ratatui::Frame;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Borders, Padding, Paragraph, Wrap};

use crate::tui::layout::Areas;
use crate::tui::picture::Picture;
use crate::tui::text;
use crate::tui::theme::Theme;

/// Panes from this height on have room for blank lines between their parts.
const AIRY: u16 = 12;

pub(super) fn pane(picture: &Picture, theme: &Theme, areas: &Areas, frame: &mut Frame<'_>) {
    let area = areas.detail;
    let mut lines = Vec::new();
    for part in [place, facts, score] {
        if area.height >= AIRY && !lines.is_empty() {
            lines.push(Line::default());
        }
        part(picture, theme, &mut lines);
    }
    // Alone on the screen, there is nothing to part it from.
    let borders = if areas.list.is_empty() {
        Borders::NONE
    } else {
        Borders::LEFT
    };
    let block = Block::new()
        .borders(borders)
        .border_style(theme.quiet)
        .padding(Padding::left(1));
    let text = Paragraph::new(Text::from(lines)).wrap(Wrap { trim: false });
    frame.render_widget(text.block(block), area);
}

fn place(picture: &Picture, theme: &Theme, lines: &mut Vec<Line<'_>>) {
    let mut paths = picture.paths.iter();
    if let Some(path) = paths.next() {
        let name = path.file_name().map(Path::new).unwrap_or(path);
        lines.push(Line::styled(text::shown_path(name), theme.strong));
        if let Some(folder) = path.parent() {
            lines.push(Line::styled(text::shown_path(folder), theme.quiet));
        }
    }
    for path in paths {
        let path = format!("also {}", text::shown_path(path));
        lines.push(Line::styled(path, theme.quiet));
    }
}

fn facts(picture: &Picture, theme: &Theme, lines: &mut Vec<Line<'_>>) {
    let (width, height) = picture.size;
    let mut spans = vec![Span::raw(format!("{width} × {height}"))];
    if let Some(captured) = &picture.captured {
        let captured = text::shown(captured).replace('T', " ");
        spans.push(Span::styled(", ", theme.quiet));
        // Seconds help nobody to find a picture.
        let minutes = captured.get(..16).unwrap_or(&captured);
        spans.push(Span::raw(minutes.to_owned()));
    }
    lines.push(Line::from(spans));
    if let Some(camera) = &picture.camera {
        lines.push(Line::raw(text::shown(camera).into_owned()));
    }
}

/// The score as a sum, in the order of the query.
fn score(picture: &Picture, theme: &Theme, lines: &mut Vec<Line<'_>>) {
    let why = &picture.why;
    lines.push(Line::from(vec![
        Span::styled(format!("{:>5.2}", why.score), theme.strong),
        Span::raw(" score, of which"),
    ]));
    if let Some(cosine) = why.itc {
        lines.push(summand(
            why.itc_weight,
            Span::raw("sentence"),
            format!(" (cosine {cosine:.2})"),
            theme,
        ));
    }
    for matched in &why.tags {
        lines.push(tag(matched, theme));
    }
    for word in &why.unresolved {
        let note = format!("      no tag for {}", text::shown(word));
        lines.push(Line::styled(note, theme.quiet));
    }
}

fn tag<'a>(matched: &MatchedTag, theme: &Theme) -> Line<'a> {
    let name = text::shown(&matched.tag).into_owned();
    let name = if matched.recognized {
        Span::styled(name, theme.matched)
    } else {
        Span::raw(name)
    };
    let mut note = format!(" {:.0} %", matched.confidence * 100.0);
    if matched.query != matched.tag {
        note += &format!(", for {}", text::shown(&matched.query));
    }
    if !matched.recognized {
        note += ", not recognised";
    }
    summand(matched.weight, name, note, theme)
}

fn summand<'a>(weight: f32, name: Span<'a>, note: String, theme: &Theme) -> Line<'a> {
    Line::from(vec![
        Span::raw(format!("{weight:>5.2} ")),
        name,
        Span::styled(note, theme.quiet),
    ])
}
