//! A graph as it lies in a segment, and the walk over it.
//!
//! Words of 32 bits: `[16 header: neighbours, entry row, top layer, upper words, missed rows, 11 x 0]`
//! `[rows, 2 * neighbours + 1: lowest layer, count first]` `[rows: place among the upper words, or none]`
//! `[upper words: per row its top layer, then per layer from 1 a block of neighbours + 1]` `[missed rows]`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use roaring::RoaringBitmap;

use super::kernels::prefetch;
use super::{Query, Scored, Vectors, exact};

const HEADER: usize = 16;
const NONE: u32 = u32::MAX;
/// Rows that are fetched from memory while one is computed: they lie anywhere in it.
const AHEAD: usize = 4;

/// Lays a graph out.
pub(super) struct Layout {
    neighbours: usize,
    entry: u32,
    top: u32,
    lowest: Vec<u32>,
    places: Vec<u32>,
    upper: Vec<u32>,
}

impl Layout {
    pub(super) fn new(rows: usize, neighbours: usize) -> Self {
        let lowest = vec![0; rows * (2 * neighbours + 1)];
        Self {
            neighbours,
            entry: 0,
            top: 0,
            lowest,
            places: vec![NONE; rows],
            upper: Vec::new(),
        }
    }

    /// Adds a row with its neighbours on each of its layers, lowest first.
    pub(super) fn add(&mut self, row: u32, layers: &[Vec<u32>]) {
        let Some((lowest, upper)) = layers.split_first() else {
            return;
        };
        let stride = 2 * self.neighbours + 1;
        fill(&mut self.lowest[row as usize * stride..][..stride], lowest);
        if !upper.is_empty() {
            self.places[row as usize] = self.upper.len() as u32;
            self.upper.push(upper.len() as u32);
            for layer in upper {
                let from = self.upper.len();
                self.upper.resize(from + self.neighbours + 1, 0);
                fill(&mut self.upper[from..], layer);
            }
        }
        if upper.len() as u32 > self.top {
            (self.top, self.entry) = (upper.len() as u32, row);
        }
    }

    /// Gives a row other neighbours on the lowest layer.
    pub(super) fn replace(&mut self, row: u32, neighbours: &[u32]) {
        let stride = 2 * self.neighbours + 1;
        let block = &mut self.lowest[row as usize * stride..][..stride];
        block.fill(0);
        fill(block, neighbours);
    }

    pub(super) fn finish(&self, missed: &[u32]) -> Vec<u32> {
        let (neighbours, upper) = (self.neighbours as u32, self.upper.len() as u32);
        let mut words = vec![neighbours, self.entry, self.top, upper, missed.len() as u32];
        words.resize(HEADER, 0);
        [&self.lowest, &self.places, &self.upper, missed]
            .iter()
            .for_each(|part| words.extend(*part));
        words
    }
}

fn fill(block: &mut [u32], neighbours: &[u32]) {
    let count = neighbours.len().min(block.len() - 1);
    block[0] = count as u32;
    block[1..=count].copy_from_slice(&neighbours[..count]);
}

/// A graph over the rows of a segment.
pub(crate) struct Graph<'a> {
    neighbours: usize,
    entry: u32,
    top: u32,
    lowest: &'a [u32],
    places: &'a [u32],
    upper: &'a [u32],
    missed: &'a [u32],
}

