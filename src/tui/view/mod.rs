//! The screen as a function of the state.

mod detail;
mod help;
mod question;
mod results;
mod status;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::symbols::line::HORIZONTAL;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Wrap};

use super::app::{App, Body};
use super::layout;
use super::text;
use super::theme::Theme;

/// Draws everything.
pub(super) fn view(app: &App, frame: &mut Frame<'_>) {
    // The frame may have grown or shrunk before the message that says so is through.
    let size = frame.area().as_size();
    let areas = layout::areas(size, app.is_detailed());
    let theme = Theme::new(app.colour);

    question::query(app, &theme, areas.query, frame);
    question::reading(app, &theme, areas.reading, frame);
    let rule = HORIZONTAL.repeat(usize::from(areas.rule.width));
    frame.render_widget(Line::styled(rule, theme.quiet), areas.rule);
    match (&app.body, app.help) {
        (_, Some(top)) => help::table(top, &theme, areas.body, frame),
        (Body::Waiting, None) => {}
        (Body::Overview { images }, None) => sentence(overview(*images), areas.body, frame),
        (Body::Failed(reason), None) => {
            let heading = Line::styled("That did not work.", theme.error);
            let reason = Line::raw(text::shown(reason).into_owned());
            sentence(Text::from(vec![heading, reason]), areas.body, frame);
        }
        (Body::Found { pictures, .. }, None) if pictures.is_empty() => {
            sentence(Text::raw("No picture matches."), areas.body, frame);
        }
        (Body::Found { pictures, .. }, None) => {
            results::list(app, pictures, &theme, &areas, frame);
            if let Some(picture) = app.picture() {
                detail::pane(picture, &theme, &areas, frame);
            }
        }
    }
    status::line(app, &theme, areas.status, frame);
    help::line(&theme, areas.keys, frame);
}

fn overview(images: usize) -> Text<'static> {
    if images == 0 {
        return Text::raw("The index holds no pictures yet. `imgsearch index FOLDER` adds some.");
    }
    Text::from(vec![
        Line::raw("Type what you are looking for: a few words or a sentence."),
        Line::raw("For instance: a dog on the beach"),
    ])
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
