//! Building a graph. The only file that names hnsw_rs: it builds, [`Graph`] serves.

use std::ops::ControlFlow;

use anndists::dist::Distance;
use hnsw_rs::hnsw::Hnsw;
use rayon::prelude::*;

use super::layout::{Graph, LAYERS, Layout, UPPER_LINKS, add_missed};
use super::refine::refine;
use super::{Kernels, Query, Vectors};
use crate::Embedding;

/// Fewer than others take: what that leaves to be desired is made good afterwards.
const EF_CONSTRUCTION: usize = 100;
/// How often the neighbours of all rows are chosen anew: the second time by walks over what the first has made better.
const PASSES: usize = 2;
/// Rows in view of the self-probe, and of a second one of the rows that the first does not find: with that many a search looks.
const PROBES: [usize; 2] = [64, 512];
/// Rows between two questions whether to go on.
const ROWS_PER_STEP: usize = 1024;

/// Cosine distance. A distance of our own, because those that come with hnsw_rs assert that norms are at most 1,
/// which rounding does not respect.
struct Cosine(Kernels);

impl Distance<f32> for Cosine {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        (1.0 - self.0.dot(a, b)).max(0.0)
    }
}

/// Builds the graph of all rows and lays it out as [`Graph`] reads it. Rows that a walk does not find are listed
/// in it and will be scanned. `progress` gets how many of the rows are linked; `None` when it breaks.
pub(crate) fn build(
    vectors: &Vectors<'_>,
    mut progress: impl FnMut(usize, usize) -> ControlFlow<()>,
) -> Option<Vec<u32>> {
    let rows = vectors.rows();
    let hnsw = Hnsw::new(
        UPPER_LINKS,
        rows,
        LAYERS,
        EF_CONSTRUCTION,
        Cosine(vectors.kernels),
    );
    if rows > 0 {
        // Two threads that both find an empty graph would leave one of their rows unconnected.
        hnsw.insert_slice((vectors.float_row(0), 0));
        for from in (1..rows).step_by(ROWS_PER_STEP) {
            if progress(from, rows).is_break() {
                return None;
            }
            (from..rows.min(from + ROWS_PER_STEP))
                .into_par_iter()
                .for_each(|row| hnsw.insert_slice((vectors.float_row(row as u32), row)));
        }
    }
    let mut layout = Layout::new(rows);
    let points = hnsw.get_point_indexation();
    for layer in 0..LAYERS {
        for point in points.get_layer_iterator(layer) {
            let neighbours: Vec<Vec<u32>> = point
                .get_neighborhood_id()
                .into_iter()
                .take(layer + 1)
                .map(|layer| {
                    layer
                        .iter()
                        .map(|neighbour| neighbour.d_id as u32)
                        .collect()
                })
                .collect();
            layout.add(point.get_origin_id() as u32, &neighbours);
        }
    }
    drop(hnsw);
    let mut words = layout.finish(vectors);
    for _ in 0..PASSES {
        let Some(graph) = Graph::open(&words, rows, vectors.dim) else {
            break;
        };
        let refined = refine(vectors, &graph);
        for (row, neighbours) in (0..).zip(&refined) {
            layout.replace(row, neighbours);
        }
        words = layout.finish(vectors);
    }
    let missed = unreachable(vectors, &words);
    if !missed.is_empty() {
        tracing::debug!(
            rows,
            missed = missed.len(),
            "rows out of reach of the graph will be scanned"
        );
        add_missed(&mut words, &missed);
    }
    Some(words)
}

