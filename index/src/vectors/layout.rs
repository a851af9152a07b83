//! A graph as it lies in a segment.
//!
//! A walk waits for memory most of its time. So the codes of a row lie beside its links, and rows are numbered anew, by places, with
//! neighbours near each other.
//!
//! Words of 32 bits: `[16 header: format, numbers of an embedding, entry place, top layer, upper words, missed rows, 10 x 0]`
//! `[rows, block: 31 places of neighbours on the lowest layer, all ones for none; scale; codes, to a multiple of 64 bytes]`
//! `[rows: row of a place]` `[rows: where a place begins among the upper words, or none]`
//! `[upper words: per place its top layer, then per layer from 1 16 places, all ones for none]` `[missed rows]`.

use super::{Vectors, order};

/// Begins a graph of this format. The first format began with its number of neighbours, and had a lowest layer by rows.
const FORMAT: u32 = u32::from_le_bytes(*b"GRF2");
const HEADER: usize = 16;
/// Where in the header the number of missed rows stands.
const MISSED: usize = 5;
pub(super) const NONE: u32 = u32::MAX;
/// Neighbours on the lowest layer: with the scale they fill two lines of memory.
pub(super) const LINKS: usize = 31;
/// Neighbours on the layers above.
pub(super) const UPPER_LINKS: usize = 16;
/// Layers that a graph may have: the one number with which hnsw_rs works everywhere.
pub(super) const LAYERS: usize = 16;
/// Words of a line of memory, which a block is a multiple of.
const LINE: usize = 16;

/// Words of the links, the scale and the codes of a row.
fn block_words(dim: usize) -> usize {
    LINKS + 1 + dim.div_ceil(4).next_multiple_of(LINE)
}

/// Lays a graph out.
pub(super) struct Layout {
    entry: u32,
    top: u32,
    lowest: Vec<[u32; LINKS]>,
    /// Rows that are on layers above, with their neighbours on each.
    upper: Vec<(u32, Vec<Vec<u32>>)>,
}

impl Layout {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            entry: 0,
            top: 0,
            lowest: vec![[NONE; LINKS]; rows],
            upper: Vec::new(),
        }
    }

    /// Adds a row with its neighbours on each of its layers, lowest first.
    pub(super) fn add(&mut self, row: u32, layers: &[Vec<u32>]) {
        let Some((lowest, upper)) = layers.split_first() else {
            return;
        };
        self.replace(row, lowest);
        if !upper.is_empty() {
            self.upper.push((row, upper.to_vec()));
        }
        if upper.len() as u32 > self.top {
            (self.top, self.entry) = (upper.len() as u32, row);
        }
    }

    /// Gives a row other neighbours on the lowest layer.
    pub(super) fn replace(&mut self, row: u32, neighbours: &[u32]) {
        let block = &mut self.lowest[row as usize];
        block.fill(NONE);
        let links = block.iter_mut().zip(neighbours);
        links.for_each(|(link, &neighbour)| *link = neighbour);
    }

    /// The words of a graph that misses no row.
    pub(super) fn finish(&self, vectors: &Vectors<'_>) -> Vec<u32> {
        let rows = order::of(self.entry, &self.lowest);
        let mut places = vec![NONE; rows.len()];
        for (place, &row) in (0..).zip(&rows) {
            places[row as usize] = place;
        }
        let place_of = |row: u32| places.get(row as usize).copied().unwrap_or(NONE);
        let (mut upper_at, mut upper) = (vec![NONE; rows.len()], Vec::new());
        for (row, layers) in &self.upper {
            upper_at[place_of(*row) as usize] = upper.len() as u32;
            upper.push(layers.len() as u32);
            for layer in layers {
                let after = upper.len() + UPPER_LINKS;
                let links = layer.iter().take(UPPER_LINKS);
                upper.extend(links.map(|&row| place_of(row)));
                upper.resize(after, NONE);
            }
        }
        let stride = block_words(vectors.dim);
        let mut words = Vec::with_capacity(HEADER + rows.len() * (stride + 2) + upper.len());
        let (dim, entry) = (vectors.dim as u32, place_of(self.entry));
        words.extend([FORMAT, dim, entry, self.top, upper.len() as u32]);
        words.resize(HEADER, 0);
        for &row in &rows {
            let end = words.len() + stride;
            words.extend(self.lowest[row as usize].iter().map(|&row| place_of(row)));
            words.push(vectors.scales[row as usize].to_bits());
            let codes = words.len();
            words.resize(end, 0);
            let codes: &mut [u8] = bytemuck::cast_slice_mut(&mut words[codes..]);
            codes[..vectors.dim].copy_from_slice(vectors.code_row(row));
        }
        let rest = [&rows, &upper_at, &upper];
        rest.iter().for_each(|part| words.extend(*part));
        words
    }
}

