//! The results, as a grid or a list.

use ratatui::Frame;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};

use super::pictures;
use crate::tui::app::App;
use crate::tui::layout::Areas;
use crate::tui::picture::Picture;
use crate::tui::shelf::Spot;
use crate::tui::text;
use crate::tui::theme::Theme;

/// Cells of the cursor mark, rank and score before each path.
const LEAD: usize = 13;
const CURSOR: &str = "▸";
const MARK: &str = "●";

pub(super) fn show(
    app: &App,
    pictures: &[Picture],
    theme: &Theme,
    areas: &Areas,
    frame: &mut Frame<'_>,
) {
    if areas.list.is_empty() {
        return;
    }
    let visible = pictures.iter().enumerate().skip(app.top);
    for (slot, (at, picture)) in visible.take(areas.page()).enumerate() {
        let area = areas.slot(slot);
        let result = Result {
            app,
            picture,
            at,
            theme,
        };
        if app.is_grid() {
            result.tile(areas.thumbnail(), area, frame);
        } else if app.draws {
            result.with_picture(areas.thumbnail(), area, frame);
        } else if area.height == 1 {
            frame.render_widget(result.one_row(area.width), area);
        } else {
            result.rows(area, frame);
        }
    }
}

/// A result with what it takes to draw it.
struct Result<'a> {
    app: &'a App,
    picture: &'a Picture,
    at: usize,
    theme: &'a Theme,
}

impl Result<'_> {
    fn is_selected(&self) -> bool {
        self.at == self.app.selected
    }

    /// A picture with its name below it.
    fn tile(&self, cells: Size, area: Rect, frame: &mut Frame<'_>) {
        let picture = Rect {
            width: cells.width.min(area.width),
            height: cells.height.min(area.height),
            ..area
        };
        self.draw(cells, picture, frame);
        let below = Rect {
            y: area.y + picture.height,
            width: picture.width,
            height: 1,
            ..area
        };
        let mut name = self.rose();
        name += &text::shown_path(self.picture.name());
        let lead = format!("{}{}", self.cursor(), self.mark());
        let room = usize::from(below.width).saturating_sub(text::width(&lead));
        let name = text::keep_start(&name, room).into_owned();
        let style = match self.is_selected() {
            true => self.theme.chosen,
            false => self.theme.quiet,
        };
        let line = Line::from(vec![
            Span::styled(lead, self.theme.accent),
            Span::styled(name, style),
        ]);
        frame.render_widget(line, below.intersection(area));
    }

    /// A small picture with what is known of it beside it.
    fn with_picture(&self, cells: Size, area: Rect, frame: &mut Frame<'_>) {
        let picture = Rect {
            x: area.x + 1,
            width: cells.width.min(area.width.saturating_sub(1)),
            ..area
        };
        self.draw(cells, picture.intersection(area), frame);
        let beside = Rect {
            x: picture.right() + 1,
            width: area.right().saturating_sub(picture.right() + 1),
            ..area
        };
        frame.render_widget(Span::styled(self.cursor(), self.theme.accent), area);
        self.rows(beside, frame);
    }

    fn draw(&self, cells: Size, area: Rect, frame: &mut Frame<'_>) {
        let spot = Spot {
            id: self.picture.id,
            cells,
        };
        pictures::draw(self.app, spot, self.theme, area, frame);
    }

    fn one_row<'l>(&self, width: u16) -> Line<'l> {
        let room = usize::from(width).saturating_sub(LEAD + 1);
        let tags = self.rose() + &self.tags();
        let tags = text::keep_start(&tags, room / 3).into_owned();
        let mut line = self.lead();
        let room = room - text::width(&tags);
        let used = line.width();
        line.extend(self.path(room.saturating_sub(2)));
        let gap = room - (line.width() - used).min(room);
        line.push_span(Span::raw(" ".repeat(gap)));
        line.push_span(Span::styled(tags, self.theme.matched));
        line
    }

    fn rows(&self, area: Rect, frame: &mut Frame<'_>) {
        let room = usize::from(area.width).saturating_sub(LEAD);
        let mut first = self.lead();
        first.extend(self.path(room));
        let indented = |text: String, style| {
            Line::from(vec![
                Span::raw(" ".repeat(LEAD)),
                Span::styled(text::keep_start(&text, room).into_owned(), style),
            ])
        };
        let second = indented(self.rose() + &self.tags(), self.theme.matched);
        let third = indented(self.facts(), self.theme.quiet);
        for (line, row) in [first, second, third].into_iter().zip(area.rows()) {
            frame.render_widget(line, row);
        }
    }

    fn cursor(&self) -> &'static str {
        if self.is_selected() { CURSOR } else { " " }
    }

    fn mark(&self) -> &'static str {
        match self.app.is_marked(&self.picture.id) {
            true => MARK,
            false => " ",
        }
    }

    /// How far it has come since the first answer.
    fn rose(&self) -> String {
        match self.picture.rise {
            0 => String::new(),
            up if up > 0 => format!("↑{up} "),
            down => format!("↓{} ", -down),
        }
    }

    fn lead<'l>(&self) -> Line<'l> {
        // With a picture before it, the cursor is before that.
        let cursor = if self.app.draws { " " } else { self.cursor() };
        let score = self.picture.why.score;
        Line::from(vec![
            Span::styled(cursor, self.theme.accent),
            Span::raw(format!("{:>3}", self.at + 1)),
            Span::styled(self.mark(), self.theme.accent),
            Span::styled(format!(" {score:>5.2}  "), self.theme.quiet),
        ])
    }

    /// The end of a path tells pictures apart, so that is what stays; the name stands out.
    fn path<'l>(&self, room: usize) -> Vec<Span<'l>> {
        let path = text::shown_path(self.picture.path());
        let path = text::keep_end(&path, room);
        let name = path.rfind(std::path::MAIN_SEPARATOR).map_or(0, |at| at + 1);
        let (folder, name) = path.split_at(name);
        let name = Span::raw(name.to_owned());
        vec![
            Span::styled(folder.to_owned(), self.theme.quiet),
            match self.is_selected() {
                true => name.style(self.theme.strong),
                false => name,
            },
        ]
    }

    fn tags(&self) -> String {
        let recognised = self.picture.why.recognized();
        let names: Vec<_> = recognised
            .iter()
            .map(|matched| text::shown(&matched.tag))
            .collect();
        names.join(", ")
    }

    fn facts(&self) -> String {
        let stack = match self.picture.stack.len() {
            0 => None,
            behind => Some(format!("{behind} more of this shot")),
        };
        let day = self.picture.captured.as_deref();
        let day = day.map(|at| text::shown(at.get(..10).unwrap_or(at)).into_owned());
        let camera = self.picture.camera.as_deref();
        let camera = camera.map(|camera| text::shown(camera).into_owned());
        let facts: Vec<_> = [day, camera, stack].into_iter().flatten().collect();
        facts.join(", ")
    }
}
