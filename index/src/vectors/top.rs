use std::cmp::Ordering;

/// A row with its similarity; greater is better, and of two equal ones the lower row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scored {
    pub(crate) score: f32,
    pub(crate) row: u32,
}

impl Eq for Scored {}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score
            .total_cmp(&other.score)
            .then_with(|| other.row.cmp(&self.row))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The `k` greatest, greatest first.
pub(crate) fn best<T: Ord>(mut items: Vec<T>, k: usize) -> Vec<T> {
    if k == 0 {
        return Vec::new();
    }
    if items.len() > k {
        items.select_nth_unstable_by(k - 1, |a, b| b.cmp(a));
        items.truncate(k);
    }
    items.sort_unstable_by(|a, b| b.cmp(a));
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first_and_ties_go_by_row() {
        let scored = |(row, score)| Scored { score, row };
        let items: Vec<_> = [(9, 0.5), (2, 0.7), (1, 0.5), (3, -1.0)].map(scored).into();
        let rows = |k| {
            best(items.clone(), k)
                .iter()
                .map(|s| s.row)
                .collect::<Vec<_>>()
        };
        assert_eq!(rows(3), [2, 1, 9]);
        assert_eq!(rows(9), [2, 1, 9, 3]);
        assert!(rows(0).is_empty());
    }
}