/// Names the rows that walks over a finished graph miss.
pub(super) fn add_missed(words: &mut Vec<u32>, missed: &[u32]) {
    words[MISSED] = missed.len() as u32;
    words.extend(missed);
}

/// A graph over the rows of a segment.
pub(crate) struct Graph<'a> {
    pub(super) entry: u32,
    pub(super) top: u32,
    dim: usize,
    blocks: &'a [u32],
    /// The row of each place.
    pub(super) rows: &'a [u32],
    upper_at: &'a [u32],
    upper: &'a [u32],
    pub(super) missed: &'a [u32],
}

impl<'a> Graph<'a> {
    /// `None` when the words cannot be a graph of this many rows of this many numbers.
    pub(crate) fn open(words: &'a [u32], rows: usize, dim: usize) -> Option<Self> {
        let (header, words) = words.split_at_checked(HEADER)?;
        let [format, numbers, entry, top, upper, missed] = *header.first_chunk::<6>()?;
        let (blocks, words) = words.split_at_checked(rows.checked_mul(block_words(dim))?)?;
        let (row_of_place, words) = words.split_at_checked(rows)?;
        let (upper_at, words) = words.split_at_checked(rows)?;
        let (upper, missed_rows) = words.split_at_checked(upper as usize)?;
        let is_sound = format == FORMAT
            && numbers as usize == dim
            && missed_rows.len() == missed as usize
            && (entry as usize) < rows
            && top < LAYERS as u32
            && missed_rows.iter().all(|&row| (row as usize) < rows);
        is_sound.then_some(Self {
            entry,
            top,
            dim,
            blocks,
            rows: row_of_place,
            upper_at,
            upper,
            missed: missed_rows,
        })
    }

    /// Places of neighbours on a layer.
    pub(super) fn neighbours_of(
        &self,
        place: u32,
        layer: u32,
    ) -> impl Iterator<Item = u32> + use<'a> {
        let links = match layer {
            0 => &self.block(place)[..LINKS],
            _ => self.upper_of(place, layer),
        };
        links.iter().copied().take_while(|&place| place != NONE)
    }

    fn upper_of(&self, place: u32, layer: u32) -> &'a [u32] {
        let at = self.upper_at[place as usize] as usize;
        let Some((&top, blocks)) = self.upper.get(at..).and_then(<[u32]>::split_first) else {
            return &[];
        };
        let from = (layer as usize - 1) * UPPER_LINKS;
        match blocks.get(from..from + UPPER_LINKS) {
            Some(links) if layer <= top => links,
            _ => &[],
        }
    }

    /// The codes of a row.
    pub(super) fn codes_of(&self, place: u32) -> &'a [u8] {
        let codes = &self.block(place)[LINKS + 1..];
        &bytemuck::cast_slice(codes)[..self.dim]
    }

    /// What one step of these codes is worth.
    pub(super) fn scale_of(&self, place: u32) -> f32 {
        f32::from_bits(self.block(place)[LINKS])
    }

    /// Links of a row that are fetched only when they are to be followed.
    pub(super) fn first_line(&self, place: u32) -> &'a [u32] {
        &self.block(place)[..LINE]
    }

    /// The other links of a row, with its scale.
    pub(super) fn scale_line(&self, place: u32) -> &'a [u32] {
        &self.block(place)[LINE..2 * LINE]
    }

    fn block(&self, place: u32) -> &'a [u32] {
        let stride = block_words(self.dim);
        &self.blocks[place as usize * stride..][..stride]
    }
}
