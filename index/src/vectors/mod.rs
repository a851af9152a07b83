//! Searching vectors: exactly while that is fast, over a graph beyond.

mod beam;
mod exact;
mod graph;
mod kernels;
mod layout;
mod order;
mod quantise;
mod refine;
mod top;
mod view;

pub(crate) use graph::build as build_graph;
pub(crate) use kernels::Kernels;
pub(crate) use layout::Graph;
pub(crate) use quantise::{Query, quantise};
pub(crate) use top::{Scored, best};

use roaring::RoaringBitmap;

use crate::Effort;

/// The vectors of one segment as they lie in its file.
#[derive(Clone, Copy)]
pub(crate) struct Vectors<'a> {
    pub(crate) dim: usize,
    /// `[rows, dim]`, norm 1.
    pub(crate) floats: &'a [f32],
    /// `[rows, dim]`, biased by 128.
    pub(crate) codes: &'a [u8],
    /// `[rows]`: what one step of a row's codes is worth.
    pub(crate) scales: &'a [f32],
    /// The largest distance between a row and what its codes say.
    pub(crate) error: f32,
    pub(crate) kernels: Kernels,
}

impl<'a> Vectors<'a> {
    pub(crate) fn rows(&self) -> usize {
        self.scales.len()
    }

    pub(crate) fn float_row(&self, row: u32) -> &'a [f32] {
        &self.floats[row as usize * self.dim..][..self.dim]
    }

    /// The cosine with a row, to the precision of f32.
    pub(crate) fn cosine(&self, row: u32, query: &[f32]) -> f32 {
        self.kernels.dot(self.float_row(row), query)
    }

    fn code_row(&self, row: u32) -> &'a [u8] {
        &self.codes[row as usize * self.dim..][..self.dim]
    }

    /// The cosine with a row as its codes have it.
    pub(crate) fn estimate(&self, row: u32, query: &Query) -> f32 {
        query.estimate(
            self.kernels.dot_codes(self.code_row(row), query.codes()),
            self.scales[row as usize],
        )
    }
}

/// A graph walk has to look at 1/share times as many rows as it may return, so below this share of allowed rows
/// scanning them is faster.
const LEAST_SHARE_FOR_GRAPH: f64 = 0.1;
/// Up to here comparing all rows is what is planned.
const ROWS_TO_COMPARE: usize = 20_000;
/// Rows to keep in view. Sentences lie outside the cloud of pictures and need several times as many as pictures do.
const LEAST_EF: usize = 512;
/// As many rows as that is enough for. Beyond, the number grows with the cube root: twice as many for eight times the rows.
const ROWS_OF_LEAST_EF: usize = 100_000;
/// Rows kept in view per row wanted.
const EF_PER_RESULT: usize = 4;

/// How many candidates a walk over the graph of this many rows is to keep in view; `None` to compare all.
fn candidates(effort: Effort, rows: usize, k: usize) -> Option<usize> {
    match effort {
        Effort::Exact => None,
        Effort::Candidates(ef) => Some(ef),
        Effort::Planned if rows <= ROWS_TO_COMPARE => None,
        // A long list leads the walk through a good part of the graph, one cache miss after the other.
        Effort::Planned if k > rows / 100 => None,
        Effort::Planned => {
            let times = (rows as f64 / ROWS_OF_LEAST_EF as f64).cbrt().max(1.0);
            let least = (LEAST_EF as f64 * times) as usize;
            Some(least.max(k * EF_PER_RESULT))
        }
    }
}

/// The `k` best rows, best first, ties by row.
pub(crate) fn nearest(
    vectors: &Vectors<'_>,
    graph: Option<&Graph<'_>>,
    allowed: Option<&RoaringBitmap>,
    query: &Query,
    k: usize,
    effort: Effort,
) -> Vec<Scored> {
    let rows = vectors.rows();
    let survivors = allowed.map_or(rows, |rows| rows.len() as usize);
    let share = survivors as f64 / rows.max(1) as f64;
    let ef = candidates(effort, rows, k).filter(|_| share >= LEAST_SHARE_FOR_GRAPH);
    if let Some((graph, ef)) = graph.zip(ef) {
        let found = graph.nearest(vectors, allowed, share, query, k, ef);
        if found.len() == k.min(survivors) {
            return found;
        }
    }
    exact::nearest(vectors, allowed, query, k)
}
