//! The walk over a graph.

use roaring::RoaringBitmap;

use super::kernels::prefetch;
use super::layout::{Graph, LINKS};
use super::view::View;
use super::{Query, Scored, Vectors, exact};

/// Rows kept in view on the lowest layer for each one on the layer above, which has a sixteenth of the rows. Half as many, or twice,
/// make walks by sentences as long; walks by pictures get longer with more.
const VIEW_PER_UPPER_VIEW: usize = 8;
/// Places whose neighbours are compared in one go. A walk waits for memory, which brings many rows in little more time than one; that
/// the second place does not know what the first led to costs 1 to 5 % more comparisons.
const TOGETHER: usize = 2;

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
        let slack = query.likely_slack(vectors.error);
        exact::rescore(vectors, query, &found, k, slack)
    }

    /// The `ef` rows that a walk keeps in view, with their estimates.
    pub(super) fn walk(&self, vectors: &Vectors<'_>, query: &Query, ef: usize) -> Vec<Scored> {
        let mut view = vec![self.descend(vectors, query)];
        // What is near a sentence lies in several parts of the collection, which lead to each other only by rows that are far from it:
        // the few rows of the next layer show where they are.
        for (layer, ef) in [(1, ef / VIEW_PER_UPPER_VIEW), (0, ef)] {
            if layer <= self.top {
                view = self.widen(vectors, query, view, layer, ef);
            }
        }
        let rows = view.into_iter().map(|scored| Scored {
            row: self.rows[scored.row as usize],
            ..scored
        });
        rows.filter(|scored| (scored.row as usize) < vectors.rows())
            .collect()
    }

    /// From the top layer down to the place nearest to the query on the second layer above the lowest.
    fn descend(&self, vectors: &Vectors<'_>, query: &Query) -> Scored {
        let mut here = self.scored(vectors, query, self.entry);
        for layer in (2..=self.top).rev() {
            loop {
                let around = self.neighbours_of(here.row, layer);
                let valid = around.filter(|&place| (place as usize) < vectors.rows());
                match valid.map(|place| self.scored(vectors, query, place)).max() {
                    Some(better) if better.score > here.score => here = better,
                    _ => break,
                }
            }
        }
        here
    }

    /// The `ef` places in view at the end of a walk over a layer that begins at these, best first.
    fn widen(
        &self,
        vectors: &Vectors<'_>,
        query: &Query,
        from: Vec<Scored>,
        layer: u32,
        ef: usize,
    ) -> Vec<Scored> {
        let mut seen = Seen::new(vectors.rows());
        from.iter().for_each(|scored| _ = seen.is_new(scored.row));
        let mut view = View::new(ef, from);
        let mut fresh = Vec::with_capacity(TOGETHER * LINKS);
        let mut codes = Vec::with_capacity(TOGETHER * LINKS);
        let mut dots = Vec::with_capacity(TOGETHER * LINKS);
        while view.is_open() {
            fresh.clear();
            for place in (0..TOGETHER).map_while(|_| view.next_open()) {
                let around = self.neighbours_of(place, layer);
                fresh.extend(around.filter(|&place| seen.is_new(place)));
            }
            codes.clear();
            codes.extend(fresh.iter().map(|&place| {
                prefetch(bytemuck::cast_slice(self.scale_line(place)));
                self.codes_of(place)
            }));
            vectors
                .kernels
                .dot_scattered(&codes, query.codes(), &mut dots);
            for (&place, &dot) in fresh.iter().zip(&dots) {
                let score = query.estimate(dot, self.scale_of(place));
                if view.offer(Scored { score, row: place }) {
                    // Most are looked at later, as they are among the nearest so far.
                    prefetch(bytemuck::cast_slice(self.first_line(place)));
                }
            }
        }
        view.into_scored()
    }

    /// A place, in the stead of its row, with the estimate of its cosine.
    fn scored(&self, vectors: &Vectors<'_>, query: &Query, place: u32) -> Scored {
        let dot = vectors
            .kernels
            .dot_codes(self.codes_of(place), query.codes());
        Scored {
            score: query.estimate(dot, self.scale_of(place)),
            row: place,
        }
    }
}

/// Which places a walk has come to.
struct Seen {
    places: usize,
    bits: Vec<u64>,
}

impl Seen {
    fn new(places: usize) -> Self {
        let bits = vec![0; places.div_ceil(64)];
        Self { places, bits }
    }

    /// Whether it is the first time. Never for a place that there is not, as in a damaged graph.
    fn is_new(&mut self, place: u32) -> bool {
        let Some(word) = self.bits.get_mut(place as usize / 64) else {
            return false;
        };
        let bit = 1 << (place % 64);
        let is_new = *word & bit == 0 && (place as usize) < self.places;
        *word |= bit;
        is_new
    }
}
