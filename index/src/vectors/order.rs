//! The order of the rows of a graph (Gorder of Wei et al., 2016, by links alone).
//!
//! A walk goes from row to row by links. Each page of memory that it touches costs it a look at the page table, so rows that a walk
//! reaches one soon after the other share pages.

use super::layout::{LINKS, NONE};

/// Rows before a place that choose which row it gets: some three pages of them.
const WINDOW: usize = 32;

/// All rows, the entry first, then always the one with the most links to and from the few before it. Where none has any, the lowest.
pub(super) fn of(entry: u32, lowest: &[[u32; LINKS]]) -> Vec<u32> {
    let linked = Linked::new(lowest);
    let rows = lowest.len();
    let (mut order, mut is_placed) = (Vec::with_capacity(rows), vec![false; rows]);
    // Links of each row to and from the window, and the rows without a place that have any.
    let (mut links, mut near) = (vec![0_u32; rows], Vec::new());
    let mut others = std::iter::once(entry).chain(0..rows as u32);
    loop {
        let nearest = near.iter().copied().max_by_key(|&row| links[row as usize]);
        let mut unplaced = || others.find(|&row| is_placed.get(row as usize) == Some(&false));
        let Some(row) = nearest.or_else(&mut unplaced) else {
            return order;
        };
        is_placed[row as usize] = true;
        order.push(row);
        for &other in linked.with(row) {
            links[other as usize] += 1;
            if links[other as usize] == 1 {
                near.push(other);
            }
        }
        if let Some(place) = order.len().checked_sub(WINDOW + 1) {
            for &other in linked.with(order[place]) {
                links[other as usize] -= 1;
            }
        }
        near.retain(|&row| !is_placed[row as usize] && links[row as usize] > 0);
    }
}

/// The rows that each row has links to or from, twice where they go both ways.
struct Linked {
    /// Where the rows of each row end.
    ends: Vec<usize>,
    rows: Vec<u32>,
}

impl Linked {
    fn new(lowest: &[[u32; LINKS]]) -> Self {
        let links = || {
            let blocks = (0_u32..).zip(lowest);
            blocks
                .flat_map(|(row, links)| links.iter().map(move |&link| (row, link)))
                .filter(|&(_, link)| (link as usize) < lowest.len())
        };
        let mut ends = vec![0; lowest.len() + 1];
        for (row, link) in links() {
            ends[row as usize + 1] += 1;
            ends[link as usize + 1] += 1;
        }
        for row in 1..ends.len() {
            ends[row] += ends[row - 1];
        }
        // Until it is filled, the end of a row is its beginning.
        let mut rows = vec![NONE; ends[lowest.len()]];
        for (row, link) in links() {
            for (row, other) in [(row, link), (link, row)] {
                rows[ends[row as usize]] = other;
                ends[row as usize] += 1;
            }
        }
        Self { ends, rows }
    }

    fn with(&self, row: u32) -> &[u32] {
        let row = row as usize;
        let from = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.rows[from..self.ends[row]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(links: &[u32]) -> [u32; LINKS] {
        let mut block = [NONE; LINKS];
        block[..links.len()].copy_from_slice(links);
        block
    }

    #[test]
    fn groups_lie_together() {
        // Row r belongs to group r % 7; a group is linked throughout, and each of its rows with one of each of the next two groups.
        let (groups, rows) = (7, 140);
        let links = |row: u32| {
            let own =
                (0..rows).filter(move |&other| other != row && other % groups == row % groups);
            block(
                &own.chain([(row + 1) % rows, (row + 2) % rows])
                    .collect::<Vec<_>>(),
            )
        };
        let order = of(3, &(0..rows).map(links).collect::<Vec<_>>());
        assert_eq!(order[0], 3);
        let changes = order
            .windows(2)
            .filter(|pair| pair[0] % groups != pair[1] % groups);
        assert_eq!(changes.count(), groups as usize - 1, "{order:?}");
    }

    #[test]
    fn every_row_has_one_place_also_without_links_or_with_wrong_ones() {
        let lowest = [block(&[9, 2]), block(&[]), block(&[0, 0]), block(&[3])];
        assert_eq!(of(2, &lowest), [2, 0, 1, 3]);
        assert_eq!(of(9, &lowest).len(), 4);
        assert!(of(0, &[]).is_empty());
    }
}
