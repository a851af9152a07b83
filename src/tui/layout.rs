//! What is where on the screen: a function of its size and of what is wanted on it, so `update` and `view` agree.

use ratatui::layout::{Constraint, Layout, Position, Rect, Size};

/// Screens from this width on have room for results and details side by side.
const SIDE_BY_SIDE: u16 = 72;
/// Screens from this width on show details without being asked to.
const DETAILED: u16 = 80;
/// Screens from this height on can spare a line that parts question and answer.
const RULED: u16 = 16;
/// Screens from this height on have room for a row of tags.
const FACETED: u16 = 14;
/// Lists from this width on have room for path and tags in one row.
const ONE_ROW: u16 = 64;
/// Lines longer than this are hard to read.
const DETAIL_MOST: u16 = 60;
/// The cells that a picture of a grid would like to have across.
const TILE: u16 = 20;
/// The cells of a picture in a list.
const IN_LIST: Size = Size::new(8, 3);
/// Details from this height on have room for a picture above the words.
const PREVIEWED: u16 = 14;
/// Rows that the words of most pictures take.
const WORDS: u16 = 14;

/// What is wanted on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Details of the picture under the cursor.
    pub(super) detail: bool,
    /// Results side by side.
    pub(super) grid: bool,
    /// Pictures.
    pub(super) draws: bool,
}

/// The parts of the screen; those that have no room are empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Areas {
    /// The query line.
    pub(super) query: Rect,
    /// What its words stand for.
    pub(super) reading: Rect,
    /// The tags of the results.
    pub(super) facets: Rect,
    /// A line between question and answer.
    pub(super) rule: Rect,
    /// Everything below the question: where help and sentences go.
    pub(super) body: Rect,
    /// Results.
    pub(super) list: Rect,
    /// Details of the picture under the cursor.
    pub(super) detail: Rect,
    /// The large picture among them.
    pub(super) preview: Rect,
    /// What is going on.
    pub(super) status: Rect,
    /// The most important keys.
    pub(super) keys: Rect,
    shape: Shape,
}

/// Whether a screen shows details unless told otherwise.
pub(super) fn detailed(size: Size) -> bool {
    size.width >= DETAILED
}

/// Divides a screen up.
pub(super) fn areas(size: Size, shape: Shape) -> Areas {
    let screen = Rect::from((Position::ORIGIN, size));
    // The results are what the screen is for, so on a tiny one everything else but the query line goes first.
    let room = size.height.saturating_sub(3);
    let line = |at: u16| Constraint::Length(u16::from(room >= at));
    let from = |height: u16| Constraint::Length(u16::from(size.height >= height));
    let rows = [
        Constraint::Length(1),
        line(1),
        from(FACETED),
        from(RULED),
        Constraint::Fill(1),
        line(2),
        line(3),
    ];
    let [query, reading, facets, rule, body, status, keys] = screen.layout(&Layout::vertical(rows));
    let nothing = Rect::default();
    let (list, detail) = match (shape.detail, size.width >= SIDE_BY_SIDE) {
        (false, _) => (body, nothing),
        (true, false) => (nothing, body),
        (true, true) => {
            let wide = (size.width * 2 / 5).min(DETAIL_MOST);
            let sides = Layout::horizontal([Constraint::Fill(1), Constraint::Length(wide)]);
            let sides = sides.spacing(1);
            let [list, detail] = body.layout(&sides);
            (list, detail)
        }
    };
    Areas {
        query,
        reading,
        facets,
        rule,
        body,
        list,
        detail,
        preview: preview(detail, list, shape),
        status,
        keys,
        shape,
    }
}

/// A picture of three by four at the head of the details, or beside nothing where they are low.
fn preview(detail: Rect, list: Rect, shape: Shape) -> Rect {
    // A line parts them from the results, and a blank follows it.
    let margin = if list.is_empty() { 1 } else { 2 };
    let width = detail.width.saturating_sub(margin);
    if !shape.draws || detail.height < PREVIEWED || width == 0 {
        return Rect::default();
    }
    // The picture has what the words leave, and never less than two fifths.
    let room = detail.height.saturating_sub(WORDS);
    Rect {
        x: detail.x + margin,
        width,
        height: high(width).min(room.max(detail.height * 2 / 5)),
        ..detail
    }
}

/// Rows of a picture of three by four; a cell is about twice as high as wide.
fn high(width: u16) -> u16 {
    (u32::from(width) * 3 / 8) as u16
}

