//! Better neighbours for the lowest layer of a graph that is already there.
//!
//! hnsw_rs gives each row the neighbours that were near it among the rows before it, and cuts the links that come back by distance
//! alone. Once all rows are in, a walk from each finds who is near it now, and links are chosen as HNSW's authors do: one to each
//! direction rather than all to the same crowd. Walks then find as much with half the rows in view.

use rayon::prelude::*;

use super::layout::{Graph, LINKS};
use super::{Query, Scored, Vectors};
use crate::Embedding;

/// Rows in view of the walk that looks for neighbours.
const VIEW: usize = 96;
/// Links that a row chooses; the rest is for others that choose it.
const OWN: usize = LINKS.div_ceil(2);
/// Links back to a row that are considered: a row in the middle of a crowd has thousands.
const BACK: usize = 256;

/// Other neighbours of each row.
pub(super) fn refine(vectors: &Vectors<'_>, graph: &Graph<'_>) -> Vec<Vec<u32>> {
    let rows = graph.rows;
    // By places, so that walks that follow each other go through the same part of memory.
    let of_places = (0..rows.len() as u32).into_par_iter().map(|place| {
        let row = rows[place as usize];
        let around = graph
            .neighbours_of(place, 0)
            .map(|place| rows[place as usize]);
        let mut near: Vec<u32> = around.collect();
        if let Some(embedding) = Embedding::restore(vectors.float_row(row).to_vec()) {
            let walked = graph.walk(vectors, &Query::new(&embedding), VIEW);
            near.extend(walked.iter().map(|scored| scored.row));
        }
        thin(vectors, row, near, OWN).0
    });
    let of_places: Vec<Vec<u32>> = of_places.collect();
    let (mut chosen, mut back) = (vec![Vec::new(); rows.len()], vec![Vec::new(); rows.len()]);
    for (&row, neighbours) in rows.iter().zip(of_places) {
        for &neighbour in &neighbours {
            back[neighbour as usize].push(row);
        }
        chosen[row as usize] = neighbours;
    }
    let chosen = chosen.into_par_iter().zip(back).enumerate();
    let both = chosen.map(|(row, (mut near, mut back))| {
        let row = row as u32;
        if back.len() > BACK {
            let scored = scored(vectors, row, back);
            back = scored.iter().take(BACK).map(|scored| scored.row).collect();
        }
        near.extend(back);
        let (mut chosen, covered) = thin(vectors, row, near, LINKS);
        // A link back that is covered may be the only one that leads to its row, and there is room for it.
        let room = LINKS - chosen.len();
        chosen.extend(covered.into_iter().take(room));
        chosen
    });
    both.collect()
}

/// The nearest rows of each direction, at most `most`, and those left out, which are nearer to one already chosen than to the row;
/// both nearest first.
fn thin(vectors: &Vectors<'_>, row: u32, near: Vec<u32>, most: usize) -> (Vec<u32>, Vec<u32>) {
    let mut chosen: Vec<u32> = Vec::with_capacity(most);
    let mut covered = Vec::new();
    for candidate in scored(vectors, row, near) {
        let is_covered = |&other: &u32| cosine(vectors, candidate.row, other) > candidate.score;
        if chosen.iter().any(is_covered) {
            covered.push(candidate.row);
        } else {
            chosen.push(candidate.row);
        }
        if chosen.len() == most {
            break;
        }
    }
    (chosen, covered)
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
    vectors.cosine(a, vectors.float_row(b))
}
