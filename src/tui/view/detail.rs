//! Everything about the picture under the cursor, and why it stands where it stands.

use std::path::Path;

use imgsearch::query::{MatchedTag, TagSource};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Borders, Padding, Paragraph, Wrap};

use super::{chips, pictures};
use crate::tui::app::App;
use crate::tui::layout::Areas;
use crate::tui::picture::Picture;
use crate::tui::shelf::Spot;
use crate::tui::text;
use crate::tui::theme::Theme;

pub(super) fn pane(
    app: &App,
    picture: &Picture,
    theme: &Theme,
    areas: &Areas,
    frame: &mut Frame<'_>,
) {
    // Alone on the screen, there is nothing to part it from.
    let borders = match areas.list.is_empty() {
        true => Borders::NONE,
        false => Borders::LEFT,
    };
    let block = Block::new()
        .borders(borders)
        .border_style(theme.quiet)
        .padding(Padding::left(1));
    let inner = block.inner(areas.detail);
    frame.render_widget(block, areas.detail);
    let spot = Spot {
        id: picture.id,
        cells: areas.preview.as_size(),
    };
    pictures::draw(app, spot, theme, areas.preview, frame);
    let area = Rect {
        y: inner.y + areas.preview.height,
        height: inner.height.saturating_sub(areas.preview.height),
        ..inner
    };
    let (place, facts) = (place(picture, theme), facts(picture, theme));
    let (caption, score) = (caption(app, picture), score(picture, theme));
    let mut chips = tags(app, picture, theme, area.width);
    // Some pictures have more tags than there is room; then those that are less sure go first.
    let others = [&place, &facts, &caption, &score].map(|part| rows(part, area));
    let left = usize::from(area.height).saturating_sub(others.iter().sum());
    chips.truncate(left.max(1));
    let parts = [place, facts, caption, chips, score];
    frame.render_widget(paragraph(parts, area), area);
}

/// The parts below each other, with blank lines between them where all of them fit with these.
fn paragraph(parts: [Vec<Line<'_>>; 5], area: Rect) -> Paragraph<'_> {
    let mut parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let rows: usize = parts.iter().map(|part| rows(part, area) + 1).sum();
    if rows <= usize::from(area.height) + 1 {
        for part in parts.iter_mut().skip(1) {
            part.insert(0, Line::default());
        }
    }
    let lines: Vec<_> = parts.into_iter().flatten().collect();
    Paragraph::new(Text::from(lines)).wrap(Wrap { trim: false })
}

/// Rows that lines take; broken at words, a long one may take one more, which is cut at the bottom.
fn rows(lines: &[Line<'_>], area: Rect) -> usize {
    let room = usize::from(area.width.max(1));
    let rows = lines.iter().map(|line| line.width().div_ceil(room).max(1));
    rows.sum()
}

fn caption<'a>(app: &App, picture: &Picture) -> Vec<Line<'a>> {
    let note = app.notes.get(&picture.id);
    let caption = note.and_then(|note| note.caption.as_deref());
    let line = caption.map(|text| Line::raw(format!("\u{201c}{}\u{201d}", text::shown(text))));
    line.into_iter().collect()
}

/// All tags, those marked that answer the query.
fn tags<'a>(app: &App, picture: &Picture, theme: &Theme, room: u16) -> Vec<Line<'a>> {
    let note = app.notes.get(&picture.id);
    let chips = note.and_then(|note| note.tags.as_deref());
    match chips {
        Some(chips) if !chips.is_empty() => chips::lines(chips, &picture.why, theme, room.into()),
        _ => Vec::new(),
    }
}

fn place<'a>(picture: &Picture, theme: &Theme) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
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
    for path in &picture.stack {
        let name = path.file_name().map_or(path.as_path(), Path::new);
        let path = format!("of the same shot {}", text::shown_path(name));
        lines.push(Line::styled(path, theme.quiet));
    }
    lines
}

fn facts<'a>(picture: &Picture, theme: &Theme) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
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
    lines
}

/// The score as a sum, in the order of the query.
fn score<'a>(picture: &Picture, theme: &Theme) -> Vec<Line<'a>> {
    let why = &picture.why;
    // The newest pictures answer nothing.
    if why.itc.is_none() && why.tags.is_empty() && why.unresolved.is_empty() {
        return Vec::new();
    }
    let mut lines = Vec::new();
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
    if let Some(probability) = why.itm {
        lines.push(summand(
            why.itm_weight,
            Span::raw("match"),
            format!(" ({:.0} %)", probability * 100.0),
            theme,
        ));
    }
    for word in &why.unresolved {
        let note = format!("      no tag for {}", text::shown(word));
        lines.push(Line::styled(note, theme.quiet));
    }
    lines
}

fn tag<'a>(matched: &MatchedTag, theme: &Theme) -> Line<'a> {
    let name = text::shown(&matched.tag).into_owned();
    let name = if matched.recognized {
        Span::styled(name, theme.matched)
    } else {
        Span::raw(name)
    };
    let mut note = match matched.source {
        TagSource::Model => format!(" {:.0} %", matched.confidence * 100.0),
        source => format!(" ({source})"),
    };
    if matched.query != matched.tag {
        note += &format!(", for {}", text::shown(&matched.query));
    }
    if !matched.recognized && matched.source == TagSource::Model {
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
