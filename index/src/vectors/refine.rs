//! Better neighbours for the lowest layer of a graph that is already there.
//!
//! hnsw_rs gives each row the neighbours that were near it among the rows before it, and cuts the links that come back by distance
//! alone. Once all rows are in, a walk from each finds who is near it now, and links are chosen as HNSW's authors do: one to each
//! direction rather than all to the same crowd. Walks then find as much with half the rows in view.

use rayon::prelude::*;

use super::beam::Graph;
use super::{Query, Scored, Vectors};
use crate::Embedding;

/// Rows in view of the walk that looks for neighbours.
const VIEW: usize = 96;
/// Links back to a row that are considered: a row in the middle of a crowd has thousands.
const BACK: usize = 256;

/// The neighbours of each row, at most `most`, half of them chosen by the row and the rest by others that chose it.
pub(super) fn refine(vectors: &Vectors<'_>, graph: &Graph<'_>, most: usize) -> Vec<Vec<u32>> {
    let rows = 0..vectors.rows() as u32;
    let chosen = rows.clone().into_par_iter().map(|row| {
        let around = graph.neighbours_of(row).iter().copied();
        let mut near: Vec<u32> = around.collect();
        if let Some(embedding) = Embedding::restore(vectors.float_row(row).to_vec()) {
            let walked = graph.walk(vectors, None, &Query::new(&embedding), VIEW);
            near.extend(walked.iter().map(|scored| scored.row));
        }
        thin(vectors, row, near, most / 2)
    });
    let chosen: Vec<Vec<u32>> = chosen.collect();
    let mut back = vec![Vec::new(); chosen.len()];
    for (row, neighbours) in rows.zip(&chosen) {
        for &neighbour in neighbours {
            back[neighbour as usize].push(row);
        }
    }
    let chosen = chosen.into_par_iter().zip(back).enumerate();
    let both = chosen.map(|(row, (mut near, mut back))| {
        let row = row as u32;
        if back.len() > BACK {
            let scored = scored(vectors, row, back);
            back = scored.iter().take(BACK).map(|scored| scored.row).collect();
        }
        near.extend(back);
        thin(vectors, row, near, most)
    });
    both.collect()
}

/// The nearest rows of each direction: one is left out that is nearer to one already chosen than to the row.
fn thin(vectors: &Vectors<'_>, row: u32, near: Vec<u32>, most: usize) -> Vec<u32> {
    let mut chosen: Vec<u32> = Vec::with_capacity(most);
    for candidate in scored(vectors, row, near) {
        let is_covered = |&other: &u32| cosine(vectors, candidate.row, other) > candidate.score;
        if !chosen.iter().any(is_covered) {
            chosen.push(candidate.row);
        }
        if chosen.len() == most {
            break;
        }
    }
    chosen
}

/// Rows other than `row` with their cosines to it, nearest first, each once.
fn scored(vectors: &Vectors<'_>, row: u32, mut near: Vec<u32>) -> Vec<Scored> {
    near.sort_unstable();
    near.dedup();
    let near = near.into_iter().filter(|&other| other != row);
    let mut scored: Vec<Scored> = near
        .map(|other| Scored {
            score: cosine(vectors, row, other),
            row: other,
        })
        .collect();
    scored.sort_unstable_by(|a, b| b.cmp(a));
    scored
}

fn cosine(vectors: &Vectors<'_>, a: u32, b: u32) -> f32 {
    vectors
        .kernels
        .dot(vectors.float_row(a), vectors.float_row(b))
}
