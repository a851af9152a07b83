//! What a walk keeps in view.

use super::Scored;

/// The best places that a walk has come to, best first. A sorted list: most of what is offered is worse than all of it, and the rest
/// goes a short way, so this is faster than two heaps, one for the best place that was not looked at and one for the worst.
pub(super) struct View {
    most: usize,
    places: Vec<Known>,
    /// The first that was not given out; all of them when there is none.
    open: usize,
}

#[derive(Clone, Copy)]
struct Known {
    scored: Scored,
    is_open: bool,
}

impl View {
    /// Begins with these places, which stay until there are better ones.
    pub(super) fn new(most: usize, mut from: Vec<Scored>) -> Self {
        from.sort_unstable_by(|a, b| b.cmp(a));
        let most = most.max(from.len());
        let mut places = Vec::with_capacity(most);
        places.extend(from.into_iter().map(|scored| Known {
            scored,
            is_open: true,
        }));
        Self {
            most,
            places,
            open: 0,
        }
    }

    /// Whether there is a place that was not given out yet.
    pub(super) fn is_open(&self) -> bool {
        self.open < self.places.len()
    }

    /// The best of these.
    pub(super) fn next_open(&mut self) -> Option<u32> {
        let next = self.places.get_mut(self.open)?;
        next.is_open = false;
        let place = next.scored.row;
        let after = &self.places[self.open..];
        let passed = after.iter().position(|known| known.is_open);
        self.open += passed.unwrap_or(after.len());
        Some(place)
    }

    /// Whether a place is among the best so far.
    #[inline]
    pub(super) fn offer(&mut self, scored: Scored) -> bool {
        if self.places.len() >= self.most {
            // Not of NaN, as a damaged graph may have it.
            let is_better = |worst: &Known| scored.score > worst.scored.score;
            if !self.places.last().is_some_and(is_better) {
                return false;
            }
            self.places.pop();
        }
        let at = self
            .places
            .partition_point(|known| known.scored.score >= scored.score);
        let is_open = true;
        self.places.insert(at, Known { scored, is_open });
        self.open = self.open.min(at);
        true
    }

    /// What is in view, best first.
    pub(super) fn into_scored(self) -> Vec<Scored> {
        self.places.into_iter().map(|known| known.scored).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(row: u32, score: f32) -> Scored {
        Scored { score, row }
    }

    #[test]
    fn the_best_are_given_out_once_and_stay_in_view() {
        let mut view = View::new(3, vec![scored(1, 0.1), scored(2, 0.2)]);
        assert_eq!(view.next_open(), Some(2));
        assert!(view.offer(scored(3, 0.3)));
        assert!(!view.offer(scored(4, 0.1)), "as good as the worst");
        assert!(!view.offer(scored(5, f32::NAN)));
        assert_eq!(view.next_open(), Some(3), "it is before the one given out");
        assert_eq!(view.next_open(), Some(1));
        assert!(view.offer(scored(6, 0.15)), "the worst makes room");
        assert_eq!(view.next_open(), Some(6));
        assert_eq!(view.next_open(), None);
        let rows: Vec<u32> = view.into_scored().iter().map(|s| s.row).collect();
        assert_eq!(rows, [3, 2, 6]);
    }

    #[test]
    fn a_view_is_as_large_as_where_it_begins() {
        let mut view = View::new(0, vec![scored(1, 0.1)]);
        assert!(view.offer(scored(2, 0.2)));
        assert_eq!(view.next_open(), Some(2));
        assert_eq!(view.next_open(), None);
        assert_eq!(view.into_scored().len(), 1);
    }
}
