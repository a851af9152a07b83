//! What is where on the screen: a function of its size alone, so `update` and `view` agree.

use ratatui::layout::{Constraint, Layout, Rect, Size};

/// Screens from this width on have room for results and details side by side.
const SIDE_BY_SIDE: u16 = 72;
/// Screens from this width on show details without being asked to.
const DETAILED: u16 = 80;
/// Screens from this height on can spare a line that parts question and answer.
const RULED: u16 = 16;
/// Lists from this width on have room for path and tags in one row.
const ONE_ROW: u16 = 64;
/// Lines longer than this are hard to read.
const DETAIL_MOST: u16 = 56;

/// The parts of the screen; those that have no room are empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Areas {
    /// The query line.
    pub(super) query: Rect,
    /// What its words stand for.
    pub(super) reading: Rect,
    /// A line between question and answer.
    pub(super) rule: Rect,
    /// Everything below the question: where help and sentences go.
    pub(super) body: Rect,
    /// Results.
    pub(super) list: Rect,
    /// Details of the picture under the cursor.
    pub(super) detail: Rect,
    /// What is going on.
    pub(super) status: Rect,
    /// The most important keys.
    pub(super) keys: Rect,
}

/// Whether a screen shows details unless told otherwise.
pub(super) fn detailed(size: Size) -> bool {
    size.width >= DETAILED
}

/// Divides a screen up.
pub(super) fn areas(size: Size, detail: bool) -> Areas {
    let screen = Rect::from((ratatui::layout::Position::ORIGIN, size));
    let rule = u16::from(size.height >= RULED);
    // The list is what the screen is for, so on a tiny one everything else but the query line goes first.
    let room = size.height.saturating_sub(3);
    let line = |at: u16| Constraint::Length(u16::from(room >= at));
    let rows = [
        Constraint::Length(1),
        line(1),
        Constraint::Length(rule),
        Constraint::Fill(1),
        line(2),
        line(3),
    ];
    let [query, reading, rule, body, status, keys] = screen.layout(&Layout::vertical(rows));
    let nothing = Rect::default();
    let (list, detail) = match (detail, size.width >= SIDE_BY_SIDE) {
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
        rule,
        body,
        list,
        detail,
        status,
        keys,
    }
}

impl Areas {
    /// Rows that one result takes.
    pub(super) fn rows(&self) -> u16 {
        if self.list.width >= ONE_ROW { 1 } else { 2 }
    }

    /// Results that a page holds; at least one, so that paging always moves on.
    pub(super) fn page(&self) -> usize {
        usize::from((self.list.height / self.rows()).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_lies_on_the_screen_at_any_size() {
        for width in (0..90).chain([132, 300]) {
            for height in (0..20).chain([60]) {
                for detail in [false, true] {
                    let size = Size { width, height };
                    let screen = Rect::new(0, 0, width, height);
                    let areas = areas(size, detail);
                    for part in [
                        areas.query,
                        areas.reading,
                        areas.rule,
                        areas.body,
                        areas.list,
                        areas.detail,
                        areas.status,
                        areas.keys,
                    ] {
                        assert_eq!(part.intersection(screen).area(), part.area(), "{size:?}");
                    }
                    assert!(areas.page() >= 1);
                }
            }
        }
    }

    #[test]
    fn small_screens_still_show_four_results_and_large_ones_both_panes() {
        let small = areas(Size::new(40, 12), detailed(Size::new(40, 12)));
        assert_eq!((small.page(), small.detail.width), (4, 0));
        let large = areas(Size::new(200, 50), detailed(Size::new(200, 50)));
        assert_eq!(
            (large.page(), large.list.width, large.detail.width),
            (45, 143, 56)
        );
    }
}
