//! The tags of the results, to choose from.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::tui::app::{App, Focus};
use crate::tui::facets::{Stance, places, stance};
use crate::tui::theme::Theme;

pub(super) fn row(app: &App, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let is_here = app.focus == Focus::Facets;
    for place in places(&app.facets, app.facet, area) {
        let Some(facet) = app.facets.get(place.at) else {
            continue;
        };
        let style = match stance(app.line.text(), &facet.tag) {
            _ if is_here && place.at == app.facet => theme.chosen,
            Some(Stance::Wanted) => theme.matched,
            _ => theme.quiet,
        };
        frame.render_widget(Line::styled(facet.label(), style), place.area);
    }
}
