//! The line that says what is going on.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::tui::app::{App, Body};
use crate::tui::text::grouped;
use crate::tui::theme::Theme;

pub(super) fn line(app: &App, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let (left, right) = said(app);
    frame.render_widget(Line::styled(left, theme.quiet), area);
    frame.render_widget(Line::styled(right, theme.quiet).right_aligned(), area);
}

fn said(app: &App) -> (String, String) {
    let left = match &app.body {
        _ if app.help.is_some() => "all keys; Up and Down scroll".to_owned(),
        _ if app.is_waiting() => "searching…".to_owned(),
        Body::Waiting | Body::Failed(_) => String::new(),
        Body::Overview { images: 1 } => "1 picture in the index".to_owned(),
        Body::Overview { images } => format!("{} pictures in the index", grouped(*images)),
        Body::Found { pictures, .. } if pictures.is_empty() => String::new(),
        Body::Found { pictures, .. } => {
            format!(
                "{} of {}",
                grouped(app.selected + 1),
                grouped(pictures.len())
            )
        }
    };
    let right = match &app.body {
        Body::Found { took, .. } if !app.is_waiting() && app.help.is_none() => {
            format!("{} ms", took.as_millis())
        }
        _ => String::new(),
    };
    (left, right)
}