impl Areas {
    /// Rows that one result takes in a list.
    pub(super) fn rows(&self) -> u16 {
        match (self.shape.draws, self.list.width >= ONE_ROW) {
            (true, _) => IN_LIST.height,
            (false, true) => 1,
            (false, false) => 2,
        }
    }

    /// Results beside each other.
    pub(super) fn columns(&self) -> usize {
        match self.shape.grid {
            true => usize::from((self.list.width / TILE).max(1)),
            false => 1,
        }
    }

    /// What a result takes.
    pub(super) fn tile(&self) -> Size {
        if !self.shape.grid {
            return Size::new(self.list.width, self.rows());
        }
        let width = self.list.width / self.columns() as u16;
        // A blank to the next one, and a line below for the name.
        let height = high(width.saturating_sub(1)).max(1) + 1;
        Size::new(width, height.min(self.list.height))
    }

    /// The cells of a picture among the results.
    pub(super) fn thumbnail(&self) -> Size {
        match (self.shape.draws, self.shape.grid) {
            (false, _) => Size::default(),
            (true, false) => Size {
                width: IN_LIST.width.min(self.list.width),
                height: IN_LIST.height.min(self.list.height),
            },
            (true, true) => {
                let tile = self.tile();
                Size::new(tile.width.saturating_sub(1), tile.height.saturating_sub(1))
            }
        }
    }

    /// Results that a page holds; at least one, so that paging always moves on.
    pub(super) fn page(&self) -> usize {
        let rows = (self.list.height / self.tile().height.max(1)).max(1);
        usize::from(rows) * self.columns()
    }

    /// Where the result at a place on the page is.
    pub(super) fn slot(&self, slot: usize) -> Rect {
        let tile = self.tile();
        let (row, column) = (slot / self.columns(), slot % self.columns());
        let area = Rect {
            x: self.list.x + column as u16 * tile.width,
            y: self.list.y + row as u16 * tile.height,
            width: tile.width,
            height: tile.height,
        };
        area.intersection(self.list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPES: [Shape; 8] = {
        let mut shapes = [Shape {
            detail: false,
            grid: false,
            draws: false,
        }; 8];
        let mut i = 0;
        while i < 8 {
            shapes[i] = Shape {
                detail: i & 1 > 0,
                grid: i & 2 > 0,
                draws: i & 4 > 0,
            };
            i += 1;
        }
        shapes
    };

    #[test]
    fn every_part_lies_on_the_screen_at_any_size() {
        for width in (0..90).chain([132, 300]) {
            for height in (0..20).chain([60]) {
                for shape in SHAPES {
                    let size = Size { width, height };
                    let screen = Rect::new(0, 0, width, height);
                    let areas = areas(size, shape);
                    let parts = [
                        areas.query,
                        areas.reading,
                        areas.facets,
                        areas.rule,
                        areas.body,
                        areas.list,
                        areas.detail,
                        areas.preview,
                        areas.status,
                        areas.keys,
                    ];
                    let slots = (0..areas.page()).map(|slot| areas.slot(slot));
                    for part in parts.into_iter().chain(slots) {
                        assert_eq!(part.intersection(screen).area(), part.area(), "{size:?}");
                    }
                    assert!(areas.page() >= 1);
                }
            }
        }
    }

    #[test]
    fn small_screens_still_show_four_results_and_large_ones_both_panes() {
        let of = |width, height, draws| {
            let size = Size { width, height };
            let shape = Shape {
                detail: detailed(size),
                grid: draws,
                draws,
            };
            areas(size, shape)
        };
        let small = of(40, 12, false);
        assert_eq!((small.page(), small.detail.width), (4, 0));
        let large = of(200, 50, false);
        let widths = (large.list.width, large.detail.width);
        assert_eq!((large.page(), widths), (44, (139, 60)));
    }

    #[test]
    fn a_grid_fills_its_width_with_pictures_of_three_by_four() {
        let grid = |width, height| {
            let shape = Shape {
                detail: width >= DETAILED,
                grid: true,
                draws: true,
            };
            let areas = areas(Size { width, height }, shape);
            (areas.columns(), areas.page(), areas.thumbnail())
        };
        assert_eq!(grid(40, 12), (2, 2, Size::new(19, 7)));
        assert_eq!(grid(80, 24), (2, 4, Size::new(22, 8)));
        assert_eq!(grid(160, 50), (4, 16, Size::new(23, 8)));
    }
}