impl<'a> Graph<'a> {
    /// `None` when the words cannot be a graph of this many rows.
    pub(crate) fn open(words: &'a [u32], rows: usize) -> Option<Self> {
        let (header, words) = words.split_at_checked(HEADER)?;
        let [neighbours, entry, top, upper, missed] = *header.first_chunk::<5>()?;
        let neighbours = neighbours as usize;
        let (lowest, words) = words.split_at_checked(rows.checked_mul(2 * neighbours + 1)?)?;
        let (places, words) = words.split_at_checked(rows)?;
        let (upper, missed_rows) = words.split_at_checked(upper as usize)?;
        let is_sound = missed_rows.len() == missed as usize
            && (entry as usize) < rows
            && missed_rows.iter().all(|&row| (row as usize) < rows);
        is_sound.then_some(Self {
            neighbours,
            entry,
            top,
            lowest,
            places,
            upper,
            missed: missed_rows,
        })
    }

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
        let mut found = self.walk(vectors, allowed, query, ef);
        let missed = self
            .missed
            .iter()
            .filter(|&&row| allowed.is_none_or(|a| a.contains(row)));
        found.extend(missed.map(|&row| Scored {
            score: vectors.estimate(row, query),
            row,
        }));
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.dedup_by_key(|scored| scored.row);
        exact::rescore(vectors, query, &found, k)
    }

    /// The allowed ones among the `ef` rows that a walk keeps in view, with their estimates.
    pub(super) fn walk(
        &self,
        vectors: &Vectors<'_>,
        allowed: Option<&RoaringBitmap>,
        query: &Query,
        ef: usize,
    ) -> Vec<Scored> {
        let start = self.descend(vectors, query);
        let mut seen = vec![0_u64; vectors.rows().div_ceil(64)];
        let mut is_new = |row: u32| {
            // Out of range only in a damaged graph: then the row is passed over.
            let Some(word) = seen.get_mut(row as usize / 64) else {
                return false;
            };
            let bit = 1 << (row % 64);
            let is_new = *word & bit == 0 && (row as usize) < vectors.rows();
            *word |= bit;
            is_new
        };
        is_new(start.row);
        let mut open = BinaryHeap::from([start]);
        let mut view = BinaryHeap::from([Reverse(start)]);
        let mut fresh = Vec::with_capacity(2 * self.neighbours);
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
                    .iter()
                    .filter(|&&row| is_new(row)),
            );
            let fetch = |row: &u32| vectors.prefetch(*row);
            fresh.iter().take(AHEAD).for_each(fetch);
            for (at, &row) in fresh.iter().enumerate() {
                fresh.get(at + AHEAD).into_iter().for_each(fetch);
                let scored = Scored {
                    score: vectors.estimate(row, query),
                    row,
                };
                let is_full = view.len() >= ef;
                if is_full && view.peek().is_some_and(|Reverse(worst)| scored <= *worst) {
                    continue;
                }
                // Most are looked at later, as they are among the nearest so far.
                prefetch(bytemuck::cast_slice(self.block(row)));
                open.push(scored);
                view.push(Reverse(scored));
                if is_full {
                    view.pop();
                }
            }
        }
        let view = view.into_iter().map(|Reverse(scored)| scored);
        view.filter(|scored| allowed.is_none_or(|a| a.contains(scored.row)))
            .collect()
    }

    /// From the top layer down to the row nearest to the query that the upper layers lead to.
    fn descend(&self, vectors: &Vectors<'_>, query: &Query) -> Scored {
        let scored = |row| Scored {
            score: vectors.estimate(row, query),
            row,
        };
        let mut here = scored(self.entry);
        for layer in (1..=self.top).rev() {
            loop {
                let around = self.upper_of(here.row, layer).iter();
                let valid = around.filter(|&&row| (row as usize) < vectors.rows());
                match valid.map(|&row| scored(row)).max() {
                    Some(better) if better.score > here.score => here = better,
                    _ => break,
                }
            }
        }
        here
    }

    /// Neighbours on the lowest layer.
    pub(super) fn neighbours_of(&self, row: u32) -> &'a [u32] {
        counted(self.block(row))
    }

    /// The neighbours of a row on the lowest layer, with their number.
    fn block(&self, row: u32) -> &'a [u32] {
        let stride = 2 * self.neighbours + 1;
        &self.lowest[row as usize * stride..][..stride]
    }

    fn upper_of(&self, row: u32, layer: u32) -> &'a [u32] {
        let place = self.places[row as usize] as usize;
        let Some((&top, blocks)) = self.upper.get(place..).and_then(<[u32]>::split_first) else {
            return &[];
        };
        let stride = self.neighbours + 1;
        let from = (layer as usize - 1) * stride;
        match blocks.get(from..from + stride) {
            Some(block) if layer <= top => counted(block),
            _ => &[],
        }
    }
}

fn counted(block: &[u32]) -> &[u32] {
    let (&count, neighbours) = block.split_first().unwrap_or((&0, &[]));
    &neighbours[..neighbours.len().min(count as usize)]
}
