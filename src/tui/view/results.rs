//! The list of results.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::tui::app::App;
use crate::tui::layout::Areas;
use crate::tui::picture::Picture;
use crate::tui::text;
use crate::tui::theme::Theme;

/// Cells of the cursor mark, rank and score before each path.
const LEAD: usize = 13;
const CURSOR: &str = "▸";

pub(super) fn list(
    app: &App,
    pictures: &[Picture],
    theme: &Theme,
    areas: &Areas,
    frame: &mut Frame<'_>,
) {
    let area = areas.list;
    let rows = areas.rows();
    let visible = pictures.iter().enumerate().skip(app.top);
    for (slot, (at, picture)) in visible.take(areas.page()).enumerate() {
        let y = area.y + slot as u16 * rows;
        let row = Rect::new(area.x, y, area.width, rows).intersection(area);
        let lines = if rows == 1 {
            vec![one_row(picture, at, app.selected, theme, row.width)]
        } else {
            two_rows(picture, at, app.selected, theme, row.width)
        };
        for (line, row) in lines.into_iter().zip(row.rows()) {
            frame.render_widget(line, row);
        }
    }
}

fn one_row<'a>(
    picture: &Picture,
    at: usize,
    selected: usize,
    theme: &Theme,
    width: u16,
) -> Line<'a> {
    let room = usize::from(width).saturating_sub(LEAD + 1);
    let tags = tags(picture);
    let tags = text::keep_start(&tags, room / 3).into_owned();
    let mut line = lead(picture, at, selected, theme);
    let room = room - text::width(&tags);
    let used = line.width();
    line.extend(path(picture, at == selected, theme, room.saturating_sub(2)));
    let gap = room - (line.width() - used).min(room);
    line.push_span(Span::raw(" ".repeat(gap)));
    line.push_span(Span::styled(tags, theme.matched));
    line
}

fn two_rows<'a>(
    picture: &Picture,
    at: usize,
    selected: usize,
    theme: &Theme,
    width: u16,
) -> Vec<Line<'a>> {
    let room = usize::from(width).saturating_sub(LEAD);
    let mut first = lead(picture, at, selected, theme);
    first.extend(path(picture, at == selected, theme, room));
    let tags = tags(picture);
    let second = Line::from(vec![
        Span::raw(" ".repeat(LEAD)),
        Span::styled(text::keep_start(&tags, room).into_owned(), theme.matched),
    ]);
    vec![first, second]
}

fn lead<'a>(picture: &Picture, at: usize, selected: usize, theme: &Theme) -> Line<'a> {
    let mark = if at == selected { CURSOR } else { " " };
    Line::from(vec![
        Span::styled(mark, theme.accent),
        Span::raw(format!("{:>3}", at + 1)),
        Span::styled(format!("  {:>5.2}  ", picture.why.score), theme.quiet),
    ])
}

/// The end of a path tells pictures apart, so that is what stays; the name stands out.
fn path<'a>(picture: &Picture, selected: bool, theme: &Theme, room: usize) -> Vec<Span<'a>> {
    let path = picture.paths.first().map(|path| text::shown_path(path));
    let path = path.unwrap_or_default();
    let path = text::keep_end(&path, room);
    let name = path.rfind(std::path::MAIN_SEPARATOR).map_or(0, |at| at + 1);
    let (folder, name) = path.split_at(name);
    let name = Span::raw(name.to_owned());
    vec![
        Span::styled(folder.to_owned(), theme.quiet),
        if selected {
            name.style(theme.strong)
        } else {
            name
        },
    ]
}

fn tags(picture: &Picture) -> String {
    let names: Vec<_> = picture
        .why
        .recognized()
        .iter()
        .map(|matched| text::shown(&matched.tag))
        .collect();
    names.join(", ")
}
