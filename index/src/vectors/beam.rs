//! The walk over a graph.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use roaring::RoaringBitmap;

use super::kernels::prefetch;
use super::layout::{Graph, LINKS};
use super::{Query, Scored, Vectors, exact};

/// Rows that are fetched from memory while one is computed.
const AHEAD: usize = 6;

impl Graph<'_> {
    /// About the `k` best of the allowed rows, best first, with `ef` candidates in view. `share` is how large a part of the rows is
    /// allowed.
    pub(crate) fn nearest(
        &self,
        vectors: &Vectors<'_>,
        allowed: Option<&RoaringBitmap>,
        share: f64,
        query: &Query,
        k: usize,
        ef: usize,
    ) -> Vec<Scored> {
        let ef = (ef.max(k) as f64 / share.max(0.01)).ceil() as usize;
        let mut found = self.walk(vectors, query, ef);
        let missed = self.missed.iter();
        found.extend(missed.map(|&row| Scored {
            score: vectors.estimate(row, query),
            row,
        }));
        found.retain(|scored| allowed.is_none_or(|rows| rows.contains(scored.row)));
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.dedup_by_key(|scored| scored.row);
        exact::rescore(vectors, query, &found, k)
    }

    /// The `ef` rows that a walk keeps in view, with their estimates.
    pub(super) fn walk(&self, vectors: &Vectors<'_>, query: &Query, ef: usize) -> Vec<Scored> {
        let start = self.descend(vectors, query);
        let places = vectors.rows();
        let mut seen = vec![0_u64; places.div_ceil(64)];
        let mut is_new = |place: u32| {
            // Out of range only in a damaged graph: then the place is passed over.
            let Some(word) = seen.get_mut(place as usize / 64) else {
                return false;
            };
            let bit = 1 << (place % 64);
            let is_new = *word & bit == 0 && (place as usize) < places;
            *word |= bit;
            is_new
        };
        is_new(start.row);
        let mut open = BinaryHeap::from([start]);
        let mut view = BinaryHeap::from([Reverse(start)]);
        let mut fresh = Vec::with_capacity(LINKS);
        let fetch = |&place: &u32| prefetch(bytemuck::cast_slice(self.after_first_line(place)));
        while let Some(nearest) = open.pop() {
            let worst = view
                .peek()
                .map_or(f32::NEG_INFINITY, |Reverse(worst)| worst.score);
            if nearest.score < worst && view.len() >= ef {
                break;
            }
            fresh.clear();
            fresh.extend(
                self.neighbours_of(nearest.row)
                    .filter(|&place| is_new(place)),
            );
            fresh.iter().take(AHEAD).for_each(fetch);
            for (at, &place) in fresh.iter().enumerate() {
                fresh.get(at + AHEAD).into_iter().for_each(fetch);
                let scored = self.scored(vectors, query, place);
                let is_full = view.len() >= ef;
                if is_full && view.peek().is_some_and(|Reverse(worst)| scored <= *worst) {
                    continue;
                }
                // Most are looked at later, as they are among the nearest so far.
                prefetch(bytemuck::cast_slice(self.first_line(place)));
                open.push(scored);
                view.push(Reverse(scored));
                if is_full {
                    view.pop();
                }
            }
        }
        let view = view.into_iter().map(|Reverse(scored)| Scored {
            row: self.rows()[scored.row as usize],
            ..scored
        });
        view.filter(|scored| (scored.row as usize) < vectors.rows())
            .collect()
    }

    /// From the top layer down to the place nearest to the query that the upper layers lead to.
    fn descend(&self, vectors: &Vectors<'_>, query: &Query) -> Scored {
        let mut here = self.scored(vectors, query, self.entry);
        for layer in (1..=self.top).rev() {
            loop {
                let around = self.upper_of(here.row, layer).iter().copied();
                let valid = around.filter(|&place| (place as usize) < vectors.rows());
                match valid.map(|place| self.scored(vectors, query, place)).max() {
                    Some(better) if better.score > here.score => here = better,
                    _ => break,
                }
            }
        }
        here
    }

    /// A place, in the stead of its row, with the estimate of its cosine.
    fn scored(&self, vectors: &Vectors<'_>, query: &Query, place: u32) -> Scored {
        let (scale, codes) = self.codes_of(place);
        let dot = vectors.kernels.dot_codes(codes, query.codes());
        Scored {
            score: query.estimate(dot, scale),
            row: place,
        }
    }
}
