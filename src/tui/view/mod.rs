//! The screen as a function of the state.

mod chips;
mod detail;
mod facets;
mod help;
mod pictures;
mod question;
mod results;
mod status;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::symbols::line::HORIZONTAL;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Paragraph, Wrap};

use super::app::{App, Body, Overlay, Text as Over};
use super::text;
use super::theme::Theme;

/// Draws everything.
pub(super) fn view(app: &App, frame: &mut Frame<'_>) {
    // The frame may have grown or shrunk before the message that says so is through.
    let areas = app.areas(frame.area().as_size());
    let theme = Theme::new(app.start.colour);

    question::query(app, &theme, areas.query, frame);
    question::reading(app, &theme, areas.reading, frame);
    facets::row(app, &theme, areas.facets, frame);
    let rule = HORIZONTAL.repeat(usize::from(areas.rule.width));
    frame.render_widget(Line::styled(rule, theme.quiet), areas.rule);
    match (&app.body, &app.overlay) {
        (_, Some(Overlay { text, top })) => match text {
            Over::Help => help::table(*top, &theme, areas.body, frame),
            Over::Lines(heading, lines) => {
                help::lines(heading, lines, *top, &theme, areas.body, frame);
            }
        },
        (Body::Waiting, None) => {}
        (Body::Failed(reason), None) => {
            let heading = Line::styled("That did not work.", theme.error);
            let reason = Line::raw(text::shown(reason).into_owned());
            let help = Line::styled("Alt-I indexes a folder from here.", theme.quiet);
            let lines = vec![heading, reason, Line::default(), help];
            sentence(Text::from(lines), areas.body, frame);
        }
        (Body::Found { pictures, .. }, None) if pictures.is_empty() => {
            sentence(nothing(app, &theme), areas.body, frame);
        }
        (Body::Found { pictures, .. }, None) => {
            results::show(app, pictures, &theme, &areas, frame);
            if let Some(picture) = app.picture() {
                detail::pane(app, picture, &theme, &areas, frame);
            }
        }
    }
    status::line(app, &theme, areas.status, frame);
    help::line(&theme, areas.keys, frame);
}

fn nothing<'a>(app: &App, theme: &Theme) -> Text<'a> {
    if let (true, Some(0) | None) = (app.line.is_blank(), app.holds) {
        return Text::raw("The index holds no pictures yet. Alt-I adds a folder.");
    }
    let mut told = Text::raw("No picture matches.");
    if !app.nearest.is_empty() {
        let mut line = Line::from(Span::styled(
            "Nearest to it are pictures with ",
            theme.quiet,
        ));
        for (at, facet) in app.nearest.iter().enumerate() {
            if at > 0 {
                line.push_span(Span::styled(", ", theme.quiet));
            }
            line.push_span(Span::raw(text::shown(&facet.tag).into_owned()));
            let images = format!(" ({})", text::grouped(facet.images as usize));
            line.push_span(Span::styled(images, theme.quiet));
        }
        told.extend([Line::default(), line]);
    }
    told
}

/// Text with a margin, wrapped.
fn sentence(text: Text<'_>, area: Rect, frame: &mut Frame<'_>) {
    let margin = area.width.min(2);
    let inner = Rect {
        x: area.x + margin,
        width: area.width.saturating_sub(2 * margin),
        ..area
    };
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), inner);
}

#[cfg(test)]
mod tests;