/// The rows that do not find themselves.
fn unreachable(vectors: &Vectors<'_>, words: &[u32]) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..vectors.rows() as u32).collect();
    let Some(graph) = Graph::open(words, vectors.rows(), vectors.dim) else {
        return rows;
    };
    for probe in PROBES {
        let missed = rows.into_par_iter().filter(|&row| {
            let embedding = Embedding::restore(vectors.float_row(row).to_vec());
            let walked = embedding.map(|e| graph.walk(vectors, &Query::new(&e), probe));
            !walked.is_some_and(|found| found.iter().any(|scored| scored.row == row))
        });
        rows = missed.collect();
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::{exact, quantise};
    use super::*;

    /// Rows around a few centres, the same every time.
    fn clustered(rows: usize, dim: usize) -> Vec<f32> {
        let mut state = 1_u64;
        let mut random = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let centres: Vec<f32> = (0..20 * dim).map(|_| random()).collect();
        let row = |row: usize, random: &mut dyn FnMut() -> f32| {
            let centre = &centres[row % 20 * dim..][..dim];
            let row = centre.iter().map(|x| x + 0.7 * random()).collect();
            Embedding::new(row).expect("a random row has a direction")
        };
        (0..rows)
            .flat_map(|at| row(at, &mut random).as_slice().to_vec())
            .collect()
    }

    #[test]
    fn the_graph_finds_what_the_scan_finds() {
        let (rows, dim) = (2000, 24);
        let floats = clustered(rows, dim);
        let (mut codes, mut scales, mut error) = (Vec::new(), Vec::new(), 0.0_f32);
        for row in floats.chunks(dim) {
            let quantised = quantise(row, &mut codes);
            scales.push(quantised.scale);
            error = error.max(quantised.error);
        }
        let kernels = Kernels::detect();
        let vectors = Vectors {
            dim,
            floats: &floats,
            codes: &codes,
            scales: &scales,
            error,
            kernels,
        };
        let mut told = Vec::new();
        let words = build(&vectors, |done, total| {
            told.push((done, total));
            ControlFlow::Continue(())
        });
        let words = words.expect("nothing broke it off");
        assert_eq!(told, [(1, 2000), (1025, 2000)]);
        assert!(build(&vectors, |_, _| ControlFlow::Break(())).is_none());
        let graph = Graph::open(&words, rows, dim).expect("it was just built");

        let (mut found, mut odd) = (0, 0);
        let odd_rows = (1..rows as u32).step_by(2).collect();
        for row in (0..rows as u32).step_by(20) {
            let query =
                Query::new(&Embedding::restore(vectors.float_row(row).to_vec()).expect("unit"));
            let common = |allowed| {
                let exact = exact::nearest(&vectors, allowed, &query, 10);
                let share = if allowed.is_some() { 0.5 } else { 1.0 };
                let walked: HashSet<_> = graph
                    .nearest(&vectors, allowed, share, &query, 10, 128)
                    .iter()
                    .map(|s| s.row)
                    .collect();
                exact
                    .iter()
                    .filter(|scored| walked.contains(&scored.row))
                    .count()
            };
            found += common(None);
            odd += common(Some(&odd_rows));
        }
        assert!(found >= 990, "recall {found} of 1000");
        assert!(odd >= 990, "filtered recall {odd} of 1000");
        assert!(Graph::open(&words[1..], rows, dim).is_none());
        assert!(Graph::open(&words, rows, dim + 1).is_none());

        let query = Query::new(&Embedding::restore(vectors.float_row(7).to_vec()).expect("unit"));
        let mut is_open = [0, 0];
        for at in (0..words.len()).step_by(101).chain(0..16) {
            for wrong in [0, 16, rows as u32, u32::MAX] {
                let mut words = words.clone();
                words[at] = wrong;
                let graph = Graph::open(&words, rows, dim);
                is_open[usize::from(graph.is_some())] += 1;
                let found = graph.map(|g| g.nearest(&vectors, None, 1.0, &query, 10, 64));
                assert!(
                    found.is_none_or(|found| found.len() <= 10),
                    "word {at} is {wrong}"
                );
            }
        }
        assert!(is_open[0] > 10 && is_open[1] > 1000, "{is_open:?}");
    }
}
