//! Looking at every row. The bytes are compared first, which is a quarter of the memory traffic; then floats,
//! for as many rows as the rounding of the bytes leaves in doubt, so that the answer is the one that floats give.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use rayon::prelude::*;
use roaring::RoaringBitmap;

use super::kernels::prefetch;
use super::{Query, Scored, Vectors, best};

/// Rows compared in one go, small enough for their estimates to stay in the nearest cache.
const BLOCK: usize = 256;
/// Rows that are worth the hand-over to another thread.
const ROWS_PER_TASK: usize = 16_384;
/// With fewer than one allowed row in this many, only those are looked at.
const SPARSE: usize = 8;
/// Rows of floats that are fetched from memory while one is compared.
const AHEAD: usize = 2;

/// The `k` best rows of all, best first, ties by row: exactly those that a scan of the floats finds.
pub(super) fn nearest(
    vectors: &Vectors<'_>,
    allowed: Option<&RoaringBitmap>,
    query: &Query,
    k: usize,
) -> Vec<Scored> {
    let rows = vectors.rows();
    let k = k.min(allowed.map_or(rows, |rows| rows.len() as usize));
    if k == 0 {
        return Vec::new();
    }
    let slack = query.slack(vectors.error);
    let mut candidates = match allowed {
        Some(allowed) if (allowed.len() as usize) < rows / SPARSE => {
            let estimated = allowed.iter().map(|row| Scored {
                score: vectors.estimate(row, query),
                row,
            });
            let mut doubtful = Doubtful::new(k, slack);
            estimated.for_each(|scored| doubtful.offer(scored));
            doubtful.rows
        }
        _ if rows <= ROWS_PER_TASK => scan(vectors, allowed, query, 0..rows, k, slack),
        _ => (0..rows.div_ceil(ROWS_PER_TASK))
            .into_par_iter()
            .flat_map_iter(|task| {
                let from = task * ROWS_PER_TASK;
                scan(
                    vectors,
                    allowed,
                    query,
                    from..rows.min(from + ROWS_PER_TASK),
                    k,
                    slack,
                )
            })
            .collect(),
    };
    candidates.sort_unstable_by(|a, b| b.cmp(a));
    rescore(vectors, query, &candidates, k, slack)
}

/// The rows of a range that can be among its `k` best.
fn scan(
    vectors: &Vectors<'_>,
    allowed: Option<&RoaringBitmap>,
    query: &Query,
    rows: Range<usize>,
    k: usize,
    slack: f32,
) -> Vec<Scored> {
    let mut doubtful = Doubtful::new(k, slack);
    let mut dots = [0; BLOCK];
    for from in rows.clone().step_by(BLOCK) {
        let block = from..rows.end.min(from + BLOCK);
        let dots = &mut dots[..block.len()];
        let codes = &vectors.codes[block.start * vectors.dim..block.end * vectors.dim];
        vectors.kernels.dot_block(codes, query.codes(), dots);
        for ((row, &dot), &scale) in block.clone().zip(&*dots).zip(&vectors.scales[block]) {
            let scored = Scored {
                score: query.estimate(dot, scale),
                row: row as u32,
            };
            if scored.score >= doubtful.least
                && allowed.is_none_or(|allowed| allowed.contains(scored.row))
            {
                doubtful.offer(scored);
            }
        }
    }
    doubtful.rows
}

/// Collects the rows whose estimates do not rule them out of the `k` best.
struct Doubtful {
    k: usize,
    slack: f32,
    /// The `k` best estimates so far, worst on top.
    heap: BinaryHeap<Reverse<Scored>>,
    /// A row with a lower estimate is out: k rows are at least their estimate less the slack, and it is at most
    /// its own estimate plus the slack.
    least: f32,
    rows: Vec<Scored>,
}

impl Doubtful {
    fn new(k: usize, slack: f32) -> Self {
        let heap = BinaryHeap::with_capacity(k.min(4096) + 1);
        Self {
            k,
            slack,
            heap,
            least: f32::NEG_INFINITY,
            rows: Vec::new(),
        }
    }

    fn offer(&mut self, scored: Scored) {
        if scored.score < self.least {
            return;
        }
        self.rows.push(scored);
        self.heap.push(Reverse(scored));
        if self.heap.len() > self.k {
            self.heap.pop();
        }
        if let Some(Reverse(worst)) = self.heap.peek().filter(|_| self.heap.len() == self.k) {
            self.least = worst.score - 2.0 * self.slack;
        }
    }
}

/// Replaces estimates by cosines, best estimate first, until no further row can make it, given how far estimates are off.
pub(super) fn rescore(
    vectors: &Vectors<'_>,
    query: &Query,
    candidates: &[Scored],
    k: usize,
    slack: f32,
) -> Vec<Scored> {
    let fetch = |scored: &Scored| prefetch(bytemuck::cast_slice(vectors.float_row(scored.row)));
    candidates.iter().take(AHEAD).for_each(fetch);
    let mut heap: BinaryHeap<Reverse<Scored>> = BinaryHeap::with_capacity(k.min(4096) + 1);
    for (at, candidate) in candidates.iter().enumerate() {
        let worst = heap.peek().filter(|_| heap.len() == k);
        if worst.is_some_and(|Reverse(worst)| candidate.score + slack < worst.score) {
            break;
        }
        candidates.get(at + AHEAD).into_iter().for_each(fetch);
        let row = candidate.row;
        heap.push(Reverse(Scored {
            score: vectors.cosine(row, query.floats()),
            row,
        }));
        if heap.len() > k {
            heap.pop();
        }
    }
    best(heap.into_iter().map(|Reverse(scored)| scored).collect(), k)
}
