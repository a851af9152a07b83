//! Searching vectors: exactly while that is fast, over a graph beyond.

mod beam;
mod exact;
mod graph;
mod kernels;
mod quantise;
mod top;

pub(crate) use beam::Graph;
pub(crate) use graph::build as build_graph;
pub(crate) use kernels::Kernels;
pub(crate) use quantise::{Query, quantise};
pub(crate) use top::{Scored, best};

use roaring::RoaringBitmap;

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
    pub(crate) fn cosine(&self, row: u32, query: &Query) -> f32 {
        self.kernels.dot(self.float_row(row), query.floats())
    }

    /// The cosine with a row as its codes have it.
    pub(crate) fn estimate(&self, row: u32, query: &Query) -> f32 {
        let codes = &self.codes[row as usize * self.dim..][..self.dim];
        query.estimate(
            self.kernels.dot_codes(codes, query.codes()),
            self.scales[row as usize],
        )
    }
}

/// A graph walk has to look at 1/share times as many rows as it may return, so below this share of allowed rows
/// scanning them is faster.
const LEAST_SHARE_FOR_GRAPH: f64 = 0.1;

/// The `k` best rows, best first, ties by row.
pub(crate) fn nearest(
    vectors: &Vectors<'_>,
    graph: Option<&Graph<'_>>,
    allowed: Option<&RoaringBitmap>,
    query: &Query,
    k: usize,
) -> Vec<Scored> {
    let rows = vectors.rows();
    let survivors = allowed.map_or(rows, |rows| rows.len() as usize);
    let share = survivors as f64 / rows.max(1) as f64;
    // A long list leads the walk through a good part of the graph, one cache miss after the other.
    let is_for_graph = share >= LEAST_SHARE_FOR_GRAPH && k <= rows / 100;
    if let Some(graph) = graph.filter(|_| is_for_graph) {
        let found = graph.nearest(vectors, allowed, share, query, k);
        if found.len() == k.min(survivors) {
            return found;
        }
    }
    exact::nearest(vectors, allowed, query, k)
}
